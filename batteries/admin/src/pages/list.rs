//! The list of a model's rows.

use std::collections::BTreeMap;

use lback_core::{Error, Request, Response, Result, context};
use lback_db::RequestDb;
use lback_models::runtime::within_sentence;
use lback_models::{Cursor, FieldMeta, Filter, Kind, List, ModelMeta, Value};
use lback_session::RequestSession;
use serde::Serialize;

use super::dates::{self, DatesView};
use super::editable::{self, Editable};
use super::filters::Filters;
use super::import::can_import;
use super::layout::{Crumb, ModelView, link, render, row_link, site_and_table};
use crate::access::{self, Right};
use crate::model_admin::{Listed, Searched};
use crate::query_string::QueryString;
use crate::shown::{Cell, Labels, cell, is_number, labels};
use crate::site::{Registered, Site};

/// The numbers of rows on a page.
const SIZES: [u32; 4] = [20, 50, 100, 200];
const DEFAULT_SIZE: u32 = 50;
/// A table with more rows is large: nothing reads all of them.
const LARGE: u32 = 10_000;
/// Rows are counted up to this number.
const MOST_COUNTED: u32 = 1001;
/// The most words that are searched for, and the most characters of all of them. SQLite refuses long patterns.
const MOST_WORDS: usize = 10;
const MOST_CHARACTERS: usize = 200;
/// The most columns by which a list is sorted.
const MOST_SORTED: usize = 3;

#[derive(Serialize)]
struct Column {
    label: String,
    sort: Option<String>,
    sorted: &'static str,
    is_number: bool,
}

#[derive(Serialize)]
struct RowView {
    key: String,
    label: String,
    url: String,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Link {
    label: String,
    url: String,
    is_current: bool,
}

#[derive(Serialize)]
struct ActionView {
    name: &'static str,
    label: String,
    is_dangerous: bool,
}

#[derive(Serialize)]
struct Kept {
    name: String,
    value: String,
}

/// The parameter of a row's page that names the list from which it was opened.
pub(super) const FROM: &str = "from";

/// The rows that the query string of a list names.
pub(super) struct Narrowed {
    pub(super) list: List,
    filters: Filters,
    dates: Option<DatesView>,
    /// The fields that are searched.
    searched: Vec<Searched>,
    /// Whether indexes serve the conditions, or the table is small, so that counting takes no time.
    is_quick: bool,
    is_large: bool,
}

/// Returns the rows that the user may see and that the query string names.
///
/// # Errors
/// Returns 403 if the user may see none, and 400 if a value is invalid.
pub(super) fn narrowed(req: &mut Request, site: &Site, model: &Registered, query: &QueryString, path: &str) -> Result<Narrowed> {
    access::require(req, model, Right::View)?;
    let all = access::rows(req, model)?;
    let is_large = model.ops.list().has_more_than(req.db()?, LARGE)?;
    let filters = Filters::of(req, site, model, query, path)?;
    let searched = searched(req, site, model)?;
    let conditions: Vec<Filter> = filters.conditions.iter().cloned().chain(search(&searched, query.get("q").unwrap_or_default())).collect();
    let is_quick = !is_large || conditions.iter().all(|condition| is_served(condition, model.meta()));
    let mut list = conditions.into_iter().fold(all.clone(), List::filter);
    let dates = match model.options.dates {
        // Without an index, the first and the last date are found by reading all rows.
        Some(field) if !is_large || model.meta().is_indexed(field.column) => {
            // The years of the rows that match are known only by reading them.
            let years_of = if is_quick && !is_large { list.clone() } else { all };
            let (narrowed, view) = dates::narrow(req, field, list, &years_of, query, path)?;
            list = narrowed;
            view
        }
        _ => None,
    };
    let order = along_index(model.meta(), order(model, query));
    let names: Vec<&str> = order.iter().map(String::as_str).collect();
    Ok(Narrowed { list: list.order_by(&names)?, filters, dates, searched, is_quick, is_large })
}

/// Returns whether an index serves a condition.
fn is_served(condition: &Filter, meta: &ModelMeta) -> bool {
    match condition {
        Filter::Compare(field, ..) | Filter::OneOf(field, _) | Filter::Null(field, _) => meta.is_indexed(field.column),
        Filter::Linked(..) => true,
        Filter::Reference(field, inner) => {
            field.references.is_some_and(|reference| meta.is_indexed(field.column) && is_served(inner, (reference.model)()))
        }
        Filter::Any(conditions) => conditions.iter().all(|condition| is_served(condition, meta)),
        Filter::All(conditions) => conditions.iter().any(|condition| is_served(condition, meta)),
        _ => false,
    }
}

/// Returns the fields that are searched: not those of models whose rows the user may not see, which a search would tell.
fn searched(req: &mut Request, site: &Site, model: &Registered) -> Result<Vec<Searched>> {
    let mut fields = Vec::new();
    'fields: for searched in &model.options.search {
        for reference in searched.through.iter().filter_map(|field| field.references) {
            if !access::sees_all(req, site, (reference.model)())? {
                continue 'fields;
            }
        }
        fields.push(searched.clone());
    }
    Ok(fields)
}

