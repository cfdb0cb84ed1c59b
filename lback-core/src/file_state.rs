//! What tells one state of a file from another, and when its time does not.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// How long the clock of a file system may stand still: two changes within this time may have the same time.
pub(crate) const GRANULARITY: Duration = Duration::from_secs(2);

/// Larger files are not read for their validator.
const MAX_HASHED_BYTES: u64 = 8 * 1024 * 1024;

/// How many hashes are remembered.
const REMEMBERED: usize = 4_096;

/// A file as its metadata describe it. Two states that differ may be of different content; the same state stands for other
/// content only if the file was [just changed](FileState::is_fresh), or where a system does not say when it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileState {
    pub(crate) length: u64,
    pub(crate) modified: Option<SystemTime>,
    /// When its content or metadata last changed, which no program can set, and which file it is.
    changed: Option<(SystemTime, u64, u64)>,
}

impl FileState {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        FileState { length: metadata.len(), modified: metadata.modified().ok(), changed: changed(metadata) }
    }

    /// Returns whether the file was changed so shortly before `now` that the next change may have the same time.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        let changed = self.changed.map(|(time, ..)| time).or(self.modified);
        changed.is_none_or(|time| time + GRANULARITY > now)
    }

    /// Returns whether the time of the last modification tells this content from what was there before. It does not if a
    /// program has set it, as archives, package managers and builds of containers do, often to the same for all files.
    pub(crate) fn time_tells(&self, now: SystemTime) -> bool {
        let Some(modified) = self.modified.filter(|_| !self.is_fresh(now)) else { return false };
        match self.changed {
            Some((changed, ..)) => changed.duration_since(modified).unwrap_or_else(|error| error.duration()) < GRANULARITY,
            None => is_plausible(modified, now),
        }
    }
}

/// Returns whether `time` can be when a file was changed: it is not one to come, nor one that only programs that set times make
/// up.
pub(crate) fn is_plausible(time: SystemTime, now: SystemTime) -> bool {
    /// 1990. What is made up is 1970, 1980 or 1985.
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

/// What tells the content of `file` from any other where its time does not. Leaves the file at its start.
///
/// That is the start of the SHA-256 of the content, in hexadecimal digits, or of a large file its inode and the time of its
/// last change.
pub(crate) fn fingerprint(file: &mut File, state: &FileState, now: SystemTime) -> io::Result<String> {
    if state.length > MAX_HASHED_BYTES {
        let (changed, _, inode) = state.changed.unwrap_or((SystemTime::UNIX_EPOCH, 0, 0));
        let nanoseconds = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        return Ok(format!("{nanoseconds:x}-{inode:x}"));
    }
    static KNOWN: LazyLock<Mutex<HashMap<FileState, String>>> = LazyLock::new(Mutex::default);
    // Only what has an inode can be found again, and only what is no longer fresh stays the same.
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
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(*state, hash.clone());
    }
    Ok(hash)
}

/// The start of a hash in hexadecimal digits.
pub(crate) fn digits(hasher: &Sha256) -> String {
    hasher.clone().finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
