//! The filters of a list: their choices, and the conditions that they add.

use chrono::{Days, NaiveDate, NaiveDateTime};
use lback_auth::RequestAuth;
use lback_core::{Error, Request, Result, TimeZone};
use lback_db::RequestDb;
use lback_models::runtime::ops_of;
use lback_models::{Comparison, Cursor, FieldMeta, Filter, Kind, List, ManyToManyMeta, ModelOps, Value};

use super::conditions::{Condition, Narrows};
use super::filter_views::{ActiveView, ChoiceView, FilterView, view};
use crate::access;
use crate::language::text;
use crate::list_options::{Filtered, OwnFilter, Through};
use crate::names::Named;
use crate::query_string::QueryString;
use crate::shown::{is_number, labels};
use crate::site::{Registered, Site};

/// The maximum number of rows that a filter offers. If there are more, the visitor enters a part of the label.
const MOST_CHOICES: u32 = 100;
/// The maximum number of characters of a label that are searched for.
const MOST_CHARACTERS: usize = 200;
/// The longest text that can equal a value, in bytes.
const MOST_BYTES: usize = 20_000;
/// The choice of rows without a value.
const EMPTY: &str = "~";

/// The filters of a list, and their conditions.
#[derive(Default)]
pub(super) struct Filters {
    pub(super) views: Vec<FilterView>,
    pub(super) active: Vec<ActiveView>,
    pub(super) conditions: Vec<Condition>,
    /// The names of all parameters.
    pub(super) names: Vec<String>,
}

impl Filters {
    /// Reads the filters from the query string. Without a path, they are not shown, and only those in use are read.
    ///
    /// # Errors
    /// Returns 400 if a value is invalid.
    pub(super) fn of(req: &mut Request, site: &Site, model: &Registered, query: &QueryString, path: Option<&str>) -> Result<Self> {
        let mut filters = Filters::default();
        let is_of = |known: &str, name: &str| known.strip_prefix(name).is_some_and(|end| end.is_empty() || end.starts_with('.'));
        let is_needed = |name: &str| path.is_some() || query.iter().any(|(known, _)| is_of(known, name));
        let unseen = access::unseen_fields(req, model)?;
        let is_seen = |name: &str| !unseen.contains(name);
        for field in model.meta().fields.iter().filter(|field| field.references.is_some() && !field.hidden && is_seen(field.name)) {
            filters.add_key(req, site, field, query, path)?;
        }
        for filtered in model.options.filters.iter().filter(|filtered| is_needed(filtered.name())) {
            match *filtered {
                Filtered::Named(named) if !is_seen(named.name()) => {}
                Filtered::Named(Named::Link(link)) => filters.add_link(req, site, link, query, path)?,
                Filtered::Named(Named::Field(field)) if field.references.is_some() => {
                    filters.add_reference(req, site, field, query, path)?;
                }
                Filtered::Named(Named::Field(field)) => filters.add_field(field.name, field.label, field, req.time_zone(), query, path)?,
                // If the user may see only some of the rows, the filter would reveal values of the others.
                Filtered::Through(through) if !access::sees_all(req, site, through.to)? => {}
                Filtered::Through(through) if !access::sees_through(req, site, model, through)? => {}
                Filtered::Through(through) => filters.add_through(through, req.time_zone(), query, path)?,
            }
        }
        for own in model.options.own_filters.iter().filter(|own| is_needed(own.name)) {
            filters.add_own(req, own, query, path)?;
        }
        Ok(filters)
    }

    /// Narrows the list to the rows that refer to a row, which a link names by its key.
    fn add_key(
        &mut self,
        req: &mut Request,
        site: &Site,
        field: &'static FieldMeta,
        query: &QueryString,
        path: Option<&str>,
    ) -> Result<()> {
        let name = key_parameter(field);
        let (Some(text), Some(reference)) = (query.get(&name), field.references) else { return Ok(()) };
        let Some(list) = access::visible(req, site, (reference.model)())? else { return Ok(()) };
        let value = value_of(field, text).ok_or_else(|| invalid(field.label))?;
        self.add(&name, Filter::equal(field, value.clone()));
        if path.is_some() {
            let known = labels(req.db()?, &list, vec![value])?;
            let label = known.into_values().next().unwrap_or_else(|| text.to_owned());
            self.activate(field.label, label, query.with(&name, None), path);
        }
        Ok(())
    }

