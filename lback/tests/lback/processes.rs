//! Several server processes on one database, of which one is killed: what was acknowledged is there, nothing is there
//! twice, nobody is logged out.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lback::prelude::*;
use tempfile::TempDir;

use crate::server_process::{Process, send};

const MIGRATION: &str = "CREATE TABLE notes (text TEXT NOT NULL);";
const LIMIT: Duration = Duration::from_secs(90);

/// The other processes: a server that counts visits, and keeps a note of each.
#[test]
#[ignore = "run by the other tests"]
fn the_server() {
    fn visit(req: &mut Request) -> Result<String> {
        let text: String = req.param("text")?;
        diesel::sql_query(format!("INSERT INTO notes VALUES ('{text}')")).execute(req.db()?)?;
        count(req)
    }
    fn count(req: &mut Request) -> Result<String> {
        Ok(req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
    }
    let urls = Router::new()
        .post("/visit/{text}", visit)
        .csrf_exempt()
        .post("/count", count)
        .csrf_exempt()
        .get("/visits", |req: &mut Request| req.session()["visits"].to_string());
    Process::run(App::new(urls));
}

fn start(project: &TempDir) -> Process {
    Process::start("processes::the_server", project.path(), "serve 127.0.0.1:0")
}

/// The servers, of which each request asks the next.
struct Cluster {
    project: TempDir,
    processes: Mutex<Vec<Process>>,
    turn: AtomicUsize,
}

impl Cluster {
    fn start(count: usize, database_url: &str) -> Self {
        let project = TempDir::with_prefix("lback-test-").unwrap();
        let settings = format!(
            "DEBUG = true\nSECRET_KEY = 'a key that only tests use, and that is long enough'\nSESSION_TIMEOUT_MINUTES = 30\n\
             DATABASE_WAIT_SECONDS = 2\nDATABASE_URL = '{database_url}'"
        );
        fs::write(project.path().join("settings.toml"), settings).unwrap();
        let migration = project.path().join("migrations/2026-01-01-000000_create_notes");
        fs::create_dir_all(&migration).unwrap();
        fs::write(migration.join("up.sql"), MIGRATION).unwrap();
        fs::write(migration.join("down.sql"), "DROP TABLE notes;").unwrap();
        // All at once: each finds migrations to apply.
        let processes = thread::scope(|scope| {
            let started: Vec<_> = (0..count).map(|_| scope.spawn(|| start(&project))).collect();
            started.into_iter().map(|process| process.join().unwrap()).collect()
        });
        Cluster { project, processes: Mutex::new(processes), turn: AtomicUsize::new(0) }
    }

    fn next(&self) -> String {
        let processes = self.processes.lock().unwrap();
        processes[self.turn.fetch_add(1, Ordering::SeqCst) % processes.len()].address.clone()
    }

    /// Kills one and starts it again.
    fn replace_one(&self) {
        drop(self.processes.lock().unwrap().remove(0));
        let again = start(&self.project);
        self.processes.lock().unwrap().push(again);
    }
}

/// A visitor with a cookie.
#[derive(Default)]
struct Visitor {
    cookie: Option<String>,
}

impl Visitor {
    /// What a server answers with 200; `None` where it answered with an error, or not at all.
    fn ask(&mut self, cluster: &Cluster, method: &str, path: &str) -> Option<String> {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        let answer = send(&cluster.next(), method, path, &cookie)?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        if !head.starts_with("HTTP/1.1 200") {
            assert!(head.starts_with("HTTP/1.1 5"), "{head}");
            assert!(!head.contains("session_id=;"), "a failure logs nobody out: {head}");
            return None;
        }
        let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        if let Some(set) = set.and_then(|set| set.split(';').next()) {
            self.cookie = Some(set.to_owned());
        }
        Some(body.to_owned())
    }

    fn visits(&mut self, cluster: &Cluster) -> u64 {
        let asked = Instant::now();
        loop {
            if let Some(visits) = self.ask(cluster, "GET", "/visits") {
                return visits.parse().unwrap_or_else(|_| panic!("logged out: {visits}"));
            }
            assert!(asked.elapsed() < LIMIT, "it does not recover");
        }
    }
}

/// Lets visitors come while `events` happen, one after every `STEP` acknowledged updates, and counts afterwards. `notes`
/// counts the rows whose text begins so.
fn survives(cluster: &Cluster, events: &[&dyn Fn()], notes: impl Fn(&str) -> u64 + Sync) {
    const VISITORS: usize = 6;
    const STEP: usize = 60;
    let (acknowledged, target) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let started = Instant::now();
    let go_on = || {
        assert!(started.elapsed() < LIMIT, "it does not recover");
        acknowledged.load(Ordering::SeqCst) < target.load(Ordering::SeqCst)
    };
    let mut shared = Visitor::default();
    assert_eq!(shared.ask(cluster, "POST", "/count").as_deref(), Some("1"));
    let cookie = shared.cookie.clone();
    thread::scope(|scope| {
        let own: Vec<_> = (0..VISITORS)
            .map(|number| {
                let (acknowledged, go_on, notes) = (&acknowledged, &go_on, &notes);
                scope.spawn(move || {
                    let mut visitor = Visitor::default();
                    let (mut sure, mut maybe) = (0, 0);
                    while go_on() {
                        let known = visitor.cookie.is_some();
                        let text = if known { format!("visit-{number}-{sure}-{maybe}") } else { "without-a-session".to_owned() };
                        match visitor.ask(cluster, "POST", &format!("/visit/{text}")) {
                            Some(_) => {
                                sure += 1;
                                acknowledged.fetch_add(1, Ordering::SeqCst);
                            }
                            None => maybe += u64::from(known),
                        }
                    }
                    let visits = visitor.visits(cluster);
                    assert!((sure..=sure + maybe).contains(&visits), "{visits} visits of {sure} to {}", sure + maybe);
                    // The first visit's note has another name. The note and the visit are one transaction.
                    assert_eq!(notes(&format!("visit-{number}-")), visits - 1, "a visit without its note, or a note twice");
                })
            })
            .collect();
        let one_session: Vec<_> = (0..2)
            .map(|_| {
                let (acknowledged, go_on, mut visitor) = (&acknowledged, &go_on, Visitor { cookie: cookie.clone() });
                scope.spawn(move || {
                    let (mut sure, mut maybe) = (0, 0);
                    while go_on() {
                        match visitor.ask(cluster, "POST", "/count") {
                            Some(_) => {
                                sure += 1;
                                acknowledged.fetch_add(1, Ordering::SeqCst);
                            }
                            None => maybe += 1,
                        }
                    }
                    (sure, maybe)
                })
            })
            .collect();
        for event in events {
            let due = acknowledged.load(Ordering::SeqCst) + STEP;
            while acknowledged.load(Ordering::SeqCst) < due {
                assert!(started.elapsed() < LIMIT, "it does not go on");
                thread::yield_now();
            }
            event();
        }
        target.store(acknowledged.load(Ordering::SeqCst) + STEP, Ordering::SeqCst);
        own.into_iter().for_each(|visitor| visitor.join().unwrap());
        let (sure, maybe) = one_session
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .fold((1, 0), |sum, one: (u64, u64)| (sum.0 + one.0, sum.1 + one.1));
        let counted = shared.visits(cluster);
        assert!((sure..=sure + maybe).contains(&counted), "{counted} of {sure} to {} on one session", sure + maybe);
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn two_on_one_sqlite_file() {
    let cluster = Cluster::start(2, "sqlite:db.sqlite");
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new("sqlite:db.sqlite"), ..Default::default() };
    let database = lback::db::Database::open(&settings, cluster.project.path()).unwrap();
    let notes = |text: &str| {
        use lback::diesel::dsl::sql;
        let count = format!("(SELECT count(*) FROM notes WHERE text LIKE '{text}%')");
        let count: i64 = diesel::select(sql::<diesel::sql_types::BigInt>(&count)).get_result(&mut *database.get().unwrap()).unwrap();
        count.unsigned_abs()
    };
    // At ten moments, whatever the server is doing then.
    let kill = || cluster.replace_one();
    survives(&cluster, &[&kill as &dyn Fn(); 10], notes);
}

#[cfg(feature = "postgres")]
#[test]
fn three_on_one_postgresql_server_that_is_restarted() {
    use lback_test_servers::{Disk, Postgres};

    let Some(server) = Postgres::start(Disk::Safe) else { return };
    let url = server.create("many");
    let cluster = Cluster::start(3, &url);
    let notes = |text: &str| server.sql("many", &format!("SELECT count(*) FROM notes WHERE text LIKE '{text}%'")).parse().unwrap();
    survives(&cluster, &[&|| cluster.replace_one(), &|| server.restart().unwrap(), &|| cluster.replace_one()], notes);
}
