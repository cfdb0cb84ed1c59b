//! Jobs that misbehave, and values that are hard to store.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use lback::chrono::{DateTime, TimeDelta, Utc};
use lback::jobs::{Batch, JobState, Jobs};
use lback::prelude::*;
use serde::{Deserialize, Serialize};

use super::worker::{eventually, server};
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
    a_full_queue_does_not_hold_up_another,
    jobs_that_never_return_do_not_stop_the_others,
    jobs_that_wait_behind_a_long_one_are_handed_back,
    a_job_that_was_claimed_by_a_lost_commit_runs,
    a_clock_that_jumps_neither_stops_nor_repeats_a_job,
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

fn a_full_queue_does_not_hold_up_another(on: &str) {
    let client = client_of(app(), &format!("JOBS_QUEUES = {{ a = 100, z = 100 }}\n{on}"));
    for number in 1..=20 {
        enqueue(&client, Note::new(number).queue("a"));
    }
    let id = enqueue(&client, Note::new(21).queue("z")).id;
    let place = client.try_run_jobs().iter().position(|run| run.id == id);
    assert!(place.is_some_and(|place| place < 5), "{place:?}");
}

/// The tests whose jobs may return.
static OVER: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Lets the jobs of a test return, even if it fails.
struct Over<'a>(&'a str);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        OVER.lock().unwrap().insert(self.0.to_owned());
    }
}

/// Returns only at the end of its test, though its time is over.
#[derive(Serialize, Deserialize)]
struct Endless(String);

impl Job for Endless {
    const NAME: &'static str = "endless";
    const TIMEOUT: Duration = Duration::from_millis(10);
    const MAX_ATTEMPTS: u32 = 1;

    fn run(self, _: &mut JobContext) -> Result<()> {
        while !OVER.lock().unwrap().contains(&self.0) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

fn jobs_that_never_return_do_not_stop_the_others(on: &str) {
    let client = server(app().jobs(lback::jobs::jobs![Endless]), on, "JOBS_THREADS = 1");
    let _over = Over(on);
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| jobs.enqueue_all(db, (0..5).map(|_| Endless(on.to_owned()))));
    client.db(|db| jobs.enqueue(db, Note::new(1)));
    jobs.wake();
    eventually(|| notes(&client) == [1]);
    eventually(|| states(&client) == [JobState::Failed; 5]);
}

/// Runs until it is cancelled.
#[derive(Serialize, Deserialize)]
struct Long;

impl Job for Long {
    const NAME: &'static str = "long";

