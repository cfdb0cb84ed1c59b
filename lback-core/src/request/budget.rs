//! How much memory, disk and file handles the bodies of all requests take together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

use crate::config::CoreSettings;
use crate::{Error, Result};

/// The memory of each body that is not counted, so that visitors can still log in while others use up the rest.
const FREE: u64 = 16 * 1024;

/// The budgets of a process for the bodies of requests, from their first byte until the request has been answered.
pub(crate) struct Budgets {
    memory: Arc<Budget>,
    disk: Arc<Budget>,
    uploads: Arc<Budget>,
}

impl Budgets {
    pub(crate) fn new(config: &CoreSettings) -> Self {
        let budget = |setting, limit| Arc::new(Budget { setting, limit, used: AtomicU64::new(0) });
        Budgets {
            memory: budget("BODY_MEMORY_BYTES", config.body_memory_bytes),
            disk: budget("UPLOAD_DISK_BYTES", config.upload_disk_bytes),
            uploads: budget("MAX_UPLOADS", config.max_uploads),
        }
    }

    /// Returns a share of the memory, in bytes.
    pub(super) fn memory(&self) -> Share {
        Share::of(&self.memory, FREE)
    }

    /// Returns a share of the space on disk, in bytes.
    pub(super) fn disk(&self) -> Share {
        Share::of(&self.disk, 0)
    }

    /// Returns a share of the temporary files.
    pub(super) fn uploads(&self) -> Share {
        Share::of(&self.uploads, 0)
    }
}

struct Budget {
    setting: &'static str,
    limit: u64,
    used: AtomicU64,
}

/// What one request has of a budget. It is given back when this is dropped.
pub(super) struct Share {
    budget: Arc<Budget>,
    free: u64,
    taken: AtomicU64,
}

impl Share {
    /// `free` is not counted.
    fn of(budget: &Arc<Budget>, free: u64) -> Self {
        Share { budget: budget.clone(), free, taken: AtomicU64::new(0) }
    }

    /// Raises the share to `total`; one that is larger stays as it is.
    ///
    /// # Errors
    /// Returns 413 if that is more than the budget of all requests, and 503 if others have used it up.
    pub(super) fn raise_to(&self, total: u64) -> Result<()> {
        let Budget { setting, limit, used } = &*self.budget;
        let more = total.saturating_sub(self.free).saturating_sub(self.taken.load(Ordering::Relaxed));
        if more == 0 {
            return Ok(());
        }
        if total - self.free > *limit {
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this server can take."));
        }
        let fits = |used: u64| used.checked_add(more).filter(|sum| sum <= limit);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.taken.fetch_add(more, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => Err(Error::unavailable(format!(
                "the bodies of the requests that are being answered have used up {setting} = {limit}; raise it if this happens to visitors"
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
        Budgets::new(&CoreSettings { body_memory_bytes: 1000, upload_disk_bytes: 100, max_uploads: 2, ..CoreSettings::default() })
    }

    #[test]
    fn what_a_request_has_taken_is_given_back_at_its_end() {
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
    fn a_small_body_is_taken_though_the_memory_is_used_up() {
        let budgets = budgets();
        let large = budgets.memory();
        large.raise_to(FREE + 1000).unwrap();
        let small = budgets.memory();
        small.raise_to(FREE).unwrap();
        assert_eq!(small.raise_to(FREE + 1).unwrap_err().status(), 503);
        assert!(small.raise_to(FREE + 1).unwrap_err().message().contains("BODY_MEMORY_BYTES = 1000"));
    }
}
