//! A connection to a SQLite file.

use std::fmt;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation, LoadConnection, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::{ConnectionError, ConnectionResult, QueryResult, SqliteConnection};
use lback_core::Clock;

use crate::prepared::{Prepared, Statement};

/// A connection to a SQLite file.
///
/// Diesel's queries run on it as on Diesel's own [`SqliteConnection`].
pub struct Sqlite {
    inner: SqliteConnection,
    clock: Clock,
    prepared: Prepared,
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
        Ok(Sqlite { inner, clock, prepared: Prepared::default() })
    }

    /// Returns Diesel's own connection, for what only that has, such as `register_collation`.
    pub fn diesel(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }

    /// Returns the application's clock, or that of the system if the connection was opened without an application.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl SimpleConnection for Sqlite {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
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
        let statement = Statement { source, prepare: self.prepared.admits(source, &diesel::sqlite::Sqlite)? };
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
        let prepare = self.prepared.admits(&source, &diesel::sqlite::Sqlite)?;
        LoadConnection::<DefaultLoadingMode>::load(&mut self.inner, Statement { source, prepare })
    }
}

impl diesel::migration::MigrationConnection for Sqlite {
    fn setup(&mut self) -> QueryResult<usize> {
        self.inner.setup()
    }
}
