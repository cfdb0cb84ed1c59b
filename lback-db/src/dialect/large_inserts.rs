//! INSERT statements of many rows.

use diesel::QueryResult;
use diesel::insertable::{InsertValues, Insertable};
use diesel::internal::derives::multiconnection::AstPassHelper;
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId, UndecoratedInsertRecord, ValuesClause};

use super::Dialect;
use crate::{Db, Kind};

/// Returns how many rows with this number of values one statement has.
fn rows_per_statement(kind: Kind, values: usize) -> usize {
    match kind {
        // SQLite takes 32,766 values, but longer statements are not prepared for the next time, and parsing them takes most of the time.
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => (32_766 / values).min(100),
        #[cfg(feature = "postgres")]
        Kind::Postgres => 65_535 / values,
    }
    .max(1)
}

/// Inserts rows. Returns their number.
pub(super) fn insert<T, V>(table: T, rows: Vec<ValuesClause<V, T>>, db: &mut Db) -> QueryResult<usize>
where
    T: Table + StaticQueryFragment + QueryId + Copy + 'static,
    T::Component: QueryFragment<Dialect>,
    T::FromClause: QueryFragment<Dialect>,
    V: InsertValues<Dialect, T> + QueryId,
{
    let dialect = Dialect::new(db.kind());
    let values = rows.iter().try_fold(1, |most, row| bound_values(&row.values, &dialect).map(|count| count.max(most)))?;
    let limit = rows_per_statement(db.kind(), values);
    let mut rows = rows.into_iter().map(Record);
    let mut count = 0;
    loop {
        let some: Vec<_> = rows.by_ref().take(limit).collect();
        if some.is_empty() {
            return Ok(count);
        }
        count += diesel::insert_into(table).values(some).execute(db)?;
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
