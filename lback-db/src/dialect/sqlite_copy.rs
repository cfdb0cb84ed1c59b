//! An INSERT that SQLite prepares once and runs for each row.
//!
//! SQLite calls a function for a row, and sends nothing over a network. An INSERT of many rows saves no round trip, and is long: parsing
//! it takes more time than running the short one as often.

use diesel::QueryResult;
use diesel::connection::{InstrumentationEvent, StrQueryHelper};
use diesel::insertable::InsertValues;
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryBuilder, QueryFragment, QueryId, ValuesClause};

use super::{Dialect, SqlBuilder, Statement, defaults};
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
    let (dialect, sql) = (Dialect::new(Kind::Sqlite), Statement::new(InsertRow(first), Kind::Sqlite));
    let (of_first, sql) = (Form::of(first, &dialect)?, sql.sql()?);
    // The log would get a line for each row.
    let shown = StrQueryHelper::new(sql);
    connection.instrumentation().on_connection_event(InstrumentationEvent::start_query(&shown));
    let inserted = rows.iter().try_fold(0, |count, row| {
        let row = InsertRow(row);
        let inserted = if V::HAS_STATIC_QUERY_ID || Form::of(row.0, &dialect)? == of_first {
            let statement = Statement::with_sql(row, Kind::Sqlite, sql.to_owned());
            silently(|| connection.diesel().execute_returning_count(&statement))
        } else {
            silently(|| connection.execute_returning_count(&Statement::new(row, Kind::Sqlite)))
        };
        inserted.map(|inserted| count + inserted)
    });
    let finished = InstrumentationEvent::finish_query(&shown, inserted.as_ref().err());
    after(*inserted.as_ref().unwrap_or(&0), || connection.instrumentation().on_connection_event(finished));
    inserted
}

/// What the SQL of a row depends on: which columns it gives, and the SQL of their values. Writing all of the SQL for each row would take
/// longer than inserting it.
#[derive(PartialEq)]
struct Form(u128, String);

impl Form {
    fn of<V: QueryFragment<Dialect>, T>(row: &ValuesClause<V, T>, dialect: &Dialect) -> QueryResult<Self> {
        let mut values = SqlBuilder::new(Kind::Sqlite);
        row.values.to_sql(&mut values, dialect)?;
        Ok(Form(defaults::shape(row, dialect)?, values.finish()))
    }
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
