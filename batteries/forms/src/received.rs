//! What a request brought for a form.

use std::collections::HashMap;

use lback_core::{Error, Request, Result};

use crate::{Entry, Field, FieldKind};

/// What was sent for each of `fields`, in their order. What was sent for no field is dropped.
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
            // A file input that was left empty sends an empty text where the form is not multipart.
            FieldKind::File if texts.iter().any(|text| !text.is_empty()) => return Err(not_a_file(field, multipart)),
            FieldKind::File if multipart => Entry { texts: Vec::new(), files: req.multipart()?.take_files(&field.name) },
            FieldKind::File => Entry::default(),
            _ => Entry { texts, files: Vec::new() },
        });
    }
    Ok(entries)
}

fn not_a_file(field: &Field, multipart: bool) -> Error {
    let remedy = if multipart { "" } else { ": the <form> needs enctype=\"multipart/form-data\", which {{ form.enctype }} writes" };
    Error::bad_request(format!("The field \"{}\" is a file, and text was sent for it{remedy}.", field.name))
}
