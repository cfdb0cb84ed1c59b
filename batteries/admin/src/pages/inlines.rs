//! Rows of other models on the page of the row that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use lback_core::{Error, Method, Request, Result};
use lback_db::{Db, RequestDb};
use lback_forms::{Field, FieldKind, Form, Values};
use lback_models::runtime::{dependents, form_field, form_texts, form_value, within_sentence};
use lback_models::{Auto, Cursor, FieldMeta, Filter, Value};
use serde::Serialize;

use super::edit::{SEEN, fingerprint, groups};
use super::filters::key_parameter;
use super::layout::{link, row_link};
use super::readonly::{FieldView, fixed};
use super::row_errors::RowErrors;
use crate::access::{self, Right};
use crate::history::{Recorder, RowState, state_of};
use crate::model_admin::Inline;
use crate::names::Named;
use crate::query_string::QueryString;
use crate::saving::{self, Old};
use crate::site::{Registered, Site};

/// The maximum number of rows of a model on the page.
const MOST_ROWS: usize = 100;
/// The maximum number of fields of all these rows. A form has at most 1,000 fields, and the row of the page has some.
const MOST_FIELDS: usize = 800;
/// The number of new rows on the page.
const NEW_ROWS: usize = 3;

/// The rows of a model that refer to the row of the page.
pub(super) struct InlineRows<'a> {
    model: &'a Registered,
    /// The field that refers to the row of the page.
    reference: &'static FieldMeta,
    fields: Vec<&'static FieldMeta>,
    rows: Vec<InlineRow>,
    has_more: bool,
    can_add: bool,
    /// Whether the form had rows that are not on the page any more.
    has_lost: bool,
}

/// A row, or a new one.
struct InlineRow {
    /// The prefix of the names of its fields.
    prefix: String,
    values: Vec<Value>,
    /// The state of a row of the database.
    state: Option<RowState>,
    key: String,
    label: String,
    can_change: bool,
    can_delete: bool,
    /// Whether a new row has been filled in.
    is_filled: bool,
}

#[derive(Serialize)]
pub(super) struct InlineView {
    label: &'static str,
    plural: String,
    headings: Vec<&'static str>,
    rows: Vec<InlineRowView>,
    can_add: bool,
    more: Option<String>,
}

#[derive(Serialize)]
struct InlineRowView {
    label: Option<String>,
    url: Option<String>,
    fields: Vec<FieldView>,
    delete: Option<String>,
}

impl InlineRow {
    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    fn is_new(&self) -> bool {
        self.state.is_none()
    }
}

impl<'a> InlineRows<'a> {
    /// Returns the rows of each inline that refer to `parent`; a new row has none. Models of which the user may not see rows are left out.
    pub(super) fn all(req: &mut Request, site: &'a Site, inlines: &[Inline], parent: Option<&Value>) -> Result<Vec<Self>> {
        let most_fields = MOST_FIELDS / inlines.len().max(1);
        let found = inlines.iter().map(|inline| InlineRows::of(req, site, *inline, parent, most_fields));
        found.filter_map(Result::transpose).collect()
    }

