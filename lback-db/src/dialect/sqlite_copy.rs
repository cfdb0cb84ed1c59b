//! Many rows for SQLite.
//!
//! They are inserted by statements of a hundred rows, of which all but the last are the same, so that they are parsed once. One
//! statement for each row takes longer: running a statement costs more than adding a row to it.

use diesel::QueryResult;
use diesel::connection::{InstrumentationEvent, StrQueryHelper};
use diesel::insertable::InsertValues;
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId, ValuesClause};

use super::{Dialect, Statement, large_inserts};
use crate::statements::rows::{after, silently};
use crate::{Db, Kind};

/// Inserts rows. Returns their number. The log, the toolbar and tests see one statement, that of the first row.
pub(super) fn insert<T, V>(table: T, rows: Vec<ValuesClause<V, T>>, db: &mut Db) -> QueryResult<usize>
where
    T: Table + StaticQueryFragment + QueryId + Copy + 'static,
    T::Component: QueryFragment<Dialect>,
    T::FromClause: QueryFragment<Dialect>,
    V: InsertValues<Dialect, T> + QueryId,
{
    let Some(first) = rows.first() else { return Ok(0) };
    let sql = Statement::new(InsertRow(first), Kind::Sqlite).sql()?.to_owned();
    let shown = StrQueryHelper::new(&sql);
    db.instrumentation().on_connection_event(InstrumentationEvent::start_query(&shown));
    let inserted = silently(|| large_inserts::insert(table, rows, db));
    let finished = InstrumentationEvent::finish_query(&shown, inserted.as_ref().err());
    after(*inserted.as_ref().unwrap_or(&0), || db.instrumentation().on_connection_event(finished));
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
