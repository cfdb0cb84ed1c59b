//! The parameters of the query string: read by the server and described by the document.

use chrono::{DateTime, Utc};
use lback_core::settings::nearest;
use lback_core::{Error, Request, Result};
use lback_models::runtime::{read_text, value_from_json};
use lback_models::{Comparison, FieldMeta, Filter, Kind, Value};
use serde_json::Value as Json;

use crate::resource::{Config, Operation};

/// The maximum number of values of a parameter `…__in`.
pub(crate) const MOST_VALUES: usize = 100;

/// The maximum number of characters of a text that is searched for. SQLite refuses long patterns.
pub(crate) const MOST_CHARACTERS: usize = 200;

/// The meaning of a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    Filter(&'static FieldMeta, Test),
    Search,
    Order,
    Fields,
    Include,
    After,
    Before,
    Page,
    Limit,
}

/// The comparison of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Is(Comparison),
    OneOf,
    IsNull,
    Contains,
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) meaning: Meaning,
}

/// Returns the parameters of an operation.
pub(crate) fn of(config: &Config, operation: Operation) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut add = |name: &str, meaning| parameters.push(Parameter { name: name.to_owned(), meaning });
    if operation == Operation::List {
        for field in &config.filters {
            for (end, test) in tests(field) {
                add(&format!("{}{end}", field.name), Meaning::Filter(field, test));
            }
        }
        if !config.search.is_empty() {
            add("search", Meaning::Search);
        }
        if !config.sortable.is_empty() {
            add("order", Meaning::Order);
        }
        add("limit", Meaning::Limit);
        if config.is_numbered {
            add("page", Meaning::Page);
        } else {
            add("after", Meaning::After);
            add("before", Meaning::Before);
        }
    }
    if operation != Operation::Delete {
        if config.has_sparse_fields {
            add("fields", Meaning::Fields);
        }
        if !config.includes.is_empty() {
            add("include", Meaning::Include);
        }
    }
    parameters
}

/// Returns the ends of the names of a field's parameters, and their tests.
fn tests(field: &FieldMeta) -> Vec<(&'static str, Test)> {
    let mut tests = vec![("", Test::Is(Comparison::Equal)), ("__in", Test::OneOf)];
    let is_ordered = !matches!(field.kind, Kind::Text | Kind::Bool | Kind::Uuid) && field.references.is_none();
    if is_ordered {
        let ends = [Comparison::Above, Comparison::AtLeast, Comparison::Below, Comparison::AtMost].map(Test::Is);
        tests.extend(["__gt", "__gte", "__lt", "__lte"].into_iter().zip(ends));
    }
    if field.kind == Kind::Text && field.choices.is_empty() && field.references.is_none() {
        tests.push(("__contains", Test::Contains));
    }
    if field.null {
        tests.push(("__isnull", Test::IsNull));
    }
    tests
}

/// Returns the parameters that were sent, with their meanings.
///
/// # Errors
/// Returns 400 if a parameter is unknown or sent twice.
pub(crate) fn sent<'p>(req: &Request, known: &'p [Parameter]) -> Result<Vec<(&'p Parameter, String)>> {
    let pairs: Vec<(String, String)> = req.query()?;
    let mut sent: Vec<(&Parameter, String)> = Vec::new();
    for (name, value) in pairs {
        let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else { return Err(unknown(&name, known)) };
        if sent.iter().any(|(other, _)| other.name == name) {
            return Err(Error::bad_request(format!("The parameter \"{name}\" is sent twice.")));
        }
        if value.contains('\0') {
            return Err(Error::bad_request(format!("The parameter \"{name}\" contains a null character.")));
        }
        sent.push((parameter, value));
    }
    Ok(sent)
}

fn unknown(name: &str, known: &[Parameter]) -> Error {
    let names: Vec<&str> = known.iter().map(|parameter| parameter.name.as_str()).collect();
    let remedy = match nearest(name, &names) {
        Some(likely) => format!("did you mean \"{likely}\"?"),
        None if names.is_empty() => "there are none here.".to_owned(),
        None => format!("the parameters are {}.", names.join(", ")),
    };
    Error::bad_request(format!("There is no parameter \"{name}\"; {remedy}"))
}

/// Returns the condition of a filter.
///
/// # Errors
/// Returns 400 if the field cannot be compared with the value.
pub(crate) fn filter(name: &str, field: &'static FieldMeta, test: Test, text: &str) -> Result<Filter> {
    Ok(match test {
        Test::Is(comparison) => Filter::Compare(field, comparison, value(name, field, text)?),
        Test::Contains => {
            check_length(name, text)?;
            Filter::Contains(field, text.to_owned())
        }
        Test::IsNull => match text {
            "true" => Filter::Null(field, true),
            "false" => Filter::Null(field, false),
            _ => return Err(Error::bad_request(format!("The parameter \"{name}\" is true or false."))),
        },
        Test::OneOf => {
            let texts: Vec<&str> = text.split(',').collect();
            if texts.len() > MOST_VALUES {
                return Err(Error::bad_request(format!("The parameter \"{name}\" takes at most {MOST_VALUES} values.")));
            }
            Filter::OneOf(field, texts.into_iter().map(|text| value(name, field, text)).collect::<Result<_>>()?)
        }
    })
}

/// Checks the length of a text to search for.
///
/// # Errors
/// Returns 400 if the text is too long.
pub(crate) fn check_length(name: &str, text: &str) -> Result<()> {
    match text.chars().count() > MOST_CHARACTERS {
        true => Err(Error::bad_request(format!("The parameter \"{name}\" has at most {MOST_CHARACTERS} characters."))),
        false => Ok(()),
    }
}

fn value(name: &str, field: &'static FieldMeta, text: &str) -> Result<Value> {
    let is_choice = |text: &str| field.choices.is_empty() || field.choices.iter().any(|(choice, _)| *choice == text);
    let read = match field.kind {
        // A plus means a space in a query string. Clients often forget to escape that of an offset.
        Kind::Timestamp => {
            text.replace(' ', "+").parse::<DateTime<Utc>>().ok().and_then(|at| read_text(field, &format!("{:?}", at.naive_utc())))
        }
        Kind::Duration => value_from_json(field, Json::String(text.to_owned())).ok(),
        Kind::Float | Kind::Double => read_text(field, text).filter(|value| matches!(value, Value::Real(number) if number.is_finite())),
        _ => Some(text).filter(|text| is_choice(text)).and_then(|text| read_text(field, text)),
    };
    read.ok_or_else(|| {
        let choices: Vec<&str> = field.choices.iter().map(|(choice, _)| *choice).collect();
        let expected = if choices.is_empty() { expected(field.kind).to_owned() } else { format!("one of {}", choices.join(", ")) };
        Error::bad_request(format!("The parameter \"{name}\" is not valid: expected {expected}."))
    })
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt => "a whole number",
        Kind::Float | Kind::Double | Kind::Decimal => "a number",
        Kind::Bool => "true or false",
        Kind::Date => "a day, such as 2026-12-31",
        Kind::Time => "a time of day, such as 23:59:00",
        Kind::DateTime => "a time without a zone, such as 2026-12-31T23:59:00",
        Kind::Timestamp => "a moment, such as 2026-12-31T23:59:00Z",
        Kind::Duration => "a length of time, such as PT1H30M",
        Kind::Uuid => "a UUID",
        Kind::Text | Kind::Bytes | Kind::Json => "a text",
    }
}
