//! Statements and transactions of [`Db`].

use diesel::connection::{
    CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation, LoadConnection, SimpleConnection, TransactionManager,
    TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::{ConnectionResult, QueryResult};

use super::{Counted, Cursor, Dialect, Row, RowCursor, Statement};
use crate::Db;
#[cfg(feature = "postgres")]
use crate::postgres::{Postgres, PostgresTransactions};
use crate::statements::rows::counted;

impl SimpleConnection for Db {
    fn batch_execute(&mut self, statements: &str) -> QueryResult<()> {
        each!(self, Db(connection) => connection.batch_execute(statements))
    }
}

impl ConnectionSealed for Db {}

impl Connection for Db {
    type Backend = Dialect;
    type TransactionManager = Transactions;

    /// Opens a connection, to PostgreSQL if that is what the address names. [`Database`](crate::Database) gives out those with the
    /// settings and the clock of an application.
    fn establish(url: &str) -> ConnectionResult<Self> {
        #[cfg(feature = "postgres")]
        if url.starts_with("postgres") || !cfg!(feature = "sqlite") {
            return Postgres::establish(url).map(Db::Postgres);
        }
        #[cfg(feature = "sqlite")]
        {
            crate::Sqlite::establish(url).map(Db::Sqlite)
        }
        #[cfg(not(feature = "sqlite"))]
        unreachable!("every connection is to PostgreSQL")
    }

    fn execute_returning_count<T>(&mut self, query: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Dialect> + QueryId,
    {
        let statement = self.statement(query)?;
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => counted(
                || {
                    let changed = connection.execute_returning_count(&statement)?;
                    Ok(if statement.inserts_nothing() { 0 } else { changed })
                },
                // After another statement, SQLite's count is still that of an earlier one.
                |changed| statement.changes_rows().then_some(*changed),
            ),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => counted(|| connection.execute_returning_count(&statement), |changed| Some(*changed)),
        }
    }

    fn transaction_state(&mut self) -> &mut Self {
        self
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        each!(self, Db(connection) => connection.instrumentation())
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        each!(self, Db(connection) => connection.set_instrumentation(instrumentation));
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        each!(self, Db(connection) => connection.set_prepared_statement_cache_size(size));
    }
}

impl LoadConnection for Db {
    type Cursor<'conn, 'query> = Counted<Cursor<'conn, 'query>>;
    type Row<'conn, 'query> = Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, query: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Dialect> + QueryId + 'query,
        Dialect: QueryMetadata<T::SqlType>,
    {
        let statement = self.statement(query)?;
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => LoadConnection::<DefaultLoadingMode>::load(connection, statement).map(Cursor::Sqlite),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => {
                let load = || LoadConnection::<DefaultLoadingMode>::load(connection, statement);
                counted(load, |rows| rows.size_hint().1).map(Cursor::Postgres)
            }
        }
        .map(Counted::new)
    }
}

/// Reads the rows of a query one by one, however many there are: `load_iter` with this mode holds one row at a time.
///
/// On PostgreSQL, [`load`](diesel::RunQueryDsl::load) and `load_iter` without a mode hold all rows of the result first.
///
/// ```
/// use lback::db::RowByRow;
/// use lback::diesel;
/// use lback::prelude::*;
///
/// diesel::table! {
///     posts (id) {
///         id -> BigInt,
///         title -> Text,
///     }
/// }
///
/// fn longest(db: &mut Db) -> QueryResult<usize> {
///     let mut longest = 0;
///     for title in posts::table.select(posts::title).load_iter::<String, RowByRow>(db)? {
///         longest = longest.max(title?.len());
///     }
///     Ok(longest)
/// }
/// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
/// # client.db(|db| diesel::sql_query("CREATE TABLE posts (id BIGINT, title TEXT NOT NULL)").execute(db));
/// # client.db(|db| diesel::insert_into(posts::table).values([(posts::id.eq(1), posts::title.eq("First"))]).execute(db));
/// # assert_eq!(client.db(longest), 5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RowByRow;

impl LoadConnection<RowByRow> for Db {
    type Cursor<'conn, 'query> = Counted<RowCursor<'conn, 'query>>;
    type Row<'conn, 'query> = Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, query: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Dialect> + QueryId + 'query,
        Dialect: QueryMetadata<T::SqlType>,
    {
        let statement = self.statement(query)?;
        match self {
            // SQLite steps from row to row in every mode.
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => LoadConnection::<DefaultLoadingMode>::load(connection, statement).map(RowCursor::Sqlite),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => {
                LoadConnection::<diesel::pg::PgRowByRowLoadingMode>::load(connection, statement).map(RowCursor::Postgres)
            }
        }
        .map(Counted::new)
    }
}

impl Db {
    /// Returns a query as the connection takes it. Every query comes through here before it is sent.
    fn statement<T: QueryFragment<Dialect>>(&mut self, query: T) -> QueryResult<Statement<T>> {
        let statement = Statement::new(query, self.kind());
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => statement.find_defaults(connection.diesel_unrecorded())?,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => (),
        }
        Ok(statement)
    }
}

/// Calls a function of the transaction manager of the connection.
macro_rules! managed {
    ($db:expr, $function:ident) => {
        match $db {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => diesel::connection::AnsiTransactionManager::$function(connection),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => PostgresTransactions::$function(connection),
        }
    };
}

/// The transactions of [`Db`]: those of its connection.
#[derive(Debug)]
pub struct Transactions;

impl TransactionManager<Db> for Transactions {
    type TransactionStateData = Db;

    fn begin_transaction(db: &mut Db) -> QueryResult<()> {
        managed!(db, begin_transaction)
    }

    fn rollback_transaction(db: &mut Db) -> QueryResult<()> {
        managed!(db, rollback_transaction)?;
        if !db.in_transaction()? {
            db.forget_changes();
        }
        Ok(())
    }

    fn commit_transaction(db: &mut Db) -> QueryResult<()> {
        let depth = Self::transaction_manager_status_mut(db).transaction_depth()?.map_or(0, std::num::NonZero::get);
        if depth != 1 {
            return managed!(db, commit_transaction);
        }
        let announcement = db.announcement()?;
        if let Some(sql) = &announcement {
            db.run_announcement(sql)?;
        }
        managed!(db, commit_transaction)?;
        db.announced(announcement.is_some());
        Ok(())
    }

    fn transaction_manager_status_mut(db: &mut Db) -> &mut TransactionManagerStatus {
        managed!(db, transaction_manager_status_mut)
    }
}
