//! An INSERT that SQLite prepares once and runs for each row.
//!
//! SQLite calls a function for a row, and sends nothing over a network. An INSERT of many rows saves no round trip, and is long: parsing
//! it takes more time than running the short one as often.

use diesel::QueryResult;
use diesel::connection::{InstrumentationEvent, StrQueryHelper};
use diesel::insertable::InsertValues;
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId, ValuesClause};

use super::{Dialect, Statement};
use crate::statements::rows::{after, silently};
use crate::{Kind, Sqlite};

/// Inserts rows. Returns their number.
pub(super) fn insert<T, V>(rows: &[ValuesClause<V, T>], connection: &mut Sqlite) -> QueryResult<usize>
where
    T: Table + StaticQueryFragment + 'static,
    T::Component: QueryFragment<Dialect>,
    V: InsertValues<Dialect, T> + QueryId,
{
    let Some(first) = rows.first() else { return Ok(0) };
    // The log would get a line for each row.
    let first = Statement::new(InsertRow(first), Kind::Sqlite);
    let shown = StrQueryHelper::new(first.sql()?);
    connection.instrumentation().on_connection_event(InstrumentationEvent::start_query(&shown));
    let inserted = rows.iter().try_fold(0, |count, row| {
        let statement = Statement::new(InsertRow(row), Kind::Sqlite);
        silently(|| connection.execute_returning_count(&statement)).map(|inserted| count + inserted)
    });
    let finished = InstrumentationEvent::finish_query(&shown, inserted.as_ref().err());
    after(*inserted.as_ref().unwrap_or(&0), || connection.instrumentation().on_connection_event(finished));
    inserted
}

/// An INSERT of one row.
struct InsertRow<'a, V, T>(&'a ValuesClause<V, T>);

impl<V, T> QueryFragment<Dialect> for InsertRow<'_, V, T>
where
    T: Table + StaticQueryFragment,
    T::Component: QueryFragment<Dialect>,
    V: InsertValues<Dialect, T>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        T::STATIC_COMPONENT.walk_ast(out.reborrow())?;
        out.push_sql(" ");
        self.0.walk_ast(out)
    }
}

impl<V: QueryId, T: 'static> QueryId for InsertRow<'_, V, T> {
    type QueryId = InsertRow<'static, V::QueryId, T>;
    const HAS_STATIC_QUERY_ID: bool = V::HAS_STATIC_QUERY_ID;
}
