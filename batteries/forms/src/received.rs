//! Reads the submitted values from a request.

use std::collections::HashMap;

use lback_core::{Error, Request, Result, TimeZone};

use crate::moment::zone_name;
use crate::{Entry, Field, FieldKind};

/// Returns the submitted values of each of `fields`, in their order, and for a moment the time zone in which it was shown. Other values
/// in the request are ignored.
pub(crate) fn receive<'a>(req: &mut Request, fields: impl Iterator<Item = &'a Field>) -> Result<Vec<(Entry, Option<TimeZone>)>> {
    let pairs: Vec<(String, String)> = req.form()?;
    let multipart = req.content_type().as_deref() == Some("multipart/form-data");
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    for (name, text) in pairs {
        texts.entry(name).or_default().push(text);
    }
    let mut entries = Vec::new();
    for field in fields {
        let sent = texts.remove(&field.name).unwrap_or_default();
        let zone = if field.kind == FieldKind::Moment { texts.remove(&zone_name(&field.name)) } else { None };
        let zone = zone.and_then(|names| names.first()?.parse().ok());
        let entry = match field.kind {
            // If the form is not multipart, a file input that was left empty sends an empty text.
            FieldKind::File if sent.iter().any(|text| !text.is_empty()) => return Err(not_a_file(field, multipart)),
            FieldKind::File if multipart => Entry { texts: Vec::new(), files: req.multipart()?.take_files(&field.name) },
            FieldKind::File => Entry::default(),
            _ => Entry { texts: sent, files: Vec::new() },
        };
        entries.push((entry, zone));
    }
    Ok(entries)
}

fn not_a_file(field: &Field, multipart: bool) -> Error {
    let remedy = if multipart { "" } else { ": the <form> needs enctype=\"multipart/form-data\"; write {{ form.enctype }} in it" };
    Error::bad_request(format!("The field \"{}\" expects a file, but text was sent{remedy}.", field.name))
}
