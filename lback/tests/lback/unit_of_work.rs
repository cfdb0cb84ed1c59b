//! One unit of work per request: the view's database work and its session are saved together, or neither is.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use lback::http::Event;
use lback::prelude::*;
use lback::testing::Client;
use tokio_stream::StreamExt;

use crate::gate::Gate;
use crate::{number, sql};

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

/// Makes of each function one test per database.
macro_rules! on_each_database {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(
                #[test]
                fn $test() {
                    super::$test("");
                }
            )*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(
                #[test]
                fn $test() {
                    if let Some(url) = crate::postgres::url() {
                        super::$test(&url);
                    }
                }
            )*
        }
    };
}

pub(crate) use on_each_database;

on_each_database!(
    a_response_below_500_commits,
    a_failure_rolls_back,
    a_transaction_within_the_views_is_undone_alone,
    a_commit_that_fails_saves_neither_and_sets_no_cookie,
    a_login_whose_commit_fails_keeps_the_old_id,
    a_logout_ends_the_session_though_the_views_work_is_undone,
    a_request_that_does_not_ask_gets_no_connection,
    a_pool_that_is_exhausted_answers_503_and_recovers,
    views_that_hold_every_connection_still_reach_their_sessions,
    reading_and_then_saving_the_session_never_meets_a_lock,
    posts_at_once_on_one_session_never_meet_a_lock_and_lose_nothing,
    an_async_view_works_in_the_same_transaction,
    a_view_that_is_stopped_by_its_timeout_is_rolled_back,
    over_a_socket_the_work_is_committed_before_the_answer,
    a_client_that_hangs_up_does_not_undo_the_work,
    an_open_stream_of_events_holds_no_connection,
    middleware_outside_finds_no_database_and_says_so,
);

diesel::table! {
    notes (id) {
        id -> BigInt,
        text -> Text,
    }
}

fn client(on: &str, router: Router) -> Client {
    client_with(on, App::new(router), "")
}

fn client_with(on: &str, app: App, settings: &str) -> Client {
    let client = Client::with_settings(app, &format!("{SETTINGS}\n{on}\n{settings}"));
    sql(
        &client,
        "CREATE TABLE notes (id BIGINT, text TEXT NOT NULL UNIQUE);
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);",
    );
    client
}

fn note(db: &mut Db, text: &str) -> Result<()> {
    diesel::insert_into(notes::table).values(notes::text.eq(text)).execute(db)?;
    Ok(())
}

fn notes(db: &mut Db) -> Result<i64> {
    Ok(notes::table.count().get_result(db)?)
}

fn count(client: &Client) -> i64 {
    number(client, "SELECT count(*) FROM notes")
}

fn visits(req: &mut Request) -> Result<u64> {
    req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)
}

/// Writes a note and ends with `status`.
fn ends_with(status: u16) -> impl Fn(&mut Request) -> Result<StatusCode> + Send + Sync + 'static {
    move |req| {
        note(req.db()?, "written")?;
        Ok(StatusCode::from_u16(status)?)
    }
}

fn a_response_below_500_commits(on: &str) {
    for status in [200, 201, 204, 302, 303, 400, 404, 422, 499] {
        let client = client(on, Router::new().any("/", ends_with(status)));
        client.post("/").send().assert_status(status);
        assert_eq!(count(&client), 1, "{status}");
    }
    let client = client(on, Router::new().any("/", ends_with(200)));
    client.get("/").send().assert_status(200);
    assert_eq!(count(&client), 1, "a GET that writes commits too");
}

fn a_failure_rolls_back(on: &str) {
    fn fail(req: &mut Request) -> Result<StatusCode> {
        note(req.db()?, "written")?;
        match req.param::<String>("how")?.as_str() {
            "panic" => panic!("a panic that the test wants"),
            "diesel" => Ok(note(req.db()?, "written").map(|()| StatusCode::OK)?),
            "404" => Err(Error::not_found("no")),
            "redirect" => Err(Error::redirect("/")),
            how => Ok(StatusCode::from_u16(how.parse()?)?),
        }
    }
    let client = client_with(on, App::new(Router::new().any("/{how}", fail)), "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    for (how, status) in [("panic", 500), ("diesel", 500), ("404", 404), ("redirect", 303), ("500", 500), ("503", 503), ("599", 599)] {
        client.post(&format!("/{how}")).send().assert_status(status);
        client.get(&format!("/{how}")).send().assert_status(status);
        assert_eq!(count(&client), 0, "{how}");
    }
}

