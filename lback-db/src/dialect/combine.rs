//! UNION, INTERSECT and EXCEPT.

use diesel::QueryResult;
use diesel::query_builder::{
    All, AstPass, Distinct, Except, Intersect, ParenthesisWrapper, QueryFragment, SupportsCombinationClause, Union,
};

use super::Dialect;
use crate::Kind;

// SQLite knows ALL behind UNION only.
impl SupportsCombinationClause<Union, Distinct> for Dialect {}
impl SupportsCombinationClause<Union, All> for Dialect {}
impl SupportsCombinationClause<Intersect, Distinct> for Dialect {}
impl SupportsCombinationClause<Except, Distinct> for Dialect {}

/// SQLite has no parentheses around a query, except in FROM.
impl<T: QueryFragment<Dialect>> QueryFragment<Dialect> for ParenthesisWrapper<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => out.push_sql("SELECT * FROM ("),
            #[cfg(feature = "postgres")]
            Kind::Postgres => out.push_sql("("),
        }
        self.inner.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
