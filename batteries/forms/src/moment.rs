//! Moments: the application has them in UTC, and visitors see and enter them in a time zone.
//!
//! Next to each of them, the form has a hidden field with the time zone. What a visitor enters is thus read in the time zone in which
//! the form was shown, even if the visitor's time zone has changed since, and with a form that was shown without a request.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Timelike, Utc};
use lback_core::TimeZone;

use crate::bounds::datetime_text;
use crate::kind::{datetime, moment};
use crate::{Field, FieldKind, Rule, Widget};

/// Returns the name of the hidden field with the time zone. No field of a struct has such a name.
pub(crate) fn zone_name(field: &str) -> String {
    format!("{field}.time_zone")
}

/// Returns a moment as the application has it: in UTC.
pub(crate) fn text_in_utc(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Returns the value of a field as the visitor sees it. What a visitor has typed stays as it is.
pub(crate) fn shown(field: &Field, value: &str, zone: TimeZone) -> String {
    let at = if is_local(field) && field.widget != Widget::Hidden { moment(value) } else { None };
    at.map_or_else(|| value.to_owned(), |at| datetime_text(shown_time(at, zone)))
}

/// Returns the submitted values of a field as the application has them. `before` are the values with which the form was shown.
///
/// A value that was not changed stays the same moment, with its microseconds, and even if the clocks show it twice. Of a changed one
/// that the clocks show twice, because they are set back, the result is the first.
///
/// # Errors
/// Returns the rule that is violated if the clocks skip the time, because they are set forward.
pub(crate) fn in_utc(field: &Field, texts: Vec<String>, before: &[String], zone: TimeZone) -> Result<Vec<String>, Rule> {
    if !is_local(field) {
        return Ok(texts);
    }
    let convert = |text: String| {
        // A client may name the offset itself. Anything else that is not a local time is refused like any other value of the wrong kind.
        let Some(local) = datetime(text.trim()) else { return Ok(text) };
        let is_unchanged = |at: &DateTime<Utc>| shown_time(*at, zone) == local;
        let unchanged = before.iter().filter_map(|value| moment(value)).find(is_unchanged);
        let at = unchanged.or_else(|| zone.moment(local)).ok_or(Rule::Skipped)?;
        Ok(text_in_utc(&at))
    };
    texts.into_iter().map(convert).collect()
}

/// Returns whether visitors enter a local time. Choices are what the application offers.
fn is_local(field: &Field) -> bool {
    field.kind == FieldKind::Moment && !field.is_choice()
}

/// Returns a moment as the clocks show it. Browsers know milliseconds, but no shorter times.
pub(crate) fn shown_time(at: DateTime<Utc>, zone: TimeZone) -> NaiveDateTime {
    let local = zone.local(at);
    local.with_nanosecond(local.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(local)
}
