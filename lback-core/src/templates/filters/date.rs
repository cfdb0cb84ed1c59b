//! The filter for dates and times.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use tera::TeraResult;

/// `created_at | date`, or `created_at | date(format="%d.%m.%Y")`: formats a time or a date that chrono has serialized. Times are
/// shown in UTC.
pub(super) fn date(text: &str, format: &str) -> TeraResult<String> {
    let time = text.parse::<DateTime<Utc>>().map(|time| time.naive_utc()).or_else(|_| text.parse::<NaiveDateTime>());
    let time = time.or_else(|_| text.parse::<NaiveDate>().map(|day| day.and_time(chrono::NaiveTime::MIN)));
    let time =
        time.map_err(|_| tera::Error::message(format!("date: \"{text}\" is neither a date nor a time like 2026-11-21T12:00:00Z")))?;
    let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
    let wrong = || tera::Error::message(format!("date: \"{format}\" is not a format; write one like \"%Y-%m-%d %H:%M\""));
    if items.contains(&Item::Error) {
        return Err(wrong());
    }
    let mut shown = String::new();
    // The format may contain something that a time in UTC does not have.
    write!(shown, "{}", time.and_utc().format_with_items(items.iter())).map_err(|_| wrong())?;
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_and_times_are_shown_in_the_format() {
        let default = "%Y-%m-%d %H:%M";
        assert_eq!(date("2026-11-21T02:45:36.175727601Z", default).unwrap(), "2026-11-21 02:45");
        assert_eq!(date("2026-11-21T02:45:36+02:00", default).unwrap(), "2026-11-21 00:45");
        assert_eq!(date("2026-11-21T02:45:36", "%H h").unwrap(), "02 h");
        assert_eq!(date("2026-11-21", "%d.%m.%Y").unwrap(), "21.11.2026");
    }

    #[test]
    fn invalid_dates_and_formats_are_named_in_the_error() {
        assert!(date("soon", "%Y").unwrap_err().to_string().contains("\"soon\""));
        assert!(date("2026-11-21", "%Q").unwrap_err().to_string().contains("\"%Q\""));
    }
}
