//! Turns the errors of serde into messages for the author of the settings.

use std::fmt;
use std::path::Path;

use serde::de::{self, Expected, Unexpected};

use super::error::{Kind, SettingsError};
use super::mask;
use super::suggest;
use super::value::{Entry, Origin, Value};

/// A problem that occurred while a type read its settings. It gets a location as soon as a reader knows the key.
#[derive(Debug)]
pub(super) enum Problem {
    /// The value has the wrong type or is out of range.
    Mismatch {
        expected: String,
        found: &'static str,
    },
    UnknownField {
        name: String,
        known: &'static [&'static str],
    },
    UnknownVariant {
        name: String,
        known: &'static [&'static str],
    },
    Missing(&'static str),
    Other(String),
    Located(SettingsError),
}

impl Problem {
    /// Locates the problem at a key, unless it already has a location deeper inside.
    pub(super) fn at(self, key: &str, entry: &Entry) -> Self {
        self.locate(key, entry, mask::is_secret(key))
    }

    /// Like `at`, for a key whose type marks it as secret.
    pub(super) fn at_secret(self, key: &str, entry: &Entry) -> Self {
        self.locate(key, entry, true)
    }

    fn locate(self, key: &str, entry: &Entry, is_hidden: bool) -> Self {
        let wrong = |message: String| Self::Located(SettingsError::new(Kind::WrongValue, message));
        let subject = subject(key, &entry.origin);
        match self {
            Self::Located(_) => self,
            Self::Missing(name) => Self::Located(missing_in_table(&format!("{subject} needs"), key, name, "")),
            Self::Mismatch { expected, found } => {
                let is_collection = matches!(&entry.value, Value::Table(_) | Value::List(_));
                let found = if is_collection { found.to_owned() } else { describe(entry, is_hidden) };
                let expected = readable_type(&expected, entry);
                let remedy = remedy(key, entry, expected, is_hidden);
                wrong(format!("{subject} should be {expected}, but is {found}.{remedy}"))
            }
            Self::UnknownVariant { name, known } => {
                let question = if is_hidden { String::new() } else { suggest::question(&name, known) };
                let found = describe(entry, is_hidden);
                wrong(format!("{subject} should be one of {}, but is {found}.{question}", known.join(", ")))
            }
            Self::UnknownField { name, known } => {
                let question = suggest::question(&name, known);
                wrong(format!("{subject} is not a key of this table.{question} Its keys are {}.", known.join(", ")))
            }
            // The message of a type may quote the value.
            Self::Other(_) if is_hidden => {
                wrong(format!("{subject} is invalid (the reason is not shown because it may contain the secret)."))
            }
            Self::Other(message) => {
                wrong(format!("{subject} is {}, which is invalid: {}", describe(entry, false), mask::without_passwords(&message)))
            }
        }
    }

    /// Returns the error of a section. `file` is where a missing key belongs.
    pub(super) fn in_section(self, file: &Path) -> SettingsError {
        match self {
            Self::Located(error) => error,
            Self::Missing(name) => SettingsError::new(
                Kind::MissingKey,
                format!("{name} is not set. Add {name} = … to {}, or set the environment variable {name}.", file.display()),
            ),
            other => SettingsError::new(Kind::WrongValue, format!("{}: {other}", file.display())),
        }
    }

    /// Returns the error of an application's table.
    pub(super) fn in_table(self, table: &str, entry: &Entry, file: &Path) -> SettingsError {
        match self {
            Self::Missing(name) => missing_in_table(&format!("the table [{table}] needs"), table, name, &format!(" in {}", file.display())),
            other => match other.at(table, entry) {
                Self::Located(error) => error,
                other => SettingsError::new(Kind::WrongValue, other.to_string()),
            },
        }
    }
}

fn missing_in_table(needs: &str, table: &str, name: &str, place: &str) -> SettingsError {
    let message = format!("{needs} the key {name}, which is not set. Add {name} = … below [{table}]{place}.");
    SettingsError::new(Kind::MissingKey, message)
}

pub(super) fn subject(key: &str, origin: &Origin) -> String {
    match origin {
        Origin::Variable(name) => format!("the environment variable {name}"),
        Origin::Code => format!("{key}, set in code,"),
        location => format!("{location}: {key}"),
    }
}

