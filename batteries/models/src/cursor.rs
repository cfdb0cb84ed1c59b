//! [`Cursor`], the place in a list at which a page begins, as a link carries it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use lback_core::{Error, Result};
use serde::Deserialize;

use crate::keyset::Keyset;
use crate::{FieldMeta, Kind, Value};

/// The place in a list at which a page begins: read from the query string, `?after=…` or `?before=…`, or the start of the list.
///
/// The text in the link contains the order of the list and the values of one row in it, in base64. It is not signed: another text shows
/// another part of the same list.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Cursor {
    /// The [`next`](crate::CursorPage::next) of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// The [`previous`](crate::CursorPage::previous) of the page after.
    #[serde(default)]
    pub before: Option<String>,
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("after", &self.after.is_some()).field("before", &self.before.is_some()).finish()
    }
}

/// A longer cursor is not read.
const MOST_BYTES: usize = 16 * 1024;

/// The place at which a page begins.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    Start,
    After(Vec<Value>),
    Before(Vec<Value>),
}

impl Cursor {
    /// Returns the place in a list with this order.
    ///
    /// # Errors
    /// Returns 400 if the cursor is not one of this list.
    pub(crate) fn place(&self, keyset: &Keyset) -> Result<Place> {
        let given = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).cloned();
        match (given(&self.after), given(&self.before)) {
            (None, None) => Ok(Place::Start),
            (Some(after), None) => Ok(Place::After(decoded(&after, keyset)?)),
            (None, Some(before)) => Ok(Place::Before(decoded(&before, keyset)?)),
            (Some(_), Some(_)) => Err(Error::bad_request("A page is after a row or before one, not both.")),
        }
    }
}

/// Returns the cursor of the row with these values in the columns of the order.
pub(crate) fn encoded(values: &[Value], keyset: &Keyset) -> Result<String> {
    let texts = values.iter().map(|value| match value {
        Value::Null => Ok(None),
        value => text(value).map(Some),
    });
    let parts = texts.collect::<Result<Vec<_>>>()?;
    let json =
        serde_json::to_string(&(keyset.name(), parts)).map_err(|error| Error::internal("a cursor cannot be written").with_source(error))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Returns a value as a text from which it can be read again.
pub(crate) fn text(value: &Value) -> Result<String> {
    Ok(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => URL_SAFE_NO_PAD.encode(bytes),
        Value::Date(day) => day.to_string(),
        Value::Time(time) => time.to_string(),
        Value::DateTime(time) => format!("{time:?}"),
        Value::Timestamp(moment) => format!("{:?}", moment.naive_utc()),
        #[cfg(feature = "decimal")]
        Value::Decimal(number) => number.to_string(),
        #[cfg(feature = "uuid")]
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Null | Value::Json(_) => return Err(Error::internal("a value of this type has no place in an order")),
    })
}

fn decoded(cursor: &str, keyset: &Keyset) -> Result<Vec<Value>> {
    let unfit = || Error::bad_request("This link no longer fits the list. Open the list again.");
    if cursor.len() > MOST_BYTES {
        return Err(unfit());
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unfit())?;
    let (name, texts): (String, Vec<Option<String>>) = serde_json::from_slice(&json).map_err(|_| unfit())?;
    if name != keyset.name() || texts.len() != keyset.columns().len() {
        return Err(unfit());
    }
    let values = texts.into_iter().zip(keyset.columns()).map(|(text, column)| match text {
        None if column.field.null => Some(Value::Null),
        None => None,
        Some(text) => read(text, column.field),
    });
    values.collect::<Option<Vec<_>>>().ok_or_else(unfit)
}

/// Returns the value of a text, if a column of the kind can be compared with it.
pub(crate) fn read(text: String, field: &FieldMeta) -> Option<Value> {
    // Both databases know these years.
    let is_known = |year: i32| (-4712..=262_000).contains(&year);
    match field.kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration => text.parse().ok().map(Value::Int),
        Kind::Float | Kind::Double => text.parse().ok().map(Value::Real),
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Text => (!text.contains('\0')).then_some(Value::Text(text)),
        Kind::Bytes => URL_SAFE_NO_PAD.decode(text).ok().map(Value::Bytes),
        Kind::Date => text.parse().ok().filter(|day: &NaiveDate| is_known(day.year())).map(Value::Date),
        Kind::Time => text.parse::<NaiveTime>().ok().map(Value::Time),
        Kind::DateTime => text.parse().ok().filter(|time: &NaiveDateTime| is_known(time.year())).map(Value::DateTime),
        Kind::Timestamp => {
            text.parse().ok().filter(|time: &NaiveDateTime| is_known(time.year())).map(|time| Value::Timestamp(time.and_utc()))
        }
        #[cfg(feature = "uuid")]
        Kind::Uuid => text.parse().ok().map(Value::Uuid),
        #[cfg(not(feature = "uuid"))]
        Kind::Uuid => None,
        #[cfg(feature = "decimal")]
        Kind::Decimal => {
            let number = lback_db::Decimal::parse_exact(&text).ok()?;
            number.with_places(field.digits?.decimal_places).ok().map(Value::Decimal)
        }
        #[cfg(not(feature = "decimal"))]
        Kind::Decimal => None,
        Kind::Json => None,
    }
}
