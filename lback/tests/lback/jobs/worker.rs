//! The worker in a server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lback::jobs::{JobState, Jobs};
use lback::prelude::*;
use lback::testing::Client;
use serde::{Deserialize, Serialize};

use super::{Note, app, notes};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_server_runs_what_its_requests_enqueue,
    a_queue_has_a_limit,
    a_running_job_reports_its_progress_and_is_cancelled,
    a_job_of_a_dead_worker_runs_again,
);

const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn server(app: App, on: &str, settings: &str) -> Client {
    let client = Client::over_socket_with_settings(app, &format!("ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\n{settings}\n{on}"));
    sql(&client, "CREATE TABLE notes (number BIGINT NOT NULL)");
    client
}

#[track_caller]
pub(super) fn eventually(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "it has not become true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn a_server_runs_what_its_requests_enqueue(on: &str) {
    let client = server(app(), on, "");
    for number in 1..=20 {
        client.post(&format!("/note/{number}/-")).send().assert_status(204);
    }
    eventually(|| notes(&client).len() == 20 && client.jobs().is_empty());
    assert_eq!(notes(&client), (1..=20).collect::<Vec<_>>());
}

static RUNNING: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Counts how many of its kind run at the same time.
#[derive(Serialize, Deserialize)]
struct Counted(i64);

impl Job for Counted {
    const NAME: &'static str = "counted";
    const QUEUE: &'static str = "counted";

    fn run(self, job: &mut JobContext) -> Result<()> {
        MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        super::write(job.db()?, self.0)
    }
}

fn a_queue_has_a_limit(on: &str) {
    static ONE: Mutex<()> = Mutex::new(());
    let _alone = ONE.lock();
    MOST.store(0, Ordering::SeqCst);
    let client = server(app().jobs(lback::jobs::jobs![Counted]), on, "JOBS_THREADS = 4\nJOBS_QUEUES = { counted = 1 }");
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| jobs.enqueue_all(db, (0..30).map(Counted)));
    jobs.wake();
    eventually(|| notes(&client).len() == 30 && client.jobs().is_empty());
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}

/// Reports its progress until it is cancelled.
#[derive(Serialize, Deserialize)]
struct Long;

impl Job for Long {
    const NAME: &'static str = "long";

    fn run(self, job: &mut JobContext) -> Result<()> {
        job.progress(3, 10, "third step");
        while job.check().is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
        job.check()
    }
}

fn a_running_job_reports_its_progress_and_is_cancelled(on: &str) {
    let client = server(app().jobs(lback::jobs::jobs![Long]), on, "");
    let jobs: &Jobs = client.app().state().unwrap();
    let id = client.db(|db| jobs.enqueue(db, Long)).id;
    jobs.wake();
    let find = || client.db(|db| jobs.find(db, id));
    eventually(|| find().is_some_and(|job| job.progress.is_some()));
    let job = find().unwrap();
    assert_eq!((job.state, job.progress.map(|progress| (progress.done, progress.total))), (JobState::Running, Some((3, 10))));
    assert!(client.db(|db| jobs.cancel(db, id)));
    eventually(|| find().is_none());
}

fn a_job_of_a_dead_worker_runs_again(on: &str) {
    let client = server(app(), on, "JOBS_LEASE_SECONDS = 5");
    let jobs: &Jobs = client.app().state().unwrap();
    let later = Note::new(1).after(lback::chrono::TimeDelta::days(1));
    let id = client.db(|db| jobs.enqueue(db, later)).id;
    sql(
        &client,
        &format!(
            "UPDATE job_queue SET state = 'running', worker = 'dead', attempts = 1, lease_until = '2000-01-01 00:00:00' WHERE id = {id}"
        ),
    );
    eventually(|| client.jobs().first().is_some_and(|job| job.state == JobState::Waiting));
    assert!(client.jobs()[0].last_error.as_ref().is_some_and(|error| error.contains("its process has ended")));
    client.clock().advance(Duration::from_secs(60));
    jobs.wake();
    eventually(|| notes(&client) == [1]);
}
