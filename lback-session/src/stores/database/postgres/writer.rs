//! The threads that write sessions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use lback_core::{Error, Result};
use lback_db::Database;
use tokio::runtime::Handle;

use super::Reply;
use super::batch::{self, Done, Op};
use super::line::Line;
use crate::stores::database::gather::{Gather, MAX_BATCH};
use crate::stores::database::rows::OUTLAST_A_CRASH;
use crate::stores::tell;
use crate::{Durability, wait};

/// How long a batch waits for a row that somebody else holds, in milliseconds. Long enough for another process's batch.
const PATIENCE: &str = "SET lock_timeout = 250";

/// Sends to the threads, which end when it is dropped.
pub(super) struct Writer(Sender<Job>);

/// One write, and where its answer goes.
struct Job {
    op: Op,
    reply: Reply<Done>,
    /// Where the answer is waited for.
    runtime: Option<Handle>,
}

/// Which of the two threads.
enum Lane {
    /// Does what waits together, and hands on what must wait for somebody else.
    Fast(Sender<Job>),
    /// Does one thing after another, and waits as long as it may.
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

    /// If the thread is gone, the reply is dropped, which says so.
    pub(super) fn send(&self, op: Op, reply: Reply<Done>) {
        let _ = self.0.send(Job { op, reply, runtime: wait::runtime() });
    }
}

fn serve(lane: &Lane, line: &mut Line, jobs: Receiver<Job>, durability: Durability) {
    let most = if matches!(lane, Lane::Patient) { 1 } else { MAX_BATCH };
    let mut jobs = Gather::new(jobs, most);
    while let Some(mut batch) = jobs.next() {
        // Nobody waits any more, perhaps because the server has hung for long: they were told that it failed.
        batch.retain(|job| !job.reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        match commit(line, &batch, durability) {
            Ok((results, commit)) => {
                jobs.written(batch.len(), commit);
                answer(batch, results);
            }
            Err(Failure::Lost(error)) => {
                // What has gathered meanwhile would only wait as long again, and in vain.
                batch.extend(jobs.give_up());
                tracing::error!(target: "lback::session", "{} session writes failed: {error}", batch.len());
                for job in batch {
                    let _ = job.reply.send(Err(unwritten(&error)));
                }
            }
            Err(Failure::Undone(error)) => one_by_one(lane, line, batch, error, durability),
        }
    }
}

/// Why a batch was not written.
enum Failure {
    /// There is no connection, or it was lost, perhaps while the commit was under way.
    Lost(Error),
    /// The transaction was rolled back.
    Undone(Error),
}

/// Does a batch in one transaction. Answers what came of each, and how long the commit took.
fn commit(line: &mut Line, batch: &[Job], durability: Durability) -> Result<(Vec<Result<Done>>, Duration), Failure> {
    let lasting = batch.iter().any(|job| job.op.outlasts_a_crash());
    let set = match durability {
        _ if lasting => OUTLAST_A_CRASH,
        Durability::Full => "",
        Durability::Normal => "SET LOCAL synchronous_commit = off",
    };
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {set}");
    let ops: Vec<&Op> = batch.iter().map(|job| &job.op).collect();
    let connection = line.begin(&begin).map_err(Failure::Lost)?;
    // A panic must not end the thread that every session depends on.
    let written = catch_unwind(AssertUnwindSafe(|| {
        let results = batch::write(connection, &ops)?;
        let started = Instant::now();
        connection.batch_execute("COMMIT")?;
        Ok((results, started.elapsed()))
    }));
    match written.unwrap_or_else(|_| Err(Error::internal("a panic while sessions were written"))) {
        Ok(written) => Ok(written),
        Err(error) if line.rollback() => Err(Failure::Undone(error)),
        Err(error) => Err(Failure::Lost(error)),
    }
}

/// After a batch was undone: each write in a transaction of its own, so that only the one to blame fails.
fn one_by_one(lane: &Lane, line: &mut Line, batch: Vec<Job>, error: Error, durability: Durability) {
    let alone = batch.len() == 1;
    let mut error = Some(error);
    for job in batch {
        let failure = match (alone, error.take()) {
            (true, Some(error)) => Failure::Undone(error),
            _ => match commit(line, std::slice::from_ref(&job), durability) {
                Ok((results, _)) => {
                    answer(vec![job], results);
                    continue;
                }
                Err(failure) => failure,
            },
        };
        match (failure, lane) {
            // Perhaps somebody holds the row. If it is something else, it fails there too.
            (Failure::Undone(_), Lane::Fast(patient)) => {
                let _ = patient.send(job);
            }
            (Failure::Undone(error) | Failure::Lost(error), _) => {
                tracing::error!(target: "lback::session", "a session write failed: {error}");
                let _ = job.reply.send(Err(unwritten(&error)));
            }
        }
    }
}

fn answer(batch: Vec<Job>, results: Vec<Result<Done>>) {
    let runtime = batch.iter().find_map(|job| job.runtime.clone());
    tell::all(batch.len(), runtime, move || {
        for (job, result) in batch.into_iter().zip(results) {
            let _ = job.reply.send(result);
        }
    });
}

fn unwritten(error: &Error) -> Error {
    Error::unavailable(format!("the session could not be written: {error}"))
}
