//! The fields of the rows in the form of the page.

use std::collections::{BTreeMap, BTreeSet};

use lback_core::{Method, Request, Result};
use lback_forms::{Field, FieldKind, Form, Values};
use lback_models::runtime::form_texts;
use lback_models::{FieldMeta, Kind, Value};

use super::super::edit::SEEN;
use super::super::file_inputs::{sent_files, with_clear};
use super::super::inputs::input;
use super::{InlineRow, InlineRows};
use crate::inline_admin::Inline;
use crate::names::Named;
use crate::shown::value_of;
use crate::site::Site;
use crate::stored_files::is_file;

impl InlineRows<'_> {
    /// Returns the fields of the form.
    pub(in crate::pages) fn form_fields(&self, req: &mut Request, site: &Site) -> Result<Vec<Field>> {
        let mut inputs = Vec::new();
        for row in self.rows.iter().filter(|row| row.can_change) {
            inputs.extend(self.row_fields(req, site, row)?);
        }
        for row in self.rows.iter().filter(|row| row.can_delete) {
            inputs.push(Field::boolean(row.name("_delete")).label("Delete"));
        }
        Ok(inputs)
    }

    fn row_fields(&self, req: &mut Request, site: &Site, row: &InlineRow) -> Result<Vec<Field>> {
        let mut inputs = Vec::new();
        for field in &self.fields {
            let (mut input, rows) = input(req, site, self.model, Named::Field(field))?;
            input = input.rename(row.name(field.name));
            if let Some(rows) = rows {
                input = input.choices_from(rows.into_choices());
            }
            // A new row without a place comes last.
            let is_place = self.inline.is_position(field);
            if row.is_new() && (!row.is_filled || is_place) {
                input = input.optional();
            }
            let value = value_of(self.model.meta(), &row.values, field);
            if is_file(field) {
                let (file, clear) = with_clear(input, field, value);
                input = file;
                inputs.extend(clear);
            } else if !(row.is_new() && (field.references.is_some() || is_place)) {
                input = input.initial(form_texts(field, value));
            }
            inputs.push(input);
        }
        if !row.is_new() {
            inputs.push(Field::new(row.name(SEEN), FieldKind::Text).optional().hidden().initial(row.seen.as_str()));
        }
        Ok(inputs)
    }

    /// Returns the row that the script of the page copies, and a form with its fields. `at` is the place of the inline on the page.
    pub(super) fn blank(&self, req: &mut Request, site: &Site, at: usize) -> Result<(InlineRow, Form<Values>)> {
        let row = InlineRow::new(&self.inline.prefix, "N", self.model.ops.blank(req.now())?, false);
        let mut form = Form::of(self.row_fields(req, site, &row)?).ids(format!("blank-{at}"));
        // Finds the choices. The form is never submitted.
        form.queried(req)?;
        Ok((row, form))
    }
}

/// The submitted values for the rows of a model.
#[derive(Default)]
pub(super) struct Submitted {
    /// The numbers of new rows.
    pub(super) numbers: BTreeSet<usize>,
    /// The texts of new rows, or "file" for a file, by the names of the fields.
    pub(super) new: BTreeMap<String, BTreeSet<String>>,
    /// The names of the fields for the states of the rows that were on the form.
    pub(super) seen: BTreeSet<String>,
}

impl Submitted {
    /// Returns the submitted values, or `None` if the page is only shown.
    pub(super) fn of(req: &mut Request, inline: &Inline) -> Result<Option<Self>> {
        if *req.method() != Method::POST {
            return Ok(None);
        }
        let (new_prefix, seen) = (format!("{}+", inline.prefix), format!(":{SEEN}"));
        let mut submitted = Submitted::default();
        let files = sent_files(req)?.into_iter().map(|name| (name, "file".to_owned()));
        for (name, text) in req.form::<Vec<(String, String)>>()?.into_iter().chain(files) {
            if let Some(rest) = name.strip_prefix(&new_prefix) {
                if let Some(number) = rest.split(':').next().and_then(|number| number.parse::<u16>().ok())
                    && !text.trim().is_empty()
                {
                    submitted.numbers.insert(number.into());
                    submitted.new.entry(name).or_default().insert(text.trim().to_owned());
                }
            } else if name.starts_with(&inline.prefix) && name.ends_with(&seen) {
                submitted.seen.insert(name);
            }
        }
        Ok(Some(submitted))
    }
}

/// Returns whether the visitor has changed the initial value of a field of a new row.
pub(super) fn is_filled(field: &FieldMeta, value: &Value, is_submitted: bool, texts: Option<&BTreeSet<String>>) -> bool {
    let initial = form_texts(field, value);
    match texts {
        Some(texts) => texts.iter().any(|text| !initial.contains(text)),
        None => is_submitted && field.kind == Kind::Bool && initial == ["true"],
    }
}
