//! Processes that are killed again and again: no job is lost, none has its effects twice, and what was rolled back has none.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Project, eventually, post};

/// The kinds of rows that the jobs of a request write.
const OF_WRITE: [&str; 5] = ["plain", "child", "failing", "keyed", "limited"];
const OF_BATCH: [&str; 4] = ["first", "second", "failing", "last"];

/// The number of waiting jobs above which no more requests are sent.
const MOST_WAITING: i64 = 500;

/// The number of kills, which `JOBS_KILLS` sets for long runs.
fn kills() -> u64 {
    std::env::var("JOBS_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12)
}

/// Pseudo-random numbers, so that the moments of the kills differ.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn survives(project: &Project, other_fault: impl Fn(u64)) {
    let server = Mutex::new(project.server());
    let mut workers = [project.worker(), project.worker()];
    let (is_over, requests, acknowledged) = (AtomicBool::new(false), AtomicI64::new(0), AtomicI64::new(0));
    let begin = Instant::now();
    let mut random = Random(std::process::id().into());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let number = requests.fetch_add(1, Ordering::SeqCst);
                    let path = ["write", "batch", "fail"][usize::try_from(number % 3).unwrap()];
                    let address = server.lock().unwrap().address.clone();
                    let is_done = post(&address, &format!("/{path}/{number}"));
                    assert!(!is_done || path != "fail");
                    acknowledged.fetch_add(i64::from(is_done), Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(20));
                    // In a long run, more requests succeed between two kills than workers can follow.
                    while !is_over.load(Ordering::SeqCst) && project.number("SELECT count(*) FROM job_queue") > MOST_WAITING {
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
        // If something fails here, the threads are to end.
        let _over = Over(&is_over);
        for kill in 0..kills() {
            let due = acknowledged.load(Ordering::SeqCst) + 3 + i64::try_from(random.below(25)).unwrap();
            eventually("requests succeed", || acknowledged.load(Ordering::SeqCst) >= due);
            match random.below(3) {
                0 => {
                    let mut server = server.lock().unwrap();
                    server.child.kill().unwrap();
                    *server = project.server();
                }
                one => {
                    let worker = &mut workers[usize::try_from(one - 1).unwrap()];
                    worker.child.kill().unwrap();
                    *worker = project.worker();
                }
            }
            other_fault(kill);
        }
    });
    eventually("all jobs end", || project.number("SELECT count(*) FROM job_queue") == 0);
    assert_eq!(project.number("SELECT count(*) FROM job_batches"), 0, "a batch has not ended");
    let committed = project.number("SELECT count(*) FROM requested");
    assert!(committed >= acknowledged.load(Ordering::SeqCst), "a request is lost");
    let rows = |kind: &str, of: &str| {
        format!(
            "FROM requested r WHERE r.kind = '{of}' AND (SELECT count(*) FROM written w WHERE w.number = r.number AND w.kind = '{kind}') <> 1"
        )
    };
    for (of, kinds) in [("write", OF_WRITE.as_slice()), ("batch", OF_BATCH.as_slice())] {
        for kind in kinds {
            let wrong = project.number(&format!("SELECT count(*) {}", rows(kind, of)));
            assert_eq!(wrong, 0, "jobs of the kind {kind} have not written exactly one row");
        }
    }
    let written = project.number("SELECT count(*) FROM written");
    let expected = project.number("SELECT coalesce(sum(CASE WHEN kind = 'write' THEN 5 ELSE 4 END), 0) FROM requested");
    assert_eq!(written, expected, "rows of requests that were rolled back");
    eprintln!("{} kills, {committed} committed requests, {written} jobs, {:?}", kills(), begin.elapsed());
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn a_server_and_two_workers_on_a_sqlite_file() {
    survives(&Project::new("sqlite:db.sqlite", ""), |_| {});
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_and_two_workers_on_postgresql_which_is_restarted() {
    use lback_test_servers::{Disk, Postgres};

    let Some(server) = Postgres::start(Disk::Safe) else { return };
    let project = Project::new(&server.create("jobs"), "");
    survives(&project, |kill| match kill % 10 {
        4 => server.restart().unwrap(),
        8 => {
            server.crash().unwrap();
            server.run().unwrap();
        }
        _ => {}
    });
    assert_eq!(project.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), 0);
}
