//! Pages by cursor: the rows after a row, or before one, without counting or skipping others.

use std::rc::Rc;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use lback_core::Result;
use lback_db::{Dialect, unordered};
use serde::Serialize;

use crate::cursor::{Place, encoded};
use crate::keyset::{KeyColumn, Keyset, Test};
use crate::statement::bind;
use crate::{Cursor, FieldMeta, Model, ModelMeta, Value};

/// A page of a list, with the cursors of the pages beside it.
///
/// In a template, `{{ pages(page=page) }}` links to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CursorPage<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// The cursor of the next page, for `?after=…`. `None` on the last page.
    pub next: Option<String>,
    /// The cursor of the previous page, for `?before=…`. `None` on the first page.
    pub previous: Option<String>,
}

impl<T> CursorPage<T> {
    /// Returns the page with other items, made from those of this one.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> CursorPage<U> {
        CursorPage { items: self.items.into_iter().map(convert).collect(), next: self.next, previous: self.previous }
    }
}

/// A row that begins with the columns of a model: the model itself, or a tuple with the model first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of a model, so `cursor_page` cannot load it",
    note = "load a model, or a tuple of a model and other values: `.select((Post::as_select(), authors::name))`"
)]
pub trait ModelRow {
    /// The model.
    type Model: Model;

    /// Returns the row of the model.
    fn model(&self) -> &Self::Model;
}

impl<M: Model> ModelRow for M {
    type Model = M;

    fn model(&self) -> &M {
        self
    }
}

macro_rules! tuples {
    ($($Other:ident)*) => {
        impl<M: Model, $($Other),*> ModelRow for (M, $($Other),*) {
            type Model = M;

            fn model(&self) -> &M {
                &self.0
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);

/// Rows of a list: a condition, an order, and how many.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    keyset: Rc<Keyset>,
    values: Rc<Vec<Value>>,
    condition: Vec<Test>,
    limit: i64,
}

/// Returns the page of a list that a cursor names. `load` returns the rows of a part, and `row_of` the values of a row.
pub(crate) fn page<T>(
    keyset: Keyset,
    cursor: &Cursor,
    per_page: u32,
    mut load: impl FnMut(Part) -> Result<Vec<T>>,
    row_of: impl Fn(&T) -> Result<Vec<Value>>,
) -> Result<CursorPage<T>> {
    let per_page = usize::try_from(per_page.max(1)).unwrap_or(usize::MAX);
    let cursor_of = |row: Option<&T>| match row {
        Some(row) => encoded(&keyset.values_of(&row_of(row)?), &keyset).map(Some),
        None => Ok(None),
    };
    let place = cursor.place(&keyset)?;
    if let Place::Before(values) = &place {
        let mut items = rows(&keyset.reversed(), Some(values), per_page + 1, &mut load)?;
        let has_more = items.len() > per_page;
        items.truncate(per_page);
        // Otherwise, rows were deleted, and the first page is not full: it is shown whole.
        if has_more || items.len() == per_page {
            items.reverse();
            let previous = cursor_of(items.first().filter(|_| has_more))?;
            return Ok(CursorPage { next: cursor_of(items.last())?, previous, items });
        }
    }
    let after = match &place {
        Place::After(values) => Some(values),
        Place::Start | Place::Before(_) => None,
    };
    let mut items = rows(&keyset, after, per_page + 1, &mut load)?;
    let has_more = items.len() > per_page;
    items.truncate(per_page);
    if after.is_some() && items.is_empty() {
        // All rows after the cursor were deleted: the last page is shown.
        let mut items = rows(&keyset.reversed(), None, per_page + 1, &mut load)?;
        let has_more = items.len() > per_page;
        items.truncate(per_page);
        items.reverse();
        return Ok(CursorPage { next: None, previous: cursor_of(items.first().filter(|_| has_more))?, items });
    }
    let previous = cursor_of(items.first().filter(|_| after.is_some()))?;
    Ok(CursorPage { next: cursor_of(items.last().filter(|_| has_more))?, previous, items })
}

/// Returns the rows before and after the one with these values in the columns of the keyset.
pub(crate) fn beside<T>(
    keyset: &Keyset,
    values: &Vec<Value>,
    mut load: impl FnMut(Part) -> Result<Vec<T>>,
) -> Result<(Option<T>, Option<T>)> {
    let before = rows(&keyset.reversed(), Some(values), 1, &mut load)?.pop();
    let after = rows(keyset, Some(values), 1, &mut load)?.pop();
    Ok((before, after))
}

/// Returns the first rows, or the first after those with the given values.
fn rows<T>(keyset: &Keyset, after: Option<&Vec<Value>>, limit: usize, load: &mut impl FnMut(Part) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let keyset = Rc::new(keyset.clone());
    let conditions = after.map_or_else(|| keyset.all(), |values| keyset.after(values));
    let values = Rc::new(after.cloned().unwrap_or_default());
    let mut rows = Vec::new();
    for condition in conditions {
        let missing = limit - rows.len();
        if missing == 0 {
            break;
        }
        let limit = i64::try_from(missing).unwrap_or(i64::MAX);
        rows.extend(load(Part { keyset: Rc::clone(&keyset), values: Rc::clone(&values), condition, limit })?);
    }
    Ok(rows)
}

/// A part of the rows of a query that begins with the columns of a model.
#[doc(hidden)]
#[derive(Debug)]
pub struct Seek<Q> {
    query: Rc<Q>,
    part: Part,
}

impl<Q> Seek<Q> {
    pub(crate) fn new(query: Rc<Q>, part: Part) -> Self {
        Seek { query, part }
    }
}

/// The name of the query within the statement.
pub(crate) const LIST: &str = "list";

/// Adds ` FROM (query) AS list`, without the order of the query, which begins with the columns of a model.
pub(crate) fn push_list<'b>(
    query: &'b impl QueryFragment<Dialect>,
    meta: &ModelMeta,
    out: &mut AstPass<'_, 'b, Dialect>,
) -> QueryResult<()> {
    push_list_as(LIST, query, meta, out)
}

/// Adds ` FROM (query) AS name`, as [`push_list`] does.
pub(crate) fn push_list_as<'b>(
    name: &str,
    query: &'b impl QueryFragment<Dialect>,
    meta: &ModelMeta,
    out: &mut AstPass<'_, 'b, Dialect>,
) -> QueryResult<()> {
    out.push_sql(" FROM (");
    unordered(query, out.reborrow())?;
    out.push_sql(") AS ");
    out.push_identifier(name)?;
    if out.backend().kind().is_server() {
        for at in 0..meta.fields.len() {
            out.push_sql(if at == 0 { " (" } else { ", " });
            out.push_identifier(&numbered(at))?;
        }
        out.push_sql(")");
    }
    Ok(())
}