    fn add(&mut self, of: &str, filter: Filter) {
        self.conditions.push(Condition::new(of, Narrows::Filter(filter)));
    }

    fn activate(&mut self, label: &str, value: String, remove: QueryString, path: Option<&str>) {
        let remove = path.map(|path| remove.on(path));
        self.active.extend(remove.map(|remove| ActiveView { label: label.to_owned(), value, remove }));
    }

    fn add_own(&mut self, req: &mut Request, own: &OwnFilter, query: &QueryString, path: Option<&str>) -> Result<()> {
        let (user, now) = (req.require_login()?, req.now());
        let narrows = |value| Narrows::Own(own.narrow.clone(), value, user.clone(), now);
        let choices = own.choices.iter().map(|(value, label)| ChoiceView::new(value, label, Some(narrows(value))));
        self.add_choice(own.name, own.label, choices.collect(), query, path)
    }

    fn add_field(
        &mut self,
        name: &str,
        label: &str,
        field: &'static FieldMeta,
        zone: TimeZone,
        query: &QueryString,
        path: Option<&str>,
    ) -> Result<()> {
        if field.kind == Kind::Bool || !field.choices.is_empty() {
            return self.add_choice(name, label, choices_of(field), query, path);
        }
        if is_number(field) || is_date(field) {
            self.add_range(name, label, field, zone, query, path)?;
        } else {
            self.add_text(name, label, field, query, path);
        }
        if field.null { self.add_none(name, label, field, query, path) } else { Ok(()) }
    }

    /// Adds the choice of rows without a value to the last filter, in which visitors enter one.
    fn add_none(&mut self, name: &str, label: &str, field: &'static FieldMeta, query: &QueryString, path: Option<&str>) -> Result<()> {
        let none_name = format!("{name}.none");
        let is_none = match query.get(&none_name) {
            None => false,
            Some("true") => true,
            Some(_) => return Err(invalid(label)),
        };
        if is_none {
            self.add(name, Filter::Null(field, true));
            self.activate(label, text!("None"), query.with(&none_name, None), path);
        }
        if let Some(view) = self.views.last_mut() {
            self.names.push(none_name.clone());
            view.is_active |= is_none;
            (view.none_name, view.is_none) = (none_name, is_none);
        }
        Ok(())
    }

    /// Adds the filter of a field of the rows to which a reference leads.
    fn add_through(&mut self, through: Through, zone: TimeZone, query: &QueryString, path: Option<&str>) -> Result<()> {
        let mut inner = Filters::default();
        inner.add_field(through.name, &through.label(), through.field, zone, query, path)?;
        for narrows in inner
            .conditions
            .iter_mut()
            .map(|condition| &mut condition.narrows)
            .chain(inner.views.iter_mut().flat_map(|view| &mut view.choices).filter_map(|choice| choice.narrows.as_mut()))
        {
            narrows.follow(through.reference);
        }
        self.conditions.append(&mut inner.conditions);
        self.views.append(&mut inner.views);
        self.active.append(&mut inner.active);
        self.names.append(&mut inner.names);
        Ok(())
    }

    fn add_choice(&mut self, name: &str, label: &str, choices: Vec<ChoiceView>, query: &QueryString, path: Option<&str>) -> Result<()> {
        if let Some(text) = query.get(name) {
            let chosen = choices.iter().find(|choice| choice.value == text).ok_or_else(|| invalid(label))?;
            let narrows = chosen.narrows.clone().ok_or_else(|| invalid(label))?;
            self.activate(label, chosen.label.clone(), query.with(name, None), path);
            self.conditions.push(Condition::new(name, narrows));
        }
        self.push_choice(name, label, choices, query.get(name));
        Ok(())
    }

    fn push_choice(&mut self, name: &str, label: &str, mut choices: Vec<ChoiceView>, chosen: Option<&str>) {
        choices.insert(0, ChoiceView::new("", &text!("Any"), None));
        for choice in &mut choices {
            choice.selected = choice.value == chosen.unwrap_or_default();
        }
        self.push(FilterView { is_active: chosen.is_some(), choices, ..view(name, label, "choice") });
    }

    fn push(&mut self, view: FilterView) {
        self.names.extend([&view.name, &view.from_name, &view.to_name].into_iter().filter(|name| !name.is_empty()).cloned());
        self.views.push(view);
    }

