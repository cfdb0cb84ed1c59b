//! Limits on the memory, disk space and file handles that the bodies of all requests use together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

use crate::config::CoreSettings;
use crate::{Error, Result};

/// A body of up to this many bytes may use the last of the memory, so that visitors can still log in when large bodies have
/// used up the rest.
const SMALL_BODY: u64 = 16 * 1024;

/// A process's budgets for request bodies, from their first byte until the request has been answered.
pub(crate) struct Budgets {
    memory: Arc<Budget>,
    disk: Arc<Budget>,
    uploads: Arc<Budget>,
}

impl Budgets {
    pub(crate) fn new(config: &CoreSettings) -> Self {
        let budget = |setting, limit, large_limit| Arc::new(Budget { setting, limit, large_limit, used: AtomicU64::new(0) });
        let (memory, disk, uploads) = (config.body_memory_bytes, config.upload_disk_bytes, config.max_uploads);
        Budgets {
            memory: budget("BODY_MEMORY_BYTES", memory, Self::for_large(memory)),
            disk: budget("UPLOAD_DISK_BYTES", disk, disk),
            uploads: budget("MAX_UPLOADS", uploads, uploads),
        }
    }

    /// Returns the part of the memory that large bodies may use.
    pub(crate) fn for_large(memory: u64) -> u64 {
        memory - memory / 8
    }

    /// Returns a share of the memory, in bytes.
    pub(super) fn memory(&self) -> Share {
        Share::of(&self.memory)
    }

    /// Returns a share of the space on disk, in bytes.
    pub(super) fn disk(&self) -> Share {
        Share::of(&self.disk)
    }

    /// Returns a share of the temporary files.
    pub(super) fn uploads(&self) -> Share {
        Share::of(&self.uploads)
    }
}

struct Budget {
    setting: &'static str,
    limit: u64,
    /// The limit for all bodies except small ones.
    large_limit: u64,
    used: AtomicU64,
}

/// A request's share of a budget. Dropping it returns the share.
pub(super) struct Share {
    budget: Arc<Budget>,
    taken: AtomicU64,
}

impl Share {
    fn of(budget: &Arc<Budget>) -> Self {
        Share { budget: budget.clone(), taken: AtomicU64::new(0) }
    }

    /// Raises the share to `total`; a larger share stays unchanged.
    ///
    /// # Errors
    /// Returns 413 if `total` is more than the budget of all requests, and 503 if other requests have used it up.
    pub(super) fn raise_to(&self, total: u64) -> Result<()> {
        let Budget { setting, limit, large_limit, used } = &*self.budget;
        let more = total.saturating_sub(self.taken.load(Ordering::Relaxed));
        if more == 0 {
            return Ok(());
        }
        if total > *large_limit {
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this server accepts."));
        }
        let room = if total <= SMALL_BODY { limit } else { large_limit };
        let fits = |used: u64| used.checked_add(more).filter(|sum| sum <= room);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.taken.fetch_add(more, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => Err(Error::unavailable(format!(
                "the bodies of the current requests have used up {setting} = {limit}; raise it if this happens to visitors"
            ))),
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.taken.load(Ordering::Relaxed), self.budget.setting)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> Budgets {
        Budgets::new(&CoreSettings { upload_disk_bytes: 100, ..CoreSettings::default() })
    }

    #[test]
    fn a_share_is_returned_when_it_is_dropped() {
        let budgets = budgets();
        let (one, other) = (budgets.disk(), budgets.disk());
        one.raise_to(60).unwrap();
        one.raise_to(40).unwrap();
        assert_eq!(other.raise_to(41).unwrap_err().status(), 503);
        other.raise_to(40).unwrap();
        drop(one);
        other.raise_to(100).unwrap();
        assert_eq!(other.raise_to(101).unwrap_err().status(), 413);
    }

    #[test]
    fn a_small_body_is_accepted_when_large_ones_have_used_up_their_part() {
        let memory = 16 * SMALL_BODY;
        let budgets = Budgets::new(&CoreSettings { body_memory_bytes: memory, ..CoreSettings::default() });
        let (large, small, another) = (budgets.memory(), budgets.memory(), budgets.memory());
        assert_eq!(large.raise_to(14 * SMALL_BODY + 1).unwrap_err().status(), 413);
        large.raise_to(14 * SMALL_BODY).unwrap();
        small.raise_to(SMALL_BODY).unwrap();
        assert_eq!(small.raise_to(SMALL_BODY + 1).unwrap_err().status(), 503);
        another.raise_to(SMALL_BODY).unwrap();
        let error = budgets.memory().raise_to(1).unwrap_err();
        assert!(error.message().contains(&format!("BODY_MEMORY_BYTES = {memory}")), "{error}");
    }
}
