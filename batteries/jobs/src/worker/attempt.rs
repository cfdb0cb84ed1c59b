//! One attempt to run a job.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lback_core::{Error, blocking};

use super::{Control, Worker};
use crate::JobContext;
use crate::job::{MAX_ATTEMPTS, default_pause};
use crate::store::{Claimed, End};

/// The maximum length of an error that is stored, in characters.
const MAX_ERROR: usize = 2000;

/// The outcome of an attempt.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It has succeeded, and has recorded that in its own transaction.
    Recorded,
    /// It has ended in this way, which is to be recorded.
    Ended(End),
}

/// Runs a job on a thread that may block, for at most its time limit. `overdue` counts the threads whose job has not returned by then.
pub(crate) async fn attempt(worker: Arc<Worker>, job: Claimed, control: Arc<Control>, overdue: Arc<AtomicUsize>) -> Outcome {
    let limit = control.time_left();
    let (runner, claimed, runs, finished) = (worker.clone(), job.clone(), control.clone(), overdue.clone());
    let work = async move {
        let run = move || {
            let outcome = run(&runner, &claimed, &runs);
            if !runs.finish() {
                finished.fetch_sub(1, Ordering::AcqRel);
            }
            outcome
        };
        // A panic is caught there.
        blocking::on_thread(run).await
    };
    let mut work = std::pin::pin!(work);
    let result = match tokio::time::timeout(limit, &mut work).await {
        Ok(result) => result,
        Err(_) if control.time_out() => {
            overdue.fetch_add(1, Ordering::AcqRel);
            tracing::error!(target: "lback::jobs", id = job.id, name = job.name, "a job keeps its thread after its time limit");
            let error = format!("the time limit of the job is over: it did not end within {limit:?}");
            return Outcome::Ended(worker.failed(&job, error, false));
        }
        // It has just returned.
        Err(_) => work.await,
    };
    match result {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Ended(worker.failed(&job, text(&error), false)),
    }
}

fn run(worker: &Worker, job: &Claimed, control: &Arc<Control>) -> Outcome {
    let Some(of_type) = worker.jobs.registry().find(&job.name) else {
        let error = format!("the application has no jobs named {}. Name their type in App::jobs(jobs![…])", job.name);
        return Outcome::Ended(worker.failed(job, error, false));
    };
    let mut context = JobContext::new(worker.app.clone(), worker.jobs.clone(), job.clone(), worker.id.clone(), control.clone());
    let done = End::Done(of_type.keep);
    let result = (of_type.run)(&job.payload, &mut context).and_then(|()| context.commit(&done));
    let has_given_up = context.has_given_up();
    // Rolls back before the end is recorded.
    drop(context);
    match result {
        Ok(true) => Outcome::Recorded,
        Ok(false) => Outcome::Ended(done),
        Err(_) if control.is_cancelled() => Outcome::Ended(End::Cancelled),
        Err(_) if control.is_stopping() => Outcome::Ended(End::HandedBack),
        Err(error) => Outcome::Ended(worker.failed(job, text(&error), has_given_up)),
    }
}

impl Worker {
    /// Returns how a failed attempt ends: with another one, unless it was the last.
    pub(crate) fn failed(&self, job: &Claimed, error: String, has_given_up: bool) -> End {
        let (id, name, attempt) = (job.id, job.name.as_str(), job.attempts);
        let attempts = u32::try_from(job.attempts).unwrap_or(u32::MAX);
        let of_type = self.jobs.registry().find(&job.name);
        let max_attempts = of_type.map_or(MAX_ATTEMPTS, |of_type| of_type.max_attempts);
        if has_given_up || attempts >= max_attempts {
            tracing::error!(target: "lback::jobs", id, name, attempt, "the job has failed: {error}");
            return End::Failed { keep: self.jobs.settings().keep_failed(), error };
        }
        // It may panic.
        let own_pause = of_type.and_then(|of_type| catch_unwind(|| (of_type.pause)(attempts)).ok());
        let pause = varied(own_pause.unwrap_or_else(|| default_pause(attempts)), job);
        tracing::warn!(target: "lback::jobs", id, name, attempt, "the job has failed, and is tried again in {} s: {error}", pause.as_secs());
        End::Retry { pause, error }
    }
}

/// Returns a pause that differs by up to a quarter, by the job and its attempt.
fn varied(pause: Duration, job: &Claimed) -> Duration {
    // The multiplier of Knuth spreads consecutive numbers.
    let spread = (job.id.unsigned_abs() ^ u64::from(job.attempts.unsigned_abs()) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54;
    let part = 750 + spread * 500 / 1023;
    Duration::from_millis(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX / 2000).saturating_mul(part) / 1000)
}

/// Returns an error with its causes, as it can be stored.
fn text(error: &Error) -> String {
    let causes = error.causes().map(|cause| format!(": {cause}"));
    let text: String = std::iter::once(error.message().to_owned()).chain(causes).collect();
    // PostgreSQL stores no NUL.
    text.chars().take(MAX_ERROR).map(|char| if char == '\0' { char::REPLACEMENT_CHARACTER } else { char }).collect()
}
