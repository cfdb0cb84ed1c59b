//! The order of a model, the same on all databases.

use diesel::backend::Backend;
use diesel::expression::expression_types::NotSelectable;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::{QueryResult, QuerySource};
use lback_db::Dialect;

/// An order by a column, in which NULLs come before all values, as on SQLite, or after them if it is descending.
#[derive(Clone, Copy, Debug)]
pub struct By<C> {
    column: C,
    descending: bool,
}

impl<C> By<C> {
    /// Returns an order by the column.
    pub fn new(column: C, descending: bool) -> Self {
        By { column, descending }
    }
}

impl<C: Expression> Expression for By<C> {
    type SqlType = NotSelectable;
}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for By<C> where Self: AppearsOnTable<QS> {}

impl<C: AppearsOnTable<QS>, QS: QuerySource> AppearsOnTable<QS> for By<C> {}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for By<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C> QueryId for By<C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: QueryFragment<Dialect>> QueryFragment<Dialect> for By<C>
where
    Dialect: Backend,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        let is_server = out.backend().kind().is_server();
        out.push_sql(match (self.descending, is_server) {
            (false, true) => " ASC NULLS FIRST",
            (true, true) => " DESC NULLS LAST",
            (false, false) => " ASC",
            (true, false) => " DESC",
        });
        Ok(())
    }
}