    fn of(req: &mut Request, site: &'a Site, inline: Inline, parent: Option<&Value>, most_fields: usize) -> Result<Option<Self>> {
        let model = site.model(inline.meta.table)?;
        if !access::has(req, model, Right::View)? {
            return Ok(None);
        }
        let can_add = access::has(req, model, Right::Add)?;
        let names = fields(req, site, model, inline)?;
        let submitted = Submitted::of(req, model)?;
        let mut rows = Vec::new();
        let mut has_more = false;
        if let Some(parent) = parent {
            let list = access::rows(req, model)?.filter(Filter::equal(inline.field, parent.clone()));
            // Each row also has a field for its state, and one to delete it.
            let most = (most_fields / (names.len() + 2)).saturating_sub(NEW_ROWS).clamp(1, MOST_ROWS);
            let page = list.page(req.db()?, &Cursor::default(), u32::try_from(most).unwrap_or(u32::MAX))?;
            has_more = page.next.is_some();
            for values in page.items {
                let mut row = existing(req, site, model, inline, values)?;
                // A row that was added after the form was opened has no values in it.
                row.can_change &= submitted.as_ref().is_none_or(|submitted| submitted.seen.contains(&row.name(SEEN)));
                rows.push(row);
            }
        }
        for number in 0..if can_add { NEW_ROWS } else { 0 } {
            let prefix = format!("{}:+{number}:", inline.meta.table);
            let values = model.ops.blank(req.now())?;
            let texts = |field: &FieldMeta| submitted.as_ref().and_then(|submitted| submitted.new.get(&format!("{prefix}{}", field.name)));
            let is_filled = names.iter().any(|field| is_filled(field, &values, model, texts(field)));
            let (label, key) = (String::new(), String::new());
            rows.push(InlineRow { prefix, values, state: None, key, label, can_change: true, can_delete: false, is_filled });
        }
        let known: BTreeSet<String> = rows.iter().filter(|row| row.can_change).map(|row| row.name(SEEN)).collect();
        let has_lost = submitted.is_some_and(|submitted| !submitted.seen.is_subset(&known));
        Ok(Some(InlineRows { model, reference: inline.field, fields: names, rows, has_more, can_add, has_lost }))
    }

    /// Returns the fields of the form.
    pub(super) fn form_fields(&self, req: &mut Request, site: &Site) -> Result<Vec<Field>> {
        let mut inputs = Vec::new();
        for row in self.rows.iter().filter(|row| row.can_change) {
            for field in &self.fields {
                let mut input = form_field(field);
                if let Some(reference) = field.references
                    && let Some(rows) = access::visible(req, site, (reference.model)())?
                {
                    input = input.choices_from(rows.into_choices());
                }
                if row.is_new() && !row.is_filled {
                    input = input.optional();
                }
                let at = position(self.model, field);
                if !(row.is_new() && field.references.is_some()) {
                    input = input.initial(form_texts(field, &row.values[at]));
                }
                inputs.push(input.rename(row.name(field.name)));
            }
            if let Some(state) = &row.state {
                inputs.push(Field::new(row.name(SEEN), FieldKind::Text).optional().hidden().initial(fingerprint(state).as_str()));
            }
        }
        for row in self.rows.iter().filter(|row| row.can_delete) {
            inputs.push(Field::boolean(row.name("_delete")).label("Delete"));
        }
        Ok(inputs)
    }

    /// Returns the rows as the page shows them.
    pub(super) fn view(&self, req: &mut Request, site: &Site, parent: Option<&Value>) -> Result<InlineView> {
        let meta = self.model.meta();
        let mut rows = Vec::new();
        for row in &self.rows {
            let mut fields = Vec::new();
            for field in &self.fields {
                if row.can_change {
                    fields.push(FieldView::input(&row.name(field.name)));
                } else {
                    fields.extend(fixed(req, site, self.model, &row.values, Named::Field(field), false)?);
                }
            }
            let url = if row.is_new() { None } else { Some(row_link(req, "row", self.model, &row.key)?) };
            let delete = row.can_delete.then(|| row.name("_delete"));
            rows.push(InlineRowView { label: Some(row.label.clone()).filter(|_| !row.is_new()), url, fields, delete });
        }
        let more = match (self.has_more, parent) {
            (true, Some(parent)) => {
                let key = form_texts(self.reference, parent).into_iter().next();
                let filtered = QueryString::default().with(&key_parameter(self.reference), key.as_deref());
                Some(filtered.on(&link(req, "list", &[("model", &meta.table)])?))
            }
            _ => None,
        };
        Ok(InlineView {
            label: meta.plural,
            plural: within_sentence(meta.plural),
            headings: self.fields.iter().map(|field| field.label).collect(),
            rows,
            can_add: self.can_add,
            more,
        })
    }