    fn run(self, job: &mut JobContext) -> Result<()> {
        while job.check().is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
        job.check()
    }
}

fn jobs_that_wait_behind_a_long_one_are_handed_back(on: &str) {
    let client = server(app().jobs(lback::jobs::jobs![Long]), on, "JOBS_THREADS = 1");
    let jobs: &Jobs = client.app().state().unwrap();
    // Short jobs are claimed in advance.
    client.db(|db| jobs.enqueue_all(db, (1..=50).map(Note::new)));
    jobs.wake();
    eventually(|| client.jobs().is_empty());
    client.db(|db| {
        let long = jobs.enqueue(db, Long.priority(1));
        jobs.enqueue_all(db, (51..=53).map(Note::new))?;
        long
    });
    jobs.wake();
    eventually(|| states(&client) == [JobState::Running, JobState::Ready, JobState::Ready, JobState::Ready]);
    let attempts: Vec<u32> = client.jobs().iter().map(|job| job.attempts).collect();
    assert_eq!(attempts, [1, 0, 0, 0]);
    let long = client.jobs()[0].id;
    assert!(client.db(|db| jobs.cancel(db, long)));
    eventually(|| notes(&client).len() == 53 && client.jobs().is_empty());
}

fn a_job_that_was_claimed_by_a_lost_commit_runs(on: &str) {
    let client = server(app().jobs(lback::jobs::jobs![Long]), on, "JOBS_LEASE_SECONDS = 5");
    let jobs: &Jobs = client.app().state().unwrap();
    let long = client.db(|db| jobs.enqueue(db, Long)).id;
    jobs.wake();
    eventually(|| states(&client) == [JobState::Running]);
    // As if the process had claimed another one, and lost the answer to its commit.
    let later = client.db(|db| jobs.enqueue(db, Note::new(1).after(TimeDelta::days(1)))).id;
    sql(
        &client,
        &format!(
            "UPDATE job_queue SET state = 'running', attempts = 1, lease_until = '2100-01-01 00:00:00',
             worker = (SELECT worker FROM job_queue WHERE id = {long}) WHERE id = {later}"
        ),
    );
    eventually(|| notes(&client) == [1]);
    assert!(client.db(|db| jobs.cancel(db, long)));
    eventually(|| client.jobs().is_empty());
}

fn a_clock_that_jumps_neither_stops_nor_repeats_a_job(on: &str) {
    let client = server(app().jobs(lback::jobs::jobs![Long]), on, "JOBS_LEASE_SECONDS = 5");
    let jobs: &Jobs = client.app().state().unwrap();
    let long = client.db(|db| jobs.enqueue(db, Long)).id;
    jobs.wake();
    eventually(|| states(&client) == [JobState::Running]);
    let now = client.clock().now();
    for (number, days) in [(1_usize, 365), (2, -365), (3, 0)] {
        client.clock().set(now + TimeDelta::days(days));
        client.db(|db| jobs.enqueue(db, Note::new(days)));
        jobs.wake();
        eventually(|| notes(&client).len() == number && client.jobs().len() == 1);
    }
    let job = client.jobs().remove(0);
    assert_eq!((job.id, job.state, job.attempts), (long, JobState::Running, 1));
    assert!(client.db(|db| jobs.cancel(db, long)));
    eventually(|| client.jobs().is_empty());
}

/// A transaction takes part of a second at least, so that a worker that does not wait is found by their number.
#[cfg(feature = "postgres")]
#[test]
fn a_due_job_waits_for_a_thread_without_work_for_the_database() {
    let Some(url) = crate::postgres::url() else { return };
    #[derive(Serialize, Deserialize)]
    struct Counting;
    impl Job for Counting {
        const NAME: &'static str = "counting";
        fn run(self, job: &mut JobContext) -> Result<()> {
            for done in 0.. {
                job.progress(done, 0, "");
                job.check()?;
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
    }
    let client = server(app().jobs(lback::jobs::jobs![Counting]), &url, "JOBS_THREADS = 1");
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| jobs.enqueue(db, Note::new(2).after(TimeDelta::hours(1))));
    client.db(|db| jobs.enqueue(db, Note::new(1)));
    jobs.wake();
    // Then the worker knows when the other one is due.
    eventually(|| notes(&client) == [1]);
    let id = client.db(|db| jobs.enqueue(db, Counting)).id;
    jobs.wake();
    let beats = || client.db(|db| jobs.find(db, id)).unwrap().progress;
    eventually(|| beats().is_some());
    client.clock().advance(Duration::from_secs(2 * 3600));
    jobs.wake();
    eventually(|| states(&client) == [JobState::Ready, JobState::Running]);
    let transactions =
        || crate::number(&client, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()");
    // The heart beats every second, and the server publishes its numbers every second.
    let before = transactions();
    for _ in 0..4 {
        let last = beats();
        while beats() == last {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let made = transactions() - before;
    assert!(made < 300, "{made} transactions");
    assert!(client.db(|db| jobs.cancel(db, id)));
    eventually(|| notes(&client) == [1, 2]);
}

/// Changes its own row on another connection while its transaction is open, as the worker does that renews its lease.
#[cfg(feature = "postgres")]
#[derive(Serialize, Deserialize)]
struct Renewed;

#[cfg(feature = "postgres")]
impl Job for Renewed {
    const NAME: &'static str = "renewed";

    fn run(self, job: &mut JobContext) -> Result<()> {
        super::write(job.db()?, 1)?;
        job.database().clone().write(|db| Ok(diesel::sql_query("UPDATE job_queue SET lease_until = lease_until").execute(db)?)).map(drop)
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_stricter_isolation_does_not_fail_jobs() {
    let Some(url) = crate::postgres::url() else { return };
    for isolation in ["repeatable read", "serializable"] {
        let client = client_of(app().jobs(lback::jobs::jobs![Renewed]), &format!("{url}\nDATABASE_ISOLATION = '{isolation}'"));
        enqueue(&client, Renewed);
        assert_eq!(client.run_jobs(), 1);
        assert_eq!(notes(&client), [1]);
    }
}
