//! [`List`], rows of a model by filter and order.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Untyped};
use lback_core::{Error, Result};
use lback_db::{Db, Dialect};
use lback_forms::{Choice, ChoiceSource};

use super::condition::{Condition, finds_few};
use super::{Filter, key_text, labels};
use crate::keyset::Keyset;
use crate::seek::{self, LIST, Seek, push_list, push_order};
use crate::statement::load_values;
use crate::table_choices::{AnyQuery, TableChoices};
use crate::{Cursor, CursorPage, FieldMeta, Kind, ModelMeta, Page, RowValues, Value, rows};

type QueryFn = Arc<dyn Fn() -> AnyQuery + Send + Sync>;

/// Rows of a model whose type is not known, with filters and an order.
///
/// ```
/// use lback::models::{Cursor, Filter, ModelOps, Value};
/// # use lback::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Post { pub id: i64, pub title: String, pub is_public: bool }
///
/// /// Returns the labels of the first ten rows of a model, or only of public ones if it has a field for that.
/// fn first(model: &'static dyn ModelOps, db: &mut Db) -> Result<Vec<String>> {
///     let mut list = model.list();
///     if let Some(field) = model.meta().field("is_public") {
///         list = list.filter(Filter::equal(field, Value::Bool(true)));
///     }
///     let page = list.page(db, &Cursor::default(), 10)?;
///     Ok(page.items.iter().map(|row| model.label(row)).collect())
/// }
/// ```
#[derive(Clone)]
pub struct List {
    meta: &'static ModelMeta,
    /// Functions that return queries for some of the rows, which begin with the columns of the model.
    queries: Vec<QueryFn>,
    filters: Vec<Filter>,
    order: Vec<(&'static str, bool)>,
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("table", &self.meta.table).field("filters", &self.filters).field("order", &self.order).finish()
    }
}

impl List {
    /// Returns a list of all rows, in the order of the model. The order leaves out hidden columns, because a cursor would reveal them.
    pub fn of(meta: &'static ModelMeta) -> Self {
        let is_shown = |column: &str| meta.field_of_column(column).is_some_and(|field| !field.hidden && field.kind != Kind::Json);
        let order = meta.total_order().into_iter().filter(|(column, _)| is_shown(column)).collect();
        List { meta, queries: Vec::new(), filters: Vec::new(), order }
    }

