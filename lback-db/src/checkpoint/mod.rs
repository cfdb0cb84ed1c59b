//! Moves what was committed from SQLite's log into the database file, away from those who wait for a commit.
//!
//! SQLite by itself does it within the commit that makes the log longer than 1,000 pages: that one waits until the log and
//! the file are on the disk, and everybody behind it too. Here a thread of its own does it after so many writes, while
//! others go on. Not as often either: a page is moved once however often it has changed meanwhile, and in a large table
//! each row in use is on a page of its own.
//!
//! The log begins anew only where all of it has been moved. So whoever commits next moves the little that came while the
//! thread was at it. Where a reader holds that up, it is tried again soon, and until then the log grows; where it is longer
//! than [`LONGEST`], SQLite does it by itself at each commit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::prelude::*;
use diesel::sql_types::Integer;
use lback_core::Result;

use crate::{Database, Db};

/// After so many writes the log is moved. Most of them change one page.
const WRITES: usize = 2_000;
/// After so many more, where not all of it could be.
const WRITES_UNTIL_NEXT_TRY: usize = 250;
/// The pages of a log that a commit moves by itself (`PRAGMA wal_autocheckpoint`): where writes are large, or nobody says
/// that they were committed.
pub(crate) const LONGEST: usize = 10_000;

/// How much was written into the log, and who moves it.
#[derive(Default)]
pub(crate) struct Log {
    writes: AtomicUsize,
    turn: Mutex<Turn>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Turn {
    /// The thread's, as soon as there are enough writes.
    #[default]
    Thread,
    /// Of whoever commits next, for the rest.
    Committer,
    /// Somebody is at it.
    Taken,
}

impl Log {
    /// So many writes were committed on this connection.
    pub(crate) fn committed(self: &Arc<Self>, database: &Database, connection: &mut SqliteConnection, writes: usize) {
        if self.writes.fetch_add(writes, Ordering::Relaxed) + writes < WRITES {
            return;
        }
        match self.take() {
            Turn::Thread => {
                let (log, database) = (self.clone(), database.clone());
                let work = move || {
                    if let Err(error) = move_beside(&database) {
                        tracing::debug!(target: "lback::db", %error, "SQLite's log could not be moved into the file");
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

    /// Whose turn it is. Whoever takes one gives the next.
    fn take(&self) -> Turn {
        std::mem::replace(&mut *self.turn.lock().unwrap_or_else(PoisonError::into_inner), Turn::Taken)
    }

    fn give(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }
}

/// Over a connection of its own. Twice: the first time takes long, the second moves what came during it, and next to
/// nothing is left for the one who commits then.
fn move_beside(database: &Database) -> Result<()> {
    database.check_file()?;
    match &mut database.connect()? {
        Db::Sqlite(connection) => {
            move_log(connection)?;
            move_log(connection)?;
        }
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => (),
    }
    Ok(())
}

/// Moves what no reader holds up, and makes nobody wait. Answers whether that was all.
fn move_log(connection: &mut SqliteConnection) -> Result<bool> {
    let moved: Checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(connection)?;
    Ok(moved.busy == 0 && moved.log == moved.checkpointed)
}

/// What SQLite says of it: was another connection at it, how many pages are in the log, and how many of them in the file.
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
