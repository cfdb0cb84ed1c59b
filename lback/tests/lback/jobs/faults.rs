//! Jobs that do what they should not, and values that are hard to store.

use std::time::Duration;

use lback::chrono::{DateTime, TimeDelta, Utc};
use lback::jobs::{Batch, JobState, Jobs};
use lback::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Note, app, client, client_of, enqueue, notes, states};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    an_error_with_a_nul_is_stored,
    a_pause_that_panics_is_the_default,
    times_that_cannot_be_stored_are_moved,
    a_batch_whose_next_job_cannot_be_read_ends,
    a_cancelled_job_is_not_retried,
    a_cancelled_job_with_a_key_makes_room_for_the_next,
);

/// Fails with an error that PostgreSQL cannot store, and panics when it is asked for its pause.
#[derive(Serialize, Deserialize)]
struct Hostile;

impl Job for Hostile {
    const NAME: &'static str = "hostile";
    const KEEP: Duration = Duration::MAX;

    fn pause(_: u32) -> Duration {
        panic!("in a pause, on purpose")
    }

    fn run(self, job: &mut JobContext) -> Result<()> {
        match job.attempt() {
            1 => Err(Error::internal("a\0b")),
            _ => Ok(()),
        }
    }
}

fn an_error_with_a_nul_is_stored(on: &str) {
    let urls = Router::new();
    let client = client_of(App::new(urls).jobs(lback::jobs::jobs![Note, Hostile]), on);
    enqueue(&client, Hostile);
    assert_eq!(client.try_run_jobs().len(), 1);
    assert_eq!(client.jobs()[0].last_error.as_deref(), Some("a\u{fffd}b"));
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| {
        assert!(jobs.enqueue(db, Note::new(1).unique("a\0b")).unwrap_err().message().contains("NUL"));
        Ok::<_, Error>(())
    });
}

fn a_pause_that_panics_is_the_default(on: &str) {
    let client = client_of(app().jobs(lback::jobs::jobs![Hostile]), on);
    enqueue(&client, Hostile);
    assert_eq!(client.try_run_jobs().len(), 1);
    let pause = client.jobs()[0].due_at - client.clock().now();
    assert!((7_500..=12_500).contains(&pause.num_milliseconds()), "{pause}");
}

fn times_that_cannot_be_stored_are_moved(on: &str) {
    let client = client_of(app().jobs(lback::jobs::jobs![Hostile]), on);
    enqueue(&client, Note::new(1).at(DateTime::<Utc>::MIN_UTC));
    enqueue(&client, Note::new(2).at(DateTime::<Utc>::MAX_UTC));
    enqueue(&client, Note::new(3).after(TimeDelta::days(3_000_000)));
    enqueue(&client, Note::new(4).after(TimeDelta::MAX));
    enqueue(&client, Note::new(5).unique_for("a", TimeDelta::MAX));
    enqueue(&client, Hostile);
    client.try_run_jobs();
    client.clock().advance(Duration::from_secs(60));
    client.try_run_jobs();
    assert_eq!(notes(&client), [1, 5]);
    assert_eq!(states(&client), [JobState::Waiting, JobState::Waiting, JobState::Waiting, JobState::Done, JobState::Done]);
}

fn a_batch_whose_next_job_cannot_be_read_ends(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    let id = client.db(|db| jobs.enqueue_batch(db, Batch::new().jobs([Note::new(1), Note::new(2)]).then(Note::new(3))));
    sql(&client, "UPDATE job_batches SET next_job = '{\"from\": \"another version\"}'");
    assert_eq!(client.run_jobs(), 2);
    let found = client.db(|db| jobs.find_batch(db, id)).unwrap();
    assert_eq!((notes(&client), found.pending), (vec![1, 2], 0));
}

/// Cancels itself, and fails before it notices.
#[derive(Serialize, Deserialize)]
struct Cancelled;

impl Job for Cancelled {
    const NAME: &'static str = "cancelled";

    fn run(self, job: &mut JobContext) -> Result<()> {
        let (id, jobs) = (job.id(), job.app().state::<Jobs>().cloned().or_404()?);
        assert!(job.database().write(|db| jobs.cancel(db, id))?);
        Err(Error::internal("on purpose"))
    }
}

fn a_cancelled_job_is_not_retried(on: &str) {
    let client = client_of(app().jobs(lback::jobs::jobs![Cancelled]), on);
    let jobs: &Jobs = client.app().state().unwrap();
    enqueue(&client, Cancelled);
    assert_eq!(client.try_run_jobs().len(), 1);
    assert_eq!(client.jobs(), []);
    // Neither is one whose process died.
    client.db(|db| jobs.enqueue_batch(db, Batch::new().job(Note::new(1)).then(Note::new(2))));
    sql(
        &client,
        "UPDATE job_queue SET state = 'running', worker = 'dead', attempts = 1, is_cancelled = TRUE, lease_until = '2000-01-01 00:00:00'",
    );
    assert_eq!((client.run_jobs(), notes(&client), client.jobs()), (1, vec![2], vec![]));
}

fn a_cancelled_job_with_a_key_makes_room_for_the_next(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    let ids = [1, 2, 3].map(|number| enqueue(&client, Note::new(number).one_at_a_time("a")).id);
    // The first has ended and made the second ready, which is cancelled then.
    sql(&client, &format!("DELETE FROM job_queue WHERE id = {}", ids[0]));
    sql(&client, &format!("UPDATE job_queue SET state = 'blocked' WHERE id = {}", ids[2]));
    assert!(client.db(|db| jobs.cancel(db, ids[1])));
    assert_eq!((client.run_jobs(), notes(&client)), (1, vec![3]));
}
