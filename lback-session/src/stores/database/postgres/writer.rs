//! The threads that write sessions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use lback_core::{Error, Result, blocking};
use lback_db::Database;
use tokio::runtime::Handle;

use super::Reply;
use super::batch::{self, Done, Op};
use super::connection::Line;
use crate::Durability;
use crate::store::Save;
use crate::stores::database::batching::{Gather, MAX_BATCH};
use crate::stores::database::rows::OUTLAST_A_CRASH;
use crate::stores::database::unwritten;
use crate::stores::wake;

/// How long a batch waits for a locked row, in milliseconds: long enough for another process's batch.
const PATIENCE: &str = "SET lock_timeout = 250";

/// Sends to the threads, which end when this is dropped.
pub(super) struct Writer(Sender<Job>);

/// One write, and the receiver of its answer.
struct Job {
    op: Op,
    reply: Reply<Done>,
    /// The runtime of the waiting request.
    runtime: Option<Handle>,
}

/// The two threads.
enum Lane {
    /// Runs waiting writes together, and hands on those that must wait for a locked row.
    Fast(Sender<Job>),
    /// Runs one write after another, with the longest allowed wait.
    Patient,
}

impl Writer {
    pub(super) fn start(database: &Database, durability: Durability) -> Result<Self> {
        let (patient, handed_on) = channel();
        let (sender, jobs) = channel();
        let lanes = [(Lane::Fast(patient), jobs, PATIENCE), (Lane::Patient, handed_on, "")];
        for (lane, jobs, setup) in lanes {
            let mut line = Line::new(database, setup);
            thread::Builder::new().name("lback-sessions".to_owned()).spawn(move || serve(&lane, &mut line, jobs, durability))?;
        }
        Ok(Writer(sender))
    }

    /// If the thread is gone, the reply is dropped, which the receiver notices.
    pub(super) fn send(&self, op: Op, reply: Reply<Done>) {
        let _ = self.0.send(Job { op, reply, runtime: blocking::runtime() });
    }
}

