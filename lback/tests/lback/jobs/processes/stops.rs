//! Processes that stop, are idle, or wake each other.

use std::fs;
#[cfg(feature = "postgres")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{LIMIT, Project, eventually, post};
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_worker_that_stops_hands_its_jobs_back,
    old_rows_are_deleted_however_many,
    a_worker_is_woken_by_the_commits_of_other_processes,
    a_worker_is_woken_for_jobs_that_are_retried,
);

const NO_THREADS: &str = "JOBS_THREADS = 0";

/// Returns a project, on a SQLite file or on a database of its own on the server that tests share.
fn project(on: &str) -> Project {
    #[cfg(feature = "postgres")]
    if !on.is_empty() {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("jobs-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        return Project::new(&lback_test_servers::Postgres::shared().unwrap().create(&name), NO_THREADS);
    }
    assert_eq!(on, "");
    Project::new("sqlite:db.sqlite", NO_THREADS)
}

fn a_worker_that_stops_hands_its_jobs_back(on: &str) {
    for is_polite in [true, false] {
        let project = project(on);
        let server = project.server();
        let first = project.worker();
        assert!(post(&server.address, &format!("/long/{is_polite}")));
        eventually("the job runs", || project.number("SELECT count(*) FROM job_queue WHERE state = 'running'") == 1);
        first.stop();
        assert_eq!(project.number("SELECT count(*) FROM job_queue WHERE state = 'ready' AND attempts = 0 AND worker IS NULL"), 1);
        let _second = project.worker();
        fs::write(project.file("go"), "").unwrap();
        eventually("the job ends", || project.number("SELECT count(*) FROM job_queue") == 0);
        assert_eq!(project.number("SELECT count(*) FROM written WHERE number = 1 AND kind = 'long'"), 1);
        assert_eq!(project.number("SELECT count(*) FROM written"), 1);
    }
}

fn old_rows_are_deleted_however_many(on: &str) {
    let project = project(on);
    let _server = project.server();
    let columns = "name, queue, payload, priority, state, due_at, attempts, unique_while_waiting, is_cancelled, keep_until, created_at";
    let time = "'2000-01-01 00:00:00'";
    let row = format!("('row', 'default', '{{}}', 0, 'done', {time}, 1, FALSE, FALSE, {time}, {time})");
    let rows = vec![row; 1200].join(", ");
    project.execute(&format!("INSERT INTO job_queue ({columns}) VALUES {rows}"));
    let _worker = project.worker();
    eventually("all are deleted", || project.number("SELECT count(*) FROM job_queue") == 0);
}

/// Without notices, each of these jobs begins several seconds late.
fn a_worker_is_woken_by_the_commits_of_other_processes(on: &str) {
    let project = project(on);
    let begin = Instant::now();
    let (server, _worker) = (project.server(), project.worker());
    for number in 1..=60 {
        assert!(post(&server.address, &format!("/batch/{number}")));
        eventually("the jobs end", || project.number("SELECT count(*) FROM job_queue") == 0);
    }
    assert_eq!(project.number("SELECT count(*) FROM written WHERE kind = 'last'"), 60);
    assert!(begin.elapsed() < LIMIT, "the worker is not woken");
}

/// As above, for jobs that another process retries.
fn a_worker_is_woken_for_jobs_that_are_retried(on: &str) {
    let project = project(on);
    let begin = Instant::now();
    let (server, _worker) = (project.server(), project.worker());
    for number in 1..=40 {
        let columns = "name, queue, payload, priority, state, due_at, attempts, unique_while_waiting, is_cancelled, created_at";
        let payload = format!("{{\"number\":{number},\"kind\":\"retried\"}}");
        let time = "'2000-01-01 00:00:00'";
        project.execute(&format!(
            "INSERT INTO job_queue ({columns}) VALUES ('row', 'default', '{payload}', 0, 'failed', {time}, 1, FALSE, FALSE, {time})"
        ));
        assert!(post(&server.address, "/retry"));
        eventually("the job runs", || project.number("SELECT count(*) FROM job_queue") == 0);
    }
    assert_eq!(project.number("SELECT count(*) FROM written WHERE kind = 'retried'"), 40);
    assert!(begin.elapsed() < LIMIT, "the worker is not woken");
}

/// Although it looks for jobs, an idle worker writes nothing.
#[cfg(feature = "sqlite")]
#[test]
fn an_idle_sqlite_file_is_not_written() {
    let project = Project::new("sqlite:db.sqlite", "");
    let server = project.server();
    assert!(post(&server.address, "/write/1"));
    let _worker = project.worker();
    eventually("all jobs end", || project.number("SELECT count(*) FROM job_queue") == 0);
    let files = || ["db.sqlite", "db.sqlite-wal"].map(|name| fs::read(project.file(name)).unwrap_or_default());
    // Until the last numbers of jobs are written, which takes ten seconds.
    let (mut last, mut same_since) = (files(), Instant::now());
    eventually("the file is not written", || {
        let now = files();
        if now != last {
            (last, same_since) = (now, Instant::now());
        }
        same_since.elapsed() >= Duration::from_secs(12)
    });
}
