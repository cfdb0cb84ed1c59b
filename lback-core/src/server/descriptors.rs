//! How many files and connections a process may have open.

/// Descriptors that are kept for files, temporary files and the database: a quarter of all, and no more than this.
const MAX_RESERVE: u64 = 1024;

/// Returns how many connections the limit of open files (`RLIMIT_NOFILE`) leaves room for beside files, temporary files and the
/// database, or `None` if there is no limit. [`serve`](super::serve) accepts no more at once, whatever `MAX_CONNECTIONS` says.
///
/// Raises the soft limit of this process to the hard one, which is what counts.
pub fn connection_limit() -> Option<usize> {
    open_file_limit().map(|descriptors| {
        let reserve = (descriptors / 4).min(MAX_RESERVE);
        usize::try_from(descriptors - reserve).unwrap_or(usize::MAX).max(1)
    })
}

#[cfg(unix)]
fn open_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // macOS says that there is no limit, and refuses to do without one.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_file_limit() -> Option<u64> {
    None
}
