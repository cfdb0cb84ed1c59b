//! [`Value`], a value of any column.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A row of a model whose type is known only at run time: a value for each field of the model.
pub type RowValues = Vec<Value>;

/// A value of a column whose type is known only at run time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text, or a choice.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A day.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A time of a day, without a time zone.
    DateTime(NaiveDateTime),
    /// A moment.
    Timestamp(DateTime<Utc>),
    /// An exact number. In a statement, it has as many places as its column.
    #[cfg(feature = "decimal")]
    Decimal(lback_db::Decimal),
    /// A UUID.
    #[cfg(feature = "uuid")]
    Uuid(uuid::Uuid),
    /// A JSON document.
    Json(serde_json::Value),
}

/// The error of a value that a field cannot have.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Value {
    /// Returns an error that says that the value is of another type than expected.
    pub(crate) fn unfit(&self, expected: &str) -> BoxError {
        format!("expected {expected}, found {self:?}").into()
    }
}
