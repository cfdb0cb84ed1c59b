//! The files that fields name, as links, previews and downloads.

use lback_core::{Error, Request, Response, Result};
use lback_models::{FieldMeta, Value};
use serde::Serialize;

use super::edit::row_of_path;
use super::file_inputs::{can_clear, clear_name};
use super::layout::{key_in_path, link, site_and_table};
use crate::access::{self, Right};
use crate::language::text;
use crate::shown::value_of;
use crate::site::Registered;
use crate::stored_files::{ImageKind, is_file};

/// A file that a field of a row names.
#[derive(Serialize)]
pub(super) struct FileView {
    name: String,
    /// The address of the file. `None` if it is missing.
    url: Option<String>,
    is_image: bool,
    /// The field of the form that clears it.
    clear: Option<String>,
}

impl FileView {
    /// Returns the file that a field of a row names. `None` if it names none.
    pub(super) fn of(req: &Request, model: &Registered, row: &[Value], field: &FieldMeta) -> Result<Option<Self>> {
        let Some(name) = named_file(model, row, field) else { return Ok(None) };
        let mut view = FileView { name: name.to_owned(), url: None, is_image: false, clear: None };
        if let Ok(path) = req.app().media_file(name) {
            view.is_image = matches!(ImageKind::of_file(&path), Ok(Some(_)));
            view.url = Some(file_link(req, model, &model.ops.key_text(row), field)?);
        }
        Ok(Some(view))
    }

    /// Returns the file that a field of a row names, with the box that clears it, if the form has one. `input` is the name of the input for
    /// the file.
    pub(super) fn of_input(req: &Request, model: &Registered, row: &[Value], field: &FieldMeta, input: &str) -> Result<Option<Self>> {
        let clear = can_clear(field, value_of(model.meta(), row, field)).then(|| clear_name(input));
        Ok(FileView::of(req, model, row, field)?.map(|file| FileView { clear, ..file }))
    }
}

/// Returns the name of the file that a field of a row names.
fn named_file<'a>(model: &Registered, row: &'a [Value], field: &FieldMeta) -> Option<&'a str> {
    match value_of(model.meta(), row, field) {
        Value::Text(name) if is_file(field) && !name.is_empty() => Some(name),
        _ => None,
    }
}

/// Returns the address of the file that a field of a row names.
pub(super) fn file_link(req: &Request, model: &Registered, key: &str, field: &FieldMeta) -> Result<String> {
    link(req, "file", &[("model", &model.meta().table), ("key", &key_in_path(key)), ("field", &field.name)])
}

/// Sends the file that a field of a row names. Browsers show it only if it is an image, and save it otherwise.
pub(super) fn show(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    let (_, row) = row_of_path(req, model)?;
    let missing = || Error::not_found(text!("There is no such file."));
    let name: String = req.param("field")?;
    let field = model.meta().field(&name).filter(|field| is_file(field) && !field.hidden).ok_or_else(missing)?;
    if !access::sees_field(req, model, field.name)? {
        return Err(missing());
    }
    let stored = named_file(model, &row, field).ok_or_else(missing)?;
    let path = req.app().media_file(stored)?;
    let (response, media_type) = match ImageKind::of_file(&path)? {
        Some(kind) => (Response::file(req, &path)?, kind.media_type),
        None => {
            let name = stored.rsplit('/').next().unwrap_or(stored);
            (Response::download(req, &path, name)?, "application/octet-stream")
        }
    };
    // The ending of a file that the application has stored may be wrong.
    let response = if response.status().is_success() { response.with_header("content-type", media_type)? } else { response };
    response.with_header("x-content-type-options", "nosniff")?.with_header("cache-control", "private, no-cache")
}
