//! Jobs at fixed times.

use lback::chrono::{DateTime, Utc};
use lback::jobs::{Missed, Schedule};
use lback::prelude::*;
use lback::testing::Client;

use super::{Note, app, client_of, notes};
use crate::unit_of_work::on_each_database;

on_each_database!(a_job_is_enqueued_once_for_each_time, missed_times_are_made_up_for_once_or_skipped, several_processes_enqueue_a_job_once,);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Returns how many jobs run when the clock is set to each of these times.
fn counts<const N: usize>(client: &Client, times: [&str; N]) -> [usize; N] {
    times.map(|time| {
        client.clock().set(at(time));
        client.run_jobs()
    })
}

fn client(on: &str, schedule: Schedule, start: &str) -> Client {
    let client = client_of(app().schedule_with(schedule), on);
    // As if the program had been installed at this time.
    client.clock().set(at(start));
    crate::sql(&client, "DELETE FROM job_schedules");
    client.run_jobs();
    client
}

fn a_job_is_enqueued_once_for_each_time(on: &str) {
    let client = client(on, Schedule::new("0 3 * * *", Note::new(1)), "2026-05-01T12:00:00Z");
    let times = ["2026-05-01T23:00:00Z", "2026-05-02T02:59:59Z", "2026-05-02T03:00:00Z", "2026-05-02T03:00:00Z", "2026-05-02T23:00:00Z"];
    assert_eq!(counts(&client, times), [0, 0, 1, 0, 0]);
    assert_eq!(counts(&client, ["2026-05-03T03:00:01Z", "2026-05-03T03:01:00Z"]), [1, 0]);
    assert_eq!(notes(&client), [1, 1]);
}

fn missed_times_are_made_up_for_once_or_skipped(on: &str) {
    let start = "2026-05-01T12:00:00Z";
    let late = ["2026-05-09T12:00:00Z", "2026-05-09T13:00:00Z", "2026-05-10T03:00:30Z"];
    let client_that_runs = client(on, Schedule::new("0 3 * * *", Note::new(1)), start);
    assert_eq!(counts(&client_that_runs, late), [1, 0, 1]);
    let client_that_skips = client(on, Schedule::new("0 3 * * *", Note::new(1)).missed(Missed::Skip), start);
    assert_eq!(counts(&client_that_skips, late), [0, 0, 1]);
}

fn several_processes_enqueue_a_job_once(on: &str) {
    let schedule = || Schedule::new("*/5 * * * *", Note::new(1));
    let first = client(on, schedule(), "2026-05-01T12:00:00Z");
    let others: Vec<Client> = (0..3).map(|_| first.restart(app().schedule_with(schedule()))).collect();
    first.clock().set(at("2026-05-01T12:05:00Z"));
    std::thread::scope(|scope| {
        for client in &others {
            scope.spawn(|| client.run_jobs());
        }
    });
    assert_eq!(notes(&first), [1]);
}

#[cfg(feature = "time-zones")]
#[test]
fn times_are_those_of_a_time_zone_and_follow_its_clocks() {
    let berlin = || "Europe/Berlin".parse::<TimeZone>().unwrap();
    // In winter an hour, in summer two before UTC.
    let daily = client("", Schedule::new("30 7 * * *", Note::new(1)).zone(berlin()), "2026-01-01T12:00:00Z");
    assert_eq!(counts(&daily, ["2026-01-02T06:29:59Z", "2026-01-02T06:30:00Z"]), [0, 1]);
    crate::sql(&daily, "UPDATE job_schedules SET last_due = '2026-07-01 12:00:00'");
    assert_eq!(counts(&daily, ["2026-07-02T05:29:59Z", "2026-07-02T05:30:00Z"]), [0, 1]);
    // 2:30 does not exist on 29 March 2026: the clocks go from 2:00 to 3:00.
    let skipped = client("", Schedule::new("30 2 * * *", Note::new(1)).zone(berlin()), "2026-03-28T12:00:00Z");
    assert_eq!(
        counts(&skipped, ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]),
        [0, 1, 0, 1]
    );
    // 2:30 exists twice on 25 October 2026.
    let doubled = client("", Schedule::new("30 2 * * *", Note::new(1)).zone(berlin()), "2026-10-24T12:00:00Z");
    assert_eq!(counts(&doubled, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]), [1, 0, 1]);
    // Intervals go on in real time.
    let hourly = client("", Schedule::new("0 * * * *", Note::new(1)).zone(berlin()), "2026-10-24T23:30:00Z");
    assert_eq!(counts(&hourly, ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]), [1, 1, 1]);
    let hourly = client("", Schedule::new("0 * * * *", Note::new(1)).zone(berlin()), "2026-03-29T00:30:00Z");
    assert_eq!(counts(&hourly, ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]), [1, 1]);
}
