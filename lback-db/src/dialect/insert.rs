//! INSERT: rows, columns that are left to their defaults, ON CONFLICT; and RETURNING of all statements.

use diesel::QueryResult;
use diesel::backend::sql_dialect;
use diesel::expression::{AppearsOnTable, Expression};
use diesel::insertable::{CanInsertInSingleQuery, ColumnInsertValue, DefaultableColumnInsertValue, InsertValues};
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::prelude::{Column, Table};
use diesel::query_builder::{AstPass, BatchInsert, NoFromClause, QueryFragment, QueryId, ReturningClause, ValuesClause};

use super::Dialect;
use crate::Kind;

/// ON CONFLICT, which SQLite has from PostgreSQL.
#[derive(Debug)]
pub struct OnConflict;

impl sql_dialect::on_conflict_clause::SupportsOnConflictClause for OnConflict {}
impl sql_dialect::on_conflict_clause::SupportsOnConflictClauseWhere for OnConflict {}
impl sql_dialect::on_conflict_clause::PgLikeOnConflictClause for OnConflict {}

/// RETURNING. On SQLite, its columns are written without the name of their table.
#[derive(Debug)]
pub struct Returning;

impl sql_dialect::returning_clause::SupportsReturningClause for Returning {}

impl<Expr: QueryFragment<Dialect>> QueryFragment<Dialect, Returning> for ReturningClause<Expr> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => out.skip_from(true),
            #[cfg(feature = "postgres")]
            Kind::Postgres => (),
        }
        out.push_sql(" RETURNING ");
        self.0.walk_ast(out)
    }
}

/// DEFAULT for a column that a row leaves out, which SQLite does not know.
#[derive(Debug)]
pub struct DefaultKeyword;

impl<Col, Expr> QueryFragment<Dialect, DefaultKeyword> for DefaultableColumnInsertValue<ColumnInsertValue<Col, Expr>>
where
    Col: Column,
    Expr: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let dialect = out.backend();
        dialect.defaults.record(matches!(self, Self::Expression(_)));
        match self {
            Self::Expression(value) => return value.walk_ast(out),
            Self::Default if !dialect.leaves_out_defaults => out.push_sql("DEFAULT"),
            Self::Default =>
            {
                #[cfg(feature = "sqlite")]
                if let Some(default) = dialect.defaults.of(Col::NAME).map(str::to_owned) {
                    out.push_sql(&default);
                }
            }
        }
        Ok(())
    }
}

impl<Col, Expr> InsertValues<Dialect, Col::Table> for DefaultableColumnInsertValue<ColumnInsertValue<Col, Expr>>
where
    Col: Column,
    Expr: Expression<SqlType = Col::SqlType> + AppearsOnTable<NoFromClause>,
    Self: QueryFragment<Dialect>,
{
    fn column_names(&self, mut out: AstPass<'_, '_, Dialect>) -> QueryResult<()> {
        // A column that is left out adds nothing to the values either.
        if self.is_noop(out.backend())? { Ok(()) } else { out.push_identifier(Col::NAME) }
    }
}

/// Rows in one statement.
#[derive(Debug)]
pub struct Batch;

impl<T, Tab, QId, const STATIC: bool> CanInsertInSingleQuery<Dialect> for BatchInsert<Vec<T>, Tab, QId, STATIC> {
    fn rows_to_insert(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

impl<V, Tab, QId, const STATIC: bool> QueryFragment<Dialect, Batch> for BatchInsert<Vec<ValuesClause<V, Tab>>, Tab, QId, STATIC>
where
    Tab: Table + StaticQueryFragment,
    Tab::Component: QueryFragment<Dialect>,
    V: InsertValues<Dialect, Tab> + QueryId,
    ValuesClause<V, Tab>: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        // With columns left out, rows of one type are of several shapes.
        if !(STATIC && V::HAS_STATIC_QUERY_ID) {
            out.unsafe_to_cache_prepared();
            #[cfg(feature = "sqlite")]
            super::defaults::check(&self.values, out.backend())?;
        }
        let mut rows = self.values.iter();
        if let Some(first) = rows.next() {
            first.walk_ast(out.reborrow())?;
        }
        for row in rows {
            out.push_sql(", (");
            row.values.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        Ok(())
    }
}
