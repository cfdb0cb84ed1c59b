//! The health of the running application: a check of each part, with a time limit, and the page that shows them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use lback_core::{Application, CoreSettings, Result};

use crate::{InfoPage, InfoRow, InfoTable};

/// The maximum time for which the page waits for checks.
const MOST_TIME: Duration = Duration::from_secs(2);

/// The result of a health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    state: HealthState,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HealthState {
    Ok,
    Warning,
    /// The check has returned an error, or nothing in time.
    Failed,
}

impl HealthState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            HealthState::Ok => "OK",
            HealthState::Warning => "Warning",
            HealthState::Failed => "Failed",
        }
    }
}

impl Health {
    /// Returns the result of a check that has found nothing unusual.
    pub fn ok(text: impl Into<String>) -> Self {
        Health { state: HealthState::Ok, text: text.into() }
    }

    /// Returns the result of a check that has found something that needs attention.
    pub fn warning(text: impl Into<String>) -> Self {
        Health { state: HealthState::Warning, text: text.into() }
    }

    /// Returns [`ok`](Self::ok) or [`warning`](Self::warning) with this text.
    pub fn ok_if(is_ok: bool, text: impl Into<String>) -> Self {
        if is_ok { Health::ok(text) } else { Health::warning(text) }
    }

    fn failed(text: impl Into<String>) -> Self {
        Health { state: HealthState::Failed, text: text.into() }
    }

    pub(crate) fn state(&self) -> HealthState {
        self.state
    }
}

type Run = Box<dyn Fn(&Application) -> Result<Health> + Send + Sync>;

struct HealthCheck {
    name: &'static str,
    run: Run,
    is_running: AtomicBool,
}

/// The checks of the application and its batteries: `app.state::<HealthChecks>()`.
pub(crate) struct HealthChecks {
    started: Instant,
    checks: Vec<Arc<HealthCheck>>,
}

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.checks.iter().map(|check| check.name)).finish()
    }
}

impl HealthChecks {
    pub(crate) fn new() -> Self {
        HealthChecks { started: Instant::now(), checks: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &'static str, run: impl Fn(&Application) -> Result<Health> + Send + Sync + 'static) {
        self.checks.push(Arc::new(HealthCheck { name, run: Box::new(run), is_running: AtomicBool::new(false) }));
    }

    /// Runs all checks at the same time, and waits for them for at most two seconds.
    pub(crate) fn run(&self, app: &Arc<Application>) -> Vec<(&'static str, Health)> {
        let started: Vec<_> = self.checks.iter().map(|check| (check.name, start(check, app))).collect();
        let begin = Instant::now();
        started.into_iter().map(|(name, started)| (name, result(started, MOST_TIME.saturating_sub(begin.elapsed())))).collect()
    }

    /// Returns the time since the start of the program.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Marks a check as finished, even after a panic.
struct Running(Arc<HealthCheck>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Release);
    }
}

/// A check that has been started, or why it has not.
type Started = std::result::Result<Receiver<Result<Health>>, Health>;

/// Starts a check on a thread of its own, unless it is still running for an earlier request.
fn start(check: &Arc<HealthCheck>, app: &Arc<Application>) -> Started {
    if check.is_running.swap(true, Ordering::AcqRel) {
        return Err(Health::failed("an earlier check is still running"));
    }
    let (running, app) = (Running(check.clone()), app.clone());
    let (send, receive) = sync_channel(1);
    let run = move || {
        let result = (running.0.run)(&app);
        drop(running);
        // After the time limit, the result is not read.
        let _ = send.send(result);
    };
    match thread::Builder::new().name("health".to_owned()).spawn(run) {
        Ok(_) => Ok(receive),
        Err(error) => Err(Health::failed(format!("no thread could be started: {error}"))),
    }
}

fn result(started: Started, wait: Duration) -> Health {
    let running = match started {
        Ok(running) => running,
        Err(health) => return health,
    };
    match running.recv_timeout(wait) {
        Ok(Ok(health)) => health,
        Ok(Err(error)) => Health::failed(error.to_string()),
        Err(RecvTimeoutError::Disconnected) => Health::failed("the check panicked: see the log"),
        Err(RecvTimeoutError::Timeout) => Health::failed(format!("there was no answer within {} seconds", MOST_TIME.as_secs())),
    }
}

/// Returns the page.
pub(crate) fn page() -> InfoPage {
    InfoPage::new("health", "Health", |req| {
        let app = req.app().clone();
        let Some(checks) = app.state::<HealthChecks>() else { return Ok(InfoTable::default()) };
        let row = |name: &str, health: Health| InfoRow::new([name, health.state.name(), &health.text]);
        let debug = req.settings().section::<CoreSettings>()?.debug;
        let mode = if debug { "DEBUG is on" } else { "DEBUG is off" };
        let version = format!("Lback {}, {mode}", env!("CARGO_PKG_VERSION"));
        let table = InfoTable::new(["Check", "State", "Details"])
            .row(row("Program", Health::ok(program())))
            .row(row("Framework", Health::ok_if(!debug, version)))
            .row(row("Uptime", Health::ok(duration(checks.uptime()))));
        Ok(table.rows(checks.run(&app).into_iter().map(|(name, health)| row(name, health))))
    })
}

/// Returns the name of the program, and the modification time of its file.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "unknown".to_owned() };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match path.metadata().and_then(|metadata| metadata.modified()) {
        Ok(built) => format!("{name}, file of {}", chrono::DateTime::<chrono::Utc>::from(built).format("%Y-%m-%d %H:%M UTC")),
        Err(_) => name,
    }
}

fn duration(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Returns a number of bytes as text.
pub(crate) fn bytes(count: u64) -> String {
    let mebibytes = count / (1024 * 1024);
    match mebibytes {
        0 => format!("{} KiB", count / 1024),
        1..=10_239 => format!("{mebibytes} MiB"),
        _ => format!("{} GiB", mebibytes / 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration};
    use std::time::Duration;

    #[test]
    fn times_and_sizes_are_short() {
        let texts = [59, 3 * 60, 90 * 60, 50 * 3600].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0 min", "3 min", "1 h 30 min", "2 d 2 h"]);
        assert_eq!([2048, 5 << 20, 20 << 30].map(bytes), ["2 KiB", "5 MiB", "20 GiB"]);
    }
}