/// Returns the order: that of the query string, or that of the configuration. Empty for that of the model.
fn order(model: &Registered, query: &QueryString) -> Vec<String> {
    match query.get("sort") {
        Some(sort) => sort.split(',').filter(|name| !name.is_empty()).take(MOST_SORTED).map(str::to_owned).collect(),
        None => model.options.order.clone(),
    }
}

/// Returns an order with the other columns of the index that begins with its only column, so that the index serves it.
fn along_index(meta: &ModelMeta, mut order: Vec<String>) -> Vec<String> {
    let [name] = order.as_slice() else { return order };
    let (sign, name) = name.strip_prefix('-').map_or(("", name.as_str()), |name| ("-", name));
    let Some(field) = meta.field(name) else { return order };
    let is_sortable = |column: &&str| meta.field_of_column(column).is_some_and(|field| !field.hidden && !field.null);
    let index = meta.indexes.iter().find(|index| index.condition.is_empty() && index.columns.first() == Some(&field.column));
    let others = index.map_or(&[][..], |index| &index.columns[1..]);
    if others.iter().all(is_sortable) {
        order.extend(others.iter().filter_map(|column| meta.field_of_column(column)).map(|field| format!("{sign}{}", field.name)));
    }
    order
}

/// Returns the conditions of a search: each word, or phrase in quotes, is in one of the fields.
fn search(fields: &[Searched], text: &str) -> Vec<Filter> {
    if fields.is_empty() {
        return Vec::new();
    }
    let text: String = text.chars().filter(|c| *c != '\0').take(MOST_CHARACTERS).collect();
    let condition = |word: String| Filter::Any(fields.iter().map(|searched| searched.matching(&word)).collect());
    words(&text).into_iter().take(MOST_WORDS).map(condition).collect()
}

/// Returns the words of a text. What is in quotes is one.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in text.split('"').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.extend(Some(part.trim().to_owned()).filter(|part| !part.is_empty())),
        }
    }
    words
}

impl Searched {
    fn matching(&self, word: &str) -> Filter {
        let of_field = match (self.is_exact, self.field.kind) {
            // An index serves the comparison of values, but not of texts that are made from them.
            (true, kind) if kind != Kind::Text => match super::filters::value_of(self.field, word) {
                Some(value) => Filter::equal(self.field, value),
                None => Filter::Any(Vec::new()),
            },
            (true, _) => Filter::OneOf(self.field, vec![Value::Text(word.to_owned()), Value::Text(word.to_lowercase())]),
            (false, _) => Filter::Contains(self.field, word.to_owned()),
        };
        self.through.iter().rev().fold(of_field, |inner, reference| Filter::Reference(reference, Box::new(inner)))
    }
}

pub(super) fn list(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    page(req, &site, site.model(&table)?, false)
}

/// Saves the columns that are changed in the list.
pub(super) fn save(req: &mut Request, site: &Site, model: &Registered) -> Result<Response> {
    access::require(req, model, Right::Change)?;
    page(req, site, model, true)
}

