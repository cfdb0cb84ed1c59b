//! Rules 13, 14 and 15: the end of a session, and of a request.

use std::thread;
use std::time::Duration;

use lback::prelude::*;
use lback::session::{SessionId, SessionManager};
use lback::testing::{Client, TestResponse};

use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_removes_cookie, assert_stored, held, holding, id, is_live, sent, suite, urls};
use crate::gate::Gate;
use crate::{number, sql};

suite!(
    rule_14_a_failure_discards_the_changes,
    rule_14_an_error_below_500_keeps_the_session_and_not_the_database,
    rule_14_a_response_below_500_keeps_both,
    rule_15_writing_after_the_response_is_an_error;
    server:
    rule_13_a_deleted_session_is_gone_and_so_is_its_cookie,
    rule_13_what_is_written_after_belongs_to_a_fresh_session,
    rule_13_a_deletion_happens_whatever_the_answer,
    rule_13_a_deletion_happens_with_the_views_database_work,
    rule_13_a_deletion_happens_when_the_fresh_session_cannot_be_saved,
    rule_13_a_deletion_happens_in_an_async_view_that_is_stopped,
    rule_13_a_deletion_happens_in_a_view_that_runs_past_its_timeout,
    rule_13_deleting_twice_and_deleting_a_new_session,
    rule_13_a_login_after_a_deletion_is_a_fresh_session,
    rule_15_the_session_is_written_before_the_response_begins,
);

fn rule_13_a_deleted_session_is_gone_and_so_is_its_cookie(store: &Store) {
    let client = store.client(urls());
    client.post("/login/7").send();
    let (old, cookie) = (id(&client), held(&client));
    let response = client.post("/logout").send();
    response.assert_status(204);
    assert_removes_cookie(&response);
    assert!(client.cookie(COOKIE).is_none());
    assert!(!is_live(&client, old));
    holding(&client, &cookie).get("/get/user_id").send().assert_contains("null");
    assert_stored(&client, 0);
}

fn rule_13_what_is_written_after_belongs_to_a_fresh_session(store: &Store) {
    fn goodbye(req: &mut Request) -> Response {
        let session = req.session();
        session.flash("info", "never shown");
        session.delete();
        assert!(session.is_new() && session.is_empty() && session["user_id"].is_null());
        session.flash("info", "You have been logged out.");
        Response::redirect("/flashes")
    }
    let client = store.client(urls().post("/goodbye", goodbye));
    client.post("/login/7").send();
    client.clock().advance(MINUTE);
    let (old, cookie) = (client.session().unwrap(), held(&client));
    let response = client.post("/goodbye").send();
    assert!(sent(&response).unwrap().contains("Max-Age=1800"), "{response:?}");
    assert_eq!(response.headers_all("set-cookie").len(), 1);
    let fresh = client.session().unwrap();
    assert_ne!(fresh.id, old.id);
    assert_eq!((fresh.user_id, fresh.data.len(), fresh.meta.flashes.len()), (None, 0, 1));
    assert_eq!(fresh.created_at, client.clock().now());
    assert!(!is_live(&client, old.id));
    holding(&client, &cookie).get("/get/user_id").send().assert_contains("null");
    assert_eq!(client.get("/flashes").send().text(), "info:You have been logged out.");
}

/// Ways for a view to end after it deleted the session and left a message.
fn endings() -> Router {
    fn delete(req: &mut Request) {
        req.session().delete();
        req.session().flash("info", "gone");
    }
    Router::new()
        .post("/ok", delete)
        .post("/500", |req: &mut Request| {
            delete(req);
            StatusCode::INTERNAL_SERVER_ERROR
        })
        .post("/err", |req: &mut Request| -> Result<()> {
            delete(req);
            Err(Error::internal("a failure"))
        })
        .post("/err404", |req: &mut Request| -> Result<()> {
            delete(req);
            Err(Error::not_found("no"))
        })
        .post("/redirect", |req: &mut Request| -> Result<()> {
            delete(req);
            Err(Error::redirect("/"))
        })
        .post("/panic", |req: &mut Request| -> Result<()> {
            delete(req);
            panic!("a panic that the test wants")
        })
        .post("/async-panic", async |req: &mut Request| -> Result<()> {
            delete(req);
            panic!("a panic that the test wants")
        })
}

fn check_endings(client: &Client, prefix: &str) {
    for (path, status) in
        [("ok", 204), ("500", 500), ("err", 500), ("err404", 404), ("redirect", 303), ("panic", 500), ("async-panic", 500)]
    {
        client.clear_cookies();
        client.post("/login/7").send();
        let (old, cookie) = (id(client), held(client));
        let response = client.post(&format!("{prefix}/{path}")).send();
        response.assert_status(status);
        assert!(!is_live(client, old), "{path}: the row lives");
        holding(client, &cookie).get("/get/user_id").send().assert_contains("null");
        if status < 500 {
            assert_eq!(client.get("/flashes").send().text(), "info:gone", "{path}");
            continue;
        }
        // What was written after the deletion is discarded with the rest.
        assert_removes_cookie(&response);
    }
}

