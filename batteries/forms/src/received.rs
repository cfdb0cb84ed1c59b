//! Reads the submitted values from a request.

use std::collections::HashMap;

use lback_core::{Error, Request, Result};

use crate::{Entry, Field, FieldKind};

/// Returns the submitted values of each of `fields`, in their order. Other values in the request are ignored.
pub(crate) fn receive<'a>(req: &mut Request, fields: impl Iterator<Item = &'a Field>) -> Result<Vec<Entry>> {
    let pairs: Vec<(String, String)> = req.form()?;
    let multipart = req.content_type().as_deref() == Some("multipart/form-data");
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    for (name, text) in pairs {
        texts.entry(name).or_default().push(text);
    }
    let mut entries = Vec::new();
    for field in fields {
        let texts = texts.remove(&field.name).unwrap_or_default();
        entries.push(match field.kind {
            // If the form is not multipart, a file input that was left empty sends an empty text.
            FieldKind::File if texts.iter().any(|text| !text.is_empty()) => return Err(not_a_file(field, multipart)),
            FieldKind::File if multipart => Entry { texts: Vec::new(), files: req.multipart()?.take_files(&field.name) },
            FieldKind::File => Entry::default(),
            _ => Entry { texts, files: Vec::new() },
        });
    }
    Ok(entries)
}

fn not_a_file(field: &Field, multipart: bool) -> Error {
    let remedy = if multipart { "" } else { ": the <form> needs enctype=\"multipart/form-data\"; write {{ form.enctype }} in it" };
    Error::bad_request(format!("The field \"{}\" expects a file, but text was sent{remedy}.", field.name))
}
