//! Limits on open files and connections.

/// Maximum number of descriptors reserved for files, temporary files and the database. A quarter of all is reserved, but no
/// more than this.
const MAX_RESERVE: u64 = 1024;

/// Returns the number of connections for which the limit on open files (`RLIMIT_NOFILE`) leaves room next to files, temporary
/// files and the database, or `None` if there is no limit. [`serve`](super::serve) never keeps more open at the same time,
/// whatever the value of `MAX_CONNECTIONS`.
///
/// First raises the soft limit of this process to the hard limit, which therefore decides.
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
        // macOS reports that there is no limit, but refuses to set none.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_file_limit() -> Option<u64> {
    None
}