/// Adds the name of a column of the list. Others may have the same name, so PostgreSQL gives each a number; SQLite, which cannot, finds the
/// first.
pub(crate) fn push_column(at: usize, field: &FieldMeta, out: &mut AstPass<'_, '_, Dialect>) -> QueryResult<()> {
    push_column_of(LIST, at, field, out)
}

/// Adds the name of a column of the list with this name.
pub(crate) fn push_column_of(name: &str, at: usize, field: &FieldMeta, out: &mut AstPass<'_, '_, Dialect>) -> QueryResult<()> {
    out.push_identifier(name)?;
    out.push_sql(".");
    if out.backend().kind().is_server() { out.push_identifier(&numbered(at)) } else { out.push_identifier(field.column) }
}

fn column(column: &KeyColumn, out: &mut AstPass<'_, '_, Dialect>) -> QueryResult<()> {
    push_column(column.at, column.field, out)
}

/// Adds the order, in which NULL is smaller than any value.
pub(crate) fn push_order(columns: &[KeyColumn], out: &mut AstPass<'_, '_, Dialect>) -> QueryResult<()> {
    push_order_after(&[], columns, out)
}

/// Adds the order of the rows that satisfy conditions. If a column is NULL in all of them or in none, the place of NULLs is left out, because
/// an index serves only the one with which it was created.
fn push_order_after(condition: &[Test], columns: &[KeyColumn], out: &mut AstPass<'_, '_, Dialect>) -> QueryResult<()> {
    for (number, key) in columns.iter().enumerate() {
        out.push_sql(if number == 0 { " ORDER BY " } else { ", " });
        column(key, out)?;
        let has_both = key.field.null && condition.iter().all(|test| test.column() != number);
        out.push_sql(match (key.descending, has_both && out.backend().kind().is_server()) {
            (false, false) => "",
            (true, false) => " DESC",
            // SQLite does this by itself.
            (false, true) => " NULLS FIRST",
            (true, true) => " DESC NULLS LAST",
        });
    }
    Ok(())
}

fn numbered(at: usize) -> String {
    format!("c{at}")
}

impl Part {
    fn walk_ast<'b>(&'b self, out: &mut AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let columns = self.keyset.columns();
        for (number, test) in self.condition.iter().enumerate() {
            out.push_sql(if number == 0 { " WHERE " } else { " AND " });
            match *test {
                Test::Equal(at) => {
                    column(&columns[at], out)?;
                    out.push_sql(" = ");
                    bind(columns[at].field.kind, &self.values[at], out)?;
                }
                Test::Null(at) => {
                    column(&columns[at], out)?;
                    out.push_sql(" IS NULL");
                }
                Test::NotNull(at) => {
                    column(&columns[at], out)?;
                    out.push_sql(" IS NOT NULL");
                }
                Test::Beyond(first, end) => self.walk_beyond(first, end, out)?,
            }
        }
        push_order_after(&self.condition, columns, out)?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }

    /// Writes `(a, b) > (?, ?)`.
    fn walk_beyond<'b>(&'b self, first: usize, end: usize, out: &mut AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let columns = self.keyset.columns();
        let separator = |at: usize| if at == first { "(" } else { ", " };
        for (at, key) in columns.iter().enumerate().take(end).skip(first) {
            out.push_sql(separator(at));
            column(key, out)?;
        }
        out.push_sql(if columns[first].descending { ") < " } else { ") > " });
        for (at, key) in columns.iter().enumerate().take(end).skip(first) {
            out.push_sql(separator(at));
            bind(key.field.kind, &self.values[at], out)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

impl<Q: QueryFragment<Dialect>> QueryFragment<Dialect> for Seek<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT *");
        push_list(&*self.query, self.part.keyset.meta(), &mut out)?;
        self.part.walk_ast(&mut out)
    }
}

impl<Q: Query> Query for Seek<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Seek<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<lback_db::Db> for Seek<Q> {}