fn rule_13_a_deletion_happens_whatever_the_answer(store: &Store) {
    check_endings(&store.client(urls().include("/end", endings())), "/end");
}

fn rule_13_a_deletion_happens_with_the_views_database_work(store: &Store) {
    async fn work_first(req: &mut Request, next: lback::middleware::Next<'_>) -> Result<Response> {
        req.run_db(|db| Ok(diesel::sql_query("INSERT INTO work VALUES (1)").execute(db)?)).await?;
        next.run(req).await
    }
    let client = store.client(urls().include("/end", endings()).middleware(work_first));
    sql(&client, "CREATE TABLE work (n BIGINT)");
    check_endings(&client, "/end");
    assert_eq!(number(&client, "SELECT count(*) FROM work"), 1, "only the view that ended well keeps its work");
}

fn rule_13_a_deletion_happens_when_the_fresh_session_cannot_be_saved(store: &Store) {
    fn too_much(req: &mut Request) -> Result<()> {
        if req.param::<String>("with")? == "db" {
            diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
        }
        req.session().delete();
        req.session().insert("heavy", "x".repeat(70_000))
    }
    let client = store.client(urls().post("/too-much/{with}", too_much));
    sql(&client, "CREATE TABLE work (n BIGINT)");
    for path in ["/too-much/no-db", "/too-much/db"] {
        client.clear_cookies();
        client.post("/login/7").send();
        let (old, cookie) = (id(&client), held(&client));
        let response = client.post(path).send();
        response.assert_status(500);
        assert!(sent(&response).is_none_or(|cookie| cookie.contains("Max-Age=0")), "{response:?}");
        assert!(!is_live(&client, old), "{path}");
        holding(&client, &cookie).get("/get/user_id").send().assert_contains("null");
    }
    assert_eq!(number(&client, "SELECT count(*) FROM work"), 0);
}

fn rule_13_a_deletion_happens_in_an_async_view_that_is_stopped(store: &Store) {
    async fn forever(req: &mut Request) -> Result<()> {
        req.session().delete();
        std::future::pending().await
    }
    let client = store.client(urls().post("/forever", forever).timeout(Duration::from_millis(20)));
    client.post("/login/7").send();
    let old = id(&client);
    let response = client.post("/forever").send();
    response.assert_status(503);
    assert_removes_cookie(&response);
    assert!(!is_live(&client, old));
}

fn rule_13_a_deletion_happens_in_a_view_that_runs_past_its_timeout(store: &Store) {
    let gate = Gate::default();
    let waits = gate.clone();
    let slow = move |req: &mut Request| {
        req.session().delete();
        req.session().flash("info", "never kept");
        waits.pass();
    };
    let client = store.client(urls().post("/slow", slow).timeout(Duration::from_millis(20)));
    client.post("/login/7").send();
    let old = id(&client);
    let response = client.post("/slow").send();
    response.assert_status(503);
    assert!(sent(&response).is_none_or(|cookie| cookie.contains("Max-Age=0")), "{response:?}");
    // The view cannot be stopped; its session ends when it does.
    gate.open();
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while is_live(&client, old) {
        assert!(std::time::Instant::now() < patience, "the session lives on");
        thread::yield_now();
    }
    assert_stored(&client, 0);
}

fn rule_13_deleting_twice_and_deleting_a_new_session(store: &Store) {
    let client = store.client(urls().post("/twice", |req: &mut Request| -> Result<()> {
        let session = req.session();
        session.delete();
        session.insert("between", 1)?;
        session.delete();
        Ok(())
    }));
    assert_no_cookie(&client.post("/twice").send());
    client.post("/login/7").send();
    let old = id(&client);
    assert_removes_cookie(&client.post("/twice").send());
    assert!(!is_live(&client, old));
    assert_stored(&client, 0);
}

fn rule_13_a_login_after_a_deletion_is_a_fresh_session(store: &Store) {
    let client = store.client(urls().post("/switch", |req: &mut Request| -> Result<()> {
        req.session().delete();
        req.session().insert("user_id", 8)
    }));
    client.post("/set/cart/apple").send();
    client.post("/login/7").send();
    let old = id(&client);
    client.post("/switch").send();
    assert!(!is_live(&client, old));
    let fresh = client.session().unwrap();
    assert_eq!((fresh.user_id, fresh.data.len()), (Some(8), 1));
}

