//! Two processes on one database: a response that begins after a commit was answered never shows an older value, whoever has computed it.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use lback::prelude::*;
use tempfile::TempDir;

use crate::server_process::{Process, send};

const MIGRATION: &str = "CREATE TABLE counters (id BIGINT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
    INSERT INTO counters VALUES (0, 0), (1, 0), (2, 0), (3, 0);";

diesel::table! {
    counters (id) {
        id -> BigInt,
        value -> BigInt,
    }
}

/// The number of writes, which `CACHE_ROUNDS` sets for long runs.
fn rounds() -> i64 {
    std::env::var("CACHE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(150)
}

fn read(req: &mut Request) -> Result<i64> {
    let id: i64 = req.param("id")?;
    Ok(counters::table.find(id).select(counters::value).first(req.db()?)?)
}

/// Another process.
#[test]
#[ignore = "run by the other tests"]
fn the_process() {
    let get = |req: &mut Request| -> Result<String> {
        let id: i64 = req.param("id")?;
        let entry = req.cache()?.entry(format!("counter {id}")).depends_on_table("counters");
        Ok(entry.get_or_set(|| read(req))?.to_string())
    };
    // The transaction is open before the cache is asked.
    let open = |req: &mut Request| -> Result<String> {
        read(req)?;
        let id: i64 = req.param("id")?;
        let entry = req.cache()?.entry(format!("counter {id}")).depends_on_table("counters");
        Ok(entry.get_or_set(|| read(req))?.to_string())
    };
    let add = |req: &mut Request| -> Result<String> {
        let id: i64 = req.param("id")?;
        diesel::update(counters::table.find(id)).set(counters::value.eq(counters::value + 1)).execute(req.db()?)?;
        Ok(read(req)?.to_string())
    };
    let fail = move |req: &mut Request| -> Result<String> {
        add(req)?;
        Err(Error::internal("on purpose"))
    };
    let urls = Router::new()
        .get("/get/{id:int}", get)
        .get("/open/{id:int}", open)
        .get("/async/{id:int}", async |req: &mut Request| -> Result<String> {
            let id: i64 = req.param("id")?;
            let entry = req.cache()?.entry(format!("counter {id}")).depends_on_table("counters");
            let compute = req.run_db(move |db| Ok(counters::table.find(id).select(counters::value).first::<i64>(db)?));
            Ok(entry.get_or_set_async(compute).await?.to_string())
        })
        .get("/page/{id:int}", |req: &mut Request| -> Result<String> { Ok(read(req)?.to_string()) })
        .cached(Cached::until_changed().depends_on_table("counters"))
        .post("/add/{id:int}", add)
        .csrf_exempt()
        .post("/fail/{id:int}", fail)
        .csrf_exempt();
    Process::run(App::new(urls).cache());
}

fn start(project: &TempDir) -> Process {
    Process::start("cache::processes::the_process", project.path(), "serve 127.0.0.1:0")
}

/// Sends a request. Returns the number of the response, or `None` if it has failed, as with a server that is killed meanwhile.
fn ask(address: &str, method: &str, path: &str) -> Option<i64> {
    let response = send(address, method, path, "")?;
    let body = response.strip_prefix("HTTP/1.1 200")?.split("\r\n\r\n").nth(1)?;
    body.parse().ok()
}

fn project(database_url: &str, settings: &str) -> TempDir {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let settings = format!(
        "DEBUG = true\nSECRET_KEY = 'a key that only tests use, and that is long enough'\nSESSION_TIMEOUT_MINUTES = 30\n\
         DATABASE_URL = '{database_url}'\n{settings}"
    );
    fs::write(folder.path().join("settings.toml"), settings).unwrap();
    let migration = folder.path().join("migrations/2026-01-01-000000_create_counters");
    fs::create_dir_all(&migration).unwrap();
    fs::write(migration.join("up.sql"), MIGRATION).unwrap();
    fs::write(migration.join("down.sql"), "DROP TABLE counters;").unwrap();
    folder
}

/// Writers and readers ask both processes, and compare every value with what had been answered before they asked.
fn is_never_older(project: &TempDir, kills: bool) {
    let servers = [Mutex::new(start(project)), Mutex::new(start(project))];
    let address = |at: usize| servers[at % 2].lock().unwrap().address.clone();
    // The highest values that commits have answered.
    let known: [AtomicI64; 4] = Default::default();
    let (is_over, writes, reads) = (AtomicBool::new(false), AtomicI64::new(0), AtomicI64::new(0));
    thread::scope(|scope| {
        for writer in 0..2 {
            let (known, is_over, writes, address) = (&known, &is_over, &writes, &address);
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    let number = writes.fetch_add(1, Ordering::SeqCst);
                    let id = usize::try_from(number % 4).unwrap();
                    let at = usize::try_from(number).unwrap() + writer;
                    if number % 7 == 3 {
                        ask(&address(at), "POST", &format!("/fail/{id}"));
                    } else if let Some(value) = ask(&address(at), "POST", &format!("/add/{id}")) {
                        known[id].fetch_max(value, Ordering::SeqCst);
                    }
                    // Others are to find values in the cache as well.
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        for reader in 0..4 {
            let (known, is_over, reads, address) = (&known, &is_over, &reads, &address);
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    let number = usize::try_from(reads.fetch_add(1, Ordering::SeqCst)).unwrap();
                    let (id, at) = ((number / 3) % 4, number + reader);
                    let path = ["get", "open", "async", "page"][(number / 5) % 4];
                    let before = known[id].load(Ordering::SeqCst);
                    if let Some(value) = ask(&address(at), "GET", &format!("/{path}/{id}")) {
                        assert!(value >= before, "{path}/{id} shows {value}, and {before} was answered before");
                    }
                }
            });
        }
        let over = Over(&is_over);
        let mut killed = 0;
        while writes.load(Ordering::SeqCst) < rounds() {
            thread::sleep(Duration::from_millis(10));
            if kills && writes.load(Ordering::SeqCst) > (killed + 1) * rounds() / 6 {
                let mut server = servers[usize::try_from(killed % 2).unwrap()].lock().unwrap();
                server.child.kill().unwrap();
                *server = start(project);
                killed += 1;
            }
        }
        drop(over);
    });
    assert!(reads.load(Ordering::SeqCst) > 0 && known.iter().any(|known| known.load(Ordering::SeqCst) > 0));
    // Afterwards, both agree.
    for (id, known) in known.iter().enumerate() {
        let values = ["get", "page", "open"].map(|path| ask(&address(0), "GET", &format!("/{path}/{id}")));
        let others = ["get", "page", "open"].map(|path| ask(&address(1), "GET", &format!("/{path}/{id}")));
        assert_eq!(values, others);
        assert!(values[0] == values[1] && values[1] == values[2] && values[0] >= Some(known.load(Ordering::SeqCst)), "{values:?}");
    }
    eprintln!("{} writes, {} reads", writes.load(Ordering::SeqCst), reads.load(Ordering::SeqCst));
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn on_a_sqlite_file() {
    is_never_older(&project("sqlite:db.sqlite", ""), false);
    is_never_older(&project("sqlite:db.sqlite", "CACHE_URL = 'database:'"), true);
}

#[cfg(feature = "postgres")]
#[test]
fn on_postgresql() {
    use lback_test_servers::Postgres;

    let Some(server) = Postgres::shared() else { return };
    is_never_older(&project(&server.create("cache_in_memory"), ""), false);
    is_never_older(&project(&server.create("cache_in_database"), "CACHE_URL = 'database:'\nDATABASE_ISOLATION = 'repeatable read'"), true);
}

#[test]
fn with_values_in_redis() {
    let Some(redis) = lback_test_servers::Redis::start() else { return };
    let settings = format!("CACHE_URL = '{}'", redis.url());
    is_never_older(&project("sqlite:db.sqlite", &settings), true);
}
