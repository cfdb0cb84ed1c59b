//! The fields of the rows in the form of the page.

use std::collections::BTreeSet;
use std::slice;

use lback_core::{Request, Result};
use lback_forms::{Field, FieldKind, Form, Values};
use lback_models::runtime::form_texts;
use lback_models::{Kind, Value};

use super::super::edit::SEEN;
use super::super::file_inputs::with_clear;
use super::super::inputs::input;
use super::choices::SharedChoices;
use super::submitted::Submitted;
use super::{InlineRow, InlineRows};
use crate::access::{self, Seen};
use crate::language::text;
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
                    Some(submitted) => submitted.texts(&row.name(named.name())).into_iter().flatten().cloned().collect(),
                    None => self.initial(row, named),
                });
                let blank = self.parents.iter().filter(|parent| parent.blank.is_some()).count();
                input = input.choices_from(SharedChoices::new(list, chosen.collect(), self.rows.len() + blank));
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
        let parents = self.parents.iter().enumerate().filter(|(_, parent)| !parent.is_blank());
        let mut fields: Vec<Field> = parents.flat_map(|(at, _)| self.fields_of(at)).collect();
        fields.extend(self.nested.iter().flat_map(InlineRows::form_fields));
        fields
    }

    /// Returns whether rows have files, those included that the script of the page adds.
    pub(in crate::pages) fn has_files(&self) -> bool {
        let is_of_file = |input: &Input| matches!(input.named, Named::Field(field) if is_file(field));
        self.inputs.iter().any(is_of_file) || self.nested.iter().any(InlineRows::has_files)
    }

    /// Returns the fields of the rows that refer to a parent.
    fn fields_of(&self, parent: usize) -> Vec<Field> {
        let rows = || self.rows_of(parent).map(|(_, row)| row);
        let mut fields: Vec<Field> = rows().filter(|row| row.can_change).flat_map(|row| self.row_fields(row)).collect();
        fields.extend(rows().filter(|row| row.can_delete).map(|row| Field::boolean(row.name("_delete")).label(text!("Delete"))));
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

    /// Returns a form with the fields of a blank row, and of those that refer to it.
    pub(super) fn blank_form(&self, req: &mut Request, row: &InlineRow, ids: String) -> Result<Form<Values>> {
        let mut fields = self.row_fields(row);
        fields.extend(self.nested.iter().flat_map(|nested| nested.fields_of(self.rows.len())));
        let mut form = Form::of(fields).ids(ids);
        // Finds the choices. The form is never submitted.
        form.queried(req)?;
        Ok(form)
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
