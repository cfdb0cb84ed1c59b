//! Many rows at once: COPY on PostgreSQL, large INSERT statements on SQLite.

use diesel::QueryResult;
use diesel::insertable::{InsertValues, Insertable};
use diesel::internal::derives::multiconnection::AstPassHelper;
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId, UndecoratedInsertRecord, ValuesClause};

use super::Dialect;
use crate::{Db, Kind};

/// The rows that are held in memory.
const CHUNK: usize = 5_000;

impl Db {
    /// Inserts rows, however many, as fast as the database can. Returns their number.
    ///
    /// Either all rows are inserted or none. Only a few thousand are in memory at a time, so `rows` may be an iterator that reads
    /// them from a file. On PostgreSQL, this is `COPY … FROM STDIN`; if the rows leave out different columns or contain expressions
    /// of SQL, and on SQLite, it is INSERT statements of many rows.
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
        #[cfg(feature = "postgres")]
        if let Db::Postgres(connection) = self
            && let Some(copied) = super::postgres_copy::copy(table, &rows, connection.diesel()?)?
        {
            return Ok(copied);
        }
        let dialect = Dialect::new(self.kind());
        let values = rows.iter().try_fold(1, |most, row| bound_values(&row.values, &dialect).map(|count| count.max(most)))?;
        let limit = max_bound_values(self.kind()) / values;
        let mut rows = rows.into_iter().map(Record);
        let mut count = 0;
        loop {
            let some: Vec<_> = rows.by_ref().take(limit.max(1)).collect();
            if some.is_empty() {
                return Ok(count);
            }
            count += diesel::insert_into(table).values(some).execute(self)?;
        }
    }
}

/// Returns the number of values that one statement can have.
fn max_bound_values(kind: Kind) -> usize {
    match kind {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => 32_766,
        #[cfg(feature = "postgres")]
        Kind::Postgres => 65_535,
    }
}

/// Returns the number of values that are bound for a part of a statement.
fn bound_values(part: &impl QueryFragment<Dialect>, dialect: &Dialect) -> QueryResult<usize> {
    let mut values = Vec::new();
    part.walk_ast(AstPass::collect_debug_binds_pass(&mut values, dialect))?;
    Ok(values.len())
}

/// A row whose values were taken from a struct or a tuple.
struct Record<V, T>(ValuesClause<V, T>);

impl<V, T> Insertable<T> for Record<V, T> {
    type Values = ValuesClause<V, T>;

    fn values(self) -> Self::Values {
        self.0
    }
}

impl<V, T> UndecoratedInsertRecord<T> for Record<V, T> {}
