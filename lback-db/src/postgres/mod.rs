//! A connection to a PostgreSQL server, whose transaction begins with the first statement that needs one.

mod plain_read;

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation, LoadConnection, SimpleConnection,
    TransactionManager, TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::{ConnectionResult, PgConnection, QueryResult};
use lback_core::Clock;

pub(crate) use self::plain_read::is_known_function;
use self::plain_read::is_plain_read;
use crate::Isolation;
use crate::changes::Tracking;
use crate::manager::Manager;
use crate::prepared::{Prepared, Statement, sql};

/// A connection to a PostgreSQL server.
///
/// Diesel's queries run on it as on Diesel's own [`PgConnection`]. In a request, nothing is sent to begin the transaction until a
/// statement needs it: statements that only read run by themselves until then.
pub struct Postgres {
    inner: PgConnection,
    clock: Clock,
    /// The isolation of a transaction that begins with the next statement that needs it.
    waiting: Option<Isolation>,
    /// Whether queries of a known type only read.
    reads: HashMap<TypeId, bool>,
    prepared: Prepared,
    tracking: Option<Box<Tracking>>,
    /// Opens another connection if the server has closed this one.
    manager: Option<Box<Manager>>,
    lost: bool,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("waiting", &self.waiting).field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl Postgres {
    pub(crate) fn new(inner: PgConnection, clock: Clock, manager: Option<Manager>) -> Self {
        let manager = manager.map(Box::new);
        Postgres { inner, clock, waiting: None, reads: HashMap::new(), prepared: Prepared::default(), tracking: None, manager, lost: false }
    }

    /// Returns Diesel's own connection, for what only that has, such as `COPY`. In a request, its transaction begins now at the latest.
    /// What its statements change is not known. So every entry of a cache that depends on a table counts as out of date after the commit.
    ///
    /// # Errors
    /// Returns the error of the statement that begins the transaction.
    pub fn diesel(&mut self) -> QueryResult<&mut PgConnection> {
        if let Some(tracking) = &self.tracking {
            tracking.add_everything();
        }
        self.diesel_unrecorded()
    }

    /// Returns Diesel's own connection, for statements that change no table of the application.
    #[doc(hidden)]
    pub fn diesel_unrecorded(&mut self) -> QueryResult<&mut PgConnection> {
        self.begin_now()?;
        Ok(&mut self.inner)
    }

    pub(crate) fn tracking(&mut self) -> &mut Option<Box<Tracking>> {
        &mut self.tracking
    }

    pub(crate) fn tracked(&self) -> Option<&Tracking> {
        self.tracking.as_deref()
    }

    /// Records a statement, and returns whether to prepare it.
    fn admit<T: QueryFragment<Pg> + QueryId>(&mut self, source: &T) -> QueryResult<Option<bool>> {
        let Some(tracking) = &mut self.tracking else { return self.prepared.admits(source, &Pg) };
        match T::query_id() {
            Some(id) => tracking.add_type(id, || sql(source, &Pg))?,
            None => {
                let sql = sql(source, &Pg)?;
                tracking.add_sql(&sql);
                if !T::HAS_STATIC_QUERY_ID {
                    return Ok(Some(self.prepared.admits_sql(&sql)));
                }
            }
        }
        self.prepared.admits(source, &Pg)
    }

    /// Returns the application's clock, or that of the system if the connection was opened without an application.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins a transaction with the first statement that needs it.
    pub(crate) fn begin_when_needed(&mut self, isolation: Isolation) {
        self.waiting = Some(isolation);
    }

    /// Begins the transaction that waits for a statement, if there is one.
    pub(crate) fn begin_now(&mut self) -> QueryResult<()> {
        let Some(isolation) = self.waiting else { return Ok(()) };
        if let Err(error) = begin(&mut self.inner, isolation) {
            // Nothing has been done yet, so another connection will do.
            self.reopen_after(error).and_then(|()| begin(&mut self.inner, isolation))?;
        }
        self.waiting = None;
        Ok(())
    }

    /// Returns whether a transaction is to begin, and has not yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Ends a transaction that has not begun. Returns whether there was one.
    pub(crate) fn stop_waiting(&mut self) -> bool {
        self.waiting.take().is_some()
    }

    /// Returns whether the server has closed the connection.
    pub(crate) fn is_lost(&mut self) -> bool {
        self.lost || AnsiTransactionManager::transaction_manager_status_mut(&mut self.inner).transaction_depth().is_err()
    }

    /// Returns whether a statement may run without the transaction that waits.
    fn runs_alone<T: QueryFragment<Pg> + QueryId>(&mut self, source: &T) -> QueryResult<bool> {
        if !self.waiting.is_some_and(Isolation::sees_each_commit) {
            return Ok(false);
        }
        let id = T::query_id();
        if let Some(known) = id.and_then(|id| self.reads.get(&id)) {
            return Ok(*known);
        }
        let reads = is_plain_read(&sql(source, &Pg)?);
        if let Some(id) = id {
            self.reads.insert(id, reads);
        }
        Ok(reads)
    }

    /// Makes a second attempt possible after the error of a statement that ran alone. Otherwise returns the error.
    fn recover_from(&mut self, error: Error) -> QueryResult<()> {
        if is_outdated(&error) {
            self.forget_prepared();
            return Ok(());
        }
        self.reopen_after(error)
    }

    /// Forgets all prepared statements.
    fn forget_prepared(&mut self) {
        self.prepared = Prepared::default();
        for size in [CacheSize::Disabled, CacheSize::Unbounded] {
            self.inner.set_prepared_statement_cache_size(size);
        }
        // Refused in a transaction that has failed; then the server keeps them for as long as the connection.
        let _ = self.inner.batch_execute("DEALLOCATE ALL");
    }

    /// Opens another connection after `error`, if the server has closed this one. Otherwise returns the error.
    fn reopen_after(&mut self, error: Error) -> QueryResult<()> {
        // Diesel does not notice a loss while it prepares a statement.
        self.lost = match &error {
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => true,
            // A statement with too many binds is not sent either.
            Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => self.inner.batch_execute("SELECT 1").is_err(),
            _ => self.is_lost(),
        };
        let Some(manager) = self.manager.as_ref().filter(|_| self.lost) else { return Err(error) };
        manager.note_death();
        match manager.reopen() {
            Some(fresh) => {
                let (isolation, tracking) = (self.waiting, self.tracking.take());
                *self = fresh;
                (self.waiting, self.tracking) = (isolation, tracking);
                Ok(())
            }
            None => Err(error),
        }
    }
}

fn begin(connection: &mut PgConnection, isolation: Isolation) -> QueryResult<()> {
    AnsiTransactionManager::begin_transaction_sql(connection, isolation.begin())
}

/// Returns whether a table has changed so much that a prepared statement cannot run any more, such as `SELECT *`.
fn is_outdated(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message() == "cached plan must not change result type")
}

