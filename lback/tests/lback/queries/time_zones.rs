//! Moments as local times, grouped by the days and months of a time zone.

use lback::chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use lback::diesel::dsl::count_star;
use lback::prelude::*;
use lback::testing::Client;

use super::is_sqlite;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    moments_have_the_local_times_of_the_zone,
    rows_are_grouped_by_the_days_and_months_of_the_zone,
    days_of_23_and_25_hours_are_counted,
    the_day_of_a_zone_is_found_with_its_moments,
    any_text_of_a_moment_has_a_local_time,
);

diesel::table! {
    events (id) {
        id -> BigInt,
        at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    // PostgreSQL takes the names of time zones with three letters for abbreviations.
    "CET",
    "EET",
    "EST",
    "EST5EDT",
    "MET",
    "WET",
];

fn zone(name: &str) -> TimeZone {
    name.parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn client(on: &str) -> Client {
    let client = Client::with_settings(App::new(Router::new()), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    let of_type = if is_sqlite(on) { "TIMESTAMP" } else { "TIMESTAMPTZ" };
    sql(&client, &format!("CREATE TABLE events (id BIGINT PRIMARY KEY, at {of_type} NOT NULL, ended_at {of_type})"));
    client
}

fn insert(db: &mut Db, moments: impl IntoIterator<Item = DateTime<Utc>>) -> QueryResult<usize> {
    let rows: Vec<_> = (1_i64..).zip(moments).map(|(id, at)| (events::id.eq(id), events::at.eq(at))).collect();
    diesel::insert_into(events::table).values(rows).execute(db)
}

/// Every half an hour of the days around all changes of the clocks in 2026, and some times of other years.
fn moments() -> Vec<DateTime<Utc>> {
    let days =
        ["2026-03-08", "2026-03-28", "2026-04-04", "2026-04-23", "2026-10-03", "2026-10-24", "2026-10-29", "2026-10-31", "2026-12-31"];
    let half_hours = |day: &str| {
        let start = time(&format!("{day}T00:00:00Z"));
        (0..96).map(move |half| start + TimeDelta::minutes(30 * half))
    };
    let others = ["1969-12-31T23:59:59.999999Z", "2000-02-29T12:30:00.5Z", "2038-07-01T00:00:00Z", "2126-07-01T22:30:00Z"];
    days.into_iter().flat_map(half_hours).chain(others.map(time)).collect()
}

fn moments_have_the_local_times_of_the_zone(on: &str) {
    client(on).db(|db| {
        let moments = moments();
        insert(db, moments.iter().copied())?;
        for name in ZONES {
            let zone = zone(name);
            let local = events::at.in_time_zone(zone);
            let starts = (local, local.start_of_hour(), local.start_of_day(), local.start_of_week(), local.start_of_month());
            type Found = (NaiveDateTime, NaiveDateTime, NaiveDateTime, NaiveDateTime, NaiveDateTime);
            let found: Vec<Found> = events::table.order(events::id).select(starts).load(db)?;
            for (at, found) in moments.iter().zip(&found) {
                let local = zone.local(*at);
                let day = local.date();
                let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN);
                let monday = day - TimeDelta::days(day.weekday().num_days_from_monday().into());
                let hour = day.and_hms_opt(local.hour(), 0, 0).unwrap();
                let month = day.with_day(1).unwrap();
                assert_eq!(*found, (local, hour, midnight(day), midnight(monday), midnight(month)), "{at} in {name}");
            }
        }
        QueryResult::Ok(())
    });
}

fn rows_are_grouped_by_the_days_and_months_of_the_zone(on: &str) {
    client(on).db(|db| {
        insert(db, ["2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z", "2026-11-30T23:30:00Z", "2026-12-31T23:30:00Z"].map(time))?;
        let mut by_month = |zone: TimeZone| {
            let month = events::at.in_time_zone(zone).start_of_month();
            let months = events::table.group_by(month).select((month, count_star())).order(month);
            let months: Vec<(NaiveDateTime, i64)> = months.load(db).unwrap();
            months.into_iter().map(|(month, count)| (month.format("%Y-%m-%d %H").to_string(), count)).collect::<Vec<_>>()
        };
        let expected = |months: &[(&str, i64)]| months.iter().map(|(month, count)| (format!("{month}-01 00"), *count)).collect::<Vec<_>>();
        assert_eq!(by_month(TimeZone::UTC), expected(&[("2026-10", 2), ("2026-11", 1), ("2026-12", 1)]));
        assert_eq!(by_month(zone("Europe/Berlin")), expected(&[("2026-10", 1), ("2026-11", 1), ("2026-12", 1), ("2027-01", 1)]));
        assert_eq!(by_month(zone("America/New_York")), expected(&[("2026-10", 2), ("2026-11", 1), ("2026-12", 1)]));
        let year = events::at.in_time_zone(zone("Europe/Berlin")).start_of_year();
        let in_2027: i64 =
            events::table.filter(year.eq(NaiveDate::from_ymd_opt(2027, 1, 1).unwrap().and_time(NaiveTime::MIN))).count().get_result(db)?;
        assert_eq!(in_2027, 1);
        QueryResult::Ok(())
    });
}

fn days_of_23_and_25_hours_are_counted(on: &str) {
    client(on).db(|db| {
        let hours = |start: &str| {
            let start = time(start);
            (0..96).map(move |hour| start + TimeDelta::hours(hour))
        };
        insert(db, hours("2026-03-27T23:00:00Z").chain(hours("2026-10-23T22:00:00Z")))?;
        let day = events::at.in_time_zone(zone("Europe/Berlin")).start_of_day();
        let days = events::table.group_by(day).select((day, count_star())).order(day);
        let counts: Vec<(NaiveDateTime, i64)> = days.load(db)?;
        let counts: Vec<(String, i64)> = counts.into_iter().map(|(day, count)| (day.format("%m-%d").to_string(), count)).collect();
        let expected = [("03-28", 24), ("03-29", 23), ("03-30", 24), ("03-31", 24), ("04-01", 1)];
        let expected_in_autumn = [("10-24", 24), ("10-25", 25), ("10-26", 24), ("10-27", 23)];
        let expected: Vec<(String, i64)> =
            expected.into_iter().chain(expected_in_autumn).map(|(day, count)| (day.to_owned(), count)).collect();
        assert_eq!(counts, expected);
        QueryResult::Ok(())
    });
}

fn the_day_of_a_zone_is_found_with_its_moments(on: &str) {
    client(on).db(|db| {
        insert(db, moments())?;
        for name in ZONES {
            let zone = zone(name);
            let day: NaiveDate = "2026-10-25".parse().unwrap();
            let (start, end) = (zone.start_of_day(day), zone.start_of_day(day.succ_opt().unwrap()));
            let between = events::table.filter(events::at.ge(start)).filter(events::at.lt(end));
            let on_day = events::table.filter(events::at.in_time_zone(zone).start_of_day().eq(day.and_time(NaiveTime::MIN)));
            let ids = |found: QueryResult<Vec<i64>>| found.unwrap();
            let between = ids(between.order(events::id).select(events::id).load(db));
            assert_eq!(between, ids(on_day.order(events::id).select(events::id).load(db)), "{name}");
            assert!(!between.is_empty(), "{name}");
        }
        QueryResult::Ok(())
    });
}

fn any_text_of_a_moment_has_a_local_time(on: &str) {
    client(on).db(|db| {
        insert(db, [time("2026-07-01T22:30:00.123456Z"), time("2026-07-01T22:30:00Z")])?;
        // As CURRENT_TIMESTAMP is stored on SQLite.
        diesel::sql_query("UPDATE events SET ended_at = '2026-07-01 22:30:00' WHERE id = 2").execute(db)?;
        let berlin = zone("Europe/Berlin");
        let columns = (events::at.in_time_zone(berlin), events::ended_at.in_time_zone(berlin));
        let found: Vec<(NaiveDateTime, Option<NaiveDateTime>)> = events::table.order(events::id).select(columns).load(db)?;
        let local = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        assert_eq!(found[0], (local("2026-07-02T00:30:00.123456"), None));
        let ended = if is_sqlite(on) { Some(local("2026-07-02T00:30:00")) } else { found[1].1 };
        assert_eq!(found[1], (local("2026-07-02T00:30:00"), ended));
        let equal = events::table.filter(events::at.in_time_zone(berlin).eq(local("2026-07-02T00:30:00.123456")));
        assert_eq!(equal.select(events::id).load::<i64>(db)?, [1]);
        QueryResult::Ok(())
    });
}