    fn add_reference(
        &mut self,
        req: &mut Request,
        site: &Site,
        field: &'static FieldMeta,
        query: &QueryString,
        path: Option<&str>,
    ) -> Result<()> {
        let Some(reference) = field.references else { return Ok(()) };
        let to = (reference.model)();
        let Some(list) = access::visible(req, site, to)? else { return Ok(()) };
        let Some(mut choices) = few_rows(req, &list)? else {
            // If the user may see only some of the rows, a search would reveal the others.
            if !access::sees_all(req, site, to)? {
                return Ok(());
            }
            if let Some(text) = query.get(field.name) {
                // Their keys are found first, so that an index on the field serves the list.
                let found = list.search_labels(req.db()?, &searched(text), MOST_CHOICES)?;
                let keys = found.iter().filter_map(|row| value_of(field, row.value())).collect();
                self.add(field.name, Filter::OneOf(field, keys));
                self.activate(field.label, text.to_owned(), query.with(field.name, None), path);
            }
            self.push(FilterView {
                is_active: query.get(field.name).is_some(),
                from_name: field.name.to_owned(),
                from: query.get(field.name).unwrap_or_default().to_owned(),
                input_type: "search",
                ..view("", field.label, "text")
            });
            return Ok(());
        };
        if field.null {
            choices.push((EMPTY.to_owned(), text!("None")));
        }
        let choices = choices.iter().map(|(value, label)| choice(field, value, label)).collect();
        self.add_choice(field.name, field.label, choices, query, path)
    }

    fn add_link(
        &mut self,
        req: &mut Request,
        site: &Site,
        link: &'static ManyToManyMeta,
        query: &QueryString,
        path: Option<&str>,
    ) -> Result<()> {
        let to = (link.model)();
        let Some(list) = access::visible(req, site, to)? else { return Ok(()) };
        // If there are many rows, the address names the chosen one.
        let choices = if path.is_some() { few_rows(req, &list)?.unwrap_or_default() } else { Vec::new() };
        let key = |text: &str| ops_of(to).read_key(text).and_then(|key| key.into_iter().next());
        let chosen = query.get(link.name);
        if let Some(text) = chosen {
            let key = key(text).ok_or_else(|| invalid(link.label))?;
            let known = labels(req.db()?, &list, vec![key.clone()])?;
            let label = known.into_values().next().ok_or_else(|| invalid(link.label))?;
            self.add(link.name, Filter::Linked(link, key));
            self.activate(link.label, label, query.with(link.name, None), path);
        }
        let linked = |text: &str| Some(Narrows::Filter(Filter::Linked(link, key(text)?)));
        let choices = choices.iter().map(|(value, label)| ChoiceView::new(value, label, linked(value))).collect();
        self.push_choice(link.name, link.label, choices, chosen);
        Ok(())
    }

    fn add_text(&mut self, name: &str, label: &str, field: &'static FieldMeta, query: &QueryString, path: Option<&str>) {
        let text = query.get(name);
        if let Some(text) = text {
            // SQLite refuses long patterns.
            let is_short = text.len() <= MOST_BYTES;
            self.add(name, if is_short { Filter::Equals(field, without_nul(text)) } else { Filter::Any(Vec::new()) });
            self.activate(label, text.to_owned(), query.with(name, None), path);
        }
        self.push(FilterView {
            is_active: text.is_some(),
            from_name: name.to_owned(),
            from: text.unwrap_or_default().to_owned(),
            input_type: "search",
            ..view("", label, "text")
        });
    }

    fn add_range(
        &mut self,
        name: &str,
        label: &str,
        field: &'static FieldMeta,
        zone: TimeZone,
        query: &QueryString,
        path: Option<&str>,
    ) -> Result<()> {
        let (from_name, to_name) = (format!("{name}.from"), format!("{name}.to"));
        let (from, to) = (query.get(&from_name), query.get(&to_name));
        let bound = |text: Option<&str>, is_end: bool| -> Result<Option<Filter>> {
            text.map(|text| range_end(field, text, is_end, zone).ok_or_else(|| invalid(label))).transpose()
        };
        for filter in [bound(from, false)?, bound(to, true)?].into_iter().flatten() {
            self.add(name, filter);
        }
        let shown = match (from, to) {
            (Some(from), Some(to)) => Some(text!("{from} to {to}", from, to)),
            (Some(from), None) => Some(text!("from {from}", from)),
            (None, Some(to)) => Some(text!("up to {to}", to)),
            (None, None) => None,
        };
        let is_active = shown.is_some();
        if let Some(shown) = shown {
            self.activate(label, shown, query.with(&from_name, None).with(&to_name, None), path);
        }
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        self.push(FilterView {
            is_active,
            input_type: if is_number(field) { "number" } else { "date" },
            from: text(from),
            to: text(to),
            from_name,
            to_name,
            ..view("", label, "range")
        });
        Ok(())
    }
}

