//! Columns of a list that are changed in the list itself.

use std::collections::BTreeSet;

use lback_core::{Error, Request, Result, StatusCode};
use lback_db::RequestDb;
use lback_forms::{Field, FieldKind, Form, Values};
use lback_models::runtime::{form_field, form_texts, form_value};
use lback_models::{FieldMeta, List, Value};

use super::edit::{SEEN, fingerprint, without};
use super::row_errors::RowErrors;
use crate::access::{self, Right};
use crate::history::{RowState, state_of};
use crate::language::text;
use crate::model_admin::Listed;
use crate::saving::{self, Old, in_savepoint, refusal};
use crate::shown::value_of;
use crate::site::Registered;

/// The maximum number of fields of the rows of a page. A form has at most 1,000, and each row also has a box that selects it.
const MOST_FIELDS: usize = 950;

/// The rows of a page, with the fields that the visitor may change.
pub(super) struct Editable<'a> {
    model: &'a Registered,
    /// The columns of the page that can be changed.
    fields: Vec<&'static FieldMeta>,
    rows: Vec<EditableRow>,
}

struct EditableRow {
    key: String,
    /// The prefix of the names of its fields.
    prefix: String,
    label: String,
    values: Vec<Value>,
    /// The values with which the form was filled in.
    state: RowState,
}

/// Returns the name of a field of a row.
pub(super) fn name(key: &str, field: &FieldMeta) -> String {
    format!("{}{}", prefix(key), field.name)
}

fn prefix(key: &str) -> String {
    format!("{key}:")
}

impl<'a> Editable<'a> {
    /// Returns the rows that the user may change, or `None` if no column can be changed.
    pub(super) fn of(req: &mut Request, model: &'a Registered, columns: &[Listed], rows: &[Vec<Value>]) -> Result<Option<Self>> {
        let is_shown = |field: &&FieldMeta| columns.iter().any(|column| matches!(column, Listed::Field(other) if other.name == field.name));
        let mut fields = Vec::new();
        for field in model.options.editable.iter().copied().filter(is_shown) {
            if access::changes_field(req, model, field.name)? {
                fields.push(field);
            }
        }
        if fields.is_empty() || !access::has(req, model, Right::Change)? {
            return Ok(None);
        }
        let unseen = access::unseen_fields(req, model)?;
        let mut editable = Editable { model, fields, rows: Vec::new() };
        // Each row also has a field for its state. Further rows are only shown.
        let most = MOST_FIELDS.saturating_sub(rows.len()) / (editable.fields.len() + 1);
        for values in rows {
            if editable.rows.len() < most && access::has_for(req, model, Right::Change, values)? {
                let state = without(&model.ops.row_to_json(values, false), &unseen);
                let key = model.ops.key_text(values);
                let (prefix, label) = (prefix(&key), model.ops.label(values));
                editable.rows.push(EditableRow { key, prefix, label, values: values.clone(), state });
            }
        }
        Ok(Some(editable))
    }

    /// Returns whether the user may change a field of the row with this key.
    pub(super) fn has(&self, key: &str, field: &FieldMeta) -> bool {
        self.fields.iter().any(|other| other.column == field.column) && self.rows.iter().any(|row| row.key == key)
    }

    pub(super) fn form(&self) -> Form<Values> {
        let mut fields = Vec::new();
        for row in &self.rows {
            for field in &self.fields {
                let texts = form_texts(field, value_of(self.model.meta(), &row.values, field));
                // The column has the label.
                let input = form_field(field).rename(name(&row.key, field)).initial(texts);
                fields.push(input.label(text!("{field} of {row}", field = field.label, row = row.label)));
            }
            fields.push(Field::new(seen(&row.key), FieldKind::Text).optional().hidden().initial(fingerprint(&row.state).as_str()));
        }
        Form::of(fields)
    }

    fn position(&self, field: &FieldMeta) -> usize {
        // The fields are those of the model.
        self.model.meta().position(field.column).unwrap_or_default()
    }

    /// Saves the rows that were changed, all or none, and returns their number. `None` if one is invalid: the form then has its errors.
    ///
    /// # Errors
    /// Returns an error if the database refuses a row for a reason that the visitor cannot correct.
    pub(super) fn save(&self, req: &mut Request, form: &mut Form<Values>) -> Result<Option<usize>> {
        let Some(mut given) = form.submitted(req)? else { return Ok(None) };
        let mut changed = Vec::new();
        for row in &self.rows {
            let mut values = row.values.clone();
            for field in &self.fields {
                if let Some(value) = form_value(field, &name(&row.key, field), &mut given)? {
                    values[self.position(field)] = value;
                }
            }
            if values == row.values {
                continue;
            }
            if given.text(&seen(&row.key)) != fingerprint(&row.state) {
                form.add_form_error(text!("\"{row}\" has been changed since you opened this page. Open the list again.", row = row.label));
                continue;
            }
            self.errors(row).clean(&values, form)?;
            changed.push((row, values));
        }
        if !form.errors().is_empty() {
            return Ok(None);
        }
        // In the order of other requests that lock several of these rows, whatever the order of their lists.
        changed.sort_by(|(one, _), (other, _)| one.key.cmp(&other.key));
        let mut refused = None;
        let saved = in_savepoint(req, |req| {
            for (row, values) in &changed {
                refused = Some((*row, values));
                let state = state_of(req.db()?, self.model.ops, &row.values, false)?;
                let old = Old { row: &row.values, state: &state };
                saving::save(req, self.model, values.clone(), Some(old), &[])?;
            }
            Ok(())
        });
        match (saved, refused) {
            (Ok(()), _) => Ok(Some(changed.len())),
            (Err(error), _) if error.status() == StatusCode::CONFLICT && refusal(&error).is_none() => {
                form.add_form_error(text!("A row has been changed or deleted in the meantime. Open the list again."));
                Ok(None)
            }
            (Err(error), Some((row, values))) => {
                self.errors(row).explain(req.db()?, values, error, form)?;
                Ok(None)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn errors<'r>(&'r self, row: &'r EditableRow) -> RowErrors<'r> {
        RowErrors { model: self.model, prefix: &row.prefix, label: &row.label }
    }
}

/// Returns the name of the hidden field that identifies the state of a row from which the form was filled in.
fn seen(key: &str) -> String {
    format!("{}{SEEN}", prefix(key))
}

/// Returns the rows of a list that were on the page when it was submitted, in their order.
///
/// # Errors
/// Returns 409 if one of them is no longer in the list.
pub(super) fn submitted(req: &mut Request, model: &Registered, list: &List) -> Result<Vec<Vec<Value>>> {
    let pairs: Vec<(String, String)> = req.form()?;
    let mut keys: Vec<String> = pairs.into_iter().filter_map(|(name, _)| Some(name.strip_suffix(":_seen")?.to_owned())).collect();
    let mut known = BTreeSet::new();
    keys.retain(|key| known.insert(key.clone()));
    let values: Vec<Vec<Value>> = keys.iter().filter_map(|key| model.ops.read_key(key)).collect();
    let found = list.with_keys(req.db()?, &values)?;
    let row = |key: &String| found.iter().find(|(known, _)| known == key).map(|(_, row)| row.clone());
    let rows: Vec<_> = keys.iter().filter_map(row).collect();
    if rows.len() < keys.len() {
        return Err(Error::new(
            StatusCode::CONFLICT,
            text!("Some of these rows have been changed or deleted in the meantime. Open the list again."),
        ));
    }
    Ok(rows)
}