fn a_transaction_within_the_views_is_undone_alone(on: &str) {
    fn nested(req: &mut Request) -> Result<()> {
        let db = req.db()?;
        note(db, "outer")?;
        let inner: Result<()> = db.transaction(|db| {
            note(db, "inner")?;
            Err(Error::internal("the inner transaction fails"))
        });
        assert!(inner.is_err());
        Ok(())
    }
    let client = client(on, Router::new().post("/", nested));
    client.post("/").send().assert_status(204);
    assert_eq!(count(&client), 1);
}

fn a_commit_that_fails_saves_neither_and_sets_no_cookie(on: &str) {
    fn orphan(req: &mut Request) -> Result<Response> {
        visits(req)?;
        diesel::sql_query("INSERT INTO children VALUES (999)").execute(req.db()?)?;
        note(req.db()?, "written")?;
        req.cookies().add(("own", "cookie"));
        Response::text("saved").with_cookie(Cookie::new("other", "cookie"))
    }
    let client = client(on, Router::new().any("/orphan", orphan).post("/visit", |req: &mut Request| visits(req).map(|n| n.to_string())));
    for known in [false, true] {
        let before = client.session();
        assert_eq!(before.is_some(), known);
        for response in [client.post("/orphan").send(), client.get("/orphan").send()] {
            response.assert_status(500);
            assert_eq!(response.headers_all("set-cookie"), Vec::<&str>::new());
            assert!(!response.text().contains("saved"));
        }
        assert_eq!(client.session(), before);
        assert_eq!(number(&client, "SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM children)"), 0);
        assert_eq!(number(&client, "SELECT count(*) FROM sessions"), i64::from(known));
        // The connection is of use again.
        client.post("/visit").send().assert_contains(if known { "2" } else { "1" });
    }
}

fn a_login_whose_commit_fails_keeps_the_old_id(on: &str) {
    let client = client(
        on,
        Router::new().post("/visit", |req: &mut Request| visits(req).map(|n| n.to_string())).post(
            "/login",
            |req: &mut Request| -> Result<()> {
                diesel::sql_query("INSERT INTO children VALUES (999)").execute(req.db()?)?;
                req.session().insert("user_id", 7)
            },
        ),
    );
    client.post("/visit").send();
    let before = client.session().unwrap();
    client.post("/login").send().assert_status(500);
    assert_eq!(client.session().unwrap(), before);
    client.post("/visit").send().assert_contains("2");
}

