//! The kinds of values, and the widgets that display them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use lback_core::is_email;

use crate::bounds::Bound;
use crate::url::is_url;

/// The kind of value that a field accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Any text.
    Text,
    /// An e-mail address. Every valid address is also valid in browsers.
    Email,
    /// A password, which is neither shown again nor trimmed.
    Password,
    /// A web address that begins with `http://` or `https://`.
    Url,
    /// A UUID.
    Uuid,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// Yes or no.
    Boolean,
    /// `2026-11-21`.
    Date,
    /// `14:30`, with seconds or without.
    Time,
    /// `2026-11-21T14:30`, without a time zone.
    DateTime,
    /// `2026-11-21T14:30`, in the time zone of the request.
    Moment,
    /// A file.
    File,
}

/// How a field is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Widget {
    /// `<input>`, with the type of the field's kind.
    Input,
    /// `<textarea>`.
    TextArea,
    /// `<input type="hidden">`.
    Hidden,
    /// `<select>`.
    Select,
    /// An `<input>` for every choice: `radio` if one can be chosen, `checkbox` if several can.
    Buttons,
}

/// The maximum length of values other than text. Longer values are invalid and are not parsed.
const MAX_LENGTH: usize = 64;

impl FieldKind {
    /// Returns whether values are texts, for which rules about the length are allowed.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, FieldKind::Text | FieldKind::Email | FieldKind::Password | FieldKind::Url)
    }

    /// Returns the maximum length of values of this kind, in characters.
    pub(crate) fn max_length(self) -> usize {
        match self {
            FieldKind::Text => usize::MAX,
            FieldKind::Email | FieldKind::Password | FieldKind::Url => 2048,
            _ => MAX_LENGTH,
        }
    }

    /// Returns the `type` attribute of the `<input>`.
    pub(crate) fn input_type(self) -> &'static str {
        match self {
            FieldKind::Text | FieldKind::Uuid => "text",
            FieldKind::Email => "email",
            FieldKind::Password => "password",
            FieldKind::Url => "url",
            FieldKind::Integer | FieldKind::Decimal => "number",
            FieldKind::Boolean => "checkbox",
            FieldKind::Date => "date",
            FieldKind::Time => "time",
            FieldKind::DateTime | FieldKind::Moment => "datetime-local",
            FieldKind::File => "file",
        }
    }

    /// Returns whether `text` is a value of this kind.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            FieldKind::Text | FieldKind::Password => true,
            FieldKind::Email => is_email(text),
            FieldKind::Url => is_url(text),
            FieldKind::File => false,
            _ if text.len() > MAX_LENGTH => false,
            FieldKind::Uuid => uuid::Uuid::try_parse(text).is_ok(),
            FieldKind::Boolean => truth(text).is_some(),
            FieldKind::Integer | FieldKind::Decimal | FieldKind::Date | FieldKind::Time | FieldKind::DateTime | FieldKind::Moment => {
                self.bound(text).is_some()
            }
        }
    }

    /// Parses `text` as a value that can be compared with the bounds of a range. Returns `None` if it is invalid, or if
    /// values of this kind cannot be compared.
    pub(crate) fn bound(self, text: &str) -> Option<Bound> {
        match self {
            FieldKind::Integer => text.parse().ok().map(Bound::Integer),
            FieldKind::Decimal => number(text),
            FieldKind::Date => date(text).map(Bound::Date),
            FieldKind::Time => time(text).map(Bound::Time),
            FieldKind::DateTime => datetime(text).map(Bound::DateTime),
            FieldKind::Moment => moment(text).map(Bound::Moment),
            _ => None,
        }
    }
}

/// Parses a number, exactly if possible.
fn number(text: &str) -> Option<Bound> {
    #[cfg(feature = "decimal")]
    if let Ok(number) = lback_db::Decimal::parse_exact(text) {
        return Some(Bound::Exact(number));
    }
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Bound::Decimal)
}

/// Parses a boolean as sent by checkboxes and other clients. An empty text is `false`.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" | "yes" => Some(true),
        "" | "off" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// Parses a date in the format of browsers: four digits for the year, all of which databases can store, and two for the month
/// and the day.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && !text.starts_with("0000");
    if shaped { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None }
}

pub(crate) fn time(text: &str) -> Option<NaiveTime> {
    let shaped = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    let parse = |format| NaiveTime::parse_from_str(text, format).ok();
    // chrono supports leap seconds; database columns do not.
    ["%H:%M", "%H:%M:%S%.f"].into_iter().find_map(parse).filter(|time| shaped && time.nanosecond() < 1_000_000_000)
}

pub(crate) fn datetime(text: &str) -> Option<NaiveDateTime> {
    let (day, hour) = text.split_once(['T', ' '])?;
    Some(date(day)?.and_time(time(hour)?))
}

/// Parses a time with its offset from UTC, in the years that all databases can store.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let at: DateTime<Utc> = text.parse().ok()?;
    ((1..=9999).contains(&at.year()) && at.nanosecond() < 1_000_000_000).then_some(at)
}
