//! Keeps the leases of running jobs, stores their progress, and tells them that they have been cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use lback_core::Result;
use lback_db::is_unavailable;

use super::{Control, Worker};
use crate::store::{self, Claimed, job_queue};

const PAUSE: Duration = Duration::from_secs(1);

/// The running jobs of a worker, by their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<ById>>);

type ById = HashMap<i64, (Claimed, Arc<Control>)>;

impl Running {
    pub(super) fn all(&self) -> MutexGuard<'_, ById> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until it is aborted.
pub(super) async fn beat(worker: Arc<Worker>, running: Running) {
    let mut extended = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        let is_due = extended.elapsed() >= worker.lease() / 3;
        match once(&worker, &running, is_due).await {
            Ok(()) if is_due => extended = Instant::now(),
            Ok(()) => {}
            // On SQLite, the transaction of a job keeps all others from writing. Nobody can take the job over either.
            Err(error) if is_unavailable(&error) => tracing::debug!(target: "lback::jobs", %error, "the leases cannot be extended yet"),
            Err(error) => tracing::error!(target: "lback::jobs", %error, "the leases cannot be extended"),
        }
    }
}

async fn once(worker: &Arc<Worker>, running: &Running, extend: bool) -> Result<()> {
    let jobs: Vec<(i64, Arc<Control>)> = running.all().iter().map(|(id, (_, control))| (*id, control.clone())).collect();
    if jobs.is_empty() {
        return Ok(());
    }
    let database = worker.jobs.database();
    let (id, lease) = (worker.id.clone(), worker.lease());
    if extend {
        worker.write(move |db| store::extend_leases(db, &id, lease)).await?;
    }
    let id = worker.id.clone();
    let cancelled = job_queue::table.filter(job_queue::state.eq(store::RUNNING)).filter(job_queue::is_cancelled);
    let cancelled: Vec<i64> =
        database.run(move |db| Ok(cancelled.filter(job_queue::worker.eq(&*id)).select(job_queue::id).load(db)?)).await?;
    jobs.iter().filter(|(id, _)| cancelled.contains(id)).for_each(|(_, control)| control.cancel());
    for (id, progress) in jobs.into_iter().filter_map(|(id, control)| Some((id, control.take_progress()?))) {
        let name = worker.id.clone();
        worker.write(move |db| store::note_progress(db, id, &name, &progress)).await?;
    }
    Ok(())
}
