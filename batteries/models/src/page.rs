//! Pages of a query, and whether it finds anything.

use diesel::prelude::*;
use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::sql_types::{BigInt, Bool};
use lback_core::Result;
use lback_db::{Db, Dialect, RowCount};
use serde::Serialize;

/// A page of a query's rows.
///
/// In a template, `{{ pages(page=page) }}` links to the other pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// The number of this page, from 1.
    pub number: u32,
    /// The number of pages, at least 1.
    pub pages: u32,
    /// The number of all rows.
    pub total: i64,
}

impl<T> Page<T> {
    /// Returns the page with other items, made from those of this one.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), number: self.number, pages: self.pages, total: self.total }
    }
}

/// Methods for every query of Diesel.
pub trait QueryMethods: AsQuery<Query: QueryFragment<Dialect>> + Sized {
    /// Loads the page `number`, from 1, and counts all rows. If `number` is past the end, returns the last page. The query must have no
    /// limit of its own.
    ///
    /// Order the query by something that no two rows have in common, such as the key at the end. Otherwise, a row may be on two
    /// pages.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # #[model(order = "-id")]
    /// # pub struct Post { pub id: i64, pub title: String }
    /// fn newest(db: &mut Db, number: u32) -> Result<Page<Post>> {
    ///     Post::ordered().page(db, number, 20)
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the query fails.
    fn page<'query, T>(self, db: &mut Db, number: u32, per_page: u32) -> Result<Page<T>>
    where
        Part<<Self as AsQuery>::Query>: LoadQuery<'query, Db, T>;

    /// Returns whether the query finds a row.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    fn exists(self, db: &mut Db) -> Result<bool>;
}

impl<Q: AsQuery<Query: QueryFragment<Dialect>>> QueryMethods for Q {
    fn page<'query, T>(self, db: &mut Db, number: u32, per_page: u32) -> Result<Page<T>>
    where
        Part<<Self as AsQuery>::Query>: LoadQuery<'query, Db, T>,
    {
        let query = self.as_query();
        let per_page = per_page.max(1);
        let total: i64 = RowCount(&query).get_result(db)?;
        let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(per_page).max(1);
        let number = number.clamp(1, pages);
        let offset = i64::from(number - 1) * i64::from(per_page);
        let items = Part { query, limit: per_page.into(), offset }.load(db)?;
        Ok(Page { items, number, pages, total })
    }

    fn exists(self, db: &mut Db) -> Result<bool> {
        Ok(Exists(self.as_query()).get_result(db)?)
    }
}

/// A query, from one row to another.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Part<Q> {
    query: Q,
    limit: i64,
    offset: i64,
}

impl<Q: QueryFragment<Dialect>> QueryFragment<Dialect> for Part<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.offset)
    }
}

impl<Q: Query> Query for Part<Q> {
    type SqlType = Q::SqlType;
}

/// Whether a query finds a row.
struct Exists<Q>(Q);

impl<Q: QueryFragment<Dialect>> QueryFragment<Dialect> for Exists<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT EXISTS (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Q> Query for Exists<Q> {
    type SqlType = Bool;
}

/// A query inside another has no identity of its own; its statement is found by its text.
macro_rules! run_by_text {
    ($($Query:ident),*) => {$(
        impl<Q> QueryId for $Query<Q> {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl<Q> RunQueryDsl<Db> for $Query<Q> {}
    )*};
}

run_by_text!(Part, Exists);
