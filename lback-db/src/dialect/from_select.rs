//! INSERT of the rows of a query, with ON CONFLICT.

use diesel::QueryResult;
use diesel::expression::{Expression, NonAggregate, SelectableExpression};
use diesel::insertable::Insertable;
use diesel::prelude::Table;
use diesel::query_builder::{AsQuery, AstPass, BatchInsert, Query, QueryFragment, UndecoratedInsertRecord};

use super::Dialect;
use super::insert::Batch;

/// Returns the rows of a query, to insert into some columns of a table; what conflicts can be left out or updated.
///
/// ```
/// use lback::db::from_select;
/// use lback::diesel;
/// use lback::prelude::*;
///
/// diesel::table! {
///     posts (id) {
///         id -> BigInt,
///         title -> Text,
///     }
/// }
/// diesel::table! {
///     archive (id) {
///         id -> BigInt,
///         title -> Text,
///     }
/// }
///
/// fn archive_all(db: &mut Db) -> QueryResult<usize> {
///     let rows = from_select((archive::id, archive::title), posts::table.select((posts::id, posts::title)));
///     diesel::insert_into(archive::table).values(rows).on_conflict(archive::id).do_nothing().execute(db)
/// }
/// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
/// # client.db(|db| diesel::sql_query("CREATE TABLE posts (id BIGINT PRIMARY KEY, title TEXT NOT NULL)").execute(db));
/// # client.db(|db| diesel::sql_query("CREATE TABLE archive (id BIGINT PRIMARY KEY, title TEXT NOT NULL)").execute(db));
/// # client.db(|db| diesel::insert_into(posts::table).values((posts::id.eq(1), posts::title.eq("First"))).execute(db));
/// # assert_eq!((client.db(archive_all), client.db(archive_all)), (1, 0));
/// ```
pub fn from_select<C, Q>(columns: C, query: Q) -> Vec<FromSelect<C, Q::Query>>
where
    C: Expression,
    Q: AsQuery<SqlType = C::SqlType>,
{
    vec![FromSelect { columns, query: query.as_query() }]
}

/// The rows of a query, to insert. See [`from_select`].
#[derive(Clone, Copy, Debug)]
pub struct FromSelect<C, Q> {
    columns: C,
    query: Q,
}

impl<C, Q, Tab> Insertable<Tab> for FromSelect<C, Q>
where
    Tab: Table,
    C: SelectableExpression<Tab> + NonAggregate,
    Q: Query<SqlType = C::SqlType>,
{
    type Values = Self;

    fn values(self) -> Self {
        self
    }
}

impl<C, Q, Tab> UndecoratedInsertRecord<Tab> for FromSelect<C, Q>
where
    Tab: Table,
    C: SelectableExpression<Tab>,
{
}

impl<C, Q, Tab, QId, const STATIC: bool> QueryFragment<Dialect, Batch> for BatchInsert<Vec<FromSelect<C, Q>>, Tab, QId, STATIC>
where
    C: QueryFragment<Dialect>,
    Q: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        for rows in &self.values {
            out.push_sql("(");
            out.skip_from(true);
            rows.columns.walk_ast(out.reborrow())?;
            out.skip_from(false);
            // Without WHERE, SQLite takes ON CONFLICT for the condition of a join.
            out.push_sql(") SELECT * FROM (");
            rows.query.walk_ast(out.reborrow())?;
            out.push_sql(") AS selected WHERE 1=1");
        }
        Ok(())
    }
}
