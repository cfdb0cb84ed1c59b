//! Measures the process.

use std::time::{SystemTime, UNIX_EPOCH};

use lback_core::{Application, Result};

use super::metrics::{MetricKind, Metrics};
use crate::health::HealthChecks;

/// Adds the values that other programs have under the same names.
pub(super) fn collect(app: &Application, metrics: &mut Metrics) -> Result<()> {
    let age = app.state::<HealthChecks>().map(HealthChecks::uptime).unwrap_or_default();
    if let Some(started) = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| now.checked_sub(age)) {
        let help = "Start of the process, in seconds since 1970.";
        metrics.family("process_start_time_seconds", MetricKind::Gauge, help).sample(&[], started.as_secs_f64());
    }
    if let Some(bytes) = resident_bytes() {
        metrics.family("process_resident_memory_bytes", MetricKind::Gauge, "Memory of the process.").sample(&[], bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        metrics.family("process_open_fds", MetricKind::Gauge, "Open files and sockets of the process.").sample(&[], files.count());
    }
    Ok(())
}

/// Returns the memory of the process. `None` if the system does not have Linux's `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