/// Returns the parameter that names the row to which rows refer by its key.
pub(super) fn key_parameter(field: &FieldMeta) -> String {
    format!("{}.key", field.name)
}

fn invalid(label: &str) -> Error {
    Error::bad_request(text!("The filter \"{field}\" has an invalid value. Open the list again.", field = label))
}

/// Returns a text that both databases can search for: without NUL, and not longer than SQLite's patterns.
fn searched(text: &str) -> String {
    without_nul(text).chars().take(MOST_CHARACTERS).collect()
}

fn without_nul(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').collect()
}

fn is_date(field: &FieldMeta) -> bool {
    matches!(field.kind, Kind::Date | Kind::DateTime | Kind::Timestamp)
}

/// Returns the choices of a field by stored text.
fn choices_of(field: &'static FieldMeta) -> Vec<ChoiceView> {
    let mut choices: Vec<_> = match field.kind {
        Kind::Bool => vec![choice(field, "true", &text!("Yes")), choice(field, "false", &text!("No"))],
        _ => field.choices.iter().map(|(value, label)| choice(field, value, label)).collect(),
    };
    if field.null {
        choices.push(choice(field, EMPTY, &text!("None")));
    }
    choices
}

/// Returns the choice of rows whose field has a value.
fn choice(field: &'static FieldMeta, value: &str, label: &str) -> ChoiceView {
    ChoiceView::new(value, label, value_of(field, value).map(|value| Narrows::Filter(Filter::equal(field, value))))
}

/// Returns the value that a text stands for.
pub(super) fn value_of(field: &'static FieldMeta, text: &str) -> Option<Value> {
    if text == EMPTY && field.null {
        return Some(Value::Null);
    }
    lback_models::runtime::read_text(field, text)
}

/// Returns the condition for one end of a range. An end is part of its range.
fn range_end(field: &'static FieldMeta, text: &str, is_end: bool, zone: TimeZone) -> Option<Filter> {
    let inclusive = if is_end { Comparison::AtMost } else { Comparison::AtLeast };
    if is_number(field) {
        return Some(Filter::Compare(field, inclusive, value_of(field, text)?));
    }
    let day: NaiveDate = text.parse().ok().filter(|day| is_known(*day))?;
    if field.kind == Kind::Date {
        return Some(Filter::Compare(field, inclusive, Value::Date(day)));
    }
    // The whole last day is part of the range.
    let (day, comparison) = if is_end { (day.checked_add_days(Days::new(1))?, Comparison::Below) } else { (day, inclusive) };
    Some(Filter::Compare(field, comparison, start_of(field, day, zone)))
}

/// Returns whether both databases support the day.
pub(super) fn is_known(day: NaiveDate) -> bool {
    use chrono::Datelike;
    (1..=9998).contains(&day.year())
}

/// Returns the start of a day as a value of a field.
pub(super) fn start_of(field: &FieldMeta, day: NaiveDate, zone: TimeZone) -> Value {
    match field.kind {
        Kind::Date => Value::Date(day),
        Kind::DateTime => Value::DateTime(NaiveDateTime::from(day)),
        _ => Value::Timestamp(zone.start_of_day(day)),
    }
}

/// Returns the keys and labels of all rows of a list, or `None` if there are many.
fn few_rows(req: &mut Request, list: &List) -> Result<Option<Vec<(String, String)>>> {
    let ops = ops_of(list.meta());
    // The order of a large table may have no index.
    if list.has_more_than(req.db()?, MOST_CHOICES)? {
        return Ok(None);
    }
    let page = list.page(req.db()?, &Cursor::default(), MOST_CHOICES)?;
    Ok(Some(page.items.iter().map(|row| (ops.key_text(row), ops.label(row))).collect()))
}
