//! One row of each group, as PostgreSQL's DISTINCT ON returns it.

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression};
use diesel::prelude::RunQueryDsl;
use diesel::query_builder::{AstPass, FromClause, NoOrderClause, OrderClause, Query, QueryFragment, QueryId, SelectStatement};

use super::Dialect;
use crate::Kind;

/// Queries that return one row of each group.
pub trait FirstOfEach: Sized {
    /// Returns, of the rows that have the same value of `group`, the one that the query's order puts first. The rows are sorted by
    /// `group`.
    ///
    /// This is `DISTINCT ON` of PostgreSQL, on both databases. A limit is the number of groups.
    ///
    /// ```
    /// use lback::diesel;
    /// use lback::prelude::*;
    ///
    /// diesel::table! {
    ///     posts (id) {
    ///         id -> BigInt,
    ///         author -> Text,
    ///     }
    /// }
    ///
    /// fn latest_of_each_author(db: &mut Db) -> QueryResult<Vec<(String, i64)>> {
    ///     posts::table.select((posts::author, posts::id)).order(posts::id.desc()).first_of_each(posts::author).load(db)
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
    /// # client.db(|db| diesel::sql_query("CREATE TABLE posts (id BIGINT, author TEXT NOT NULL)").execute(db));
    /// # let rows = [(1, "b"), (2, "b"), (3, "a")].map(|(id, author)| (posts::id.eq(id), posts::author.eq(author)));
    /// # client.db(|db| diesel::insert_into(posts::table).values(rows).execute(db));
    /// # assert_eq!(client.db(latest_of_each_author), [("a".to_owned(), 3), ("b".to_owned(), 2)]);
    /// ```
    fn first_of_each<G: Expression>(self, group: G) -> FirstRows<Self, G> {
        FirstRows { query: self, group }
    }
}

impl<F, S, D, W, O, LOf, G, H, LC> FirstOfEach for SelectStatement<F, S, D, W, O, LOf, G, H, LC> {}

/// The first row of each group. See [`FirstOfEach`].
#[derive(Clone, Copy, Debug, QueryId)]
#[must_use = "Queries are only executed when calling `load`, `get_result` or similar."]
pub struct FirstRows<Q, G> {
    query: Q,
    group: G,
}

impl<F, S, D, W, O, LOf, GB, H, LC, G> Query for FirstRows<SelectStatement<FromClause<F>, S, D, W, O, LOf, GB, H, LC>, G>
where
    F: diesel::QuerySource,
    SelectStatement<FromClause<F>, S, D, W, O, LOf, GB, H, LC>: Query,
    G: AppearsOnTable<F>,
{
    type SqlType = <SelectStatement<FromClause<F>, S, D, W, O, LOf, GB, H, LC> as Query>::SqlType;
}

impl<Q, G, Conn> RunQueryDsl<Conn> for FirstRows<Q, G> {}

/// The order of a query, without its keywords.
pub trait Order {
    /// Adds it behind an order by something else.
    fn walk_behind<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()>;
}

impl Order for NoOrderClause {
    fn walk_behind<'b>(&'b self, _: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        Ok(())
    }
}

impl<E: QueryFragment<Dialect>> Order for OrderClause<E> {
    fn walk_behind<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql(", ");
        self.0.walk_ast(out)
    }
}

impl<F, S, D, W, O, LOf, GB, H, LC, G> QueryFragment<Dialect> for FirstRows<SelectStatement<F, S, D, W, O, LOf, GB, H, LC>, G>
where
    F: QueryFragment<Dialect>,
    S: QueryFragment<Dialect>,
    W: QueryFragment<Dialect>,
    O: Order,
    LOf: QueryFragment<Dialect>,
    GB: QueryFragment<Dialect>,
    H: QueryFragment<Dialect>,
    G: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let query = &self.query;
        match out.backend().kind() {
            #[cfg(feature = "postgres")]
            Kind::Postgres => {
                out.push_sql("SELECT DISTINCT ON (");
                self.group.walk_ast(out.reborrow())?;
                out.push_sql(") ");
                query.select.walk_ast(out.reborrow())?;
            }
            // The numbers are additional columns after the selected ones, and are not read.
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => {
                out.push_sql("SELECT * FROM (SELECT ");
                query.select.walk_ast(out.reborrow())?;
                out.push_sql(", row_number() OVER (PARTITION BY ");
                self.group.walk_ast(out.reborrow())?;
                out.push_sql(" ORDER BY ");
                self.group.walk_ast(out.reborrow())?;
                query.order.walk_behind(out.reborrow())?;
                out.push_sql(") AS lback_place, row_number() OVER (ORDER BY ");
                self.group.walk_ast(out.reborrow())?;
                query.order.walk_behind(out.reborrow())?;
                out.push_sql(") AS lback_row");
            }
        }
        query.from.walk_ast(out.reborrow())?;
        query.where_clause.walk_ast(out.reborrow())?;
        query.group_by.walk_ast(out.reborrow())?;
        query.having.walk_ast(out.reborrow())?;
        match out.backend().kind() {
            #[cfg(feature = "postgres")]
            Kind::Postgres => {
                out.push_sql(" ORDER BY ");
                self.group.walk_ast(out.reborrow())?;
                query.order.walk_behind(out.reborrow())?;
            }
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => out.push_sql(") WHERE lback_place = 1 ORDER BY lback_row"),
        }
        query.limit_offset.walk_ast(out)
    }
}