/// Ways for a view to end after it changed the session and the database.
fn changes() -> Router {
    fn change(req: &mut Request) {
        req.session().insert("a", "changed").unwrap();
        req.session().flash("info", "left");
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db().unwrap()).unwrap();
        req.cookies().add(("own", "cookie"));
    }
    Router::new()
        .post("/ok", change)
        .post("/404", |req: &mut Request| {
            change(req);
            StatusCode::NOT_FOUND
        })
        .post("/302", |req: &mut Request| {
            change(req);
            Response::redirect("/")
        })
        .post("/err404", |req: &mut Request| -> Result<()> {
            change(req);
            Err(Error::not_found("no"))
        })
        .post("/redirect", |req: &mut Request| -> Result<()> {
            change(req);
            Err(Error::redirect("/"))
        })
        .post("/500", |req: &mut Request| {
            change(req);
            StatusCode::INTERNAL_SERVER_ERROR
        })
        .post("/err", |req: &mut Request| -> Result<()> {
            change(req);
            Err(Error::unavailable("a failure"))
        })
        .post("/panic", |req: &mut Request| -> Result<()> {
            change(req);
            panic!("a panic that the test wants")
        })
}

/// An application with the table `work`, and a session that holds `a`.
fn changing(store: &Store) -> Client {
    let client = store.client(urls().include("/change", changes()));
    sql(&client, "CREATE TABLE work (n BIGINT)");
    client.post("/set/a/before").send();
    client.clock().advance(MINUTE);
    client
}

fn changed(client: &Client, path: &str) -> (TestResponse, bool, bool) {
    let response = client.post(path).send();
    let session = client.session().unwrap().data["a"] == "changed";
    (response, session, number(client, "SELECT count(*) FROM work") > 0)
}

fn rule_14_a_failure_discards_the_changes(store: &Store) {
    for path in ["/change/500", "/change/err", "/change/panic"] {
        let client = changing(store);
        let before = client.session().unwrap();
        let (response, session, database) = changed(&client, path);
        assert!(response.status().is_server_error());
        assert_no_cookie(&response);
        assert_eq!((session, database), (false, false), "{path}");
        assert_eq!(client.session().unwrap(), before);
        // A new session is not stored at all.
        let other = client.fork();
        assert_no_cookie(&other.post(path).send());
        assert_stored(&client, 1);
    }
}

fn rule_14_an_error_below_500_keeps_the_session_and_not_the_database(store: &Store) {
    for path in ["/change/err404", "/change/redirect"] {
        let client = changing(store);
        let (response, session, database) = changed(&client, path);
        assert_eq!((session, database), (true, false), "{path}");
        assert!(sent(&response).is_some());
        assert_eq!(client.get("/flashes").send().text(), "info:left");
        let other = client.fork();
        other.post(path).send();
        assert_eq!(other.session().unwrap().data["a"], "changed");
        assert_eq!(number(&client, "SELECT count(*) FROM work"), 0);
    }
}

fn rule_14_a_response_below_500_keeps_both(store: &Store) {
    for path in ["/change/ok", "/change/404", "/change/302"] {
        let client = changing(store);
        let (response, session, database) = changed(&client, path);
        assert_eq!((session, database), (true, true), "{path}");
        assert_eq!(response.headers_all("set-cookie").len(), 2);
    }
}

fn rule_15_the_session_is_written_before_the_response_begins(store: &Store) {
    fn stream(req: &mut Request) -> Result<Response> {
        req.session().insert("a", "seen by the body")?;
        let id: SessionId = req.session().id();
        let app = req.app().clone();
        let first = std::iter::once_with(move || {
            let sessions = app.state::<SessionManager>().ok_or_else(|| Error::internal("no sessions"))?;
            let record = sessions.load(id)?.ok_or_else(|| Error::internal("not stored yet"))?;
            Ok(record.data["a"].to_string())
        });
        Ok(Response::stream(first.map(|part: Result<String>| part.map_err(|error| std::io::Error::other(error.to_string())))))
    }
    let client = store.client(urls().get("/stream", stream));
    client.get("/stream").send().assert_contains("seen by the body");
    client.get("/get/a").send().assert_contains("seen by the body");
}

fn rule_15_writing_after_the_response_is_an_error(store: &Store) {
    async fn too_late(req: &mut Request, next: lback::middleware::Next<'_>) -> Result<Response> {
        let response = next.run(req).await?;
        assert!(req.session().insert("late", 1).is_err());
        assert!(req.session().update("late", |n: Option<u64>| n).is_err());
        // These have no result: they change nothing, and say so in the log.
        req.session().flash("info", "late");
        req.session().remove("a");
        req.session().cycle_id();
        req.session().delete();
        // Reading what was saved is no harm.
        let seen = req.session()["a"].to_string();
        response.with_header("x-seen", seen)
    }
    let app = App::new(urls()).stack(|stack| stack.insert_before("SessionMiddleware", too_late).map(drop));
    let client = store.open(app, "");
    let seen = |response: &TestResponse| response.header("x-seen").unwrap_or("nothing").to_owned();
    assert_eq!(seen(&client.post("/set/a/1").send()), "\"1\"");
    let before = client.session().unwrap();
    // Whether the view touched the session or not.
    client.get("/get/a").send().assert_status(200);
    client.get("/untouched").send().assert_status(200);
    assert_eq!(client.session().unwrap(), before);
    client.get("/flashes").send();
    assert_eq!(client.session().unwrap(), before);
}