pub(super) fn describe(entry: &Entry, is_hidden: bool) -> String {
    match &entry.value {
        Value::Text(text) if text.is_empty() => "empty".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        _ if is_hidden => "a value that is not shown because it may be secret".to_owned(),
        Value::Text(text) => format!("the text {:?}", mask::without_passwords(text)),
        Value::Integer(number) => format!("the whole number {number}"),
        Value::Float(number) => format!("the number {number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        Value::Date(date) => format!("the date {date}"),
    }
}

/// Replaces serde's description of an expected type with one for the author of the settings.
fn readable_type<'a>(expected: &'a str, found: &Entry) -> &'a str {
    let is_number = match &found.value {
        Value::Integer(_) => true,
        _ => found.variable_text().is_some_and(|text| text.trim().parse::<i128>().is_ok()),
    };
    match expected {
        "a boolean" => "true or false",
        "a string" | "path string" => "text",
        "a character" => "text of one character",
        "a sequence" => "a list",
        "a map" => "a table",
        "i8" if is_number => "a whole number from -128 to 127",
        "u8" if is_number => "a whole number from 0 to 255",
        "i16" if is_number => "a whole number from -32768 to 32767",
        "u16" if is_number => "a whole number from 0 to 65535",
        "i32" if is_number => "a whole number from -2147483648 to 2147483647",
        "u32" if is_number => "a whole number from 0 to 4294967295",
        "u64" | "usize" if is_number => "a whole number from 0 to 18446744073709551615",
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

/// Returns the line to write instead, if there is an example for the expected type.
fn remedy(key: &str, entry: &Entry, expected: &str, is_hidden: bool) -> String {
    if key.ends_with(']') {
        return String::new();
    }
    let text = match &entry.value {
        Value::Text(text) if !is_hidden => text.trim(),
        _ => "",
    };
    let example = match expected {
        "true or false" => if text.eq_ignore_ascii_case("false") { "false" } else { "true" }.to_owned(),
        // Only its own section knows which numbers make sense for a setting.
        "a whole number" => match text.parse::<i64>() {
            Ok(number) => number.to_string(),
            Err(_) => return String::new(),
        },
        "a number" => match text.parse::<f64>() {
            Ok(number) => format!("{number:?}"),
            Err(_) => return String::new(),
        },
        "text" if is_hidden => "\"…\"".to_owned(),
        "text" => match mask::toml_form(key, &entry.value) {
            form if matches!(entry.value, Value::List(_) | Value::Table(_)) || form.starts_with('"') => "\"…\"".to_owned(),
            form => format!("{form:?}"),
        },
        "a list" if text.is_empty() => "[\"…\"]".to_owned(),
        "a list" => format!("[{}]", mask::toml_form(key, &entry.value)),
        _ => return String::new(),
    };
    correction(key, Some(&entry.origin), &Example::plain(example))
}

/// An example of a valid value, which messages suggest in place of an invalid one.
#[derive(Debug)]
pub struct Example {
    in_toml: String,
    in_variable: String,
}

impl Example {
    /// Creates an example of a value that is written the same way in a file and in a variable.
    pub fn plain(value: impl fmt::Display) -> Self {
        Example { in_toml: value.to_string(), in_variable: value.to_string() }
    }
}

impl From<&str> for Example {
    fn from(text: &str) -> Self {
        Example { in_toml: format!("{text:?}"), in_variable: text.to_owned() }
    }
}

impl From<String> for Example {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// Creates an example of a list.
impl From<&[&str]> for Example {
    fn from(items: &[&str]) -> Self {
        Example { in_toml: format!("{items:?}"), in_variable: items.join(",") }
    }
}

impl<const COUNT: usize> From<[&str; COUNT]> for Example {
    fn from(items: [&str; COUNT]) -> Self {
        items.as_slice().into()
    }
}

/// Returns the line to write in place of the invalid one.
pub(super) fn correction(key: &str, origin: Option<&Origin>, example: &Example) -> String {
    let Example { in_toml, in_variable } = example;
    match origin {
        Some(Origin::Variable(name)) => format!(" Set {name}={in_variable}"),
        Some(Origin::DotEnv { .. }) => format!(" Write {}={in_variable}", key.replace('.', "__").to_ascii_uppercase()),
        _ => format!(" Write {} = {in_toml}", key.rsplit('.').next().unwrap_or(key)),
    }
}

/// Returns the location of a value for the beginning of a message: `settings.toml:3: `.
pub(super) fn location_prefix(origin: &Origin) -> String {
    match origin {
        Origin::Code => String::new(),
        origin => format!("{origin}: "),
    }
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
            Unexpected::Float(_) => "a number",
            Unexpected::Str(_) | Unexpected::Char(_) => "text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            _ => "something else",
        };
        Self::Mismatch { expected: expected.to_string(), found }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownField { name: name.to_owned(), known }
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownVariant { name: name.to_owned(), known }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { expected, found } => write!(f, "expected {expected}, but found {found}"),
            Self::UnknownField { .. } | Self::UnknownVariant { .. } => f.write_str("unknown name"),
            Self::Missing(name) => write!(f, "the key {name} is not set"),
            Self::Other(message) => f.write_str(message),
            Self::Located(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}
