//! The fields of the rows in the form of the page.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use lback_core::{Method, Request, Result};
use lback_forms::{Field, FieldKind, Form, Values};
use lback_models::runtime::form_texts;
use lback_models::{Kind, Value};

use super::super::edit::SEEN;
use super::super::file_inputs::{sent_files, with_clear};
use super::super::inputs::input;
use super::choices::SharedChoices;
use super::{InlineRow, InlineRows};
use crate::access::{self, Seen};
use crate::inline_admin::Inline;
use crate::names::Named;
use crate::shown::value_of;
use crate::site::{Registered, Site};
use crate::stored_files::is_file;

/// A field or relation that the visitor may change, and its input, without the name of a row.
pub(super) struct Input {
    pub(super) named: Named,
    input: Field,
    /// The rows to which rows are linked, if the form was submitted.
    pub(super) seen: Option<Seen>,
}

impl InlineRows<'_> {
    /// Returns the inputs of fields and relations, with choices that all rows share.
    pub(super) fn inputs(&self, req: &mut Request, site: &Site, fields: Vec<Named>, submitted: Option<&Submitted>) -> Result<Vec<Input>> {
        let mut inputs = Vec::with_capacity(fields.len());
        for named in fields {
            let (mut input, choices) = input(req, site, self.model, named)?;
            if let Some(list) = choices {
                let rows = self.rows.iter().filter(|row| row.changes(named));
                let chosen = rows.flat_map(|row| match submitted {
                    Some(submitted) => submitted.texts.get(&row.name(named.name())).into_iter().flatten().cloned().collect(),
                    None => self.initial(row, named),
                });
                input = input.choices_from(SharedChoices::new(list, chosen.collect(), self.rows.len()));
            }
            let seen = match named {
                Named::Link(link) if submitted.is_some() => {
                    let linked = self.rows.iter().flat_map(|row| row.linked(link)).cloned().collect();
                    Some(access::seen(req, site, (link.model)(), linked)?)
                }
                _ => None,
            };
            inputs.push(Input { named, input, seen });
        }
        Ok(inputs)
    }

    /// Returns the fields of the form.
    pub(in crate::pages) fn form_fields(&self) -> Vec<Field> {
        let changed = self.rows.iter().filter(|row| row.can_change);
        let mut fields: Vec<Field> = changed.flat_map(|row| self.row_fields(row)).collect();
        for row in self.rows.iter().filter(|row| row.can_delete) {
            fields.push(Field::boolean(row.name("_delete")).label("Delete"));
        }
        fields
    }

    fn row_fields(&self, row: &InlineRow) -> Vec<Field> {
        let mut fields = Vec::new();
        for Input { named, input, .. } in self.inputs.iter().filter(|input| row.changes(input.named)) {
            let mut input = input.clone().rename(row.name(named.name())).initial(self.initial(row, *named));
            // A new row without a place comes last.
            if row.is_new() && (!row.is_filled || self.inline.is_position(*named)) {
                input = input.optional();
            }
            let (input, clear) = match *named {
                Named::Field(field) => with_clear(input, field, value_of(self.model.meta(), &row.values, field)),
                Named::Link(_) => (input, None),
            };
            fields.push(input);
            fields.extend(clear);
        }
        if !row.is_new() {
            fields.push(Field::new(row.name(SEEN), FieldKind::Text).optional().hidden().initial(row.seen.as_str()));
        }
        fields
    }

    /// Returns the texts with which the form shows a field or relation of a row.
    fn initial(&self, row: &InlineRow, named: Named) -> Vec<String> {
        match named {
            // A new row refers to nothing yet.
            _ if row.is_new() && (named.to().is_some() || self.inline.is_position(named)) => Vec::new(),
            Named::Field(field) if is_file(field) => Vec::new(),
            Named::Field(field) => form_texts(field, value_of(self.model.meta(), &row.values, field)),
            Named::Link(link) => row.linked(link).iter().map(|key| self.model.ops.key_text_of(slice::from_ref(key))).collect(),
        }
    }

    /// Returns the row that the script of the page copies, and a form with its fields. `at` is the place of the inline on the page.
    pub(super) fn blank(&self, req: &mut Request, at: usize) -> Result<(InlineRow, Form<Values>)> {
        let row = InlineRow::new(&self.inline.prefix, "N", self.model.ops.blank(req.now())?, false);
        let mut form = Form::of(self.row_fields(&row)).ids(format!("blank-{at}"));
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
    /// The texts that are not empty, or "file" for a file, by the names of the fields.
    pub(super) texts: BTreeMap<String, BTreeSet<String>>,
    /// The names of the fields for the states of the rows that were on the form.
    pub(super) seen: BTreeSet<String>,
}

impl Submitted {
    /// Returns the submitted values, or `None` if the page is only shown.
    pub(super) fn of(req: &mut Request, inline: &Inline) -> Result<Option<Self>> {
        if *req.method() != Method::POST {
            return Ok(None);
        }
        let mut submitted = Submitted::default();
        let files = sent_files(req)?.into_iter().map(|name| (name, "file".to_owned()));
        for (name, text) in req.form::<Vec<(String, String)>>()?.into_iter().chain(files) {
            let Some(rest) = name.strip_prefix(&inline.prefix) else { continue };
            let number = rest.strip_prefix('+').and_then(|rest| rest.split(':').next()?.parse::<u16>().ok());
            if !rest.starts_with('+') && name.ends_with(&format!(":{SEEN}")) {
                submitted.seen.insert(name);
            } else if !text.trim().is_empty() {
                submitted.numbers.extend(number.map(usize::from));
                submitted.texts.entry(name).or_default().insert(text.trim().to_owned());
            }
        }
        Ok(Some(submitted))
    }
}

/// Returns whether the visitor has changed the initial value of a field or relation of a new row.
pub(super) fn is_filled(model: &Registered, named: Named, row: &[Value], is_submitted: bool, texts: Option<&BTreeSet<String>>) -> bool {
    let Named::Field(field) = named else { return texts.is_some() };
    let initial = form_texts(field, value_of(model.meta(), row, field));
    match texts {
        Some(texts) => texts.iter().any(|text| !initial.contains(text)),
        None => is_submitted && field.kind == Kind::Bool && initial == ["true"],
    }
}
