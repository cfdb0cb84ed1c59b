//! The rows as the page shows them.

use lback_core::{Request, Result};
use lback_forms::{Form, Values};
use lback_models::runtime::form_texts;
use serde::Serialize;

use super::super::files::FileView;
use super::super::filters::key_parameter;
use super::super::layout::{link, row_link};
use super::super::list_rows::References;
use super::super::readonly::{FieldView, of_field};
use super::form::Input;
use super::{InlineRow, InlineRows, Parent};
use crate::language::within_sentence;
use crate::model_admin::Listed;
use crate::names::Named;
use crate::query_string::QueryString;
use crate::site::Site;

#[derive(Serialize)]
pub(in crate::pages) struct InlineView {
    id: String,
    label: &'static str,
    /// The label of a row, and of several, within a sentence.
    singular: String,
    plural: String,
    is_cards: bool,
    headings: Vec<&'static str>,
    rows: Vec<InlineRowView>,
    can_add: bool,
    /// The row that the script copies.
    blank: Option<Blank>,
    /// The maximum number of rows on the page.
    most: usize,
    /// The end of the names of the fields with the place of a row.
    position: Option<String>,
    more: Option<String>,
}

#[derive(Serialize)]
struct Blank {
    row: InlineRowView,
    form: Form<Values>,
}

#[derive(Serialize)]
struct InlineRowView {
    label: Option<String>,
    url: Option<String>,
    fields: Vec<FieldView>,
    delete: Option<String>,
    inlines: Vec<InlineView>,
}

/// Rows, with those to which they refer.
type WithReferences<'a> = (&'a InlineRows<'a>, References<'a>);

impl<'a> InlineRows<'a> {
    /// Returns the rows as the page shows them. `at` is the place of the inline on the page.
    pub(in crate::pages) fn view(&'a self, req: &mut Request, site: &'a Site, at: usize) -> Result<InlineView> {
        let mut nested = Vec::new();
        for rows in &self.nested {
            nested.push((rows, rows.references(req, site)?));
        }
        let references = self.references(req, site)?;
        self.view_of(req, 0, format!("inline-{at}"), &references, &nested)
    }

    /// Returns the rows to which those refer that cannot be changed.
    fn references(&self, req: &mut Request, site: &'a Site) -> Result<References<'a>> {
        let columns: Vec<Listed> = self.inputs.iter().map(|input| input.named.into()).collect();
        let is_fixed = |row: &&InlineRow| self.inputs.iter().any(|input| !row.changes(input.named));
        let fixed: Vec<_> = self.rows.iter().filter(is_fixed).map(|row| row.values.clone()).collect();
        References::of(req, site, self.model, &columns, &fixed)
    }

    /// Returns the rows of a parent as the page shows them.
    fn view_of(
        &self,
        req: &mut Request,
        parent: usize,
        id: String,
        references: &References<'_>,
        nested: &[WithReferences<'_>],
    ) -> Result<InlineView> {
        let meta = self.model.meta();
        let Parent { key, can_add, most, has_more, blank, .. } = &self.parents[parent];
        let mut rows = Vec::new();
        for (at, row) in self.rows_of(parent) {
            rows.push(self.row_view(req, at, row, &id, references, nested)?);
        }
        let blank = match blank {
            Some(row) => {
                let form = self.blank_form(req, row, format!("blank-{id}"))?;
                Some(Blank { row: self.row_view(req, self.rows.len(), row, &id, references, nested)?, form })
            }
            None => None,
        };
        let more = match (has_more, key) {
            (true, Some(key)) => {
                let key = form_texts(self.inline.field, key).into_iter().next();
                let filtered = QueryString::default().with(&key_parameter(self.inline.field), key.as_deref());
                Some(filtered.on(&link(req, "list", &[("model", &meta.table)])?))
            }
            _ => None,
        };
        Ok(InlineView {
            id,
            label: meta.plural,
            singular: within_sentence(meta.label),
            plural: within_sentence(meta.plural),
            is_cards: self.inline.is_cards,
            headings: self.inputs.iter().map(|input| input.named.label()).collect(),
            rows,
            can_add: *can_add,
            blank,
            most: *most,
            position: self.inline.position.filter(|place| self.has(place.name)).map(|place| format!(":{}", place.name)),
            more,
        })
    }

    fn row_view(
        &self,
        req: &mut Request,
        at: usize,
        row: &InlineRow,
        id: &str,
        references: &References<'_>,
        nested: &[WithReferences<'_>],
    ) -> Result<InlineRowView> {
        let mut fields = Vec::new();
        for Input { named, .. } in &self.inputs {
            let name = row.name(named.name());
            fields.push(match *named {
                Named::Field(field) if row.changes(*named) && !row.is_new() => {
                    FieldView::input(&name).with_file(FileView::of_input(req, self.model, &row.values, field, &name)?)
                }
                named if row.changes(named) => FieldView::input(&name),
                Named::Field(field) => of_field(req, self.model, &row.values, field, references)?,
                Named::Link(link) => FieldView::fixed(link.label, references.linked(link.name, &row.key).to_owned()),
            });
        }
        let mut inlines = Vec::new();
        for (number, (rows, references)) in nested.iter().enumerate() {
            inlines.push(rows.view_of(req, at, format!("{id}-{at}-{number}"), references, &[])?);
        }
        let url = if row.is_new() { None } else { Some(row_link(req, "row", self.model, &row.key)?) };
        let delete = row.can_delete.then(|| row.name("_delete"));
        Ok(InlineRowView { label: Some(row.label.clone()).filter(|_| !row.is_new()), url, fields, delete, inlines })
    }
}