fn a_logout_ends_the_session_though_the_views_work_is_undone(on: &str) {
    fn logout(req: &mut Request) -> Result<()> {
        let parent = if req.param::<String>("how")? == "orphan" { 999 } else { 1 };
        diesel::sql_query(format!("INSERT INTO children VALUES ({parent})")).execute(req.db()?)?;
        req.session().delete();
        req.session().insert("user_id", 8)
    }
    /// Between the database and the sessions.
    async fn fails_after(req: &mut Request, next: lback::middleware::Next<'_>) -> Result<Response> {
        let response = next.run(req).await;
        if req.path().ends_with("/failure") { Err(Error::internal("a failure")) } else { response }
    }
    let urls = Router::new().any("/logout/{how}", logout).post("/login", |req: &mut Request| req.session().insert("user_id", 7));
    let app = App::new(urls).stack(|stack| stack.insert_before("SessionMiddleware", fails_after).map(drop));
    let client = client_with(on, app, "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    sql(&client, "INSERT INTO parents VALUES (1)");
    for how in ["orphan", "failure"] {
        for method in [lback::http::Method::POST, lback::http::Method::GET] {
            client.clear_cookies();
            client.post("/login").send();
            let old = client.session().unwrap().id;
            let response = client.request(method, &format!("/logout/{how}")).send();
            response.assert_status(500);
            // Not the session that the view began afterwards, which is undone.
            let cookies = response.headers_all("set-cookie");
            assert!(matches!(cookies[..], [removal] if removal.starts_with("session_id=;")), "{cookies:?}");
            assert!(client.sessions().load(old).unwrap().is_none(), "{how}: the session lives on");
            assert_eq!(number(&client, "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM children)"), 0);
        }
    }
}

fn a_request_that_does_not_ask_gets_no_connection(on: &str) {
    let urls = Router::new().get("/plain", |_: &mut Request| "plain").get("/visit", |req: &mut Request| visits(req).map(|n| n.to_string()));
    let client = client_with(on, App::new(urls), "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    let only = client.database().get().unwrap();
    client.get("/plain").send().assert_status(200);
    // Neither does one that only asks for its session.
    client.get("/visit").send().assert_contains("1");
    client.get("/visit").send().assert_contains("2");
    drop(only);
}

fn a_pool_that_is_exhausted_answers_503_and_recovers(on: &str) {
    let urls = Router::new().get("/", |req: &mut Request| notes(req.db()?).map(|n| n.to_string()));
    let client = client_with(on, App::new(urls), "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    let only = client.database().get().unwrap();
    let response = client.get("/").send();
    response.assert_status(503);
    assert!(response.header("retry-after").is_some());
    drop(only);
    client.get("/").send().assert_status(200).assert_contains("0");
}

fn views_that_hold_every_connection_still_reach_their_sessions(on: &str) {
    let all = Arc::new(Barrier::new(3));
    let view = move |req: &mut Request| -> Result<String> {
        notes(req.db()?)?;
        all.wait();
        let visit = visits(req)?;
        // All have loaded the session before the first one saves it.
        all.wait();
        notes(req.db()?)?;
        Ok(visit.to_string())
    };
    let client = client_with(on, App::new(Router::new().get("/", view)), "DATABASE_POOL_SIZE = 3\nDATABASE_WAIT_SECONDS = 1");
    for visit in ["1", "2"] {
        thread::scope(|scope| {
            let browsers: Vec<_> =
                (0..3).map(|_| scope.spawn(|| client.get("/").send().assert_status(200).assert_contains(visit).status())).collect();
            for browser in browsers {
                browser.join().unwrap();
            }
        });
        if visit == "1" {
            assert_eq!(number(&client, "SELECT count(*) FROM sessions"), 3);
            sql(&client, "UPDATE sessions SET data = '{\"visits\": 1}'");
        }
        // Three browsers for the first visit; from then on one, whose visits add up.
        if visit == "2" {
            break;
        }
        client.clear_cookies();
        let id = client.sessions().create(serde_json::json!({ "visits": 1 }).as_object().unwrap().clone()).unwrap().id;
        let key = lback::http::Keys::derive("session", ["a key that only tests use, and that is long enough"]);
        client.set_cookie("session_id", &key.sign(&id.to_string()));
    }
    assert_eq!(client.session().unwrap().data["visits"], 4, "each of the three has counted");
}

fn reading_and_then_saving_the_session_never_meets_a_lock(on: &str) {
    // A GET's transaction has read before others write; a write of its own in it would fail at once.
    let read = |req: &mut Request| -> Result<String> {
        notes(req.db()?)?;
        let visit = visits(req)?;
        // The view goes on reading after it touched the session.
        notes(req.db()?)?;
        Ok(visit.to_string())
    };
    let write = |req: &mut Request| -> Result<()> {
        let visit = visits(req)?;
        let text = format!("{} {visit}", req.session().id());
        note(req.db()?, &text)
    };
    let client = client(on, Router::new().get("/read", read).post("/write", write));
    const THREADS: usize = 4;
    const ROUNDS: usize = 15;
    let start = Barrier::new(2 * THREADS);
    thread::scope(|scope| {
        for thread in 0..2 * THREADS {
            let (browser, start) = (client.fork(), &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..ROUNDS {
                    let response = if thread % 2 == 0 { browser.get("/read").send() } else { browser.post("/write").send() };
                    assert!(response.status().is_success(), "{response:?}");
                }
                assert_eq!(browser.session().unwrap().data["visits"], ROUNDS);
            });
        }
    });
    assert_eq!(count(&client), (THREADS * ROUNDS) as i64);
}

fn posts_at_once_on_one_session_never_meet_a_lock_and_lose_nothing(on: &str) {
    const THREADS: usize = 8;
    const ROUNDS: usize = 10;
    // Some find their session before the transaction begins, some within it, and some never ask for the database.
    let session_first = |req: &mut Request| -> Result<()> {
        visits(req)?;
        diesel::sql_query("UPDATE total SET n = n + 1").execute(req.db()?)?;
        Ok(())
    };
    let database_first = |req: &mut Request| -> Result<()> {
        // Where a transaction only reads at first, another one may write before it does.
        notes(req.db()?)?;
        diesel::sql_query("UPDATE total SET n = n + 1").execute(req.db()?)?;
        visits(req)?;
        Ok(())
    };
    let session_only = |req: &mut Request| visits(req).map(drop);
    let client = client(on, Router::new().post("/0", session_first).post("/1", database_first).post("/2", session_only));
    sql(&client, "CREATE TABLE total (n BIGINT NOT NULL); INSERT INTO total VALUES (0)");
    client.post("/2").send();
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, start) = (&client, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    client.post(&format!("/{}", (thread + round) % 3)).send().assert_status(204);
                }
            });
        }
    });
    assert_eq!(client.session().unwrap().data["visits"], 1 + THREADS * ROUNDS);
    let with_database = (0..THREADS * ROUNDS).filter(|n| (n / ROUNDS + n % ROUNDS) % 3 != 2).count();
    assert_eq!(number(&client, "SELECT n FROM total"), with_database as i64);
}

