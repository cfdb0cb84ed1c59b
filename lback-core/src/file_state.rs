//! Detects whether a file has changed, and whether its modification time can be relied on for that.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// The coarsest resolution of timestamps in file systems: two changes within this time may have the same timestamp.
pub(crate) const GRANULARITY: Duration = Duration::from_secs(2);

/// Larger files are not hashed for their validators.
const MAX_HASHED_BYTES: u64 = 8 * 1024 * 1024;

/// Maximum number of hashes in memory.
const MAX_CACHED_HASHES: usize = 4_096;

/// The state of a file according to its metadata.
///
/// If two states of a file differ, its content may have changed. If they are equal, its content is the same, unless the file was
/// [just changed](FileState::is_fresh) or the system does not report the time of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileState {
    pub(crate) length: u64,
    pub(crate) modified: Option<SystemTime>,
    /// The time of the last change of content or metadata, which no program can set, and the device and inode.
    changed: Option<(SystemTime, u64, u64)>,
}

impl FileState {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        FileState { length: metadata.len(), modified: metadata.modified().ok(), changed: changed(metadata) }
    }

    /// Returns whether the file was changed so shortly before `now` that the next change may have the same timestamp.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        let changed = self.changed.map(|(time, ..)| time).or(self.modified);
        changed.is_none_or(|time| time + GRANULARITY > now)
    }

    /// Returns whether the modification time distinguishes the current content from the previous one. It does not if a program
    /// has set it, as archives, package managers and container builds do, often to the same time for all files.
    pub(crate) fn time_tells(&self, now: SystemTime) -> bool {
        let Some(modified) = self.modified.filter(|_| !self.is_fresh(now)) else { return false };
        match self.changed {
            Some((changed, ..)) => changed.duration_since(modified).unwrap_or_else(|error| error.duration()) < GRANULARITY,
            None => is_plausible(modified, now),
        }
    }
}

/// Returns whether a file can really have been changed at `time`: it is neither in the future nor one of the early dates that
/// programs set.
pub(crate) fn is_plausible(time: SystemTime, now: SystemTime) -> bool {
    /// 1990. The dates that programs set are in 1970, 1980 or 1985.
    const EARLIEST: Duration = Duration::from_secs(631_152_000);
    time >= SystemTime::UNIX_EPOCH + EARLIEST && time <= now
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<(SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
    let nanoseconds = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).ok()?);
    Some((SystemTime::UNIX_EPOCH + seconds + nanoseconds, metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<(SystemTime, u64, u64)> {
    None
}

/// Returns a fingerprint that identifies the content of `file`, for use if its modification time does not. Leaves the file at its
/// start.
///
/// The fingerprint is the start of the content's SHA-256 hash in hexadecimal digits or, for a large file, the time of the last
/// change and the inode.
pub(crate) fn fingerprint(file: &mut File, state: &FileState, now: SystemTime) -> io::Result<String> {
    if state.length > MAX_HASHED_BYTES {
        let (changed, _, inode) = state.changed.unwrap_or((SystemTime::UNIX_EPOCH, 0, 0));
        let nanoseconds = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        return Ok(format!("{nanoseconds:x}-{inode:x}"));
    }
    static KNOWN: LazyLock<Mutex<HashMap<FileState, String>>> = LazyLock::new(Mutex::default);
    // A file can be recognized only if it has an inode, and equal states mean equal content only if it is no longer fresh.
    let lasting = state.changed.is_some() && !state.is_fresh(now);
    if lasting && let Some(hash) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(state) {
        return Ok(hash.clone());
    }
    let mut hasher = Sha256::new();
    io::copy(&mut Read::take(&mut *file, MAX_HASHED_BYTES), &mut hasher)?;
    file.seek(SeekFrom::Start(0))?;
    let hash = digits(&hasher);
    if lasting {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_CACHED_HASHES {
            known.clear();
        }
        known.insert(*state, hash.clone());
    }
    Ok(hash)
}

/// Returns the start of a hash in hexadecimal digits.
pub(crate) fn digits(hasher: &Sha256) -> String {
    hasher.clone().finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
