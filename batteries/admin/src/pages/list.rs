//! The list of a model's rows.

use std::collections::BTreeSet;

use diesel::Connection as _;
use lback_core::{Error, Request, Response, Result, StatusCode, context};
use lback_db::{RequestDb, is_statement_timeout};
use lback_forms::{Form, Values};
use lback_models::{Cursor, CursorPage, FieldMeta, Kind, List, ModelMeta, Value};
use lback_session::RequestSession;
use serde::Serialize;

use super::columns::{self, label_of};
use super::conditions::{Condition, Narrows, narrow};
use super::dates::{self, DatesView, Span};
use super::editable::{self, Editable};
use super::export::FORMATS;
use super::filter_counts;
use super::filters::Filters;
use super::import::can_import;
use super::layout::{Crumb, ModelView, link, render, site_and_table};
use super::list_rows::rows_of;
use super::search::{search, search_help, searched};
use super::views::ViewsView;
use crate::access::{self, Right};
use crate::language::{counted, text};
use crate::model_admin::{Listed, Searched};
use crate::query_string::QueryString;
use crate::shown::is_number;
use crate::site::{Registered, Site};

/// The numbers of rows on a page.
const SIZES: [u32; 4] = [20, 50, 100, 200];
const DEFAULT_SIZE: u32 = 50;
/// A table with more rows is large, and is never read as a whole.
const LARGE: u32 = 10_000;
/// The maximum number of columns by which a list is sorted.
const MOST_SORTED: usize = 3;

#[derive(Serialize)]
struct Column {
    label: String,
    sort: Option<String>,
    sorted: &'static str,
    is_number: bool,
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

/// The rows that the query string of a list names, and how the page shows the conditions.
struct Narrowed {
    list: List,
    filters: Filters,
    dates: Option<DatesView>,
    /// The fields that are searched.
    searched: Vec<Searched>,
    /// `true` if indexes serve the conditions, or the table is small, so that counting is cheap.
    is_quick: bool,
    is_large: bool,
}

/// Returns the rows that the user may see and that the query string names.
///
/// # Errors
/// Returns 403 if the user may not see any rows, and 400 if a value is invalid.
pub(super) fn narrowed(req: &mut Request, site: &Site, model: &Registered, query: &QueryString) -> Result<List> {
    access::require(req, model, Right::View)?;
    let all = access::rows(req, model)?;
    let filters = Filters::of(req, site, model, query, None)?;
    let searched = searched(req, site, model)?;
    let span = match (Span::of(query)?, dated(req, model)?) {
        (Some(span), Some(field)) if model.meta().is_indexed(field.column) || !is_large(req, model)? => Some((span, field)),
        _ => None,
    };
    let conditions = conditions(req, filters.conditions, &searched, span, query);
    in_order(req, model, query, narrow(&all, conditions.iter()))
}

/// Returns the same rows, and how the page shows the conditions.
fn shown(req: &mut Request, site: &Site, model: &Registered, query: &QueryString, path: &str) -> Result<Narrowed> {
    access::require(req, model, Right::View)?;
    let all = access::rows(req, model)?;
    let is_large = is_large(req, model)?;
    let mut filters = Filters::of(req, site, model, query, Some(path))?;
    let searched = searched(req, site, model)?;
    // Without an index, the first and the last date are found by reading all rows.
    let dated = dated(req, model)?.filter(|field| !is_large || model.meta().is_indexed(field.column));
    let span = Span::of(query)?.zip(dated);
    let conditions = conditions(req, std::mem::take(&mut filters.conditions), &searched, span, query);
    let is_quick = !is_large || conditions.iter().all(|condition| condition.narrows.is_served(model.meta()));
    let list = narrow(&all, conditions.iter());
    // The years of the rows that match are known only by reading them.
    let years_of = if is_large { &all } else { &list };
    let dates = match dated {
        Some(field) => dates::links(req, field, span.map(|(span, _)| span), years_of, query, path)?,
        None => None,
    };
    if filter_counts::are_wanted(query)? {
        filter_counts::add(req, model, &mut filters.views, &all, &conditions, is_large)?;
    }
    Ok(Narrowed { list: in_order(req, model, query, list)?, filters, dates, searched, is_quick, is_large })
}

/// Returns the field whose dates narrow the list, if the user may see it.
fn dated(req: &mut Request, model: &Registered) -> Result<Option<&'static FieldMeta>> {
    match model.options.dates {
        Some(field) if access::sees_field(req, model, field.name)? => Ok(Some(field)),
        _ => Ok(None),
    }
}

