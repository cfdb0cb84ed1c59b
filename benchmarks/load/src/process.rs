//! Information about a process from `/proc`.

use std::fs;

/// Clock ticks per second in /proc, on every architecture of Linux.
const TICKS: f64 = 100.0;

/// Returns the CPU time of a process in seconds.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    stat(pid).map(|stat| stat.own)
}

/// Returns the CPU time of a process and all its children, including those that have exited.
pub fn cpu_seconds_of_family(pid: u32) -> Option<f64> {
    let parent = stat(pid)?;
    let processes = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let children: f64 = processes.filter_map(stat).filter(|stat| stat.parent == pid).map(|stat| stat.own).sum();
    Some(parent.own + parent.ended_children + children)
}

/// Returns whether a process is still running.
pub fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !stat.ended)
}

/// Returns the resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
}

/// The number of files that a process has open, and how many of them are temporary, that is, deleted but still open.
#[derive(Clone, Copy, Default)]
pub struct Files {
    pub open: usize,
    pub temporary: usize,
}

pub fn files(pid: u32) -> Option<Files> {
    let mut files = Files::default();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten() {
        files.open += 1;
        let target = fs::read_link(entry.path()).unwrap_or_default();
        files.temporary += usize::from(target.to_string_lossy().ends_with(" (deleted)"));
    }
    Some(files)
}

struct Stat {
    /// Whether the process is a zombie.
    ended: bool,
    parent: u32,
    own: f64,
    ended_children: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the parenthesis may contain spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let seconds = |at: usize| fields.get(at)?.parse::<f64>().ok().map(|ticks| ticks / TICKS);
    Some(Stat {
        ended: *fields.first()? == "Z",
        parent: fields.get(1)?.parse().ok()?,
        own: seconds(11)? + seconds(12)?,
        ended_children: seconds(13)? + seconds(14)?,
    })
}
