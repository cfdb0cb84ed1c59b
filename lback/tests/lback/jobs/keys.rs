//! Jobs with keys: unique ones, and those that run one at a time.

use std::time::Duration;

use lback::chrono::TimeDelta;
use lback::jobs::{JobState, Jobs};
use lback::prelude::*;

use super::{Note, client, enqueue, notes, states};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_unique_job_is_enqueued_once_until_it_has_ended,
    a_job_that_is_unique_while_it_waits_is_enqueued_again_once_it_runs,
    a_job_that_is_unique_for_a_time_is_not_repeated_before,
    a_unique_job_that_has_failed_is_not_in_the_way,
    jobs_with_a_key_run_one_at_a_time,
    many_keys_are_busy_at_the_same_time,
    a_cancelled_job_does_not_run,
);

fn a_unique_job_is_enqueued_once_until_it_has_ended(on: &str) {
    let client = client(on);
    let first = enqueue(&client, Note::new(1).unique("a"));
    let second = enqueue(&client, Note::new(2).unique("a"));
    assert_eq!((first.is_new, second.is_new, second.id), (true, false, first.id));
    assert!(enqueue(&client, Note::new(3).unique("b")).is_new);
    assert!(enqueue(&client, Note::new(4)).is_new);
    assert_eq!(client.run_jobs(), 3);
    assert_eq!(notes(&client), [1, 3, 4]);
    assert!(enqueue(&client, Note::new(5).unique("a")).is_new);
}

/// Enqueues a job of its own type with its own key while it runs.
#[derive(serde::Serialize, serde::Deserialize)]
struct Again {
    waiting: bool,
    times: u32,
}

impl Job for Again {
    const NAME: &'static str = "again";

    fn run(self, job: &mut JobContext) -> Result<()> {
        if self.times > 0 {
            let next = Again { waiting: self.waiting, times: self.times - 1 };
            let enqueued = job.enqueue(if self.waiting { next.unique_while_waiting("a") } else { next.unique("a") })?;
            assert_eq!(enqueued.is_new, self.waiting);
        }
        Ok(())
    }
}

fn a_job_that_is_unique_while_it_waits_is_enqueued_again_once_it_runs(on: &str) {
    let client = super::client_of(super::app().jobs(lback::jobs::jobs![Again]), on);
    enqueue(&client, Again { waiting: true, times: 2 }.unique_while_waiting("a"));
    assert!(!enqueue(&client, Again { waiting: true, times: 2 }.unique_while_waiting("a")).is_new);
    assert_eq!(client.run_jobs(), 3);
    enqueue(&client, Again { waiting: false, times: 2 }.unique("a"));
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(client.jobs(), []);
}

fn a_job_that_is_unique_for_a_time_is_not_repeated_before(on: &str) {
    let client = client(on);
    let hour = || TimeDelta::hours(1);
    assert!(enqueue(&client, Note::new(1).unique_for("a", hour())).is_new);
    assert_eq!(client.run_jobs(), 1);
    client.clock().advance(Duration::from_secs(3500));
    assert!(!enqueue(&client, Note::new(2).unique_for("a", hour())).is_new);
    client.clock().advance(Duration::from_secs(101));
    assert!(enqueue(&client, Note::new(3).unique_for("a", hour())).is_new);
    // One that runs longer than that is still the only one.
    client.clock().advance(Duration::from_secs(2 * 3600));
    assert!(!enqueue(&client, Note::new(4).unique_for("a", hour())).is_new);
    assert_eq!(client.run_jobs(), 1);
    assert!(enqueue(&client, Note::new(5).unique_for("a", hour())).is_new);
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(notes(&client), [1, 3, 5]);
}

fn a_unique_job_that_has_failed_is_not_in_the_way(on: &str) {
    let client = client(on);
    enqueue(&client, Note::then(1, "give up").unique("a"));
    client.try_run_jobs();
    assert!(enqueue(&client, Note::new(2).unique("a")).is_new);
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(notes(&client), [2]);
}

fn jobs_with_a_key_run_one_at_a_time(on: &str) {
    let client = client(on);
    let running = enqueue(&client, Note::new(1).one_at_a_time("a")).id;
    for number in 2..5 {
        enqueue(&client, Note::new(number).one_at_a_time("a").priority(i16::try_from(number).unwrap()));
    }
    enqueue(&client, Note::new(9).one_at_a_time("b"));
    // As if another process ran the first.
    sql(
        &client,
        &format!(
            "UPDATE job_queue SET state = 'running', worker = 'other', attempts = 1, lease_until = '2100-01-01 00:00:00' WHERE id = {running}"
        ),
    );
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(notes(&client), [9]);
    assert_eq!(states(&client), [JobState::Running, JobState::Blocked, JobState::Blocked, JobState::Blocked]);
    // It dies. Its job runs again, and the others follow.
    sql(&client, "UPDATE job_queue SET lease_until = '2000-01-01 00:00:00' WHERE state = 'running'");
    assert_eq!(client.run_jobs(), 3);
    assert_eq!(states(&client), [JobState::Waiting]);
    client.clock().advance(Duration::from_secs(60));
    assert_eq!(client.run_jobs(), 1);
    assert_eq!((notes(&client), client.jobs().len()), (vec![1, 2, 3, 4, 9], 0));
}

fn many_keys_are_busy_at_the_same_time(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    let keyed = |number: i64| Note::new(number).one_at_a_time(&number.to_string());
    client.db(|db| jobs.enqueue_all(db, (0..1000).map(keyed)));
    sql(&client, "UPDATE job_queue SET state = 'running', worker = 'other', attempts = 1, lease_until = '2100-01-01 00:00:00'");
    client.db(|db| jobs.enqueue_all(db, (0..1000).map(keyed)));
    enqueue(&client, Note::new(-1).one_at_a_time("free"));
    assert_eq!((client.run_jobs(), notes(&client)), (1, vec![-1]));
    assert_eq!(states(&client).iter().filter(|state| **state == JobState::Blocked).count(), 1000);
}

fn a_cancelled_job_does_not_run(on: &str) {
    let client = client(on);
    let id = enqueue(&client, Note::new(1)).id;
    let jobs: &Jobs = client.app().state().unwrap();
    assert!(client.db(|db| jobs.cancel(db, id)));
    assert!(!client.db(|db| jobs.cancel(db, id)));
    assert_eq!((client.run_jobs(), client.jobs().len()), (0, 0));
}
