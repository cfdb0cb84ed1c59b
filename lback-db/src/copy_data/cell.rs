//! A value of any column.

use diesel::QueryResult;
use diesel::row::{Field as _, Row as _};

use crate::dialect::{RawValue, Row};

/// A value as SQLite keeps it, or as PostgreSQL writes it as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// Reads the value at a place in a row. On PostgreSQL, the query must have converted it to text.
    pub(super) fn read(row: &Row<'_, '_>, at: usize) -> QueryResult<Self> {
        let wrong = |error| diesel::result::Error::DeserializationError(error);
        let Some(field) = row.get(at) else { return Ok(Cell::Null) };
        match field.value() {
            None => Ok(Cell::Null),
            #[cfg(feature = "sqlite")]
            Some(RawValue::Sqlite(mut value)) => {
                use diesel::sqlite::SqliteType;
                match value.value_type() {
                    None => Ok(Cell::Null),
                    Some(SqliteType::SmallInt | SqliteType::Integer | SqliteType::Long) => Ok(Cell::Int(value.read_long())),
                    Some(SqliteType::Float | SqliteType::Double) => Ok(Cell::Real(value.read_double())),
                    // As bytes, since SQLite does not check that its texts are UTF-8.
                    Some(SqliteType::Text) => {
                        String::from_utf8(value.read_blob().to_vec()).map(Cell::Text).map_err(|error| wrong(error.into()))
                    }
                    Some(_) => Ok(Cell::Bytes(value.read_blob().to_vec())),
                }
            }
            #[cfg(feature = "postgres")]
            Some(RawValue::Postgres(value)) => {
                std::str::from_utf8(value.as_bytes()).map(|text| Cell::Text(text.to_owned())).map_err(|error| wrong(error.into()))
            }
        }
    }

    /// Returns the value in SQL of the database that it was read from.
    pub(super) fn literal(&self) -> String {
        match self {
            Cell::Null => "NULL".to_owned(),
            Cell::Int(number) => number.to_string(),
            Cell::Real(number) => format!("{number:e}"),
            // A text of SQL ends at this character.
            Cell::Text(text) if text.contains('\0') => format!("CAST(X'{}' AS TEXT)", hex(text.as_bytes())),
            Cell::Text(text) => text_literal(text),
            Cell::Bytes(bytes) => format!("X'{}'", hex(bytes)),
        }
    }

    /// Returns the number of bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        match self {
            Cell::Null | Cell::Int(_) | Cell::Real(_) => 8,
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Returns a text in SQL.
pub(super) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns a name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns names in SQL, separated by commas.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
