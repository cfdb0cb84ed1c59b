//! Links to the years, months and days of a field above a list.

use chrono::{Datelike, Months, NaiveDate};
use lback_core::{Error, Request, Result, TimeZone};
use lback_db::RequestDb;
use lback_models::{Comparison, Cursor, FieldMeta, Filter, Kind, List, Value};
use serde::Serialize;

use super::filters::{is_known, start_of};
use crate::language::text;
use crate::query_string::QueryString;

/// The parameter: `2026`, `2026-11` or `2026-11-30`.
pub(super) const NAME: &str = "date";
/// The maximum number of years with a link.
const MOST_YEARS: i32 = 30;

#[derive(Serialize)]
pub(super) struct DatesView {
    label: String,
    up: Option<DateLink>,
    items: Vec<DateLink>,
}

#[derive(Serialize)]
struct DateLink {
    label: String,
    url: String,
}

/// A year, a month or a day.
#[derive(Clone, Copy)]
pub(super) struct Span {
    first: NaiveDate,
    parts: usize,
}

impl Span {
    /// Returns the span that the query string names.
    ///
    /// # Errors
    /// Returns 400 if it is invalid.
    pub(super) fn of(query: &QueryString) -> Result<Option<Self>> {
        let invalid = || Error::bad_request(text!("This is not a date. Open the list again."));
        query.get(NAME).map(|text| Span::parse(text).filter(|span| span.end().is_some()).ok_or_else(invalid)).transpose()
    }

    /// Returns the conditions for the rows whose field is in the span.
    pub(super) fn filters(self, field: &'static FieldMeta, zone: TimeZone) -> Vec<Filter> {
        let bound = |comparison, day| Filter::Compare(field, comparison, start_of(field, day, zone));
        let end = self.end().map(|end| bound(Comparison::Below, end));
        std::iter::once(bound(Comparison::AtLeast, self.first)).chain(end).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let part = |at: usize| parts.get(at).map_or(Some(1), |text| text.parse::<u32>().ok());
        let first = NaiveDate::from_ymd_opt(parts.first()?.parse().ok()?, part(1)?, part(2)?).filter(|day| is_known(*day))?;
        (1..=3).contains(&parts.len()).then_some(Span { first, parts: parts.len() })
    }

    /// Returns the first day after it.
    fn end(self) -> Option<NaiveDate> {
        match self.parts {
            1 => self.first.checked_add_months(Months::new(12)),
            2 => self.first.checked_add_months(Months::new(1)),
            _ => self.first.succ_opt(),
        }
    }

    fn text(self) -> String {
        self.first.format(["%Y", "%Y-%m", "%Y-%m-%d"][self.parts - 1]).to_string()
    }

    fn label(self) -> String {
        self.first.format(["%Y", "%B %Y", "%-d %B %Y"][self.parts - 1]).to_string()
    }
}

/// Returns the links to parts of a span, or to the years from the first to the last row of a list.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) fn links(
    req: &mut Request,
    field: &'static FieldMeta,
    span: Option<Span>,
    all: &List,
    query: &QueryString,
    path: &str,
) -> Result<Option<DatesView>> {
    let link = |span: Option<Span>| query.with(NAME, span.map(Span::text).as_deref()).on(path);
    let Some((span, end)) = span.and_then(|span| Some((span, span.end()?))) else {
        let zone = req.time_zone();
        let (first, last) = (edge(req, field, all, "", zone)?, edge(req, field, all, "-", zone)?);
        let Some((first, last)) = first.zip(last) else { return Ok(None) };
        let years = (first.year()..=last.year()).rev().take(usize::try_from(MOST_YEARS).unwrap_or(30));
        let spans = years.filter_map(|year| Some(Span { first: NaiveDate::from_ymd_opt(year, 1, 1)?, parts: 1 }));
        let items = spans.map(|span| DateLink { label: span.text(), url: link(Some(span)) }).collect();
        return Ok(Some(DatesView { label: field.label.to_owned(), up: None, items }));
    };
    let parts: Vec<Span> = match span.parts {
        1 => (1..=12).filter_map(|month| Some(Span { first: span.first.with_month(month)?, parts: 2 })).collect(),
        2 => span.first.iter_days().take_while(|day| *day < end).map(|first| Span { first, parts: 3 }).collect(),
        _ => Vec::new(),
    };
    let label = |part: &Span| part.first.format(if part.parts == 2 { "%b" } else { "%-d" }).to_string();
    let items = parts.into_iter().map(|part| DateLink { label: label(&part), url: link(Some(part)) }).collect();
    let up = match span.parts {
        1 => DateLink { label: text!("All dates"), url: link(None) },
        parts => {
            let first = if parts == 2 { span.first.with_month(1) } else { span.first.with_day(1) };
            let above = Span { first: first.unwrap_or(span.first), parts: parts - 1 };
            DateLink { label: above.label(), url: link(Some(above)) }
        }
    };
    Ok(Some(DatesView { label: span.label(), up: Some(up), items }))
}

/// Returns the first or the last day that the rows of a list have.
fn edge(req: &mut Request, field: &'static FieldMeta, list: &List, sign: &str, zone: TimeZone) -> Result<Option<NaiveDate>> {
    let with_value = if field.null { list.clone().filter(Filter::Null(field, false)) } else { list.clone() };
    let ordered = with_value.order_by(&[&format!("{sign}{}", field.name)])?;
    let row = ordered.page(req.db()?, &Cursor::default(), 1)?.items.pop();
    let meta = list.meta();
    let at = meta.position(field.column);
    Ok(row.zip(at).and_then(|(row, at)| match (&row[at], field.kind) {
        (Value::Date(day), _) => Some(*day),
        (Value::Timestamp(moment), Kind::Timestamp) => Some(zone.local(*moment).date()),
        _ => None,
    }))
}
