//! Reads the submitted values from a request.

use std::collections::HashMap;

use lback_core::{Error, Request, Result, TimeZone};
use serde::Deserialize;
use serde_json::Number;

use crate::moment::zone_name;
use crate::{Entry, Field, FieldKind};

/// What was submitted for a field.
pub(crate) struct Received {
    pub(crate) entry: Entry,
    /// What the visitor searches for among many choices.
    pub(crate) search: String,
    /// The time zone in which a moment was shown.
    pub(crate) zone: Option<TimeZone>,
}

/// Returns the submitted values of each of `fields`, in their order. Other values in the request are ignored.
pub(crate) fn receive<'a>(req: &mut Request, fields: impl Iterator<Item = &'a Field>) -> Result<Vec<Received>> {
    let mut texts = if req.has_json() { by_name_in_json(req)? } else { by_name(req.form()?) };
    let multipart = req.content_type().as_deref() == Some("multipart/form-data");
    let mut entries = Vec::new();
    for field in fields {
        let (search, zone) = (search(field, &mut texts), zone(field, &mut texts));
        let texts = texts.remove(&field.name).unwrap_or_default();
        let entry = match field.kind {
            // If the form is not multipart, a file input that was left empty sends an empty text.
            FieldKind::File if texts.iter().any(|text| !text.is_empty()) => return Err(not_a_file(field, multipart)),
            FieldKind::File if multipart => Entry { texts: Vec::new(), files: req.multipart()?.take_files(&field.name) },
            FieldKind::File => Entry::default(),
            _ => Entry { texts, files: Vec::new() },
        };
        entries.push(Received { entry, search, zone });
    }
    Ok(entries)
}

/// Returns the values of each of `fields` in the query string. `None` if it has none of them.
pub(crate) fn receive_query<'a>(req: &Request, fields: impl Iterator<Item = &'a Field>) -> Result<Option<Vec<Received>>> {
    let mut texts = by_name(req.query()?);
    let mut is_any = false;
    let received = fields.map(|field| {
        let (search, zone) = (search(field, &mut texts), zone(field, &mut texts));
        let texts = texts.remove(&field.name);
        is_any |= texts.is_some() || !search.is_empty();
        Received { entry: Entry { texts: texts.unwrap_or_default(), files: Vec::new() }, search, zone }
    });
    let received = received.collect();
    Ok(is_any.then_some(received))
}

fn search(field: &Field, texts: &mut HashMap<String, Vec<String>>) -> String {
    let given = field.source.as_ref().and_then(|_| texts.remove(&field.search_name()));
    given.and_then(|texts| texts.into_iter().next()).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn zone(field: &Field, texts: &mut HashMap<String, Vec<String>>) -> Option<TimeZone> {
    let names = if field.kind == FieldKind::Moment { texts.remove(&zone_name(&field.name)) } else { None };
    names.and_then(|names| names.first()?.parse().ok())
}

fn by_name(pairs: Vec<(String, String)>) -> HashMap<String, Vec<String>> {
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    for (name, text) in pairs {
        texts.entry(name).or_default().push(text);
    }
    texts
}

/// A value of a field in JSON.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, a number, true, false, null, or a list of them")]
enum JsonField {
    One(Option<JsonValue>),
    Several(Vec<JsonValue>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonValue {
    Text(String),
    Number(Number),
    Bool(bool),
}

impl JsonValue {
    fn into_text(self) -> String {
        match self {
            JsonValue::Text(text) => text,
            JsonValue::Number(number) => number.to_string(),
            JsonValue::Bool(value) => value.to_string(),
        }
    }
}

/// Returns the values in a body of JSON, as an HTML form would send them.
fn by_name_in_json(req: &Request) -> Result<HashMap<String, Vec<String>>> {
    let fields: HashMap<String, JsonField> = req.json()?;
    let texts = |field| match field {
        JsonField::One(value) => value.into_iter().map(JsonValue::into_text).collect(),
        JsonField::Several(values) => values.into_iter().map(JsonValue::into_text).collect(),
    };
    Ok(fields.into_iter().map(|(name, field)| (name, texts(field))).collect())
}

fn not_a_file(field: &Field, multipart: bool) -> Error {
    let remedy = if multipart { "" } else { ": the <form> needs enctype=\"multipart/form-data\"; write {{ form.enctype }} in it" };
    Error::bad_request(format!("The field \"{}\" expects a file, but text was sent{remedy}.", field.name))
}
