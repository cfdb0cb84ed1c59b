//! Models whose type is not known when the program is compiled: [`ModelOps`], on which the admin is based.

mod condition;
mod dependents;
mod filter;
mod form;
mod json;
mod labels;
mod linked;
mod list;
mod named;

pub(crate) use condition::contains;
pub use dependents::{Dependents, dependents};
pub use filter::{Comparison, Filter};
pub use form::{form_field, form_texts, form_value, link_form_field, read_text};
pub use json::{value_from_json, value_to_json};
pub use list::List;
pub use named::named_field;

pub use crate::refused::{missing_reference, within_sentence};

use std::marker::PhantomData;

use lback_core::{Error, Result};
use lback_db::Db;
use lback_forms::FormErrors;
use serde_json::{Map, Value as Json};

use crate::model::changed;
use crate::rows::{self, OnConflict};
use crate::table_choices::pairs_of;
use crate::{Auto, FieldMeta, ManyToManyMeta, Model, ModelMeta, NewValues, Value, cursor, refused};

/// A model whose type is not known. A row is a list of values, in the order of the model's fields.
pub trait ModelOps: Sync {
    /// Returns the description of the model.
    fn meta(&self) -> &'static ModelMeta;

    /// Checks that these values are a row of the model.
    ///
    /// # Errors
    /// Returns an error that names a field that cannot have its value.
    fn check_values(&self, values: Vec<Value>) -> Result<()>;

    /// Returns a list of all rows, in the order of the model.
    fn list(&self) -> List {
        List::of(self.meta())
    }