fn page(req: &mut Request, site: &Site, model: &Registered, is_saved: bool) -> Result<Response> {
    let table = model.meta().table;
    let query = QueryString::of(req)?;
    let path = link(req, "list", &[("model", &table)])?;
    let Narrowed { list, filters, dates, searched, is_quick, is_large } = narrowed(req, site, model, &query, &path)?;
    let size = page_size(model, &query)?;
    let cursor: Cursor = req.query()?;
    let mut page = list.page(req.db()?, &cursor, size)?;
    if is_saved {
        // Others may be on the page by now.
        page.items = editable::submitted(req, model, &list)?;
    }
    let columns = model.columns();
    let here = query.on(&path);
    let editable = Editable::of(req, model, &page.items)?;
    let mut form = editable.as_ref().map(Editable::form);
    if let (true, Some(editable), Some(form)) = (is_saved, &editable, &mut form)
        && let Some(count) = editable.save(req, form)?
    {
        let message = if count == 1 { "One row has been saved.".to_owned() } else { format!("{count} rows have been saved.") };
        req.session().flash("success", &message);
        return Ok(Response::redirect(&here));
    }
    let rows = rows_of(req, site, model, &columns, &page.items, &query, editable.as_ref())?;
    let is_whole = page.next.is_none() && page.previous.is_none();
    let count = match (is_whole, is_quick) {
        (true, _) => page.items.len().to_string(),
        // Counting might read the whole table.
        (false, false) => String::new(),
        (false, true) => match list.count_up_to(req.db()?, MOST_COUNTED)? {
            MOST_COUNTED => "1,000+".to_owned(),
            count => count.to_string(),
        },
    };
    let mut kept_names: Vec<&str> = filters.names.iter().map(String::as_str).collect();
    kept_names.extend(["q", "after", "before"]);
    let kept: Vec<Kept> =
        query.without(&kept_names).iter().map(|(name, value)| Kept { name: name.to_owned(), value: value.to_owned() }).collect();
    let to = |name: &str, cursor: &Option<String>| cursor.as_ref().map(|cursor| query.with(name, Some(cursor)).on(&path));
    let is_filtered = !filters.active.is_empty() || query.get("q").is_some() || query.get("date").is_some();
    let mut cleared: Vec<&str> = filters.names.iter().map(String::as_str).collect();
    cleared.extend(["q", "date", "after", "before"]);
    let export = link(req, "export", &[("model", &table)])?;
    let exports: Vec<Link> = ["csv", "json"]
        .map(|format| Link {
            label: format.to_uppercase(),
            url: query.without(&["after", "before"]).with("format", Some(format)).on(&export),
            is_current: false,
        })
        .into();
    let may_import = can_import(model) && access::has(req, model, Right::Add)?;
    let context = context! {
        model => ModelView::of(req, model)?,
        exports,
        import => may_import.then(|| link(req, "import", &[("model", &table)])).transpose()?,
        q => query.get("q").unwrap_or_default(),
        has_search => !searched.is_empty(),
        search_help => search_help(&searched),
        kept,
        filters => filters.views,
        active => filters.active,
        clear => is_filtered.then(|| query.without(&cleared).on(&path)),
        dates,
        columns => columns_view(model, &columns, &query, &path, is_large),
        rows,
        count,
        previous => to("before", &page.previous),
        next => to("after", &page.next),
        sizes => sizes(size, &query, &path),
        actions => actions(req, model)?,
        can_choose_all => !is_whole,
        has_form => form.is_some(),
        form,
        save_url => here,
        action_url => query.without(&["after", "before"]).on(&path),
        is_filtered,
    };
    render(req, "admin/list.html", table, vec![Crumb::new(model.meta().plural, None)], context)
}

fn page_size(model: &Registered, query: &QueryString) -> Result<u32> {
    match query.get("size") {
        None => Ok(model.options.per_page.unwrap_or(DEFAULT_SIZE)),
        Some(text) => {
            let size = text.parse().ok().filter(|size| SIZES.contains(size));
            size.ok_or_else(|| Error::bad_request("This is not a number of rows for a page."))
        }
    }
}

fn sizes(current: u32, query: &QueryString, path: &str) -> Vec<Link> {
    let link = |size: u32| Link {
        label: size.to_string(),
        url: query.with("size", Some(&size.to_string())).on(path),
        is_current: size == current,
    };
    SIZES.map(link).into()
}

fn search_help(fields: &[Searched]) -> String {
    let mut labels: Vec<String> = Vec::new();
    for searched in fields {
        let path = searched.through.iter().chain([&searched.field]);
        labels.push(path.map(|field| within_sentence(field.label)).collect::<Vec<_>>().join(" "));
    }
    labels.join(", ")
}

fn columns_view(model: &Registered, columns: &[Listed], query: &QueryString, path: &str, is_large: bool) -> Vec<Column> {
    let order = order(model, query);
    columns.iter().map(|column| column_view(model, *column, &order, query, path, is_large)).collect()
}

fn column_view(model: &Registered, column: Listed, order: &[String], query: &QueryString, path: &str, is_large: bool) -> Column {
    let field = match column {
        Listed::Field(field) => field,
        Listed::Computed(at) => {
            let label = model.options.computed[at].label.to_owned();
            return Column { label, sort: None, sorted: "", is_number: false };
        }
    };
    // A large table is sorted only along an index.
    let is_sortable = !matches!(field.kind, Kind::Json | Kind::Bytes) && (!is_large || model.meta().is_indexed(field.column));
    let sorted = order.iter().find(|name| name.trim_start_matches('-') == field.name);
    let (sorted, next) = match sorted {
        Some(name) if name.starts_with('-') => ("desc", field.name.to_owned()),
        Some(_) => ("asc", format!("-{}", field.name)),
        None => ("", field.name.to_owned()),
    };
    // The column comes first, and those by which the list is sorted already decide among equal rows.
    let others = order.iter().filter(|name| name.trim_start_matches('-') != field.name).cloned();
    let sort = std::iter::once(next).chain(others).take(MOST_SORTED).collect::<Vec<_>>().join(",");
    Column {
        label: field.label.to_owned(),
        sort: is_sortable.then(|| query.with("sort", Some(&sort)).on(path)),
        sorted,
        is_number: is_number(field),
    }
}

