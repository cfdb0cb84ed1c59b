//! Deletes expired sessions, a few at a time.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::SessionManager;
use crate::backend::Backend;
use crate::store::BoxedStore;

/// Maximum number of rows that one step deletes: a few milliseconds of work.
pub(crate) const BATCH: u32 = 1_000;

/// Returns the pause after a step that took this long: twice its time, so that requests get their turn. A connection that waits
/// for SQLite's lock polls it at growing intervals, which begin at 25 milliseconds, and should find it free.
pub(crate) fn pause(took: Duration) -> Duration {
    (took * 2).max(Duration::from_millis(10))
}

/// Deletes expired sessions every `SESSION_CLEANUP_MINUTES`, until `stopping` turns true. Returns at once if that is 0.
pub async fn clean_regularly(manager: SessionManager, mut stopping: watch::Receiver<bool>) {
    let Some(every) = manager.config().cleanup_every else { return };
    // Cookies expire in their browsers.
    let Backend::Server(server) = manager.backend() else { return };
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(jittered(every)) => {}
        }
        clean(&manager, &*server.store, &stopping).await;
    }
}

async fn clean(manager: &SessionManager, store: &dyn BoxedStore, stopping: &watch::Receiver<bool>) {
    let mut total = 0;
    // What expires meanwhile is left to the next time, so that this ends.
    let now = manager.clock().now();
    while !*stopping.borrow() {
        let started = Instant::now();
        match store.delete_expired(now, BATCH).await {
            Ok(0) => break,
            Ok(deleted) => {
                total += deleted;
                tokio::time::sleep(pause(started.elapsed())).await;
            }
            Err(error) => {
                tracing::error!(target: "lback::session", %error, "expired sessions could not be deleted");
                break;
            }
        }
    }
    manager.announce_expired(total);
    if total > 0 {
        tracing::info!(target: "lback::session", "deleted {total} expired sessions");
    }
}

/// Returns the interval plus or minus up to a tenth, so that processes do not clean at the same moment.
fn jittered(every: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u64_pair().0 % 2000;
    every.mul_f64(0.9 + random as f64 / 10_000.0)
}
