//! Limits in a store that processes share.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use lback::db::{Database, DbSettings};
use lback::prelude::*;
use lback::settings::Secret;
use lback::testing::Client;
use lback_test_servers::Redis;
use tempfile::TempDir;

use super::{SETTINGS, hello};
use crate::server_process::{Process, eventually, send};
use crate::{postgres_url, sql};

const BURST: usize = 60;

fn urls() -> Router {
    let fail = |req: &mut Request| -> Result<()> {
        diesel::sql_query("SELECT 1").execute(req.db()?)?;
        Err(Error::internal("on purpose"))
    };
    Router::new()
        .get("/", hello)
        .limit(Limit::per_day(BURST as u32))
        .get("/fail", fail)
        .limit(Limit::per_hour(2))
        .get("/short", hello)
        .limit(Limit::per_minute(60).burst(2))
}

fn client(settings: &str) -> Client {
    Client::with_settings(App::new(urls()).limits(), &format!("{SETTINGS}\n{settings}"))
}

/// Runs `test` with each store that is installed. The settings name it.
fn on_each_store(test: impl Fn(&str)) {
    test("LIMITS_URL = 'database:'");
    if let Some(url) = postgres_url() {
        test(&format!("{url}\nLIMITS_URL = 'database:'"));
    }
    if let Some(redis) = Redis::start() {
        test(&format!("LIMITS_URL = '{}'", redis.url()));
    }
}

#[test]
fn applications_together_get_exactly_the_burst() {
    on_each_store(|settings| {
        let one = client(settings);
        let other = one.restart(App::new(urls()).limits());
        let (allowed, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for client in [&one, &other, &one, &other] {
                let (client, allowed, refused) = (client.fork(), &allowed, &refused);
                scope.spawn(move || {
                    for _ in 0..BURST / 2 {
                        let count = if client.get("/").send().status() == 200 { allowed } else { refused };
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((allowed.into_inner(), refused.into_inner()), (BURST, BURST), "{settings}");
    });
}

#[test]
fn the_clock_moves_the_limit_and_headers_tell_it() {
    on_each_store(|settings| {
        let client = client(settings);
        let send = || client.get("/short").send();
        assert_eq!(send().assert_status(200).header("ratelimit"), Some("\"address\";r=1;t=1"), "{settings}");
        assert_eq!(send().assert_status(200).header("ratelimit"), Some("\"address\";r=0;t=1"), "{settings}");
        for _ in 0..3 {
            assert_eq!(send().assert_status(429).header("retry-after"), Some("1"), "{settings}");
        }
        client.clock().advance(Duration::from_secs(1));
        send().assert_status(200);
        send().assert_status(429);
        client.clock().advance(Duration::from_secs(60));
        for status in [200, 200, 429] {
            send().assert_status(status);
        }
    });
}

#[test]
fn requests_count_even_if_their_transaction_is_rolled_back() {
    on_each_store(|settings| {
        let client = client(settings);
        assert_eq!([500, 500, 429].map(|_| client.get("/fail").send().status().as_u16()), [500, 500, 429], "{settings}");
    });
}

#[test]
fn a_client_that_is_refused_does_not_reach_the_database() {
    let client = client("LIMITS_URL = 'database:'");
    let send = || client.get("/short").send().status().as_u16();
    assert_eq!([send(), send(), send()], [200, 200, 429]);
    sql(&client, "DELETE FROM rate_limits");
    assert_eq!([send(), send()], [429, 429]);
    client.clock().advance(Duration::from_secs(1));
    assert_eq!([send(), send()], [200, 200]);
}

#[test]
fn the_table_shows_no_addresses() {
    let client = client("LIMITS_URL = 'database:'");
    client.get("/short").send();
    assert_eq!(crate::number(&client, "SELECT count(*) FROM rate_limits WHERE length(id) = 24 AND id NOT LIKE '%127.0.0.1%'"), 1);
}

#[test]
fn processes_count_by_themselves_while_the_store_is_down() {
    let Some(mut redis) = Redis::start() else { return };
    let client = client(&format!("LIMITS_URL = '{}'\nLIMITS_TIMEOUT_MS = 200", redis.url()));
    let send = || client.get("/short").send().status().as_u16();
    assert_eq!(send(), 200);
    redis.pause();
    // What this process knows of the store still counts.
    assert_eq!([send(), send()], [200, 429]);
    redis.resume();
    redis.kill();
    client.clock().advance(Duration::from_secs(60));
    assert_eq!([send(), send(), send()], [200, 200, 429]);
    redis.start_again();
    eventually("the store is used again", || {
        client.clock().advance(Duration::from_secs(60));
        client.get("/short").send().assert_status(200);
        redis.command(&["KEYS", "*limit:*"]).contains("limit:")
    });
}

/// Another process.
#[test]
#[ignore = "run by the other tests"]
fn the_server() {
    Process::run(App::new(urls()).limits());
}

/// Returns the address of an empty database of PostgreSQL, if it is installed.
fn postgres() -> Option<String> {
    #[cfg(feature = "postgres")]
    return lback_test_servers::Postgres::shared().map(|server| server.create("limits"));
    #[cfg(not(feature = "postgres"))]
    None
}

#[test]
fn processes_together_get_exactly_the_burst_and_delete_old_rows() {
    for url in [Some("sqlite:db.sqlite".to_owned()), postgres()].into_iter().flatten() {
        let project = TempDir::with_prefix("lback-test-").unwrap();
        let settings = format!(
            "DEBUG = true\nSECRET_KEY = 'a key that only tests use, and that is long enough'\nSESSION_TIMEOUT_MINUTES = 30\n\
             LIMITS_URL = 'database:'\nDATABASE_URL = '{url}'"
        );
        fs::write(project.path().join("settings.toml"), settings).unwrap();
        let start = || Process::start("limits::shared::the_server", project.path(), "serve 127.0.0.1:0");
        let processes = [start(), start()];
        let allowed = AtomicUsize::new(0);
        thread::scope(|scope| {
            for process in processes.iter().cycle().take(6) {
                scope.spawn(|| {
                    for _ in 0..BURST / 3 {
                        let response = send(&process.address, "GET", "/", "").unwrap();
                        allowed.fetch_add(usize::from(response.starts_with("HTTP/1.1 200")), Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(allowed.into_inner(), BURST, "{url}");
        drop(processes);

        let settings = DbSettings { database_url: Secret::new(url.as_str()), ..Default::default() };
        let database = Database::open(&settings, project.path()).unwrap();
        database.write(|db| Ok(diesel::sql_query("INSERT INTO rate_limits VALUES ('old', 1)").execute(db)?)).unwrap();
        let count = || {
            let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM rate_limits)");
            database.read(|db| Ok(diesel::select(count).get_result::<i64>(db)?)).unwrap()
        };
        assert_eq!(count(), 2, "{url}");
        let _server = start();
        eventually("the old row is deleted", || count() == 1);
    }
}
