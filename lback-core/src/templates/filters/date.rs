//! The filter for dates and times.

use std::fmt::{Display, Write as _};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use tera::{Kwargs, TeraResult};

use crate::TimeZone;
use crate::templates::request_functions::with_request;

/// `created_at | date`, `date(format="%d.%m.%Y")` or `date(time_zone="Asia/Tokyo")`: formats a moment in the time zone of the request
/// or in another one. Dates, and times without a zone, are shown as they are.
pub(super) fn filter(text: &str, args: &Kwargs) -> TeraResult<String> {
    let zone = match args.get::<&str>("time_zone")? {
        Some(name) => name.parse().map_err(|error| tera::Error::message(format!("date: time_zone=\"{name}\": {error}")))?,
        None => with_request(|req| req.time_zone()).unwrap_or_default(),
    };
    date(text, args.get::<&str>("format")?.unwrap_or("%Y-%m-%d %H:%M"), zone)
}

fn date(text: &str, format: &str, zone: TimeZone) -> TeraResult<String> {
    let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
    let wrong = || tera::Error::message(format!("date: \"{format}\" is not a format; write one like \"%Y-%m-%d %H:%M\""));
    if items.contains(&Item::Error) {
        return Err(wrong());
    }
    let show = |shown: &dyn Display| {
        let mut text = String::new();
        // The format may contain something that the time does not have, such as the zone of a time without one.
        write!(text, "{shown}").map_err(|_| wrong())?;
        Ok(text)
    };
    if let Ok(at) = text.parse::<DateTime<Utc>>() {
        return show(&at.with_timezone(&zone).format_with_items(items.iter()));
    }
    let local = text.parse::<NaiveDateTime>().or_else(|_| text.parse::<NaiveDate>().map(NaiveDateTime::from));
    match local {
        Ok(local) => show(&local.format_with_items(items.iter())),
        Err(_) => Err(tera::Error::message(format!("date: \"{text}\" is neither a date nor a time like 2026-11-21T12:00:00Z"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::TimeZone;

    fn date(text: &str, format: &str) -> tera::TeraResult<String> {
        super::date(text, format, TimeZone::UTC)
    }

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

    #[cfg(feature = "time-zones")]
    #[test]
    fn only_moments_are_shown_in_the_time_zone() {
        let berlin = |text, format| super::date(text, format, "Europe/Berlin".parse().unwrap()).unwrap();
        assert_eq!(berlin("2026-03-29T00:59:59.5Z", "%H:%M:%S %Z"), "01:59:59 CET");
        assert_eq!(berlin("2026-03-29T01:00:00Z", "%H:%M %z"), "03:00 +0200");
        assert_eq!(berlin("2026-12-31T23:30:00Z", "%d.%m.%Y"), "01.01.2027");
        assert_eq!(berlin("2026-12-31T23:30:00", "%d.%m.%Y"), "31.12.2026");
        assert_eq!(berlin("2026-12-31", "%d.%m.%Y"), "31.12.2026");
    }
}
