//! Lback's jobs on the database in `DATABASE_URL`, for `benchmarks/jobs/run`:
//!
//! - `enqueue NUMBER` enqueues jobs one by one, each in its own transaction, and prints how many per second,
//! - `worker --threads 2` runs jobs, and prints how many per second when it has run the `NUMBER` in the environment,
//! - `commits NUMBER` enqueues a job every 50 ms, and prints when each was committed: `c 7 1796083200000000`, in microseconds,
//! - with `STARTS` in the environment, `worker` prints when each job has started: `s 7 1796083200000123`,
//! - with `COMMITS=NUMBER` as well, `serve` does what `commits` does in a background task.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lback::db::Database;
use lback::jobs::Jobs;
use lback::prelude::*;
use serde::{Deserialize, Serialize};

static RUN: AtomicU64 = AtomicU64::new(0);
static FIRST: Mutex<Option<Instant>> = Mutex::new(None);
static PRINTS_STARTS: OnceLock<bool> = OnceLock::new();
static LAST: OnceLock<u64> = OnceLock::new();

#[derive(Serialize, Deserialize)]
struct Noop {
    number: u64,
}

impl Job for Noop {
    const NAME: &'static str = "noop";

    fn run(self, _: &mut JobContext) -> Result<()> {
        if *PRINTS_STARTS.get_or_init(|| env::var_os("STARTS").is_some()) {
            println!("s {} {}", self.number, micros());
            return Ok(());
        }
        let first = *FIRST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        let run = RUN.fetch_add(1, Ordering::AcqRel) + 1;
        if run == *LAST.get_or_init(|| number_in("NUMBER")) {
            println!("{:.0}", run as f64 / first.elapsed().as_secs_f64());
        }
        Ok(())
    }
}

fn number_in(variable: &str) -> u64 {
    env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros())
}

/// As `req.enqueue` does it.
fn enqueue_one(database: &Database, jobs: &Jobs, number: u64) -> Result<()> {
    database.write(|db| jobs.enqueue(db, Noop { number }))?;
    jobs.wake();
    Ok(())
}

fn enqueue(command: &mut Command) -> ProgramResult {
    let number = command.argument(0)?.unwrap_or(1000);
    let (database, jobs) = (command.state::<Database>()?.clone(), command.state::<Jobs>()?.clone());
    let begin = Instant::now();
    for number in 0..number {
        enqueue_one(&database, &jobs, number)?;
    }
    command.print(format!("{:.0}", number as f64 / begin.elapsed().as_secs_f64()));
    Ok(())
}

fn commits(command: &mut Command) -> ProgramResult {
    let number = command.argument(0)?.unwrap_or(100);
    let (database, jobs) = (command.state::<Database>()?.clone(), command.state::<Jobs>()?.clone());
    Ok(print_commits(&database, &jobs, number)?)
}

fn print_commits(database: &Database, jobs: &Jobs, number: u64) -> Result<()> {
    // The worker has started by then.
    thread::sleep(Duration::from_secs(2));
    for number in 0..number {
        enqueue_one(database, jobs, number)?;
        println!("c {number} {}", micros());
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn main() {
    App::new(Router::new())
        .jobs(jobs![Noop])
        .command("enqueue", "[NUMBER]  enqueues jobs one by one", enqueue)
        .command("commits", "[NUMBER]  enqueues a job every 50 ms", commits)
        .background(async |app, mut stopping| {
            let number = number_in("COMMITS");
            if let (1.., Some(database), Some(jobs)) = (number, app.state::<Database>().cloned(), app.state::<Jobs>().cloned()) {
                thread::spawn(move || print_commits(&database, &jobs, number));
            }
            let _ = stopping.wait_for(|stopping| *stopping).await;
        })
        .main();
}
