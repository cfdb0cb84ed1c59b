//! Looks for changes that others have committed, on a connection of its own.
//!
//! A look that began after a request arrived sees every commit that was answered before. Requests that arrive during it wait for
//! the next one, which serves all of them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use lback_core::{Error, Result, blocking};
use lback_db::{Database, Db};
use tokio::sync::Notify;

use super::log::Change;
use super::{Knowledge, Snapshot};

/// The maximum time that a request waits for a look.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time for which the thread waits for work before it checks whether it is still needed.
const IDLE: Duration = Duration::from_secs(1);

/// Looks for changes.
pub(crate) struct Looker {
    database: Database,
    pub(crate) knowledge: Arc<Knowledge>,
    /// The connection to a SQLite file, which answers too fast to be asked on another thread.
    here: Mutex<Connection>,
    state: Mutex<State>,
    ended: Condvar,
    ended_async: Notify,
    wanted: Condvar,
}

#[derive(Default)]
struct State {
    is_wanted: bool,
    has_thread: bool,
    /// The beginning of the last look that succeeded, and of the last one of all.
    succeeded: Option<Instant>,
    tried: Option<Instant>,
}

/// The connection, and what SQLite says about the file when it was last read.
#[derive(Default)]
struct Connection {
    db: Option<Db>,
    version: Option<i64>,
    begun: Option<Instant>,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<Text>)]
    snapshot: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    slots: Option<String>,
}

