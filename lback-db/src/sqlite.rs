//! A connection to a SQLite file.

use std::fmt;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation, LoadConnection, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::prelude::*;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::{ConnectionError, ConnectionResult, QueryResult, SqliteConnection};
use lback_core::Clock;

use crate::changes::Tracking;
use crate::connection::total_changes;
use crate::prepared::{Prepared, Statement, sql};

/// A connection to a SQLite file.
///
/// Diesel's queries run on it as on Diesel's own [`SqliteConnection`].
pub struct Sqlite {
    inner: SqliteConnection,
    clock: Clock,
    prepared: Prepared,
    tracking: Option<Box<Tracking>>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Returns a connection that knows the functions of [`expressions`](crate::expressions).
    pub(crate) fn new(mut inner: SqliteConnection, clock: Clock) -> QueryResult<Self> {
        crate::expressions::sqlite_functions::register(&mut inner)?;
        Ok(Sqlite { inner, clock, prepared: Prepared::default(), tracking: None })
    }

    /// Returns Diesel's own connection, for what only that has, such as `register_collation`.
    ///
    /// What its statements change is not known. So every entry of a cache that depends on a table counts as out of date after the commit.
    pub fn diesel(&mut self) -> &mut SqliteConnection {
        if let Some(tracking) = &self.tracking {
            tracking.hand_out(diesel::select(total_changes()).get_result(&mut self.inner).unwrap_or(-1));
        }
        &mut self.inner
    }

    /// Returns Diesel's own connection, for statements that change no table of the application.
    #[doc(hidden)]
    pub fn diesel_unrecorded(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }

    pub(crate) fn tracking(&mut self) -> &mut Option<Box<Tracking>> {
        &mut self.tracking
    }

    pub(crate) fn tracked(&self) -> Option<&Tracking> {
        self.tracking.as_deref()
    }

    /// Records a statement, and returns whether to prepare it.
    fn admit<T>(&mut self, source: &T) -> QueryResult<Option<bool>>
    where
        T: QueryFragment<diesel::sqlite::Sqlite> + QueryId,
    {
        let backend = &diesel::sqlite::Sqlite;
        let Some(tracking) = &mut self.tracking else { return self.prepared.admits(source, backend) };
        match T::query_id() {
            Some(id) => tracking.add_type(id, || sql(source, backend))?,
            None => {
                let sql = sql(source, backend)?;
                tracking.add_sql(&sql);
                if !T::HAS_STATIC_QUERY_ID {
                    return Ok(Some(self.prepared.admits_sql(&sql)));
                }
            }
        }
        self.prepared.admits(source, backend)
    }

    /// Returns the application's clock, or that of the system if the connection was opened without an application.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl SimpleConnection for Sqlite {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        if let Some(tracking) = &mut self.tracking {
            tracking.add_sql(query);
        }
        self.inner.batch_execute(query)
    }
}

impl ConnectionSealed for Sqlite {}

impl Connection for Sqlite {
    type Backend = diesel::sqlite::Sqlite;
    type TransactionManager = AnsiTransactionManager;

    fn establish(url: &str) -> ConnectionResult<Self> {
        let inner = SqliteConnection::establish(url)?;
        Sqlite::new(inner, Clock::system()).map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        let statement = Statement { source, prepare: self.admit(source)? };
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
}

impl LoadConnection for Sqlite {
    type Cursor<'conn, 'query> = <SqliteConnection as LoadConnection>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <SqliteConnection as LoadConnection>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        let prepare = self.admit(&source)?;
        LoadConnection::<DefaultLoadingMode>::load(&mut self.inner, Statement { source, prepare })
    }
}

impl diesel::migration::MigrationConnection for Sqlite {
    fn setup(&mut self) -> QueryResult<usize> {
        self.inner.setup()
    }
}
