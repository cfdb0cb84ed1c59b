//! Several processes of one application that run its jobs on one database.

mod kills;
mod stops;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use lback::db::{Database, DbSettings};
use lback::jobs::Batch;
use lback::prelude::*;
use lback::settings::Secret;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::server_process::{Process, eventually, send};

const LIMIT: Duration = Duration::from_secs(120);
const MIGRATION: &str = "CREATE TABLE requested (number BIGINT NOT NULL, kind TEXT NOT NULL);
    CREATE TABLE written (number BIGINT NOT NULL, kind TEXT NOT NULL);";

/// Writes a row, and sometimes fails at first, or enqueues another job.
#[derive(Serialize, Deserialize)]
struct Row {
    number: i64,
    kind: String,
}

impl Row {
    fn new(number: i64, kind: &str) -> Self {
        Row { number, kind: kind.to_owned() }
    }
}

impl Job for Row {
    const NAME: &'static str = "row";
    // Killed processes use up attempts.
    const MAX_ATTEMPTS: u32 = 10_000;

    fn pause(_: u32) -> Duration {
        Duration::from_millis(20)
    }

    fn run(self, job: &mut JobContext) -> Result<()> {
        insert(job.db()?, "written", self.number, &self.kind)?;
        if self.kind == "plain" {
            job.enqueue(Row::new(self.number, "child"))?;
        }
        // So that processes are killed here as well.
        thread::sleep(Duration::from_millis(self.number.unsigned_abs() % 4));
        match self.kind.as_str() {
            "failing" if job.attempt() == 1 => Err(Error::internal("on purpose")),
            _ => Ok(()),
        }
    }
}

/// Runs until the file `go` is in the project's folder or, if it is polite, until it should end, and writes the number of its attempt.
#[derive(Serialize, Deserialize)]
struct Long {
    is_polite: bool,
}

impl Job for Long {
    const NAME: &'static str = "long";

    fn run(self, job: &mut JobContext) -> Result<()> {
        let go = job.app().settings().root().join("go");
        while !go.exists() {
            if self.is_polite {
                job.check()?;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let attempt = i64::from(job.attempt());
        insert(job.db()?, "written", attempt, "long")
    }
}

fn insert(db: &mut Db, table: &str, number: i64, kind: &str) -> Result<()> {
    diesel::sql_query(format!("INSERT INTO {table} VALUES ({number}, '{kind}')")).execute(db)?;
    Ok(())
}

/// Another process.
#[test]
#[ignore = "run by the other tests"]
fn the_process() {
    fn write(req: &mut Request) -> Result<&'static str> {
        let number: i64 = req.param("number")?;
        insert(req.db()?, "requested", number, "write")?;
        req.enqueue_all([Row::new(number, "plain"), Row::new(number, "failing")])?;
        req.enqueue(Row::new(number, "keyed").one_at_a_time(&(number % 3).to_string()).priority(1))?;
        req.enqueue(Row::new(number, "limited").queue("few"))?;
        Ok("written")
    }
    fn batch(req: &mut Request) -> Result<&'static str> {
        let number: i64 = req.param("number")?;
        insert(req.db()?, "requested", number, "batch")?;
        let jobs = ["first", "second", "failing"].map(|kind| Row::new(number, kind).one_at_a_time("batch"));
        req.enqueue_batch(Batch::new().jobs(jobs).then(Row::new(number, "last")))?;
        Ok("written")
    }
    let urls = Router::new()
        .post("/write/{number:int}", write)
        .csrf_exempt()
        .post("/batch/{number:int}", batch)
        .csrf_exempt()
        .post("/fail/{number:int}", |req: &mut Request| -> Result<&'static str> {
            write(req)?;
            batch(req)?;
            Err(Error::internal("on purpose"))
        })
        .csrf_exempt()
        .post("/long/{is_polite}", |req: &mut Request| -> Result<&'static str> {
            let long = Long { is_polite: req.param("is_polite")? };
            req.enqueue(long).map(|_| "enqueued")
        })
        .csrf_exempt()
        .post("/retry", |req: &mut Request| -> Result<String> {
            let jobs = req.jobs()?;
            Ok(jobs.retry_failed(req.db()?)?.to_string())
        })
        .csrf_exempt();
    Process::run(App::new(urls).jobs(lback::jobs::jobs![Row, Long]));
}

fn start(project: &TempDir, command: &str) -> Process {
    Process::start("jobs::processes::the_process", project.path(), command)
}

/// Returns whether the request has succeeded; a process that is killed meanwhile may have done its work all the same.
fn post(address: &str, path: &str) -> bool {
    send(address, "POST", path, "").is_some_and(|response| response.starts_with("HTTP/1.1 200"))
}

/// The folder of the application, and its database.
struct Project {
    folder: TempDir,
    database: Database,
}

impl Project {
    fn new(database_url: &str, settings: &str) -> Self {
        let folder = TempDir::with_prefix("lback-test-").unwrap();
        let settings = format!(
            "DEBUG = true\nSECRET_KEY = 'a key that only tests use, and that is long enough'\nSESSION_TIMEOUT_MINUTES = 30\nDATABASE_URL = '{database_url}'\n\
             JOBS_LEASE_SECONDS = 5\nJOBS_QUEUES = {{ few = 2 }}\n{settings}"
        );
        fs::write(folder.path().join("settings.toml"), settings).unwrap();
        let migration = folder.path().join("migrations/2026-01-01-000000_create_rows");
        fs::create_dir_all(&migration).unwrap();
        fs::write(migration.join("up.sql"), MIGRATION).unwrap();
        fs::write(migration.join("down.sql"), "DROP TABLE written; DROP TABLE requested;").unwrap();
        let settings = DbSettings { database_url: Secret::new(database_url), ..Default::default() };
        let database = Database::open(&settings, folder.path()).unwrap();
        Project { folder, database }
    }

    fn server(&self) -> Process {
        start(&self.folder, "serve 127.0.0.1:0")
    }

    fn worker(&self) -> Process {
        start(&self.folder, "worker --threads 2")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn execute(&self, statement: &str) {
        self.database.write(|db| Ok(diesel::sql_query(statement).execute(db).map(drop)?)).unwrap();
    }

    /// Returns the number that a `SELECT` returns, as soon as the database responds.
    fn number(&self, select: &str) -> i64 {
        use lback::diesel::dsl::sql;
        let begin = Instant::now();
        loop {
            let number = self
                .database
                .read(|db| Ok(diesel::select(sql::<diesel::sql_types::BigInt>(&format!("({select})"))).get_result::<i64>(db)?));
            match number {
                Ok(number) => return number,
                Err(error) => assert!(begin.elapsed() < LIMIT, "{error:?}"),
            }
        }
    }
}
