//! Inputs for the files that fields name.

use lback_core::{Request, Result, UploadedFile};
use lback_forms::{Field, FieldError, Form, Values};
use lback_models::{FieldMeta, Format, Value};

use crate::language::{text, within_sentence};
use crate::stored_files::{ImageKind, NewFile, is_file};

/// The media types of the images that a field accepts.
const IMAGES: &str = "image/png, image/jpeg, image/gif, image/webp";

/// Returns the input for the file that a field names, of a row without a file.
pub(super) fn file_input(field: &'static FieldMeta) -> Field {
    let mut file = Field::file(field.name).label(field.label).clean(not_empty);
    if !field.help.is_empty() {
        file = file.help(field.help);
    }
    if field.format == Format::Image {
        file = file.accept(IMAGES).clean(image);
    }
    if field.null || field.blank { file.optional() } else { file }
}

/// Returns the input of a row whose field has the value `current`, and, if there is a file that can be cleared, the box that clears it.
pub(super) fn with_clear(input: Field, field: &FieldMeta, current: &Value) -> (Field, Option<Field>) {
    if !is_file(field) {
        return (input, None);
    }
    let clear = can_clear(field, current).then(|| {
        let clear = Field::boolean(clear_name(input.name()));
        clear.label(text!("Clear {field}", field = within_sentence(field.label))).optional()
    });
    (if has_file(current) { input.optional() } else { input }, clear)
}

fn has_file(value: &Value) -> bool {
    matches!(value, Value::Text(name) if !name.is_empty())
}

/// Returns whether the form has a box that clears a field.
pub(super) fn can_clear(field: &FieldMeta, current: &Value) -> bool {
    (field.null || field.blank) && has_file(current)
}

/// Returns the name of the box that clears the field with an input.
pub(super) fn clear_name(name: &str) -> String {
    format!("{name}-clear")
}

fn not_empty(file: UploadedFile) -> Result<UploadedFile, FieldError> {
    if file.is_empty() { Err(text!("This file is empty.").into()) } else { Ok(file) }
}

fn image(file: UploadedFile) -> Result<UploadedFile, FieldError> {
    match ImageKind::of(file.reader()) {
        Ok(Some(_)) => Ok(file),
        _ => Err(text!("This is not an image. Choose one in the format PNG, JPEG, GIF or WebP.").into()),
    }
}

/// Returns the name of the file that a form gives a field, and adds the file, which must be stored. `None` if the field stays as it is.
///
/// # Errors
/// Returns an error if the form does not have the field, or if the file cannot be read.
pub(super) fn file_value(field: &FieldMeta, name: &str, given: &mut Values, files: &mut Vec<NewFile>) -> Result<Option<Value>> {
    if let Some(upload) = given.take::<Option<UploadedFile>>(name)? {
        let file = NewFile::new(field, upload)?;
        let value = Value::Text(file.name.clone());
        files.push(file);
        return Ok(Some(value));
    }
    let nothing = if field.null { Value::Null } else { Value::Text(String::new()) };
    Ok(given.is_checked(&clear_name(name)).then_some(nothing))
}

/// Returns the names of the inputs for which files were sent.
pub(super) fn sent_files(req: &mut Request) -> Result<Vec<String>> {
    if req.content_type().as_deref() != Some("multipart/form-data") {
        return Ok(Vec::new());
    }
    Ok(req.multipart()?.files().map(|file| file.field_name().to_owned()).collect())
}

/// Asks the visitor to choose files again, because browsers do not fill in the inputs of a form that is shown again.
pub(super) fn ask_again(sent: &[String], form: &mut Form<Values>) {
    for name in sent {
        if form.errors().of(name).next().is_none() {
            form.add_error(name, text!("Choose the file again. It has not been saved."));
        }
    }
}
