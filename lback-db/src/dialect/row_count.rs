//! The number of rows that a query finds.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::sql_types::BigInt;

use super::Dialect;
use super::order::unordered;
use crate::Db;

/// The number of rows that a query finds, whatever it selects: `RowCount(&query).get_result::<i64>(db)?`.
///
/// The query is a subquery of `SELECT COUNT(*)`. Its order is left out, because it would keep the databases from counting without
/// reading the rows.
#[doc(hidden)]
#[derive(Debug)]
pub struct RowCount<Q>(pub Q);

impl<Q: QueryFragment<Dialect>> QueryFragment<Dialect> for RowCount<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT COUNT(*) FROM (");
        unordered(&self.0, out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}

impl<Q> Query for RowCount<Q> {
    type SqlType = BigInt;
}

impl<Q> QueryId for RowCount<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<Db> for RowCount<Q> {}
