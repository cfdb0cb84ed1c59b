//! Pages of a query, the number of its rows, and whether it finds any.

use std::rc::Rc;

use diesel::prelude::*;
use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::sql_types::{BigInt, Bool};
use lback_core::{Error, Result};
use lback_db::{Db, Dialect, RowCount};
use serde::Serialize;

use crate::keyset::Keyset;
use crate::seek::{self, Seek};
use crate::{Cursor, CursorPage, Model, ModelRow};

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

    /// Loads the page at the cursor: as many rows as `per_page` after a row, or before one. Rows are neither counted nor skipped, so a page
    /// far from the start takes no longer than the first, and no row is shown twice if others are added or deleted. If no rows
    /// follow, returns the last page; if fewer than `per_page` precede, the first.
    ///
    /// The order is that of the query, which must be by columns of the model, and then by the key. NULL counts as smaller than any value.
    /// An index on these columns serves it if all of them have the same direction; on PostgreSQL, that of a column that may be NULL must
    /// have `NULLS FIRST`. The query must have no limit of its own. If it loads several tables, the model comes
    /// first, and a row of it occurs once.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug, serde::Serialize)]
    /// # #[model(order = "-id")]
    /// # pub struct Post { pub id: i64, pub title: String }
    /// # use lback::serde;
    /// fn list(req: &mut Request) -> Result<Response> {
    ///     // From `?after=…` or `?before=…`.
    ///     let cursor: Cursor = req.query()?;
    ///     let page: CursorPage<Post> = Post::ordered().cursor_page(req.db()?, &cursor, 20)?;
    ///     req.render("posts.html", context! { page })
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 400 if the cursor is invalid or belongs to a list in another order. Returns an error if the query is ordered by anything else
    /// than columns of the model, or fails.
    #[track_caller]
    fn cursor_page<'query, T: ModelRow>(self, db: &mut Db, cursor: &Cursor, per_page: u32) -> Result<CursorPage<T>>
    where
        Seek<<Self as AsQuery>::Query>: LoadQuery<'query, Db, T>;

    /// Returns the number of rows that the query finds. Diesel's `count` selects it instead.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    fn row_count(self, db: &mut Db) -> Result<i64>;

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

    #[track_caller]
    fn cursor_page<'query, T: ModelRow>(self, db: &mut Db, cursor: &Cursor, per_page: u32) -> Result<CursorPage<T>>
    where
        Seek<<Self as AsQuery>::Query>: LoadQuery<'query, Db, T>,
    {
        let query = Rc::new(self.as_query());
        let keyset = match Keyset::of_query(T::Model::META, &*query, db) {
            Ok(keyset) => keyset,
            Err(problem) => return Err(Error::internal(format!("cursor_page: {problem}"))),
        };
        let load = |part| Ok(Seek::new(Rc::clone(&query), part).load(db)?);
        seek::page(keyset, cursor, per_page, load, |row: &T| row.model().to_values())
    }

    fn row_count(self, db: &mut Db) -> Result<i64> {
        Ok(RowCount(self.as_query()).get_result(db)?)
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