    /// Returns the row with this primary key.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn find(&self, db: &mut Db, key: &[Value]) -> Result<Option<Vec<Value>>> {
        Ok(rows::find(self.meta(), db, key)?)
    }

    /// Returns a row as it is now, and keeps others from changing it until the transaction ends.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn lock(&self, db: &mut Db, row: &[Value]) -> Result<Option<Vec<Value>>> {
        Ok(rows::lock(self.meta(), db, &self.key(row))?)
    }

    /// Returns the primary key of a row.
    fn key(&self, row: &[Value]) -> Vec<Value> {
        key_of(self.meta(), row)
    }

    /// Returns the primary key that a text names, as [`key_text`](Self::key_text) wrote it. `None` if it is invalid.
    fn read_key(&self, text: &str) -> Option<Vec<Value>> {
        let meta = self.meta();
        let parts = match meta.primary_key {
            [_] => vec![text.to_owned()],
            _ => serde_json::from_str(text).ok()?,
        };
        let fields = meta.primary_key.iter().map(|column| meta.field_of_column(column));
        let values = fields.zip(&parts).map(|(field, part)| cursor::read(part.clone(), field?)).collect::<Option<Vec<_>>>()?;
        (values.len() == meta.primary_key.len() && parts.len() == values.len()).then_some(values)
    }

    /// Returns the primary key of a row as text.
    fn key_text(&self, row: &[Value]) -> String {
        key_text(self.meta(), row)
    }

    /// Returns a primary key as text, as [`key_text`](Self::key_text) does.
    fn key_text_of(&self, key: &[Value]) -> String {
        text_of_key(key)
    }

    /// Returns the label of a row.
    fn label(&self, row: &[Value]) -> String {
        row_label(self.meta(), row)
    }

    /// Returns the values of a new row that is not filled in. `now` is the time for its automatic values.
    ///
    /// # Errors
    /// Returns an error if the model is `read_only`.
    fn blank(&self, now: chrono::DateTime<chrono::Utc>) -> Result<Vec<Value>> {
        let meta = self.meta();
        let new = meta.new_values.ok_or_else(|| read_only(meta))?()?;
        let given = new.complete(now);
        let value = |column: &str| given.iter().find(|(field, _)| field.column == column).map_or(Value::Null, |(_, value)| value.clone());
        Ok(meta.fields.iter().map(|field| value(field.column)).collect())
    }

    /// Validates a row as the model's `clean` does.
    ///
    /// # Errors
    /// Returns an error if the values are not a row of the model.
    fn clean(&self, row: &[Value], errors: &mut FormErrors) -> Result<()> {
        // A new row has no number yet.
        let known = |(field, value): (&FieldMeta, &Value)| match (field.auto, value) {
            (Auto::Id, Value::Null) => Value::Int(0),
            (_, value) => value.clone(),
        };
        match self.meta().clean {
            Some(clean) => clean(self.meta().fields.iter().zip(row).map(known).collect(), errors),
            None => Ok(()),
        }
    }

    /// Inserts a row, and returns it as the database stored it. The number that the database gives, times and versions are filled in.
    ///
    /// # Errors
    /// Returns an error if the database refuses the row.
    fn create(&self, db: &mut Db, row: &[Value]) -> Result<Vec<Value>> {
        let created = rows::insert(self.meta(), db, NewValues::of_row(self.meta(), row), &OnConflict::Fail)?;
        created.ok_or_else(|| Error::internal("the database did not return the new row"))
    }

    /// Inserts a row that was deleted, with its number, times and version.
    ///
    /// # Errors
    /// Returns an error if the database refuses the row.
    fn restore(&self, db: &mut Db, row: &[Value]) -> Result<()> {
        Ok(crate::data::insert_exactly(db, self.meta(), row)?)
    }

    /// Writes all fields of a row, and returns it as the database stored it.
    ///
    /// # Errors
    /// Returns 409 if the row has been deleted, or, if the model has a `version`, if it has been changed since it was read. Returns an
    /// error if the database refuses the row.
    fn save(&self, db: &mut Db, row: &[Value]) -> Result<Vec<Value>> {
        rows::update(self.meta(), db, row)?.ok_or_else(|| changed(self.meta()))
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// Returns 409 if the row has been deleted already, or, if the model has a `version`, if it has been changed since it was read.
    /// Returns an error if other rows refer to the row.
    fn delete(&self, db: &mut Db, row: &[Value]) -> Result<()> {
        if rows::delete(self.meta(), db, row)? { Ok(()) } else { Err(changed(self.meta())) }
    }

    /// Adds errors that the visitor can correct to a form, after the database refused the row with `error`.
    ///
    /// # Errors
    /// Returns the error if the visitor cannot correct it.
    fn explain(&self, db: &mut Db, row: &[Value], error: Error, errors: &mut FormErrors) -> Result<()> {
        refused::explain(self.meta(), db, row, error, errors)
    }

    /// Returns the keys of the rows to which a row is linked by a many-to-many relation.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn linked(&self, db: &mut Db, link: &'static ManyToManyMeta, row: &[Value]) -> Result<Vec<Value>> {
        let own = self.key(row).into_iter().next().unwrap_or(Value::Null);
        Ok(rows::linked_keys(db, pairs_of(link)?, &own)?)
    }

    /// Returns the keys of the rows to which each of several rows is linked by a many-to-many relation: pairs of the key of one of the rows
    /// and the key of another.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn linked_of_all(&self, db: &mut Db, link: &'static ManyToManyMeta, rows: &[Vec<Value>]) -> Result<Vec<(Value, Value)>> {
        let keys: Vec<Value> = rows.iter().filter_map(|row| self.key(row).into_iter().next()).collect();
        let found = rows::linked_keys_of_all(db, pairs_of(link)?, &keys)?;
        Ok(found.into_iter().filter_map(|pair| <[Value; 2]>::try_from(pair).ok().map(Into::into)).collect())
    }

    /// Returns pairs of keys as [`linked_of_all`](Self::linked_of_all) does, of links to rows of the list `others`, at most `most` for each
    /// row.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn linked_among(
        &self,
        db: &mut Db,
        link: &'static ManyToManyMeta,
        rows: &[Vec<Value>],
        others: &List,
        most: u32,
    ) -> Result<Vec<(Value, Value)>> {
        let keys: Vec<Value> = rows.iter().filter_map(|row| self.key(row).into_iter().next()).collect();
        linked::linked_among(db, pairs_of(link)?, &keys, others, most)
    }

    /// Links a row to those with the given keys, and to no others.
    ///
    /// # Errors
    /// Returns an error if the database refuses a link.
    fn set_linked(&self, db: &mut Db, link: &'static ManyToManyMeta, row: &[Value], others: &[Value]) -> Result<()> {
        let own = self.key(row).into_iter().next().unwrap_or(Value::Null);
        Ok(rows::set_linked(db, pairs_of(link)?, &own, others)?)
    }

    /// Returns a row as JSON, without hidden fields unless they are asked for: an object of fields, in the format of `dumpdata`.
    fn row_to_json(&self, row: &[Value], hidden: bool) -> Map<String, Json> {
        json::row_to_json(self.meta(), row, hidden)
    }

    /// Returns a row with the values that JSON has for its fields. Other fields keep their values.
    ///
    /// # Errors
    /// Returns a message that names the field, if a value is invalid.
    fn row_from_json(&self, row: Vec<Value>, json: &Map<String, Json>) -> Result<Vec<Value>, String> {
        json::row_from_json(self.meta(), row, json)
    }
}

