//! SELECT: locks, limits and lists of values.

use diesel::QueryResult;
use diesel::expression::array_comparison::{In, InExpression, Many, NotIn};
use diesel::internal::derives::multiconnection::BoxedQueryHelper;
use diesel::query_builder::{
    AstPass, BoxedLimitOffsetClause, BoxedSelectStatement, IntoBoxedClause, LimitClause, LimitOffsetClause, NoLimitClause, NoOffsetClause,
    OffsetClause, QueryFragment, SelectStatement,
};
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

use super::Dialect;
use super::native::{self, OnPostgres};
use crate::Kind;

/// A SELECT whose locks SQLite does without: it has one writer at a time.
#[derive(Debug)]
pub struct Select;

impl<F, S, D, W, O, LOf, G, H, LC> QueryFragment<Dialect, Select> for SelectStatement<F, S, D, W, O, LOf, G, H, LC>
where
    F: QueryFragment<Dialect>,
    S: QueryFragment<Dialect>,
    D: QueryFragment<Dialect>,
    W: QueryFragment<Dialect>,
    O: QueryFragment<Dialect>,
    LOf: QueryFragment<Dialect>,
    G: QueryFragment<Dialect>,
    H: QueryFragment<Dialect>,
    LC: OnPostgres,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.distinct.walk_ast(out.reborrow())?;
        self.select.walk_ast(out.reborrow())?;
        self.from.walk_ast(out.reborrow())?;
        self.where_clause.walk_ast(out.reborrow())?;
        self.group_by.walk_ast(out.reborrow())?;
        self.having.walk_ast(out.reborrow())?;
        self.order.walk_ast(out.reborrow())?;
        self.limit_offset.walk_ast(out.reborrow())?;
        native::walk_on_postgres(&self.locking, out)
    }
}

impl<ST, QS, GB> QueryFragment<Dialect, Select> for BoxedSelectStatement<'_, ST, QS, Dialect, GB>
where
    QS: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.build_query(out, |filter, out| filter.walk_ast(out))
    }
}

impl<L: QueryFragment<Dialect>> QueryFragment<Dialect> for LimitOffsetClause<L, NoOffsetClause> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.limit_clause.walk_ast(out)
    }
}

impl<L, O> QueryFragment<Dialect> for LimitOffsetClause<LimitClause<L>, OffsetClause<O>>
where
    LimitClause<L>: QueryFragment<Dialect>,
    OffsetClause<O>: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.limit_clause.walk_ast(out.reborrow())?;
        self.offset_clause.walk_ast(out)
    }
}

impl<O> QueryFragment<Dialect> for LimitOffsetClause<NoLimitClause, OffsetClause<O>>
where
    OffsetClause<O>: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        push_no_limit(&mut out);
        self.offset_clause.walk_ast(out)
    }
}

impl QueryFragment<Dialect> for BoxedLimitOffsetClause<'_, Dialect> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        match (&self.limit, &self.offset) {
            (Some(limit), _) => limit.walk_ast(out.reborrow())?,
            (None, Some(_)) => push_no_limit(&mut out),
            (None, None) => (),
        }
        match &self.offset {
            Some(offset) => offset.walk_ast(out),
            None => Ok(()),
        }
    }
}

/// SQLite knows OFFSET only behind LIMIT.
fn push_no_limit(out: &mut AstPass<'_, '_, Dialect>) {
    match out.backend().kind() {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => out.push_sql(" LIMIT -1 "),
        #[cfg(feature = "postgres")]
        Kind::Postgres => (),
    }
}

/// A clause that a boxed query keeps, if there is one.
pub trait BoxedClause<'a> {
    fn boxed(self) -> Option<Box<dyn QueryFragment<Dialect> + Send + 'a>>;
}

impl<'a> BoxedClause<'a> for NoLimitClause {
    fn boxed(self) -> Option<Box<dyn QueryFragment<Dialect> + Send + 'a>> {
        None
    }
}

impl<'a> BoxedClause<'a> for NoOffsetClause {
    fn boxed(self) -> Option<Box<dyn QueryFragment<Dialect> + Send + 'a>> {
        None
    }
}

impl<'a, L: QueryFragment<Dialect> + Send + 'a> BoxedClause<'a> for LimitClause<L> {
    fn boxed(self) -> Option<Box<dyn QueryFragment<Dialect> + Send + 'a>> {
        Some(Box::new(self))
    }
}

impl<'a, O: QueryFragment<Dialect> + Send + 'a> BoxedClause<'a> for OffsetClause<O> {
    fn boxed(self) -> Option<Box<dyn QueryFragment<Dialect> + Send + 'a>> {
        Some(Box::new(self))
    }
}

impl<'a, L: BoxedClause<'a>, O: BoxedClause<'a>> IntoBoxedClause<'a, Dialect> for LimitOffsetClause<L, O> {
    type BoxedClause = BoxedLimitOffsetClause<'a, Dialect>;

    fn into_boxed(self) -> Self::BoxedClause {
        BoxedLimitOffsetClause { limit: self.limit_clause.boxed(), offset: self.offset_clause.boxed() }
    }
}

/// `IN (?, ?)` on SQLite. On PostgreSQL, `= ANY($1)` with one array, so that lists of every length are one statement.
#[derive(Debug)]
pub struct ArrayComparison;

impl<T, U> QueryFragment<Dialect, ArrayComparison> for In<T, U>
where
    T: QueryFragment<Dialect>,
    U: QueryFragment<Dialect> + InExpression,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        compare(&self.left, &self.values, [" IN (", " = ANY(", "1=0"], out)
    }
}

impl<T, U> QueryFragment<Dialect, ArrayComparison> for NotIn<T, U>
where
    T: QueryFragment<Dialect>,
    U: QueryFragment<Dialect> + InExpression,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        compare(&self.left, &self.values, [" NOT IN (", " != ALL(", "1=1"], out)
    }
}

#[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite has no arrays"))]
fn compare<'b, T, U>(left: &'b T, values: &'b U, [list, array, empty]: [&str; 3], mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()>
where
    T: QueryFragment<Dialect>,
    U: QueryFragment<Dialect> + InExpression,
{
    let operator = match out.backend().kind() {
        #[cfg(feature = "postgres")]
        Kind::Postgres if !values.is_array() => array,
        _ if values.is_empty() => {
            out.push_sql(empty);
            return Ok(());
        }
        _ => list,
    };
    left.walk_ast(out.reborrow())?;
    out.push_sql(operator);
    values.walk_ast(out.reborrow())?;
    out.push_sql(")");
    Ok(())
}

impl<ST, I> QueryFragment<Dialect, ArrayComparison> for Many<ST, I>
where
    Self: OnPostgres,
    Dialect: HasSqlType<ST>,
    I: ToSql<ST, Dialect>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => list::<ST, I>(&self.values, out),
            #[cfg(feature = "postgres")]
            Kind::Postgres => native::walk_on_postgres(self, out),
        }
    }
}

/// Adds a list of values. It is not left to Diesel, whose backend for SQLite does not have all types.
#[cfg(feature = "sqlite")]
fn list<'b, ST, I>(values: &'b [I], mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()>
where
    Dialect: HasSqlType<ST>,
    I: ToSql<ST, Dialect>,
{
    out.unsafe_to_cache_prepared();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push_sql(", ");
        }
        out.push_bind_param::<ST, I>(value)?;
    }
    Ok(())
}
