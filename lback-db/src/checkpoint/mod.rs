//! Checkpoints: moves committed pages from SQLite's write-ahead log into the database file, without delaying commits.
//!
//! By itself, SQLite runs a checkpoint in the commit that makes the log longer than 1,000 pages. That commit, and every request
//! behind it, waits until the log and the file are on the disk. Here a background thread does it after a number of writes, while
//! requests go on. It also runs less often: a page is moved once however often it has changed, and in a large table each row in use
//! is on a page of its own.
//!
//! The log restarts only if all of it has been moved. So the next commit moves the few pages that were added while the thread was
//! running. If a reader prevents that, it is tried again soon, and the log grows until then. If it is longer than [`LONGEST`], SQLite
//! runs a checkpoint at each commit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::prelude::*;
use diesel::sql_types::Integer;
use lback_core::Result;

use crate::{Database, Db};

/// The number of writes between checkpoints. Most writes change one page.
const WRITES: usize = 2_000;
/// The number of writes until the next attempt, if a checkpoint was incomplete.
const WRITES_UNTIL_NEXT_TRY: usize = 250;
/// The length of the log, in pages, at which SQLite runs a checkpoint by itself (`PRAGMA wal_autocheckpoint`): if writes are large,
/// or are not reported as committed.
pub(crate) const LONGEST: usize = 10_000;

/// The number of writes to the log, and whose turn the next checkpoint is.
#[derive(Default)]
pub(crate) struct Log {
    writes: AtomicUsize,
    turn: Mutex<Turn>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Turn {
    /// The background thread's, as soon as there are enough writes.
    #[default]
    Thread,
    /// The next commit's, for the rest.
    Committer,
    /// A checkpoint is running.
    Taken,
}

impl Log {
    /// Counts writes that were committed on this connection, and runs or starts a checkpoint if it is due.
    pub(crate) fn committed(self: &Arc<Self>, database: &Database, connection: &mut SqliteConnection, writes: usize) {
        if self.writes.fetch_add(writes, Ordering::Relaxed) + writes < WRITES {
            return;
        }
        match self.take() {
            Turn::Thread => {
                let (log, database) = (self.clone(), database.clone());
                let work = move || {
                    if let Err(error) = move_beside(&database) {
                        tracing::debug!(target: "lback::db", %error, "a checkpoint of SQLite's log has failed");
                    }
                    log.give(Turn::Committer);
                };
                if thread::Builder::new().name("lback-db-log".to_owned()).spawn(work).is_err() {
                    self.give(Turn::Committer);
                }
            }
            Turn::Committer => {
                let all = move_log(connection).unwrap_or(false);
                self.writes.store(if all { 0 } else { WRITES - WRITES_UNTIL_NEXT_TRY }, Ordering::Relaxed);
                self.give(Turn::Thread);
            }
            Turn::Taken => (),
        }
    }

    /// Takes the turn. The taker gives the next one.
    fn take(&self) -> Turn {
        std::mem::replace(&mut *self.turn.lock().unwrap_or_else(PoisonError::into_inner), Turn::Taken)
    }

    fn give(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }
}

/// Runs a checkpoint on a connection of its own, twice: the first takes long, the second moves the pages that were added during it,
/// and almost nothing is left for the next commit.
fn move_beside(database: &Database) -> Result<()> {
    database.check_file()?;
    match &mut database.connect()? {
        Db::Sqlite(connection) => {
            move_log(connection.diesel())?;
            move_log(connection.diesel())?;
        }
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => (),
    }
    Ok(())
}

/// Moves the pages that no reader needs, without blocking anyone. Returns whether the log is empty now.
fn move_log(connection: &mut SqliteConnection) -> Result<bool> {
    let moved: Checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(connection)?;
    Ok(moved.busy == 0 && moved.log == moved.checkpointed)
}

/// The result of a checkpoint: whether another connection was running one, the pages in the log, and how many of them were moved.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

#[cfg(test)]
mod tests;