/// Returns the operations of a model.
#[doc(hidden)]
pub const fn ops<M: Model>() -> &'static dyn ModelOps {
    const { &Of::<M>(PhantomData) }
}

/// The [`ModelOps`] of a model.
#[derive(Debug)]
struct Of<M>(PhantomData<fn() -> M>);

impl<M: Model> ModelOps for Of<M> {
    fn meta(&self) -> &'static ModelMeta {
        M::META
    }

    fn check_values(&self, values: Vec<Value>) -> Result<()> {
        M::from_values(values).map(drop)
    }
}

/// Returns the operations of a model of which only the description is known, such as the pairs of a many-to-many relation. Its values are not
/// checked.
pub fn ops_of(meta: &'static ModelMeta) -> impl ModelOps {
    Described(meta)
}

struct Described(&'static ModelMeta);

impl ModelOps for Described {
    fn meta(&self) -> &'static ModelMeta {
        self.0
    }

    fn check_values(&self, _values: Vec<Value>) -> Result<()> {
        Ok(())
    }
}

fn read_only(meta: &ModelMeta) -> Error {
    Error::internal(format!("{} is read_only", meta.name))
}

/// Returns the primary key of a row.
pub(crate) fn key_of(meta: &'static ModelMeta, row: &[Value]) -> Vec<Value> {
    let value = |column: &&str| meta.position(column).and_then(|at| row.get(at).cloned());
    meta.primary_key.iter().map(|column| value(column).unwrap_or(Value::Null)).collect()
}

/// Returns the primary key of a row as text: the key itself, or a JSON array of its parts.
pub(crate) fn key_text(meta: &'static ModelMeta, row: &[Value]) -> String {
    text_of_key(&key_of(meta, row))
}

fn text_of_key(key: &[Value]) -> String {
    let parts: Vec<_> = key.iter().map(|value| cursor::text(value).unwrap_or_default()).collect();
    match parts.as_slice() {
        [one] => one.clone(),
        parts => serde_json::to_string(parts).unwrap_or_default(),
    }
}

/// Returns the label of a row: the field that the model names for it, or its key.
pub(crate) fn row_label(meta: &'static ModelMeta, row: &[Value]) -> String {
    let shown = meta.fields.iter().zip(row).find(|(field, _)| field.column == meta.display);
    let label = shown.map(|(field, value)| crate::table_choices::shown(value, field)).unwrap_or_default();
    if label.trim().is_empty() { format!("{} {}", meta.label, key_text(meta, row)) } else { label }
}
