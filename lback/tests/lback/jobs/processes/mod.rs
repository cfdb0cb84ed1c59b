//! Several processes of one application that run its jobs on one database.

mod kills;
mod stops;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lback::db::{Database, DbSettings};
use lback::jobs::Batch;
use lback::prelude::*;
use lback::settings::Secret;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

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

/// Another process. `JOBS_TEST` holds its command line.
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
        .csrf_exempt();
    let arguments: Vec<String> = std::env::var("JOBS_TEST").unwrap().split(' ').map(str::to_owned).collect();
    App::new(urls).jobs(lback::jobs::jobs![Row, Long]).run(&arguments).unwrap();
}

/// A server or a worker.
struct Process {
    child: Child,
    /// Where a server listens.
    address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn start(project: &TempDir, command: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "jobs::processes::the_process", "--ignored", "--nocapture", "--test-threads=1"])
            .env("JOBS_TEST", command)
            .env("LBACK_ROOT", project.path())
            .env_remove("LBACK_ENV")
            .env_remove("DATABASE_URL")
            .current_dir(project.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let address = line.split_once("listening on http://").map(|(_, rest)| rest.split(' ').next().unwrap_or(rest).to_owned());
            let is_worker = line.contains("running jobs, ");
            said.push(line);
            address.or(is_worker.then(String::new))
        });
        let address = address.unwrap_or_else(|| panic!("the process has not started: {said:#?}"));
        let log = Arc::new(Mutex::new(said));
        let kept = log.clone();
        thread::spawn(move || lines.for_each(|line| kept.lock().unwrap().push(line)));
        Process { child, address, log }
    }

    /// Asks the process to stop, and waits until it has.
    fn stop(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        eventually("the process stops", || self.child.try_wait().unwrap().is_some());
        assert!(self.child.wait().unwrap().success(), "{:#?}", self.log.lock().unwrap());
    }

    /// Returns whether the request has succeeded; a process that is killed meanwhile may have done its work all the same.
    fn post(address: &str, path: &str) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.set_read_timeout(Some(LIMIT)).ok()?;
            let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            Some(answer.starts_with("HTTP/1.1 200"))
        };
        ask().unwrap_or(false)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
        Process::start(&self.folder, "serve 127.0.0.1:0")
    }

    fn worker(&self) -> Process {
        Process::start(&self.folder, "worker --threads 2")
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

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "{what}: this has not become true");
        thread::sleep(Duration::from_millis(10));
    }
}