fn is_large(req: &mut Request, model: &Registered) -> Result<bool> {
    model.ops.list().has_more_than(req.db()?, LARGE)
}

/// Returns all conditions of a list: those of its filters, its search and its dates.
fn conditions(
    req: &Request,
    of_filters: Vec<Condition>,
    searched: &[Searched],
    span: Option<(Span, &'static FieldMeta)>,
    query: &QueryString,
) -> Vec<Condition> {
    let words = search(searched, query.get("q").unwrap_or_default());
    let days = span.map(|(span, field)| span.filters(field, req.time_zone())).unwrap_or_default();
    let others = words.into_iter().chain(days).map(|filter| Condition::new("", Narrows::Filter(filter)));
    of_filters.into_iter().chain(others).collect()
}

fn in_order(req: &mut Request, model: &Registered, query: &QueryString, list: List) -> Result<List> {
    let order = order(model, query);
    let unseen = access::unseen_fields(req, model)?;
    let is_allowed = |name: &str| is_sortable(model, name) && !unseen.contains(name);
    if query.get("sort").is_some() && !order.iter().all(|name| is_allowed(name.trim_start_matches('-'))) {
        return Err(Error::bad_request(text!("This list cannot be sorted by this column. Open the list again.")));
    }
    let order = along_index(model.meta(), order, &unseen);
    list.order_by(&order.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns the order: that of the query string, or that of the configuration. Empty for that of the model.
fn order(model: &Registered, query: &QueryString) -> Vec<String> {
    match query.get("sort") {
        Some(sort) => sort.split(',').filter(|name| !name.is_empty()).take(MOST_SORTED).map(str::to_owned).collect(),
        None => model.options.order.clone(),
    }
}

fn is_sortable(model: &Registered, name: &str) -> bool {
    model.options.sortable.as_ref().is_none_or(|fields| fields.contains(&name))
}

/// Returns an order with the other columns of the index that begins with its only column, so that the index serves it.
fn along_index(meta: &ModelMeta, mut order: Vec<String>, unseen: &BTreeSet<&str>) -> Vec<String> {
    let [name] = order.as_slice() else { return order };
    let (sign, name) = name.strip_prefix('-').map_or(("", name.as_str()), |name| ("-", name));
    let Some(field) = meta.field(name) else { return order };
    let is_sortable =
        |column: &&str| meta.field_of_column(column).is_some_and(|field| !field.hidden && !field.null && !unseen.contains(field.name));
    let index = meta.indexes.iter().find(|index| index.condition.is_empty() && index.columns.first() == Some(&field.column));
    let others = index.map_or(&[][..], |index| &index.columns[1..]);
    if others.iter().all(is_sortable) {
        order.extend(others.iter().filter_map(|column| meta.field_of_column(column)).map(|field| format!("{sign}{}", field.name)));
    }
    order
}

pub(super) fn list(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    page(req, &site, site.model(&table)?, None)
}

/// Saves the columns that are changed in the list.
pub(super) fn save(req: &mut Request, site: &Site, model: &Registered) -> Result<Response> {
    access::require(req, model, Right::Change)?;
    let query = QueryString::of(req)?;
    let list = narrowed(req, site, model, &query)?;
    let rows = editable::submitted(req, model, &list)?;
    let columns = columns_of(req, site, model, &query)?;
    let editable = Editable::of(req, model, &columns, &rows)?;
    let mut form = editable.as_ref().map(Editable::form);
    if let (Some(editable), Some(form)) = (&editable, &mut form)
        && let Some(count) = editable.save(req, form)?
    {
        let message = counted!(count, "One row has been saved.", "{count} rows have been saved.");
        req.session().flash("success", &message);
        return Ok(Response::redirect(&query.on(&link(req, "list", &[("model", &model.meta().table)])?)));
    }
    page(req, site, model, Some((rows, form)))
}

fn columns_of(req: &mut Request, site: &Site, model: &Registered, query: &QueryString) -> Result<Vec<Listed>> {
    match columns::chosen(req, site, model, query)? {
        Some(columns) => Ok(columns),
        None => columns::configured(req, site, model),
    }
}

/// The rows of a list that were sent, and their form with its errors.
type Refused = (Vec<Vec<Value>>, Option<Form<Values>>);

/// Returns the page. `refused` are the rows that could not be saved, which may not be those of the page by now.
fn page(req: &mut Request, site: &Site, model: &Registered, refused: Option<Refused>) -> Result<Response> {
    let table = model.meta().table;
    let query = QueryString::of(req)?;
    let path = link(req, "list", &[("model", &table)])?;
    let Narrowed { list, filters, dates, searched, is_quick, is_large } = shown(req, site, model, &query, &path)?;
    let size = page_size(model, &query)?;
    let cursor: Cursor = req.query()?;
    let (mut page, is_stopped) = match load(req, &list, &cursor, size, is_large) {
        Err(error) if is_statement_timeout(&error) => {
            let parameters: Vec<&str> = query.iter().map(|(name, _)| name).collect();
            tracing::warn!(
                target: "lback::admin",
                table,
                ?parameters,
                "a list took longer than DATABASE_STATEMENT_TIMEOUT_MS allows: no index serves its conditions and its order together"
            );
            (CursorPage { items: Vec::new(), next: None, previous: None }, true)
        }
        page => (page?, false),
    };
    let (is_refused, mut form) = (refused.is_some(), None);
    if let Some((rows, refused)) = refused {
        (page.items, form) = (rows, refused);
    }
    let columns = columns_of(req, site, model, &query)?;
    let here = query.on(&path);
    let editable = Editable::of(req, model, &columns, &page.items)?;
    let form = form.or_else(|| editable.as_ref().map(Editable::form));
    let rows = rows_of(req, site, model, &columns, &page.items, &query, editable.as_ref())?;
    let is_whole = page.next.is_none() && page.previous.is_none();
    let count = match (is_whole, is_quick) {
        _ if is_stopped => String::new(),
        (true, _) => page.items.len().to_string(),
        // Counting might read the whole table.
        (false, false) => String::new(),
        (false, true) => filter_counts::count(req.db()?, &list)?,
    };
    let mut kept_names: Vec<&str> = filters.names.iter().map(String::as_str).collect();
    kept_names.extend(["q", "after", "before"]);
    let kept = query.without(&kept_names).kept();
    let to = |name: &str, cursor: &Option<String>| cursor.as_ref().map(|cursor| query.with(name, Some(cursor)).on(&path));
    let is_filtered = !filters.active.is_empty() || query.get("q").is_some() || query.get("date").is_some();
    let mut cleared: Vec<&str> = filters.names.iter().map(String::as_str).collect();
    cleared.extend(["q", "date", "after", "before"]);
    let export = link(req, "export", &[("model", &table)])?;
    let exports = FORMATS.iter().map(|format| Link {
        label: format.to_uppercase(),
        url: query.without(&["after", "before"]).with("format", Some(format)).on(&export),
        is_current: false,
    });
    let may_import = can_import(model) && access::has(req, model, Right::Add)?;
    let context = context! {
        model => ModelView::of(req, model)?,
        exports => exports.collect::<Vec<_>>(),
        import => may_import.then(|| link(req, "import", &[("model", &table)])).transpose()?,
        q => query.get("q").unwrap_or_default(),
        has_search => !searched.is_empty(),
        search_help => search_help(&searched),
        kept,
        counts => filter_counts::link(&filters.views, &query, &path),
        filters => filters.views,
        active => filters.active,
        clear => is_filtered.then(|| query.without(&cleared).on(&path)),
        dates,
        views => ViewsView::of(req, site, model, &query, &path)?,
        chooser => columns::chooser(req, site, model, &columns, &query, &path)?,
        columns => columns_view(model, &columns, &query, &path, is_large),
        rows,
        empty_value => model.options.empty_value,
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
        is_stopped,
    };
    let mut response = render(req, "admin/list.html", table, vec![Crumb::new(model.meta().plural, None)], context)?;
    if is_stopped && !is_refused {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// Loads a page of a list. If the database stops the query of a large table, the request can still use the connection.
fn load(req: &mut Request, list: &List, cursor: &Cursor, size: u32, is_large: bool) -> Result<CursorPage<Vec<Value>>> {
    let db = req.db()?;
    if is_large { db.transaction(|db| list.page(db, cursor, size)) } else { list.page(db, cursor, size) }
}

pub(super) fn page_size(model: &Registered, query: &QueryString) -> Result<u32> {
    match query.get("size") {
        None => Ok(model.options.per_page.unwrap_or(DEFAULT_SIZE)),
        Some(text) => {
            let size = text.parse().ok().filter(|size| SIZES.contains(size));
            size.ok_or_else(|| Error::bad_request(text!("This is not a number of rows for a page.")))
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

fn columns_view(model: &Registered, columns: &[Listed], query: &QueryString, path: &str, is_large: bool) -> Vec<Column> {
    let order = order(model, query);
    columns.iter().map(|column| column_view(model, *column, &order, query, path, is_large)).collect()
}

fn column_view(model: &Registered, column: Listed, order: &[String], query: &QueryString, path: &str, is_large: bool) -> Column {
    let field = match column {
        Listed::Field(field) => field,
        Listed::Through(_) | Listed::Link(_) | Listed::Computed(_) => {
            let is_number = matches!(column, Listed::Through(through) if is_number(through.field));
            return Column { label: label_of(model, column), sort: None, sorted: "", is_number };
        }
    };
    // A large table is sorted only along an index.
    let is_sortable = is_sortable(model, field.name)
        && !matches!(field.kind, Kind::Json | Kind::Bytes)
        && (!is_large || model.meta().is_indexed(field.column));
    let sorted = order.iter().find(|name| name.trim_start_matches('-') == field.name);
    let (sorted, next) = match sorted {
        Some(name) if name.starts_with('-') => ("desc", field.name.to_owned()),
        Some(_) => ("asc", format!("-{}", field.name)),
        None => ("", field.name.to_owned()),
    };
    // The column comes first, and the previous columns of the order decide among equal rows, unless the database would have to sort many.
    let others = order.iter().filter(|name| !is_large && name.trim_start_matches('-') != field.name);
    let others = others.filter(|name| self::is_sortable(model, name.trim_start_matches('-'))).cloned();
    let sort = std::iter::once(next).chain(others).take(MOST_SORTED).collect::<Vec<_>>().join(",");
    Column {
        label: field.label.to_owned(),
        sort: is_sortable.then(|| query.with("sort", Some(&sort)).on(path)),
        sorted,
        is_number: is_number(field),
    }
}

fn actions(req: &mut Request, model: &Registered) -> Result<Vec<ActionView>> {
    let mut actions = Vec::new();
    if access::has(req, model, Right::Change)? {
        let own = model.options.actions.iter();
        actions.extend(own.map(|action| ActionView { name: action.name, label: action.label.to_owned(), is_dangerous: false }));
    }
    if access::has(req, model, Right::Delete)? {
        actions.push(ActionView { name: "delete", label: text!("Delete"), is_dangerous: true });
    }
    Ok(actions)
}