fn serve(lane: &Lane, line: &mut Line, jobs: Receiver<Job>, durability: Durability) {
    let most = if matches!(lane, Lane::Patient) { 1 } else { MAX_BATCH };
    let mut jobs = Gather::new(jobs, most);
    while let Some(mut batch) = jobs.next() {
        // The requests have been given up and answered with an error, perhaps because the server was hanging.
        batch.retain(|job| !job.reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        write(lane, line, &mut jobs, batch, durability);
    }
}

/// Writes a batch, and sends the answers.
fn write(lane: &Lane, line: &mut Line, jobs: &mut Gather<Job>, mut batch: Vec<Job>, durability: Durability) {
    let size = batch.len();
    let mut took = Duration::ZERO;
    let mut by_itself = durability == Durability::Full && line.is_trusted();
    while !batch.is_empty() {
        let plain = if by_itself { batch::plain_saves(batch.iter().map(|job| &job.op)) } else { None };
        let started = Instant::now();
        let written = match plain {
            Some(saves) => save(line, &saves).map(|results| (results, started.elapsed())),
            None => commit(line, &batch, durability).map(|(results, commit)| (results.into_iter().map(Some).collect(), commit)),
        };
        match written {
            Ok((results, commit)) => {
                line.was_used();
                took += commit;
                batch = answer(batch, results);
                // If another request was faster, the row is locked, and the changes are applied again.
                by_itself = false;
            }
            Err(Failure::Lost(error) | Failure::Unwritten(error)) => {
                // The writes that have come meanwhile would only wait as long again, and fail.
                batch.extend(jobs.give_up());
                tracing::error!(target: "lback::session", "{} session writes failed: {error}", batch.len());
                for job in batch {
                    let _ = job.reply.send(Err(unwritten(&error)));
                }
                return;
            }
            Err(Failure::Undone(error)) => return one_by_one(lane, line, batch, error, durability),
        }
    }
    jobs.written(size, took);
}

/// Why a batch was not written.
enum Failure {
    /// The connection was lost before the commit was sent: nothing was written.
    Unwritten(Error),
    /// There is no connection, or it was lost, perhaps during the commit.
    Lost(Error),
    /// The transaction was rolled back.
    Undone(Error),
}

/// Writes saves with a statement that is its own transaction, which saves two of three round trips. A connection that was idle is
/// tested by `BEGIN` instead, while nothing is at stake.
///
/// If the connection turns out to be lost, the statement is run again on a new one. A save that finds its session in the version that
/// it is based on did not take effect before. For one that does not, this is unknown, so it fails.
fn save(line: &mut Line, saves: &[&Save]) -> Result<Vec<Option<Result<Done>>>, Failure> {
    let lost = match save_once(line, saves) {
        Err(Failure::Lost(error)) => error,
        other => return other,
    };
    match save_once(line, saves) {
        Ok(results) => Ok(results.into_iter().map(|result| result.or_else(|| Some(Err(unwritten(&lost))))).collect()),
        Err(_) => Err(Failure::Lost(lost)),
    }
}

fn save_once(line: &mut Line, saves: &[&Save]) -> Result<Vec<Option<Result<Done>>>, Failure> {
    match catch_unwind(AssertUnwindSafe(|| line.write(|db| batch::write_saves(db, saves)))) {
        Ok(Ok(results)) => Ok(results),
        Ok(Err((error, true))) => Err(Failure::Undone(error)),
        Ok(Err((error, false))) => Err(Failure::Lost(error)),
        // It may have taken effect.
        Err(_) => {
            line.hang_up();
            Err(Failure::Lost(panicked()))
        }
    }
}

/// Runs a batch in one transaction. Returns the result of each write, and the duration of the commit. If the connection is lost before
/// the commit was sent, the batch is run again on a new one.
fn commit(line: &mut Line, batch: &[Job], durability: Durability) -> Result<(Vec<Result<Done>>, Duration), Failure> {
    match commit_once(line, batch, durability) {
        Err(Failure::Unwritten(_)) => commit_once(line, batch, durability),
        other => other,
    }
}

fn commit_once(line: &mut Line, batch: &[Job], durability: Durability) -> Result<(Vec<Result<Done>>, Duration), Failure> {
    let lasting = batch.iter().any(|job| job.op.outlasts_a_crash());
    let set = match durability {
        _ if lasting => OUTLAST_A_CRASH,
        Durability::Full => "",
        Durability::Normal => "SET LOCAL synchronous_commit = off",
    };
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {set}");
    let ops: Vec<&Op> = batch.iter().map(|job| &job.op).collect();
    let connection = line.begin(&begin).map_err(Failure::Lost)?;
    // A panic must not end the thread that all sessions depend on.
    let mut is_committing = false;
    let written = catch_unwind(AssertUnwindSafe(|| {
        let results = batch::write(connection, &ops)?;
        is_committing = true;
        let started = Instant::now();
        connection.batch_execute("COMMIT")?;
        Ok((results, started.elapsed()))
    }));
    match written.unwrap_or_else(|_| Err(panicked())) {
        Ok(written) => Ok(written),
        Err(error) if line.rollback() => Err(Failure::Undone(error)),
        Err(error) if !is_committing => Err(Failure::Unwritten(error)),
        Err(error) => Err(Failure::Lost(error)),
    }
}

/// Runs the writes of a batch that was rolled back, each in a transaction of its own, so that only the cause of the failure fails.
fn one_by_one(lane: &Lane, line: &mut Line, batch: Vec<Job>, error: Error, durability: Durability) {
    let alone = batch.len() == 1;
    let mut error = Some(error);
    for job in batch {
        let failure = match (alone, error.take()) {
            (true, Some(error)) => Failure::Undone(error),
            _ => match commit(line, std::slice::from_ref(&job), durability) {
                Ok((results, _)) => {
                    answer(vec![job], results.into_iter().map(Some).collect());
                    continue;
                }
                Err(failure) => failure,
            },
        };
        match (failure, lane) {
            // The row may be locked. If there is another cause, it fails in the other thread, too.
            (Failure::Undone(_), Lane::Fast(patient)) => {
                let _ = patient.send(job);
            }
            (Failure::Undone(error) | Failure::Unwritten(error) | Failure::Lost(error), _) => {
                tracing::error!(target: "lback::session", "a session write failed: {error}");
                let _ = job.reply.send(Err(unwritten(&error)));
            }
        }
    }
}

/// Sends the answers, and returns the writes without a result.
fn answer(batch: Vec<Job>, results: Vec<Option<Result<Done>>>) -> Vec<Job> {
    let runtime = batch.iter().find_map(|job| job.runtime.clone());
    let (mut answers, mut rest) = (Vec::with_capacity(batch.len()), Vec::new());
    for (job, result) in batch.into_iter().zip(results) {
        match result {
            Some(result) => answers.push((job.reply, result)),
            None => rest.push(job),
        }
    }
    wake::all(answers.len(), runtime, move || {
        for (reply, result) in answers {
            let _ = reply.send(result);
        }
    });
    rest
}

fn panicked() -> Error {
    Error::internal("a panic while sessions were written")
}