fn an_async_view_works_in_the_same_transaction(on: &str) {
    async fn view(req: &mut Request) -> Result<String> {
        let how: String = req.param("how")?;
        req.run_db(|db| note(db, "one")).await?;
        let seen = req.run_db(notes).await?;
        visits(req)?;
        match how.as_str() {
            "ok" => Ok(seen.to_string()),
            "panic" => req.run_db(|_| panic!("a panic that the test wants")).await,
            _ => Err(Error::internal("a failure")),
        }
    }
    let client = client_with(on, App::new(Router::new().post("/{how}", view)), "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    client.post("/err").send().assert_status(500);
    client.post("/panic").send().assert_status(500);
    assert_eq!((count(&client), client.session()), (0, None));
    client.post("/ok").send().assert_status(200).assert_contains("1");
    assert_eq!(count(&client), 1);
    assert_eq!(client.session().unwrap().data["visits"], 1);
}

fn a_view_that_is_stopped_by_its_timeout_is_rolled_back(on: &str) {
    async fn forever(req: &mut Request) -> Result<()> {
        req.run_db(|db| note(db, "one")).await?;
        visits(req)?;
        std::future::pending().await
    }
    let urls = Router::new().post("/", forever).timeout(Duration::from_millis(100));
    let client = client_with(on, App::new(urls), "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    client.post("/").send().assert_status(503);
    assert_eq!((count(&client), client.session()), (0, None));
}

fn over_a_socket_the_work_is_committed_before_the_answer(on: &str) {
    let view = |req: &mut Request| -> Result<String> {
        note(req.db()?, "written")?;
        visits(req).map(|n| n.to_string())
    };
    let client = Client::over_socket_with_settings(App::new(Router::new().post("/", view)), &format!("{SETTINGS}\n{on}"));
    sql(&client, "CREATE TABLE notes (id BIGINT, text TEXT NOT NULL)");
    for visit in 1..=5 {
        client.post("/").send().assert_contains(&visit.to_string());
        assert_eq!(count(&client), visit);
        assert_eq!(client.session().unwrap().data["visits"], visit);
    }
}

fn a_client_that_hangs_up_does_not_undo_the_work(on: &str) {
    let gate = Gate::default();
    let waits = gate.clone();
    let view = move |req: &mut Request| -> Result<()> {
        note(req.db()?, "written")?;
        req.session().insert("user_id", 7)?;
        waits.pass();
        Ok(())
    };
    let client = Client::over_socket_with_settings(App::new(Router::new().post("/", view).csrf_exempt()), &format!("{SETTINGS}\n{on}"));
    sql(&client, "CREATE TABLE notes (id BIGINT, text TEXT NOT NULL)");
    let mut connection = TcpStream::connect(client.addr().unwrap()).unwrap();
    connection.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").unwrap();
    gate.reached();
    drop(connection);
    gate.open();
    let patience = Instant::now() + Duration::from_secs(20);
    while count(&client) == 0 {
        assert!(Instant::now() < patience, "the work was lost");
        thread::yield_now();
    }
    assert_eq!(client.sessions().for_user(7).unwrap().len(), 1, "and its session is saved with it");
}

fn an_open_stream_of_events_holds_no_connection(on: &str) {
    async fn events(req: &mut Request) -> Result<Response> {
        visits(req)?;
        let count = req.run_db(|db| note(db, "opened").and_then(|()| notes(db))).await?;
        let first = tokio_stream::once(Event::text(count.to_string()));
        Ok(Response::events(first.chain(tokio_stream::pending())))
    }
    let urls = Router::new().get("/events", events).get("/", |req: &mut Request| notes(req.db()?).map(|n| n.to_string()));
    let settings = format!("{SETTINGS}\n{on}\nDATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    let client = Client::over_socket_with_settings(App::new(urls), &settings);
    sql(&client, "CREATE TABLE notes (id BIGINT, text TEXT NOT NULL)");
    let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(std::result::Result::unwrap);
    assert!(lines.any(|line| line.starts_with("set-cookie: session_id=")), "the session is saved before the stream begins");
    assert!(lines.any(|line| line == "data: 1"));
    client.get("/").send().assert_status(200).assert_contains("1");
}

fn middleware_outside_finds_no_database_and_says_so(on: &str) {
    async fn outside(req: &mut Request, next: lback::middleware::Next<'_>) -> Result<Response> {
        let before = req.db().is_err();
        let response = next.run(req).await?;
        let after = req.db().is_err();
        response.with_header("x-errors", format!("{before} {after}"))
    }
    let urls = Router::new().get("/", |req: &mut Request| notes(req.db()?).map(|n| n.to_string()));
    let client = client_with(on, App::new(urls).stack(|stack| stack.insert_before("DbSessionMiddleware", outside).map(drop)), "");
    assert_eq!(client.get("/").send().header("x-errors"), Some("true true"));
}