impl Looker {
    pub(crate) fn new(database: Database, knowledge: Arc<Knowledge>) -> Arc<Self> {
        Arc::new(Looker {
            database,
            knowledge,
            here: Mutex::default(),
            state: Mutex::default(),
            ended: Condvar::new(),
            ended_async: Notify::new(),
            wanted: Condvar::new(),
        })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Looks for changes, unless that was done since `since`. Returns what is visible then.
    ///
    /// # Errors
    /// Returns 503 if the database cannot be read in time.
    pub(crate) fn look(self: &Arc<Self>, since: Instant) -> Result<Snapshot> {
        if !self.database.kind().is_server() {
            return self.look_here(since);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(result) = self.result(&state, since) {
                return result;
            }
            self.want(&mut state)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(late());
            }
            blocking::about_to_wait();
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// As [`look`](Self::look), for async code.
    pub(crate) async fn look_async(self: &Arc<Self>, since: Instant) -> Result<Snapshot> {
        if !self.database.kind().is_server() {
            return self.look_here(since);
        }
        let wait = async {
            loop {
                let ended = self.ended_async.notified();
                {
                    let mut state = self.lock();
                    if let Some(result) = self.result(&state, since) {
                        return result;
                    }
                    self.want(&mut state)?;
                }
                ended.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| Err(late()))
    }

    /// Returns whether there is a table of this name, in lower case.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub(crate) fn has_table(&self, table: &str) -> Result<bool> {
        if self.knowledge.known_graph().is_some_and(|graph| graph.has(table)) {
            return Ok(true);
        }
        blocking::in_place(|| {
            let mut db = self.database.connect()?;
            Ok(self.knowledge.graph(&mut db, |_| true)?.has(table))
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> Snapshot {
        self.knowledge.log.read().unwrap_or_else(PoisonError::into_inner).seen().clone()
    }

    fn result(&self, state: &State, since: Instant) -> Option<Result<Snapshot>> {
        if state.succeeded.is_some_and(|begun| begun >= since) {
            return Some(Ok(self.seen()));
        }
        state.tried.is_some_and(|begun| begun >= since).then(|| Err(Error::unavailable("the database cannot be read")))
    }

    /// Asks the thread for a look.
    fn want(self: &Arc<Self>, state: &mut State) -> Result<()> {
        state.is_wanted = true;
        if state.has_thread {
            self.wanted.notify_one();
            return Ok(());
        }
        let looker = Arc::downgrade(self);
        thread::Builder::new().name("lback-cache".to_owned()).spawn(move || serve(&looker))?;
        state.has_thread = true;
        Ok(())
    }

    fn look_here(&self, since: Instant) -> Result<Snapshot> {
        let mut connection = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.begun.is_none_or(|begun| begun < since) {
            let begun = Instant::now();
            self.read(&mut connection)?;
            connection.begun = Some(begun);
        }
        Ok(self.seen())
    }

    /// Reads the changes since the last time.
    fn read(&self, connection: &mut Connection) -> Result<()> {
        let result = self.try_read(connection);
        if result.is_err() {
            *connection = Connection::default();
        }
        result
    }

    fn try_read(&self, connection: &mut Connection) -> Result<()> {
        let db = match &mut connection.db {
            Some(db) => db,
            None => connection.db.insert(self.database.connect()?),
        };
        let seen = self.seen();
        let (snapshot, found) = if db.kind().is_server() {
            let found: Vec<Found> = diesel::sql_query(
                "SELECT pg_current_snapshot()::text AS snapshot, c.id, c.slots FROM (SELECT 1) AS one LEFT JOIN cache_changes AS c
                 ON c.id >= $1 AND NOT pg_visible_in_snapshot(c.id::text::xid8, $2::text::pg_snapshot)",
            )
            .bind::<BigInt, _>(seen.xmin)
            .bind::<Text, _>(seen.to_string())
            .load(db)?;
            let snapshot = found.first().and_then(|row| row.snapshot.as_deref()).and_then(|text| text.parse().ok());
            (snapshot.ok_or_else(|| Error::internal("PostgreSQL has sent an unexpected snapshot"))?, found)
        } else {
            // Changes with every commit of another connection.
            let version = diesel::sql_query("PRAGMA data_version").get_result::<Version>(db)?.data_version;
            if connection.version == Some(version) {
                return Ok(());
            }
            let found: Vec<Found> = diesel::sql_query("SELECT NULL AS snapshot, id, slots FROM cache_changes WHERE id >= ? ORDER BY id")
                .bind::<BigInt, _>(seen.xmin)
                .load(db)?;
            connection.version = Some(version);
            let last = found.last().and_then(|row| row.id).unwrap_or(seen.xmin - 1);
            (Snapshot::up_to(last), found)
        };
        let changes = found.into_iter().filter_map(|row| Some(Change { number: row.id?, slots: row.slots? }));
        let changes: Vec<Change> = changes.collect();
        self.knowledge.graph(db, |_| false)?;
        self.knowledge.log.write().unwrap_or_else(PoisonError::into_inner).apply(snapshot, &changes);
        Ok(())
    }
}

fn late() -> Error {
    Error::unavailable(format!("the database did not tell within {PATIENCE:?} what has changed"))
}

/// Looks for changes on request, until the looker is dropped.
fn serve(looker: &Weak<Looker>) {
    let mut connection = Connection::default();
    while let Some(looker) = looker.upgrade() {
        let mut state = looker.lock();
        if !state.is_wanted {
            state = looker.wanted.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner).0;
        }
        if !std::mem::take(&mut state.is_wanted) {
            continue;
        }
        drop(state);
        let begun = Instant::now();
        let result = looker.read(&mut connection);
        if let Err(error) = &result {
            tracing::warn!(target: "lback::cache", %error, "values that depend on the database are computed, and not taken from the cache");
        }
        let mut state = looker.lock();
        state.tried = Some(begun);
        if result.is_ok() {
            state.succeeded = Some(begun);
        }
        drop(state);
        looker.ended.notify_all();
        looker.ended_async.notify_waiters();
    }
}

/// Returns what the open transaction of a connection sees.
pub(crate) fn seen_by(db: &mut Db) -> QueryResult<Option<Snapshot>> {
    let sql = match db.kind().is_server() {
        true => "SELECT pg_current_snapshot()::text AS snapshot, NULL::bigint AS id, NULL AS slots",
        false => "SELECT NULL AS snapshot, max(id) AS id, NULL AS slots FROM cache_changes",
    };
    let found: Found = db.unrecorded(|db| diesel::sql_query(sql).get_result(db))?;
    Ok(match found.snapshot {
        Some(text) => text.parse().ok(),
        None => Some(Snapshot::up_to(found.id.unwrap_or(0))),
    })
}
