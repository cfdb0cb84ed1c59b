//! Values of a row, from and into the fields of a model.

use std::vec::IntoIter;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use lback_core::{Error, Result};

use crate::{Auto, FieldMeta, FieldType, Kind, Model, ModelMeta, Stored, Value};

/// The values of a row that was read, in the order of the fields.
#[derive(Debug)]
pub struct Row {
    meta: &'static ModelMeta,
    at: usize,
    values: IntoIter<Value>,
}

impl Row {
    /// Returns the values of a row of a model.
    pub fn new(meta: &'static ModelMeta, values: Vec<Value>) -> Self {
        Row { meta, at: 0, values: values.into_iter() }
    }

    /// Returns the value of the next field.
    ///
    /// # Errors
    /// Returns an error if the field cannot have the value that is in the database.
    pub fn take<T: FieldType>(&mut self) -> Result<T> {
        let value = self.values.next().unwrap_or(Value::Null);
        let read = T::Stored::from_value(value).and_then(T::from_stored);
        let field = self.meta.fields.get(self.at).map_or("", |field| field.name);
        self.at += 1;
        read.map_err(|error| {
            Error::internal(format!("a row of {} has a value that {}.{field} cannot have", self.meta.table, self.meta.name))
                .with_source(error)
        })
    }
}

/// Returns what is stored for the value of a field.
///
/// # Errors
/// Returns an error if it cannot be stored.
pub fn stored<T: FieldType>(meta: &ModelMeta, field: &str, value: T) -> Result<T::Stored> {
    value.into_stored().map_err(|error| Error::internal(format!("{}.{field} cannot be stored", meta.name)).with_source(error))
}

/// Returns what is stored for the value of a field, as a value of any column.
///
/// # Errors
/// Returns an error if it cannot be stored.
pub fn value<M: Model, T: FieldType>(field: &str, value: T) -> Result<Value> {
    any_value(M::META, M::META.field(field), field, value)
}

fn any_value<T: FieldType>(meta: &ModelMeta, of: Option<&FieldMeta>, field: &str, value: T) -> Result<Value> {
    let value = stored(meta, field, value)?.into_value();
    #[cfg(feature = "decimal")]
    if let (Value::Decimal(number), Some(digits)) = (&value, of.and_then(|field| field.digits)) {
        return match number.with_places(digits.decimal_places) {
            Ok(number) => Ok(Value::Decimal(number)),
            Err(message) => Err(Error::internal(format!("{}.{field}: {message}", meta.name))),
        };
    }
    let _ = of;
    Ok(value)
}

/// The values of a row that is not in the database yet, in the order of the model's fields.
#[derive(Clone, Debug)]
pub struct NewValues {
    meta: &'static ModelMeta,
    values: Vec<(&'static FieldMeta, Value)>,
}

impl NewValues {
    /// Returns an empty list for rows of a model.
    pub fn of<M: Model>() -> Self {
        NewValues { meta: M::META, values: Vec::with_capacity(M::META.fields.len()) }
    }

    /// Returns the values of a row without those that are filled in automatically.
    pub(crate) fn of_row(meta: &'static ModelMeta, row: &[Value]) -> Self {
        let given = meta.fields.iter().zip(row).filter(|(field, _)| field.auto == Auto::No);
        NewValues { meta, values: given.map(|(field, value)| (field, value.clone())).collect() }
    }

    /// Returns the value of a column.
    pub(crate) fn get(&self, column: &str) -> Option<&Value> {
        self.values.iter().find(|(field, _)| field.column == column).map(|(_, value)| value)
    }

    /// Returns the values, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&'static FieldMeta, &mut Value)> {
        self.values.iter_mut().map(|(field, value)| (*field, value))
    }

    /// Adds the value of the field whose column is `column`.
    ///
    /// # Errors
    /// Returns an error if the value cannot be stored.
    pub fn add<T: FieldType>(&mut self, column: &str, value: T) -> Result<()> {
        let unknown = || Error::internal(format!("{} has no column {column}", self.meta.name));
        let field = self.meta.field_of_column(column).ok_or_else(unknown)?;
        self.values.push((field, any_value(self.meta, Some(field), field.name, value)?));
        Ok(())
    }

    /// Returns the values with those that Lback fills in: times and versions.
    pub(crate) fn complete(self, now: DateTime<Utc>) -> Vec<(&'static FieldMeta, Value)> {
        let mut given = self.values.into_iter().peekable();
        let mut all = Vec::with_capacity(self.meta.fields.len());
        for field in self.meta.fields {
            match given.next_if(|(next, _)| next.column == field.column) {
                Some(value) => all.push(value),
                None => all.extend(automatic(field, now).map(|value| (field, value))),
            }
        }
        all
    }
}

/// Returns the value that Lback gives the field of a new row.
fn automatic(field: &FieldMeta, now: DateTime<Utc>) -> Option<Value> {
    match field.auto {
        Auto::Now | Auto::NowAdd => Some(time(field, now)),
        Auto::Version => Some(Value::Int(1)),
        Auto::No | Auto::Id => None,
    }
}

/// Returns the current time as a value of the field.
pub(crate) fn time(field: &FieldMeta, now: DateTime<Utc>) -> Value {
    match field.kind {
        Kind::Date => Value::Date(now.date_naive()),
        Kind::DateTime => Value::DateTime(now.naive_utc()),
        _ => Value::Timestamp(now),
    }
}

/// A type of a field that can be the current time.
pub trait OfMoment {
    /// Returns the time.
    fn of_moment(now: DateTime<Utc>) -> Self;
}

impl OfMoment for DateTime<Utc> {
    fn of_moment(now: DateTime<Utc>) -> Self {
        now
    }
}

impl OfMoment for NaiveDateTime {
    fn of_moment(now: DateTime<Utc>) -> Self {
        now.naive_utc()
    }
}

impl OfMoment for NaiveDate {
    fn of_moment(now: DateTime<Utc>) -> Self {
        now.date_naive()
    }
}

impl<T: OfMoment> OfMoment for Option<T> {
    fn of_moment(now: DateTime<Utc>) -> Self {
        Some(T::of_moment(now))
    }
}