    /// Narrows the list to the rows that a query finds. The query loads rows of the model. Several queries narrow the list together.
    pub fn among<Q: QueryFragment<Dialect> + 'static>(mut self, query: impl Fn() -> Q + Send + Sync + 'static) -> Self {
        self.queries.push(Arc::new(move || -> AnyQuery { Box::new(query()) }));
        self
    }

    /// Narrows the list to rows that satisfy a condition.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Sorts the list by these fields, each with a `-` if it starts with the largest. Without fields, the order stays as it is.
    ///
    /// # Errors
    /// Returns 400 if the model has no such field, or if it is hidden or JSON.
    pub fn order_by(mut self, names: &[&str]) -> Result<Self> {
        let mut order = Vec::new();
        for name in names {
            let (name, descending) = name.strip_prefix('-').map_or((*name, false), |name| (name, true));
            let unknown = || Error::bad_request(format!("{} cannot be ordered by \"{name}\".", self.meta.plural));
            let field = self.meta.field(name).filter(|field| !field.hidden && field.kind != Kind::Json);
            order.push((field.ok_or_else(unknown)?.column, descending));
        }
        if !order.is_empty() {
            self.order = order;
        }
        Ok(self)
    }

    /// Returns the page that a cursor names.
    ///
    /// # Errors
    /// Returns 400 if the cursor is invalid or belongs to another order.
    pub fn page(&self, db: &mut Db, cursor: &Cursor, per_page: u32) -> Result<CursorPage<Vec<Value>>> {
        let keyset = Keyset::of(self.meta, self.order.iter().copied()).map_err(Error::bad_request)?;
        let query = Rc::new(self.rows()?);
        let kinds = rows::kinds(self.meta);
        let load = |part| Ok(load_values(Seek::new(Rc::clone(&query), part), db, &kinds)?);
        seek::page(keyset, cursor, per_page, load, |row: &Vec<Value>| Ok(row.clone()))
    }

    /// Returns the page with this number, from 1, and counts all rows. If `number` is past the end, returns the last page.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn numbered_page(&self, db: &mut Db, number: u32, per_page: u32) -> Result<Page<Vec<Value>>> {
        let keyset = Keyset::of(self.meta, self.order.iter().copied()).map_err(Error::bad_request)?;
        let per_page = per_page.max(1);
        let total = self.count_up_to(db, u32::MAX)?;
        let pages = total.div_ceil(per_page).max(1);
        let number = number.clamp(1, pages);
        let offset = i64::from(number - 1) * i64::from(per_page);
        let numbered = Numbered { rows: self.rows()?, keyset, limit: per_page.into(), offset };
        let items = load_values(numbered, db, &rows::kinds(self.meta))?;
        Ok(Page { items, number, pages, total: total.into() })
    }

    /// Returns the rows before and after a row of the list.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn beside(&self, db: &mut Db, row: &[Value]) -> Result<(Option<RowValues>, Option<RowValues>)> {
        let keyset = Keyset::of(self.meta, self.order.iter().copied()).map_err(Error::bad_request)?;
        let query = Rc::new(self.rows()?);
        let kinds = rows::kinds(self.meta);
        seek::beside(&keyset, &keyset.values_of(row), |part| Ok(load_values(Seek::new(Rc::clone(&query), part), db, &kinds)?))
    }

    /// Returns the row of the list with this primary key.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn find(&self, db: &mut Db, key: &[Value]) -> Result<Option<Vec<Value>>> {
        let fields: Vec<_> = self.meta.primary_key.iter().filter_map(|column| self.meta.field_of_column(column)).collect();
        // The order makes no difference to one row.
        let list = List { order: Vec::new(), ..self.clone() };
        Ok(list.filter(equal(&fields, key)).page(db, &Cursor::default(), 1)?.items.pop())
    }

    /// Returns the number of rows, or `most` if there are at least that many. The database stops counting there.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn count_up_to(&self, db: &mut Db, most: u32) -> Result<u32> {
        let count = Count { rows: self.rows()?, most: most.into() };
        let found = load_values(count, db, &[Kind::BigInt.into()])?;
        match found.first().map(Vec::as_slice) {
            Some([Value::Int(count)]) => Ok(u32::try_from(*count).unwrap_or(most)),
            _ => Ok(0),
        }
    }

    /// Calls `work` with all rows, in batches, so that memory does not grow with the list.
    ///
    /// # Errors
    /// Returns the first error of `work`, or one of the database.
    pub fn for_each_batch(&self, db: &mut Db, mut work: impl FnMut(&mut Db, Vec<Vec<Value>>) -> Result<()>) -> Result<()> {
        /// The number of rows in memory.
        const BATCH: u32 = 500;
        let mut cursor = Cursor::default();
        loop {
            let page = self.page(db, &cursor, BATCH)?;
            if !page.items.is_empty() {
                work(db, page.items)?;
            }
            match page.next {
                Some(next) => cursor = Cursor { after: Some(next), before: None },
                None => return Ok(()),
            }
        }
    }

    /// Returns the rows with these primary keys, by the texts of their keys.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn with_keys(&self, db: &mut Db, keys: &[Vec<Value>]) -> Result<Vec<(String, Vec<Value>)>> {
        /// The maximum number of keys in one query. SQLite limits the number of conditions more than that of values.
        const MOST: [usize; 2] = [1000, 200];
        let fields: Vec<_> = self.meta.primary_key.iter().filter_map(|column| self.meta.field_of_column(column)).collect();
        let mut found = Vec::new();
        for keys in keys.chunks(if fields.len() == 1 { MOST[0] } else { MOST[1] }) {
            let filter = match fields.as_slice() {
                [] => return Ok(Vec::new()),
                [field] => Filter::OneOf(field, keys.concat()),
                fields => Filter::Any(keys.iter().map(|key| equal(fields, key)).collect()),
            };
            let rows = self.clone().filter(filter).page(db, &Cursor::default(), u32::try_from(keys.len()).unwrap_or(u32::MAX))?;
            found.extend(rows.items.into_iter().map(|row| (key_text(self.meta, &row), row)));
        }
        Ok(found)
    }

    /// Returns the description of the model.
    pub fn meta(&self) -> &'static ModelMeta {
        self.meta
    }

    /// Returns the rows as choices of a field that refers to them. If there are many, the visitor searches.
    pub fn into_choices(self) -> impl ChoiceSource + 'static {
        TableChoices::of_list(self)
    }

    /// Returns rows by key and label, for a search while a visitor types: the row with the text as its key, rows whose label begins with the
    /// text if the label has an index, and those of the newest 10,000 rows whose label contains it. The time that this takes does not grow
    /// with the table.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn search_labels(&self, db: &mut Db, text: &str, most: u32) -> Result<Vec<Choice>> {
        labels::search(self, db, text, most)
    }

    /// Returns whether the list has more rows than this.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn has_more_than(&self, db: &mut Db, rows: u32) -> Result<bool> {
        Ok(self.count_up_to(db, rows.saturating_add(1))? > rows)
    }

    /// Returns the rows as a query, which is built anew each time.
    pub(crate) fn query(&self) -> Result<AnyQuery> {
        Ok(Box::new(self.rows()?))
    }

    pub(super) fn rows(&self) -> Result<Rows> {
        let mut queries = self.queries.iter().map(|query| query());
        let query = queries.next().unwrap_or_else(|| Box::new(rows::select(self.meta)));
        let filters = self.filters.iter().map(|filter| Condition::of(self.meta, filter));
        let mut conditions: Vec<_> = filters.chain(queries.map(|query| Ok(Condition::Among(query, self.meta)))).collect::<Result<_>>()?;
        if self.filters.iter().any(|filter| finds_few(self.meta, filter)) {
            conditions.iter_mut().for_each(Condition::check_each_row);
        }
        Ok(Rows { meta: self.meta, query, conditions })
    }
}