    /// Returns the rows to save, and adds their errors to the form.
    ///
    /// # Errors
    /// Returns an error if the form does not have the fields.
    pub(super) fn planned(&self, req: &mut Request, site: &Site, given: &mut Values, form: &mut Form<Values>) -> Result<Vec<Planned<'a>>> {
        let mut planned = Vec::new();
        if self.has_lost {
            let plural = within_sentence(self.model.meta().plural);
            form.add_form_error(format!(
                "Since you opened this page, some {plural} have been deleted, or cannot be changed any more. Check the others, and save again."
            ));
        }
        for row in &self.rows {
            if row.can_delete && given.is_checked(&row.name("_delete")) {
                if has_dependents(req, site, self.model, &row.values)? {
                    let label = self.model.meta().label;
                    form.add_form_error(format!("{label} \"{}\" has other rows. Delete it on its own page, which shows them.", row.label));
                    continue;
                }
                planned.push(Planned { model: self.model, row: row.values.clone(), step: Step::Delete, prefix: row.prefix.clone() });
                continue;
            }
            if !row.can_change || (row.is_new() && !row.is_filled) {
                continue;
            }
            let mut values = row.values.clone();
            for field in &self.fields {
                if let Some(value) = form_value(field, &row.name(field.name), given)? {
                    values[position(self.model, field)] = value;
                }
            }
            let step = match &row.state {
                Some(_) if values == row.values => continue,
                Some(state) if given.text(&row.name(SEEN)) != fingerprint(state) => {
                    // Saving again overwrites the values that the message is about.
                    *form = std::mem::replace(form, Form::of([])).initial(&row.name(SEEN), fingerprint(state).as_str());
                    form.add_form_error(format!(
                        "{} \"{}\" has been changed since you opened this page. Compare its current values with yours, and save again.",
                        self.model.meta().label,
                        row.label
                    ));
                    continue;
                }
                Some(state) => Step::Save { old: row.values.clone(), state: state.clone() },
                None => Step::Create(self.reference),
            };
            let row = Planned { model: self.model, row: values, step, prefix: row.prefix.clone() };
            row.errors().clean(&row.row, form)?;
            planned.push(row);
        }
        Ok(planned)
    }
}

/// Returns whether other rows refer to a row, so that its deletion would affect them.
fn has_dependents(req: &mut Request, site: &Site, model: &Registered, row: &[Value]) -> Result<bool> {
    let models = site.all_models(req);
    let found = dependents(req.db()?, &models, model.meta(), &[row.to_vec()], 1)?;
    Ok(!(found.deleted.is_empty() && found.released.is_empty() && found.protected.is_empty()))
}

/// A row that is to be written.
pub(super) struct Planned<'a> {
    model: &'a Registered,
    row: Vec<Value>,
    step: Step,
    prefix: String,
}

enum Step {
    Create(&'static FieldMeta),
    /// Saves a row that had these values and this state before.
    Save {
        old: Vec<Value>,
        state: RowState,
    },
    Delete,
}

impl Planned<'_> {
    /// Writes the row, which refers to `parent`.
    ///
    /// # Errors
    /// Returns an error if the database or the code of the application refuses it.
    pub(super) fn write(&self, req: &mut Request, parent: &Value) -> Result<()> {
        let ops = self.model.ops;
        match &self.step {
            Step::Delete => saving::delete(req, self.model, &self.row, |req| {
                let recorder = Recorder::of(req)?;
                let db = req.db()?;
                let before = state_of(db, ops, &self.row, true)?;
                ops.delete(db, &self.row)?;
                recorder.record(db, ops, &self.row, Some(before), None)
            }),
            Step::Save { old, state } => saving::save(req, self.model, self.row.clone(), Some(Old { row: old, state }), &[]).map(drop),
            Step::Create(reference) => {
                let mut row = self.row.clone();
                row[position(self.model, reference)] = parent.clone();
                saving::save(req, self.model, row, None, &[]).map(drop)
            }
        }
    }

