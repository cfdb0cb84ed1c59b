//! The types that Diesel reads and binds.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use lback_db::sql_types;

use super::{FieldType, StoredResult};
use crate::{Kind, Value};

/// A type that Diesel reads from a column and binds to a statement, on all databases.
pub trait Stored: Sized + Clone + 'static {
    /// The type of the column in `diesel::table!`.
    type Sql;

    /// The type of the column.
    const KIND: Kind;

    /// Returns the value that was read from a column.
    ///
    /// # Errors
    /// Returns an error if the value is of another type, or out of range.
    fn from_value(value: Value) -> StoredResult<Self>;

    /// Returns the value for a statement.
    fn into_value(self) -> Value;
}

/// A type of a field whose column is of the SQL type `Sql`.
#[diagnostic::on_unimplemented(
    message = "the column of a `{Self}` is not of the SQL type `{Sql}`",
    note = "name the type of the column: #[model(sql_type = BigInt)]"
)]
pub trait StoredAs<Sql> {}

impl<T: FieldType> StoredAs<<T::Stored as Stored>::Sql> for T {}

/// Implements [`Stored`], and [`FieldType`] without a conversion.
macro_rules! stored {
    ($($T:ty: $Sql:ident, $KIND:ident, $Value:ident, $expected:literal, $from:expr, $into:expr;)*) => {$(
        impl Stored for $T {
            type Sql = sql_types::$Sql;
            const KIND: Kind = Kind::$KIND;

            fn from_value(value: Value) -> StoredResult<Self> {
                match value {
                    Value::$Value(value) => $from(value),
                    other => Err(other.unfit($expected)),
                }
            }

            fn into_value(self) -> Value {
                Value::$Value($into(self))
            }
        }

        impl FieldType for $T {
            type Stored = $T;

            fn from_stored(stored: $T) -> StoredResult<Self> {
                Ok(stored)
            }

            fn into_stored(self) -> StoredResult<$T> {
                Ok(self)
            }
        }
    )*};
}

/// Returns the value unchanged.
fn same<T>(value: T) -> T {
    value
}

stored! {
    i16: SmallInt, SmallInt, Int, "a whole number", |value| Ok(i16::try_from(value)?), i64::from;
    i32: Integer, Integer, Int, "a whole number", |value| Ok(i32::try_from(value)?), i64::from;
    i64: BigInt, BigInt, Int, "a whole number", Ok, same;
    f32: Float, Float, Real, "a number", |value: f64| Ok(value as f32), f64::from;
    f64: Double, Double, Real, "a number", Ok, same;
    bool: Bool, Bool, Bool, "true or false", Ok, same;
    String: Text, Text, Text, "a text", Ok, same;
    Vec<u8>: Binary, Bytes, Bytes, "bytes", Ok, same;
    NaiveDate: Date, Date, Date, "a date", Ok, same;
    NaiveTime: Time, Time, Time, "a time", Ok, same;
    NaiveDateTime: Timestamp, DateTime, DateTime, "a date with a time", Ok, same;
    DateTime<Utc>: Timestamptz, Timestamp, Timestamp, "a moment", Ok, same;
    serde_json::Value: Jsonb, Json, Json, "JSON", Ok, same;
}

#[cfg(feature = "uuid")]
stored!(uuid::Uuid: Uuid, Uuid, Uuid, "a UUID", Ok, same;);

// The digits of the column are part of its SQL type, which the derive knows.
#[cfg(feature = "decimal")]
stored!(lback_db::Decimal: Numeric, Decimal, Decimal, "a decimal", Ok, same;);

impl<T: Stored> Stored for Option<T> {
    type Sql = sql_types::Nullable<T::Sql>;
    const KIND: Kind = T::KIND;

    fn from_value(value: Value) -> StoredResult<Self> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }

    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}