/// Returns the condition that fields have these values.
fn equal(fields: &[&'static FieldMeta], values: &[Value]) -> Filter {
    Filter::All(fields.iter().zip(values).map(|(field, value)| Filter::equal(field, value.clone())).collect())
}

/// The rows of a list, without their order.
pub(super) struct Rows {
    pub(super) meta: &'static ModelMeta,
    query: AnyQuery,
    conditions: Vec<Condition>,
}

impl Rows {
    fn walk_conditions<'b>(&'b self, out: &mut AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        for (number, condition) in self.conditions.iter().enumerate() {
            out.push_sql(if number == 0 { " WHERE " } else { " AND " });
            condition.walk_ast(out.reborrow())?;
        }
        Ok(())
    }
}

impl QueryFragment<Dialect> for Rows {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        if self.conditions.is_empty() {
            return self.query.walk_ast(out);
        }
        out.push_sql("SELECT *");
        push_list(&self.query, self.meta, &mut out)?;
        self.walk_conditions(&mut out)
    }
}

impl Query for Rows {
    type SqlType = Untyped;
}

impl Rows {
    /// Adds ` FROM (…) AS list WHERE …`.
    pub(super) fn walk_from<'b>(&'b self, out: &mut AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        push_list(&self.query, self.meta, out)?;
        self.walk_conditions(out)
    }
}

/// The rows of a page, by its place in the list.
struct Numbered {
    rows: Rows,
    keyset: Keyset,
    limit: i64,
    offset: i64,
}

impl QueryFragment<Dialect> for Numbered {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT *");
        self.rows.walk_from(&mut out)?;
        push_order(self.keyset.columns(), &mut out)?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.offset)
    }
}

impl Query for Numbered {
    type SqlType = Untyped;
}

impl QueryId for Numbered {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// The number of rows, up to a limit.
struct Count {
    rows: Rows,
    most: i64,
}

impl QueryFragment<Dialect> for Count {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT COUNT(*) FROM (SELECT 1");
        self.rows.walk_from(&mut out)?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(") AS ");
        out.push_identifier(LIST)
    }
}

impl Query for Count {
    type SqlType = Untyped;
}

impl QueryId for Count {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
