//! Many rows at once.

use diesel::QueryResult;
use diesel::insertable::{InsertValues, Insertable};
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::*;
use diesel::query_builder::{QueryFragment, QueryId, ValuesClause};

use super::Dialect;
use crate::Db;

/// The rows that are held in memory.
const CHUNK: usize = 5_000;

impl Db {
    /// Inserts rows, however many, as fast as the database can. Returns their number.
    ///
    /// Either all rows are inserted or none. Only a few thousand are in memory at a time, so `rows` may be an iterator that reads
    /// them from a file. On PostgreSQL, this is `COPY … FROM STDIN`, or, if the rows leave out different columns or contain expressions
    /// of SQL, INSERT statements of many rows. On SQLite, it is INSERT statements of a hundred rows, which are prepared once; the
    /// log and the toolbar show one for every few thousand rows.
    ///
    /// ```
    /// use lback::diesel;
    /// use lback::prelude::*;
    ///
    /// diesel::table! {
    ///     numbers (n) {
    ///         n -> BigInt,
    ///         square -> BigInt,
    ///     }
    /// }
    ///
    /// fn fill(db: &mut Db) -> QueryResult<usize> {
    ///     db.copy_into(numbers::table, (0..10_000).map(|n| (numbers::n.eq(n), numbers::square.eq(n * n))))
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
    /// # client.db(|db| diesel::sql_query("CREATE TABLE numbers (n BIGINT PRIMARY KEY, square BIGINT NOT NULL)").execute(db));
    /// # assert_eq!(client.db(fill), 10_000);
    /// # assert_eq!(client.db(|db| numbers::table.find(99).select(numbers::square).first::<i64>(db)), 9801);
    /// ```
    ///
    /// # Errors
    /// Returns the error of the database if it refuses a row.
    pub fn copy_into<T, I, V>(&mut self, table: T, rows: I) -> QueryResult<usize>
    where
        T: Table + StaticQueryFragment + QueryId + Copy + 'static,
        T::Component: QueryFragment<Dialect>,
        T::FromClause: QueryFragment<Dialect>,
        T::SqlType: diesel::sql_types::SqlType,
        I: IntoIterator<Item: Insertable<T, Values = ValuesClause<V, T>>>,
        V: InsertValues<Dialect, T> + QueryId,
    {
        let mut rows = rows.into_iter().map(Insertable::values);
        self.transaction(|db| {
            let mut count = 0;
            loop {
                let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
                if chunk.is_empty() {
                    return Ok(count);
                }
                count += db.copy_chunk(table, chunk)?;
            }
        })
    }

    fn copy_chunk<T, V>(&mut self, table: T, rows: Vec<ValuesClause<V, T>>) -> QueryResult<usize>
    where
        T: Table + StaticQueryFragment + QueryId + Copy + 'static,
        T::Component: QueryFragment<Dialect>,
        T::FromClause: QueryFragment<Dialect>,
        T::SqlType: diesel::sql_types::SqlType,
        V: InsertValues<Dialect, T> + QueryId,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => super::sqlite_copy::insert(table, rows, self),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => match super::postgres_copy::copy(table, &rows, connection)? {
                Some(copied) => Ok(copied),
                None => super::large_inserts::insert(table, rows, self),
            },
        }
    }
}
