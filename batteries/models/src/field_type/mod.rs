//! The types of fields.

mod duration;
mod json;
mod stored;

pub use json::Json;
pub use stored::{Stored, StoredAs};

use crate::Kind;

/// The result of converting a value from or into what is stored. Any error will do.
pub type StoredResult<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A type that a field of a model can have.
///
/// It is implemented for the types in the table below, for an `Option` of each, and by [`#[derive(Choices)]`](derive@crate::Choices).
///
/// | type | PostgreSQL | SQLite |
/// | --- | --- | --- |
/// | `i16`, `i32`, `i64` | `SMALLINT`, `INTEGER`, `BIGINT` | the same |
/// | `f32`, `f64` | `REAL`, `DOUBLE PRECISION` | the same |
/// | `Decimal`, with the feature `decimal` | `NUMERIC(10, 2)` | an integer in units of the last place |
/// | `bool` | `BOOLEAN` | the same |
/// | `String`, choices | `TEXT`, or `VARCHAR` with `max_length` | `TEXT`, with a check for `max_length` |
/// | `DateTime<Utc>` | `TIMESTAMPTZ` | text, in UTC |
/// | `NaiveDate`, `NaiveTime`, `NaiveDateTime` | `DATE`, `TIME`, `TIMESTAMP` | text |
/// | `TimeDelta` | `BIGINT`: microseconds | the same |
/// | `Vec<u8>` | `BYTEA` | `BLOB` |
/// | [`Json<T>`], `serde_json::Value` | `JSONB` | text |
/// | `Uuid`, with the feature `uuid` | `UUID` | text |
///
/// Implement it for a type of your own, by the stored type that it is converted from and into:
///
/// ```
/// use lback::models::{FieldType, StoredResult};
///
/// /// A temperature, stored in thousandths of a kelvin.
/// #[derive(Clone, Copy, Debug, Default, PartialEq)]
/// pub struct Temperature(f64);
///
/// impl FieldType for Temperature {
///     type Stored = i64;
///
///     fn from_stored(stored: i64) -> StoredResult<Self> {
///         Ok(Temperature(stored as f64 / 1000.0))
///     }
///
///     fn into_stored(self) -> StoredResult<i64> {
///         Ok((self.0 * 1000.0).round() as i64)
///     }
/// }
///
/// #[derive(lback::models::Model, Clone, Debug)]
/// pub struct Reading {
///     pub id: i64,
///     #[model(sql_type = BigInt)]
///     pub temperature: Temperature,
/// }
/// # use lback::diesel;
/// ```
#[diagnostic::on_unimplemented(
    message = "a field of a model cannot be of type `{Self}`",
    label = "no column for this type",
    note = "it can be a String, a number, a bool, a Decimal or Uuid (with the features decimal and uuid), DateTime<Utc>, NaiveDate, \
            NaiveTime, NaiveDateTime, TimeDelta, Vec<u8> or Json<T>, an Option of these, an enum with #[derive(Choices)], or a type that \
            implements lback::models::FieldType"
)]
pub trait FieldType: Sized + Clone + 'static {
    /// The type that Diesel reads and binds.
    type Stored: Stored;

    /// The type of the column.
    const KIND: Kind = <Self::Stored as Stored>::KIND;

    /// The values that are allowed, each with its label. Empty if any value is.
    const CHOICES: &'static [(&'static str, &'static str)] = &[];

    /// Returns the value of the field for a stored one.
    ///
    /// # Errors
    /// Returns an error if no value of the field is stored like that. Queries that load the row then fail.
    fn from_stored(stored: Self::Stored) -> StoredResult<Self>;

    /// Returns the value that is stored.
    ///
    /// # Errors
    /// Returns an error if the value cannot be stored. Nothing is written then.
    fn into_stored(self) -> StoredResult<Self::Stored>;
}

impl<T: FieldType> FieldType for Option<T> {
    type Stored = Option<T::Stored>;
    const KIND: Kind = T::KIND;
    const CHOICES: &'static [(&'static str, &'static str)] = T::CHOICES;

    fn from_stored(stored: Self::Stored) -> StoredResult<Self> {
        stored.map(T::from_stored).transpose()
    }

    fn into_stored(self) -> StoredResult<Self::Stored> {
        self.map(T::into_stored).transpose()
    }
}
