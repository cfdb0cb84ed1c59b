//! What a field asks for, and how it is shown.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use lback_core::is_email;

use crate::bounds::Bound;
use crate::url::is_url;

/// What a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
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

impl Kind {
    /// Is it a text of any kind, whose length has rules?
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Email | Kind::Password | Kind::Url)
    }

    /// Whoever types more, in characters, has typed something else.
    pub(crate) fn longest(self) -> usize {
        match self {
            Kind::Text => usize::MAX,
            Kind::Email | Kind::Password | Kind::Url => 2048,
            _ => LONGEST,
        }
    }

    /// The `type` of its input.
    pub(crate) fn input_type(self) -> &'static str {
        match self {
            Kind::Text | Kind::Uuid => "text",
            Kind::Email => "email",
            Kind::Password => "password",
            Kind::Url => "url",
            Kind::Integer | Kind::Decimal => "number",
            Kind::Boolean => "checkbox",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::DateTime => "datetime-local",
            Kind::File => "file",
        }
    }

    /// Is `text` one of its kind?
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Kind::Text | Kind::Password => true,
            Kind::Email => is_email(text),
            Kind::Url => is_url(text),
            Kind::File => false,
            _ if text.len() > LONGEST => false,
            Kind::Uuid => uuid::Uuid::try_parse(text).is_ok(),
            Kind::Boolean => truth(text).is_some(),
            Kind::Integer | Kind::Decimal | Kind::Date | Kind::Time | Kind::DateTime => self.bound(text).is_some(),
        }
    }

    /// `text` as what can be compared with the bounds of a range; `None` where it is not of this kind, or cannot be.
    pub(crate) fn bound(self, text: &str) -> Option<Bound> {
        match self {
            Kind::Integer => text.parse().ok().map(Bound::Integer),
            Kind::Decimal => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Bound::Decimal),
            Kind::Date => date(text).map(Bound::Date),
            Kind::Time => time(text).map(Bound::Time),
            Kind::DateTime => datetime(text).map(Bound::DateTime),
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
