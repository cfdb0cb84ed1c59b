//! Deletes expired sessions, a few at a time.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::SessionManager;
use crate::backend::Backend;
use crate::store::BoxedStore;

/// The most rows that one statement deletes: a few milliseconds of work.
pub(crate) const BATCH: u32 = 100;

/// The pause after a statement that took so long, so that requests come in between: twice its time. Who waits for SQLite's
/// lock looks after it less and less often, every 25 milliseconds at first, and should find it free.
pub(crate) fn pause(took: Duration) -> Duration {
    (took * 2).max(Duration::from_millis(10))
}

/// Deletes expired sessions every `SESSION_CLEANUP_MINUTES`, until `stopping` turns true. Returns at once where that is 0.
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
    while !*stopping.borrow() {
        let started = Instant::now();
        match store.delete_expired(manager.clock().now(), BATCH).await {
            Ok(deleted) => {
                total += deleted;
                if deleted < u64::from(BATCH) {
                    break;
                }
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

/// Up to a tenth more or less, so that many processes do not clean at the same moment.
fn jittered(every: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u64_pair().0 % 2000;
    every.mul_f64(0.9 + random as f64 / 10_000.0)
}
