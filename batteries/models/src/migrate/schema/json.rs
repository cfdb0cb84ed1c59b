//! `models.json`, the schema of the newest migration.

use std::fmt::Write;

use lback_core::{Error, Result};
use serde::Serialize;

use super::Schema;
use crate::meta::{Kind, OnDelete};

/// The lines that git writes around the two versions of a conflict.
const CONFLICT: [&str; 3] = ["<<<<<<<", "=======", ">>>>>>>"];

impl Schema {
    /// Returns the schema as JSON with a line for each column, index and check, so that git shows and merges changes well.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (number, (name, table)) in self.tables.iter().enumerate() {
            json += if number > 0 { ",\n" } else { "\n" };
            // Writing to a string does not fail.
            let _ = write!(
                json,
                "  {}: {{\n    \"columns\": {},\n    \"primary_key\": {},\n    \"indexes\": {},\n    \"checks\": {}\n  }}",
                line(name),
                lines(&table.columns),
                line(&table.primary_key),
                lines(&table.indexes),
                lines(&table.checks),
            );
        }
        json + "\n}\n"
    }

    /// Parses the text of the file at `place`.
    ///
    /// # Errors
    /// Returns an error that names the line, if the text has a conflict of git, is not JSON, or does not describe tables.
    pub fn from_json(text: &str, place: &str) -> Result<Self> {
        let is_marker = |line: &str| CONFLICT.iter().any(|marker| line.starts_with(marker));
        if let Some(number) = text.lines().position(is_marker) {
            return Err(Error::internal(format!(
                "{place}:{}: git could not merge two versions of this file. Run: lback makemigrations --merge. It writes the file anew from the \
                 migrations of both",
                number + 1
            )));
        }
        let schema: Schema = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            // The line is at the beginning already.
            let message = message.split(" at line ").next().unwrap_or(&message);
            Error::internal(format!(
                "{place}:{}: {message}. makemigrations writes this file; bring it back with `git checkout {place}`, or correct the line",
                error.line()
            ))
        })?;
        schema.validate(place)?;
        Ok(schema)
    }

    /// Checks what a merge can get wrong: a column that is given twice, or one that is named elsewhere and is missing.
    fn validate(&self, place: &str) -> Result<()> {
        for (name, table) in &self.tables {
            let wrong = |what: String| Err(Error::internal(format!("{place}: the table {name} {what}. Correct the file")));
            for (number, column) in table.columns.iter().enumerate() {
                if table.columns[..number].iter().any(|other| other.name == column.name) {
                    return wrong(format!("has the column {} twice", column.name));
                }
            }
            let named = table.primary_key.iter().chain(table.indexes.iter().flat_map(|index| &index.columns));
            if let Some(missing) = named.into_iter().find(|column| table.column(column).is_none()) {
                return wrong(format!("has an index or a key of the column {missing}, which it does not have"));
            }
        }
        Ok(())
    }
}

fn line(value: &impl Serialize) -> String {
    // Texts, numbers and lists can always be written.
    serde_json::to_string(value).unwrap_or_default()
}

fn lines<T: Serialize>(values: impl IntoIterator<Item = T>) -> String {
    let lines: Vec<String> = values.into_iter().map(|value| format!("\n      {}", line(&value))).collect();
    if lines.is_empty() { "[]".to_owned() } else { format!("[{}\n    ]", lines.join(",")) }
}

/// The names of types in `models.json`.
const KINDS: [(Kind, &str); 16] = [
    (Kind::SmallInt, "smallint"),
    (Kind::Integer, "integer"),
    (Kind::BigInt, "bigint"),
    (Kind::Float, "float"),
    (Kind::Double, "double"),
    (Kind::Bool, "bool"),
    (Kind::Text, "text"),
    (Kind::Bytes, "bytes"),
    (Kind::Date, "date"),
    (Kind::Time, "time"),
    (Kind::DateTime, "datetime"),
    (Kind::Timestamp, "timestamp"),
    (Kind::Duration, "duration"),
    (Kind::Uuid, "uuid"),
    (Kind::Json, "json"),
    (Kind::Decimal, "decimal"),
];

/// The names of what happens to rows that refer to a deleted one, also in SQL.
const ON_DELETE: [(OnDelete, &str); 3] =
    [(OnDelete::Restrict, "restrict"), (OnDelete::Cascade, "cascade"), (OnDelete::SetNull, "set null")];

/// Returns the name of a type in `models.json`.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    name_of(&KINDS, kind)
}

/// Returns what happens to rows that refer to a deleted one, as SQL has it.
pub(crate) fn on_delete_name(on_delete: OnDelete) -> &'static str {
    name_of(&ON_DELETE, on_delete)
}

fn name_of<T: Copy + PartialEq>(names: &[(T, &'static str)], value: T) -> &'static str {
    names.iter().find(|(known, _)| *known == value).map_or("", |(_, name)| *name)
}

/// Reads and writes the values of a list by their names.
macro_rules! by_name {
    ($module:ident, $T:ty, $NAMES:ident) => {
        pub(super) mod $module {
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serializer};

            pub(in crate::migrate::schema) fn serialize<S: Serializer>(value: &$T, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(super::name_of(&super::$NAMES, *value))
            }

            pub(in crate::migrate::schema) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$T, D::Error> {
                let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                super::$NAMES.iter().find(|(_, known)| *known == name).map(|(value, _)| *value).ok_or_else(|| {
                    let known: Vec<&str> = super::$NAMES.iter().map(|(_, known)| *known).collect();
                    D::Error::custom(format!("\"{name}\" is unknown; known are {}", known.join(", ")))
                })
            }
        }
    };
}

by_name!(kind, crate::meta::Kind, KINDS);
by_name!(on_delete, crate::meta::OnDelete, ON_DELETE);