/// Begins the request's transaction before one is nested in it.
#[derive(Debug)]
pub struct PostgresTransactions;

impl TransactionManager<Postgres> for PostgresTransactions {
    type TransactionStateData = AnsiTransactionManager;

    fn begin_transaction(db: &mut Postgres) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(db.diesel_unrecorded()?)
    }

    fn rollback_transaction(db: &mut Postgres) -> QueryResult<()> {
        AnsiTransactionManager::rollback_transaction(&mut db.inner)
    }

    fn commit_transaction(db: &mut Postgres) -> QueryResult<()> {
        AnsiTransactionManager::commit_transaction(&mut db.inner)
    }

    fn transaction_manager_status_mut(db: &mut Postgres) -> &mut TransactionManagerStatus {
        AnsiTransactionManager::transaction_manager_status_mut(&mut db.inner)
    }
}

impl SimpleConnection for Postgres {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        if let Some(tracking) = &mut self.tracking {
            tracking.add_sql(query);
        }
        self.diesel_unrecorded()?.batch_execute(query)
    }
}

impl ConnectionSealed for Postgres {}

impl Connection for Postgres {
    type Backend = Pg;
    type TransactionManager = PostgresTransactions;

    fn establish(url: &str) -> ConnectionResult<Self> {
        Ok(Postgres::new(PgConnection::establish(url)?, Clock::system(), None))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let statement = Statement { source, prepare: self.admit(source)? };
        if self.runs_alone(source)? {
            match self.inner.execute_returning_count(&statement) {
                Err(error) => self.recover_from(error)?,
                result => return result,
            }
        } else {
            self.begin_now()?;
        }
        self.inner.execute_returning_count(&statement)
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        self.inner.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.inner.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.inner.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.inner.set_prepared_statement_cache_size(size);
    }

    fn begin_test_transaction(&mut self) -> QueryResult<()> {
        self.inner.begin_test_transaction()
    }
}

impl LoadConnection for Postgres {
    type Cursor<'conn, 'query> = <PgConnection as LoadConnection>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <PgConnection as LoadConnection>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let prepare = self.admit(&source)?;
        if self.runs_alone(&source)? {
            let statement = Statement { source: &source, prepare };
            match LoadConnection::<DefaultLoadingMode>::load(&mut self.inner, statement) {
                Err(error) => self.recover_from(error)?,
                result => return result,
            }
        } else {
            self.begin_now()?;
        }
        let loaded = LoadConnection::<DefaultLoadingMode>::load(&mut self.inner, Statement { source, prepare });
        if loaded.as_ref().is_err_and(is_outdated) {
            // The transaction has failed, but the next one will not.
            self.forget_prepared();
        }
        loaded
    }
}

/// A query whose rows are read one by one is not sent again: some of them may have been used already.
impl LoadConnection<PgRowByRowLoadingMode> for Postgres {
    type Cursor<'conn, 'query> = <PgConnection as LoadConnection<PgRowByRowLoadingMode>>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <PgConnection as LoadConnection<PgRowByRowLoadingMode>>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let prepare = self.admit(&source)?;
        if !self.runs_alone(&source)? {
            self.begin_now()?;
        }
        LoadConnection::<PgRowByRowLoadingMode>::load(&mut self.inner, Statement { source, prepare })
    }
}

impl diesel::migration::MigrationConnection for Postgres {
    fn setup(&mut self) -> QueryResult<usize> {
        self.diesel()?.setup()
    }
}
