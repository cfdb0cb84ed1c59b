//! A thread's own connection, which is opened again if it was lost.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Result};
use lback_db::{Database, Db};

/// Settings of every connection: statements see what others have committed, whatever the server's default; plans lock rows in the
/// order of the given ids, whatever the table's statistics, and are made once.
const SETUP: &str = "SET default_transaction_isolation = 'read committed'; \
                     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; \
                     SET plan_cache_mode = force_generic_plan";

pub(super) struct Line {
    database: Database,
    /// The statements to run on every new connection.
    setup: String,
    connection: Option<Db>,
    /// The time when it last worked.
    used: Option<Instant>,
}

/// How long after its last use a connection is trusted.
const TRUST: Duration = Duration::from_millis(100);

impl Line {
    pub(super) fn new(database: &Database, setup: &str) -> Self {
        Line { database: database.clone(), setup: format!("{SETUP}; {setup}"), connection: None, used: None }
    }

    /// Runs `work`, which only reads. If the connection turns out to be lost, it runs again on a new one.
    pub(super) fn read<T>(&mut self, mut work: impl FnMut(&mut Db) -> Result<T>) -> Result<T> {
        let fresh = self.connection.is_none();
        match work(self.open()?) {
            Err(error) if self.hang_up_if_lost(&error) && !fresh => {}
            result => return result,
        }
        work(self.open()?).inspect_err(|error| {
            self.hang_up_if_lost(error);
        })
    }

    /// Returns whether it was used so recently that it need not be tested.
    pub(super) fn is_trusted(&self) -> bool {
        self.connection.is_some() && self.used.is_some_and(|used| used.elapsed() < TRUST)
    }

    /// Runs `work`, a statement that is its own transaction. If it fails, also returns whether the connection is still usable; if it is
    /// not, it is unknown whether the statement took effect.
    pub(super) fn write<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T, (Error, bool)> {
        let result = match self.open() {
            Ok(db) => work(db),
            Err(error) => Err(error),
        };
        result.map_err(|error| {
            let lost = self.hang_up_if_lost(&error);
            (error, !lost)
        })
    }

    /// Records that it has worked.
    pub(super) fn was_used(&mut self) {
        self.used = Some(Instant::now());
    }

    /// Begins a transaction, on a new connection if the old one turns out to be lost.
    pub(super) fn begin(&mut self, begin: &str) -> Result<&mut Db> {
        if self.connection.as_mut().is_some_and(|db| db.batch_execute(begin).is_err()) {
            self.hang_up();
        }
        if self.connection.is_none() {
            self.open()?.batch_execute(begin)?;
        }
        self.open()
    }

    /// Rolls the transaction back. Returns whether the connection is still usable.
    pub(super) fn rollback(&mut self) -> bool {
        let undone = self.connection.as_mut().is_some_and(|db| db.batch_execute("ROLLBACK").is_ok());
        if !undone {
            self.hang_up();
        }
        undone
    }

    pub(super) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Returns whether the connection is lost after this error. Diesel does not notice a loss while a statement is prepared.
    fn hang_up_if_lost(&mut self, error: &Error) -> bool {
        let closed = matches!(error.find_source(), Some(DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)));
        let lost = closed || self.connection.as_mut().is_none_or(Db::is_lost);
        if lost {
            self.hang_up();
        }
        lost
    }

    /// Returns the connection, and opens it if there is none.
    fn open(&mut self) -> Result<&mut Db> {
        if self.connection.is_none() {
            let mut connection = self.database.connect()?;
            connection.batch_execute(&self.setup)?;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| Error::unavailable("there is no connection to PostgreSQL"))
    }
}
