//! What a field asks for, and how it is shown.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use lback_core::is_email;

use crate::bounds::Bound;
use crate::url::is_url;

/// What a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Any text.
    Text,
    /// An e-mail address that mail can go to. What passes is one for browsers, too.
    Email,
    /// A text that is neither shown again nor trimmed.
    Password,
    /// An address that begins with `http://` or `https://`.
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
    /// A file.
    File,
}

/// How a field is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Widget {
    /// `<input>`, of the type that its kind has.
    Input,
    /// `<textarea>`.
    TextArea,
    /// `<input type="hidden">`.
    Hidden,
    /// `<select>`.
    Select,
    /// Every choice beside a button: `radio` where one can be chosen, `checkbox` where several can.
    Buttons,
}

/// Nothing but text is longer, and parsers need not see what somebody made up.
const LONGEST: usize = 64;

impl FieldKind {
    /// Is it a text of any kind, whose length has rules?
    pub(crate) fn is_text(self) -> bool {
        matches!(self, FieldKind::Text | FieldKind::Email | FieldKind::Password | FieldKind::Url)
    }

    /// Whoever types more, in characters, has typed something else.
    pub(crate) fn longest(self) -> usize {
        match self {
            FieldKind::Text => usize::MAX,
            FieldKind::Email | FieldKind::Password | FieldKind::Url => 2048,
            _ => LONGEST,
        }
    }

    /// The `type` of its input.
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
            FieldKind::DateTime => "datetime-local",
            FieldKind::File => "file",
        }
    }

    /// Is `text` one of its kind?
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            FieldKind::Text | FieldKind::Password => true,
            FieldKind::Email => is_email(text),
            FieldKind::Url => is_url(text),
            FieldKind::File => false,
            _ if text.len() > LONGEST => false,
            FieldKind::Uuid => uuid::Uuid::try_parse(text).is_ok(),
            FieldKind::Boolean => truth(text).is_some(),
            FieldKind::Integer | FieldKind::Decimal | FieldKind::Date | FieldKind::Time | FieldKind::DateTime => self.bound(text).is_some(),
        }
    }

    /// `text` as what can be compared with the bounds of a range; `None` where it is not of this kind, or cannot be.
    pub(crate) fn bound(self, text: &str) -> Option<Bound> {
        match self {
            FieldKind::Integer => text.parse().ok().map(Bound::Integer),
            FieldKind::Decimal => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Bound::Decimal),
            FieldKind::Date => date(text).map(Bound::Date),
            FieldKind::Time => time(text).map(Bound::Time),
            FieldKind::DateTime => datetime(text).map(Bound::DateTime),
            _ => None,
        }
    }
}

/// What a checkbox sends, and other programs. Nothing at all is no, too.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" | "yes" => Some(true),
        "" | "off" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// A date as browsers write it: four digits of the year, which databases hold all, and two of each other part.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && !text.starts_with("0000");
    if shaped { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None }
}

pub(crate) fn time(text: &str) -> Option<NaiveTime> {
    let shaped = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    let parse = |format| NaiveTime::parse_from_str(text, format).ok();
    // chrono knows leap seconds; clocks on walls and columns of databases do not.
    ["%H:%M", "%H:%M:%S%.f"].into_iter().find_map(parse).filter(|time| shaped && time.nanosecond() < 1_000_000_000)
}

pub(crate) fn datetime(text: &str) -> Option<NaiveDateTime> {
    let (day, hour) = text.split_once(['T', ' '])?;
    Some(date(day)?.and_time(time(hour)?))
}
