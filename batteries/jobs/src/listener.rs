//! Wakes the worker when another process has enqueued a job in PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use lback_core::{Error, Result};
use lback_db::Db;

use crate::Jobs;

/// How often received notifications are looked for, which costs no round trip.
const PAUSE: Duration = Duration::from_millis(5);
/// How often the connection is checked.
const CHECK: Duration = Duration::from_secs(30);
/// The pause before the connection is opened again.
const REOPEN: Duration = Duration::from_secs(5);

/// Ends the thread that listens when it is dropped.
pub(crate) struct Listener(Arc<AtomicBool>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Listens on a thread and a connection of its own, if the database is a PostgreSQL server. Without it, the worker looks for jobs every
/// few seconds.
pub(crate) fn listen(jobs: &Jobs) -> Option<Listener> {
    if !jobs.database().kind().is_server() {
        return None;
    }
    let listener = Listener(Arc::default());
    let (jobs, is_over) = (jobs.clone(), listener.0.clone());
    let run = move || {
        while !is_over.load(Ordering::Acquire) {
            if let Err(error) = listen_once(&jobs, &is_over) {
                tracing::warn!(target: "lback::jobs", %error, "jobs of other processes may begin some seconds late: listening has failed");
                sleep(REOPEN, &is_over);
            }
        }
    };
    match thread::Builder::new().name("jobs-listener".to_owned()).spawn(run) {
        Ok(_) => Some(listener),
        Err(error) => {
            tracing::warn!(target: "lback::jobs", %error, "no thread can listen for jobs of other processes");
            None
        }
    }
}

fn sleep(time: Duration, is_over: &AtomicBool) {
    let end = Instant::now() + time;
    while Instant::now() < end && !is_over.load(Ordering::Acquire) {
        thread::sleep(PAUSE.min(time));
    }
}

fn listen_once(jobs: &Jobs, is_over: &AtomicBool) -> Result<()> {
    let mut connection = jobs.database().connect()?;
    let connection = match &mut connection {
        Db::Postgres(connection) => connection.diesel()?,
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => return Ok(()),
    };
    diesel::sql_query("LISTEN lback_jobs").execute(connection)?;
    // Something may have been enqueued before.
    jobs.wake();
    let mut checked = Instant::now();
    while !is_over.load(Ordering::Acquire) {
        let mut is_woken = false;
        for notification in connection.notifications_iter() {
            notification.map_err(|error| Error::unavailable("the connection was lost").with_source(error))?;
            is_woken = true;
        }
        if is_woken {
            jobs.wake();
        }
        if checked.elapsed() >= CHECK {
            diesel::sql_query("SELECT 1").execute(connection)?;
            checked = Instant::now();
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
