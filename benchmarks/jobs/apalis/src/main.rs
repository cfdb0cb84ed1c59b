//! Jobs of apalis on the database in `DATABASE_URL`, for `benchmarks/jobs/run`:
//!
//! - `setup` creates the tables,
//! - `enqueue NUMBER` enqueues jobs one by one, each in its own transaction, and prints how many per second,
//! - `work NUMBER` runs as many jobs with two workers, and prints how many per second,
//! - `commits NUMBER` enqueues a job every 50 ms, and prints when each was committed: `c 7 1796083200000000`, in microseconds,
//! - `starts NUMBER` runs jobs, woken by the database if it can do that, and prints when each has started: `s 7 1796083200000123`,
//! - `both NUMBER` does the last two in one process.

use std::error::Error;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apalis::prelude::*;
use apalis_postgres::{PgPool, PostgresStorage};
use apalis_sqlite::SqliteStorage;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The default of a storage of numbers: the name of the type.
const QUEUE: &str = "u64";

static RUN: AtomicU64 = AtomicU64::new(0);
static FIRST: Mutex<Option<Instant>> = Mutex::new(None);
static NUMBER: OnceLock<u64> = OnceLock::new();
static PRINTS_STARTS: OnceLock<bool> = OnceLock::new();

#[derive(Clone)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Pool {
    async fn open() -> Result<Self> {
        let url = std::env::var("DATABASE_URL")?;
        if url.starts_with("postgres:") {
            return Ok(Pool::Postgres(PgPool::connect(&url).await?));
        }
        // As Lback's connections.
        let options = SqliteConnectOptions::from_str(&url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        Ok(Pool::Sqlite(SqlitePool::connect_with(options).await?))
    }

    async fn setup(&self) -> Result<()> {
        match self {
            Pool::Postgres(pool) => PostgresStorage::setup(pool).await?,
            Pool::Sqlite(pool) => SqliteStorage::setup(pool).await?,
        }
        Ok(())
    }

    async fn enqueue(&self, number: u64) -> Result<()> {
        let task = TaskBuilder::new(serde_json::to_vec(&number)?).build();
        match self {
            Pool::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                apalis_postgres::queries::push_tasks(&mut *transaction, QUEUE, vec![task]).await?;
                transaction.commit().await?;
            }
            Pool::Sqlite(pool) => {
                let mut transaction = pool.begin().await?;
                apalis_sqlite::queries::push_tasks(&mut *transaction, QUEUE, &[task]).await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    /// Runs jobs, two at the same time, with the default settings.
    async fn work(self, is_woken: bool) -> Result<()> {
        match self {
            Pool::Postgres(pool) if is_woken => {
                let backend = PostgresStorage::new(&pool).with_pubsub();
                WorkerBuilder::new(name()).backend(backend).concurrency(2).build(noop).run().await?;
            }
            Pool::Postgres(pool) => {
                WorkerBuilder::new(name()).backend(PostgresStorage::new(&pool)).concurrency(2).build(noop).run().await?;
            }
            Pool::Sqlite(pool) => {
                WorkerBuilder::new(name()).backend(SqliteStorage::new(&pool)).concurrency(2).build(noop).run().await?;
            }
        }
        Ok(())
    }
}

fn name() -> String {
    format!("worker-{}", std::process::id())
}

fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros())
}

async fn noop(number: u64) -> std::result::Result<(), BoxDynError> {
    if PRINTS_STARTS.get() == Some(&true) {
        println!("s {number} {}", micros());
        return Ok(());
    }
    let first = *FIRST.lock().map_err(|_| "poisoned")?.get_or_insert_with(Instant::now);
    let run = RUN.fetch_add(1, Ordering::AcqRel) + 1;
    if NUMBER.get() == Some(&run) {
        println!("{:.0}", run as f64 / first.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn commits(pool: &Pool, number: u64) -> Result<()> {
    // The worker has started by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for number in 0..number {
        pool.enqueue(number).await?;
        println!("c {number} {}", micros());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = arguments.get(2).map_or(Ok(0), |number| number.parse())?;
    let command = arguments.get(1).map(String::as_str).unwrap_or_default();
    NUMBER.get_or_init(|| number);
    PRINTS_STARTS.get_or_init(|| matches!(command, "starts" | "both"));
    let pool = Pool::open().await?;
    match command {
        "setup" => pool.setup().await?,
        "enqueue" => {
            let begin = Instant::now();
            for number in 0..number {
                pool.enqueue(number).await?;
            }
            println!("{:.0}", number as f64 / begin.elapsed().as_secs_f64());
        }
        "work" => pool.work(false).await?,
        "starts" => pool.work(true).await?,
        "commits" => commits(&pool, number).await?,
        "both" => {
            tokio::spawn(pool.clone().work(true));
            commits(&pool, number).await?;
        }
        _ => return Err("setup, enqueue, work, commits, starts or both".into()),
    }
    Ok(())
}
