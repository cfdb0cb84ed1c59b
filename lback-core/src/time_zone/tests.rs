use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, TimeZone as _, Utc};

use super::TimeZone;

#[test]
fn utc_needs_no_database() {
    assert_eq!("utc".parse(), Ok(TimeZone::UTC));
    let at: DateTime<Utc> = "2026-07-01T12:00:00Z".parse().unwrap();
    assert_eq!(TimeZone::UTC.local(at), at.naive_utc());
    assert_eq!(at.with_timezone(&TimeZone::UTC).format("%Z %z").to_string(), "UTC +0000");
    assert_eq!(serde_json::to_string(&TimeZone::UTC).unwrap(), "\"UTC\"");
    assert!(TimeZone::names().any(|name| name == "UTC"));
}

#[cfg(feature = "time-zones")]
mod of_the_database {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[track_caller]
    fn assert_moment(name: &str, at: &str, expected: Option<&str>) {
        let expected: Option<DateTime<Utc>> = expected.map(|expected| expected.parse().unwrap());
        assert_eq!(zone(name).moment(local(at)), expected, "{name} {at}");
    }

    #[test]
    fn every_zone_of_the_database_can_be_read() {
        let at: DateTime<Utc> = "2026-07-01T12:00:00Z".parse().unwrap();
        assert!(TimeZone::names().count() > 500);
        for name in TimeZone::names() {
            let zone = zone(name);
            assert_eq!(zone.name(), name);
            assert_eq!(zone.moment(zone.local(at)), Some(at), "{name}");
            for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                let _ = (zone.local(end), zone.moment(end.naive_utc()), zone.start_of_day(end.date_naive()));
            }
        }
        assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
    }

    #[test]
    fn a_local_time_is_converted_there_and_back() {
        assert_moment("Europe/Berlin", "2026-07-01T00:30:00", Some("2026-06-30T22:30:00Z"));
        assert_moment("Europe/Berlin", "2126-07-01T00:30:00", Some("2126-06-30T22:30:00Z"));
        assert_moment("Asia/Kathmandu", "2026-07-01T00:30:00.123456", Some("2026-06-30T18:45:00.123456Z"));
        assert_moment("America/Los_Angeles", "1969-12-31T16:00:00", Some("1970-01-01T00:00:00Z"));
        assert_moment("Europe/Dublin", "2026-01-01T12:00:00", Some("2026-01-01T12:00:00Z"));
        assert_moment("Pacific/Kiritimati", "2026-01-01T00:00:00", Some("2025-12-31T10:00:00Z"));
    }

    #[test]
    fn a_skipped_time_has_no_moment_and_a_repeated_one_has_the_first() {
        assert_moment("Europe/Berlin", "2026-03-29T01:59:59", Some("2026-03-29T00:59:59Z"));
        assert_moment("Europe/Berlin", "2026-03-29T02:00:00", None);
        assert_moment("Europe/Berlin", "2026-03-29T02:59:59", None);
        assert_moment("Europe/Berlin", "2026-03-29T03:00:00", Some("2026-03-29T01:00:00Z"));
        assert_moment("Europe/Berlin", "2026-10-25T02:30:00", Some("2026-10-25T00:30:00Z"));
        assert_moment("Europe/Berlin", "2026-10-25T03:00:00", Some("2026-10-25T02:00:00Z"));
        // Half an hour.
        assert_moment("Australia/Lord_Howe", "2026-10-04T02:15:00", None);
        // A whole day.
        assert_moment("Pacific/Apia", "2011-12-30T12:00:00", None);

        let MappedLocalTime::Ambiguous(first, second) = zone("Europe/Berlin").from_local_datetime(&local("2026-10-25T02:30:00")) else {
            panic!("the time is shown twice");
        };
        assert_eq!((second - first).num_minutes(), 60);
        assert_eq!((first.format("%Z").to_string(), second.format("%Z").to_string()), ("CEST".to_owned(), "CET".to_owned()));
    }

    #[test]
    fn a_day_starts_at_its_first_moment() {
        for (name, day, expected) in [
            ("UTC", "2026-03-29", "2026-03-29T00:00:00Z"),
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"),
            ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z"),
            // Midnight is skipped.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            // From half past eleven to half past twelve.
            ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"),
            // Midnight is shown twice.
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            // The day is skipped.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ] {
            let day: NaiveDate = day.parse().unwrap();
            assert_eq!(zone(name).start_of_day(day), expected.parse::<DateTime<Utc>>().unwrap(), "{name} {day}");
        }
    }

    #[test]
    fn the_error_suggests_the_name_that_was_probably_meant() {
        let error = |name: &str| name.parse::<TimeZone>().unwrap_err().to_string();
        assert!(error("Europe/Berln").contains("\"Europe/Berlin\""), "{}", error("Europe/Berln"));
        assert!(error("Berlin").contains("\"Europe/Berlin\""));
        assert!(error("new york").contains("\"America/New_York\""));
        for name in ["", " ", "+02:00", "../../etc/passwd", "'; DROP TABLE posts; --", "\0", &"x".repeat(100_000)] {
            assert!(error(name).contains("such as \"Europe/Berlin\""), "{}", error(name));
        }
        assert!(serde_json::from_str::<TimeZone>("\"Mars\"").is_err());
    }
}