/// Returns the rows of a page, with the labels of those that they refer to.
fn rows_of(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    columns: &[Listed],
    rows: &[Vec<Value>],
    query: &QueryString,
    editable: Option<&Editable<'_>>,
) -> Result<Vec<RowView>> {
    let references = References::of(req, site, model, columns, rows)?;
    let text = query.without(&["after", "before"]).text();
    let from = QueryString::default().with(FROM, Some(if text.is_empty() { "all" } else { &text }));
    let zone = req.time_zone();
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let key = model.ops.key_text(row);
        let mut cells = Vec::with_capacity(columns.len());
        for column in columns {
            cells.push(match column {
                Listed::Computed(at) => Cell::text((model.options.computed[*at].show)(row)?),
                Listed::Field(field) => {
                    let value = value_at(model, row, field);
                    let mut shown = cell(field, value, zone, references.labels(field));
                    shown.url = references.url(req, field, value)?;
                    let is_editable = model.options.editable.iter().any(|other| other.column == field.column);
                    if is_editable && editable.is_some_and(|editable| editable.has(&key)) {
                        shown.input = Some(editable::name(&key, field));
                    }
                    shown
                }
            });
        }
        let url = from.on(&row_link(req, "row", model, &key)?);
        views.push(RowView { url, label: model.ops.label(row), key, cells });
    }
    Ok(views)
}

fn value_at<'a>(model: &Registered, row: &'a [Value], field: &FieldMeta) -> &'a Value {
    let at = model.meta().fields.iter().position(|other| other.column == field.column);
    at.and_then(|at| row.get(at)).unwrap_or(&Value::Null)
}

/// The rows that a page refers to.
struct References<'a> {
    site: &'a Site,
    labels: BTreeMap<&'static str, Labels>,
    /// The tables of which the user may see rows.
    visible: Vec<&'static str>,
    none: Labels,
}

impl<'a> References<'a> {
    fn of(req: &mut Request, site: &'a Site, model: &Registered, columns: &[Listed], rows: &[Vec<Value>]) -> Result<Self> {
        let mut references = References { site, labels: BTreeMap::new(), visible: Vec::new(), none: Labels::new() };
        for column in columns {
            let Listed::Field(field) = column else { continue };
            let Some(reference) = field.references else { continue };
            let meta = (reference.model)();
            // The label of a row that the user may not see is not shown, either.
            let Some(list) = access::visible(req, site, meta)? else { continue };
            let keys = rows.iter().map(|row| value_at(model, row, field).clone()).collect();
            let found = labels(req.db()?, &list, keys)?;
            references.labels.insert(field.name, found);
            references.visible.push(meta.table);
        }
        Ok(references)
    }

    fn labels(&self, field: &FieldMeta) -> &Labels {
        self.labels.get(field.name).unwrap_or(&self.none)
    }

    fn url(&self, req: &Request, field: &FieldMeta, value: &Value) -> Result<Option<String>> {
        let Some(reference) = field.references.filter(|_| *value != Value::Null) else { return Ok(None) };
        let Some(to) = self.site.find((reference.model)().table).filter(|to| self.visible.contains(&to.meta().table)) else {
            return Ok(None);
        };
        let key = lback_models::runtime::form_texts(field, value).into_iter().next().unwrap_or_default();
        row_link(req, "row", to, &key).map(Some)
    }
}

fn actions(req: &mut Request, model: &Registered) -> Result<Vec<ActionView>> {
    let mut actions = Vec::new();
    if access::has(req, model, Right::Change)? {
        let own = model.options.actions.iter();
        actions.extend(own.map(|action| ActionView { name: action.name, label: action.label.to_owned(), is_dangerous: false }));
    }
    if access::has(req, model, Right::Delete)? {
        actions.push(ActionView { name: "delete", label: "Delete".to_owned(), is_dangerous: true });
    }
    Ok(actions)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_phrase_in_quotes_is_one_word() {
        assert_eq!(words(r#"one "two three" four"#), ["one", "two three", "four"]);
        assert_eq!(words(r#" "" "open"#), ["open"]);
        assert!(words("  ").is_empty());
    }
}