    /// Adds the reason why the row was refused to the form.
    ///
    /// # Errors
    /// Returns the error if the visitor cannot correct it.
    pub(super) fn explain(&self, db: &mut Db, error: Error, form: &mut Form<Values>) -> Result<()> {
        self.errors().explain(db, &self.row, error, form)
    }

    fn errors(&self) -> RowErrors<'_> {
        RowErrors { model: self.model, prefix: &self.prefix, label: self.model.meta().label }
    }
}

fn existing(req: &mut Request, site: &Site, model: &Registered, inline: Inline, values: Vec<Value>) -> Result<InlineRow> {
    let mut can_change = access::has_for(req, model, Right::Change, &values)?;
    for (field, value) in model.meta().fields.iter().zip(&values) {
        if let (true, Some(reference)) = (can_change && field.column != inline.field.column, field.references) {
            // The form would not offer the current row, and saving it would clear the reference.
            can_change = access::sees(req, site, (reference.model)(), value)?;
        }
    }
    let key = model.ops.key_text(&values);
    Ok(InlineRow {
        prefix: format!("{}:{key}:", model.meta().table),
        state: Some(state_of(req.db()?, model.ops, &values, false)?),
        label: model.ops.label(&values),
        can_change,
        can_delete: access::has_for(req, model, Right::Delete, &values)?,
        is_filled: true,
        key,
        values,
    })
}

/// Returns the fields of a model that are part of the page of another: those of its own form, without the reference to the row of the page.
fn fields(req: &mut Request, site: &Site, model: &Registered, inline: Inline) -> Result<Vec<&'static FieldMeta>> {
    let mut fields = Vec::new();
    for named in groups(model).into_iter().flat_map(|group| group.fields) {
        let Named::Field(field) = named else { continue };
        let is_key = model.meta().primary_key.contains(&field.column);
        let is_fixed = field.auto != Auto::No || is_key || model.options.readonly.contains(&field.name);
        if field.column == inline.field.column || is_fixed {
            continue;
        }
        let may_choose = match field.references {
            Some(reference) => access::visible(req, site, (reference.model)())?.is_some(),
            None => true,
        };
        if may_choose {
            fields.push(field);
        }
    }
    Ok(fields)
}

fn position(model: &Registered, field: &FieldMeta) -> usize {
    // The fields are those of the model.
    model.meta().position(field.column).unwrap_or_default()
}

/// What was submitted for the rows of a model.
#[derive(Default)]
struct Submitted {
    /// The texts of new rows, by the names of the fields.
    new: BTreeMap<String, BTreeSet<String>>,
    /// The names of the fields for the states of the rows that were on the form.
    seen: BTreeSet<String>,
}

impl Submitted {
    /// Returns what was submitted, or `None` if the page is only shown.
    fn of(req: &Request, model: &Registered) -> Result<Option<Self>> {
        if *req.method() != Method::POST {
            return Ok(None);
        }
        let (prefix, new_prefix, seen) = (format!("{}:", model.meta().table), format!("{}:+", model.meta().table), format!(":{SEEN}"));
        let mut submitted = Submitted::default();
        for (name, text) in req.form::<Vec<(String, String)>>()? {
            if name.starts_with(&new_prefix) {
                if !text.trim().is_empty() {
                    submitted.new.entry(name).or_default().insert(text.trim().to_owned());
                }
            } else if name.starts_with(&prefix) && name.ends_with(&seen) {
                submitted.seen.insert(name);
            }
        }
        Ok(Some(submitted))
    }
}

/// Returns whether the visitor has changed the initial value of a field of a new row.
fn is_filled(field: &FieldMeta, values: &[Value], model: &Registered, submitted: Option<&BTreeSet<String>>) -> bool {
    let initial = form_texts(field, &values[position(model, field)]);
    match submitted {
        None => field.kind == lback_models::Kind::Bool && initial == ["true"],
        Some(texts) => texts.iter().any(|text| !initial.contains(text)),
    }
}
