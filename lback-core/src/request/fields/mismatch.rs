//! Errors for names and values that do not match the requested type.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use super::value::{boolean, decimal};

/// A deserialization error. It names the field and what was expected, and never repeats a value, which may be a secret.
#[derive(Debug, PartialEq)]
pub(crate) struct Mismatch {
    pub(super) problem: Problem,
    field: Option<String>,
    /// Whether the value that was sent for the field is empty.
    empty: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Problem {
    Missing(String),
    /// A buffered text does not match the expected type. Its address identifies the text.
    Buffered {
        address: usize,
        expected: String,
    },
    /// The expected value, and the reason why the sent one does not match.
    Expected(String, Option<String>),
    Other(String),
}

thread_local! {
    static RECORDED: RefCell<Vec<Problem>> = const { RefCell::new(Vec::new()) };
}

/// Runs `read`, and also returns the problems with missing fields and buffered texts. Serde does not report these if it reads
/// an `Option` with `#[serde(flatten)]`, which is then `None`, or if it tries the variants of an untagged enum.
pub(super) fn recording<T>(read: impl FnOnce() -> T) -> (T, Vec<Problem>) {
    RECORDED.take();
    let read = read();
    (read, RECORDED.take())
}

fn record(problem: Problem) -> Mismatch {
    RECORDED.with_borrow_mut(|recorded| recorded.push(problem.clone()));
    Mismatch::new(problem)
}

/// The type that a buffered text is converted to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Text,
    Integer(String),
    Decimal,
    Boolean,
}

impl Shape {
    /// Returns the shape for the type that serde expected.
    pub(super) fn of(expected: &str) -> Option<Self> {
        match expected {
            "a boolean" => Some(Shape::Boolean),
            "f32" | "f64" => Some(Shape::Decimal),
            _ if range(expected).is_some() => Some(Shape::Integer(expected.to_owned())),
            _ => None,
        }
    }

    /// Returns whether `text` can be converted to this.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Shape::Text => true,
            Shape::Integer(kind) => text.parse().is_ok_and(|number: i128| {
                range(kind).is_some_and(|(least, most)| least <= number && u128::try_from(number).unwrap_or(0) <= most)
            }),
            Shape::Decimal => decimal(text).is_some(),
            Shape::Boolean => boolean(text).is_some(),
        }
    }
}

pub(super) fn is_list(expected: &str) -> bool {
    expected == "a sequence" || expected.starts_with("an array") || expected.starts_with("a tuple")
}

impl Mismatch {
    fn new(problem: Problem) -> Self {
        Mismatch { problem, field: None, empty: false }
    }

    pub(super) fn missing(field: &str) -> Self {
        Mismatch::new(Problem::Missing(field.to_owned()))
    }

    /// Creates an error for a value that should be a `kind`: the name of a type, or a description.
    pub(super) fn expected(kind: &str) -> Self {
        Mismatch::new(Problem::Expected(describe(kind).into_owned(), None))
    }

    /// Adds what was expected to a type's own error.
    pub(super) fn expecting(self, kind: &str) -> Self {
        match self.problem {
            Problem::Other(why) => Mismatch::new(Problem::Expected(describe(kind).into_owned(), Some(why))),
            problem => Mismatch { problem, ..self },
        }
    }

    /// Sets the field, unless it is known.
    pub(super) fn name(&mut self, field: &str, empty: bool) {
        if self.field.is_none() {
            self.field = Some(field.to_owned());
            self.empty = empty;
        }
    }

    pub(super) fn names_field(&self) -> bool {
        self.field.is_some() || matches!(self.problem, Problem::Missing(_))
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.problem, &self.field) {
            (Problem::Missing(name), _) => return write!(f, "\"{name}\" is missing"),
            (Problem::Other(why), None) => return f.write_str(why),
            (Problem::Other(why), Some(field)) if self.empty => return write!(f, "\"{field}\" is empty: {why}"),
            (Problem::Other(why), Some(field)) => return write!(f, "\"{field}\": {why}"),
            (_, Some(field)) => write!(f, "\"{field}\"")?,
            (_, None) => f.write_str("a value")?,
        }
        if self.empty {
            f.write_str(" is empty, but")?;
        }
        match &self.problem {
            Problem::Expected(what, Some(why)) => write!(f, " should be {what} ({why})"),
            Problem::Expected(what, None) => write!(f, " should be {what}"),
            Problem::Buffered { expected, .. } => write!(f, " should be {}", describe(expected)),
            Problem::Missing(_) | Problem::Other(_) => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: Display>(message: T) -> Self {
        Mismatch::new(Problem::Other(message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match unexpected {
            Unexpected::Str(text) => record(Problem::Buffered { address: text.as_ptr().addr(), expected: expected.to_string() }),
            _ => Mismatch::expected(&expected.to_string()),
        }
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Mismatch::expected(&expected.to_string())
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Mismatch::new(Problem::Expected(format!("one of {}", variants.join(", ")), None))
    }

    fn missing_field(field: &'static str) -> Self {
        record(Problem::Missing(field.to_owned()))
    }
}

/// Describes a type in words for visitors. Any other text, which they understand already, stays unchanged.
pub(crate) fn describe(kind: &str) -> Cow<'_, str> {
    match kind {
        "a boolean" | "bool" => Cow::Borrowed("true or false"),
        "a character" | "char" => Cow::Borrowed("one character"),
        "f32" | "f64" => Cow::Borrowed("a number"),
        "NaiveDate" | "a formatted date string" => Cow::Borrowed("a date like 2026-11-21"),
        "NaiveTime" | "a formatted time string" => Cow::Borrowed("a time like 09:30:00"),
        "NaiveDateTime" | "a formatted date and time string" => Cow::Borrowed("a date and time like 2026-11-21T09:30:00"),
        "an RFC 3339 formatted date and time string" => Cow::Borrowed("a date and time like 2026-11-21T09:30:00Z"),
        "Uuid" | "a formatted UUID string" => Cow::Borrowed("a UUID"),
        _ => match range(kind) {
            Some((least, most)) => Cow::Owned(format!("a whole number from {least} to {most}")),
            None => Cow::Borrowed(kind),
        },
    }
}

/// Returns the bounds of an integer type.
fn range(kind: &str) -> Option<(i128, u128)> {
    macro_rules! ends {
        ($($type:ident)*) => {
            match kind {
                $(stringify!($type) => Some(($type::MIN as i128, $type::MAX as u128)),)*
                _ => None,
            }
        };
    }
    ends!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize)
}
