//! Signals of whole applications: of sessions and the database, after the commit, and without secrets.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lback::app::Application;
use lback::db::Database;
use lback::prelude::*;
use lback::signals::{
    AnySignal, MigrationApplied, RequestFailed, RequestReceived, ResponseSent, ServerStarted, ServerStopping, SessionCreated,
    SessionDeleted, SessionsExpired, SessionsRevoked,
};
use lback::testing::Client;

use crate::unit_of_work::on_each_database;
use crate::{logs, number, sql, start_error};

on_each_database!(
    a_session_is_told_of_after_its_commit_and_never_after_a_rollback,
    the_end_of_a_session_is_told_of_however_it_ends,
    a_signal_of_ones_own_waits_for_the_commit,
    a_listener_may_use_the_database,
);

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

#[derive(Debug)]
struct NoteWritten {
    n: i64,
}

impl Signal for NoteWritten {
    const NAME: &str = "note.written";
}

fn write(req: &mut Request) -> Result<()> {
    diesel::sql_query("INSERT INTO notes VALUES (7)").execute(req.db()?)?;
    req.signal(NoteWritten { n: 7 });
    Ok(())
}

fn urls() -> Router {
    Router::new()
        .get("/read", |req: &mut Request| -> Result<()> {
            diesel::sql_query("SELECT 1").execute(req.db()?)?;
            req.signal(NoteWritten { n: 0 });
            req.session().insert("a", 1)
        })
        .post("/touch", |req: &mut Request| req.session().insert("a", 1))
        .post("/write", |req: &mut Request| write(req).and_then(|()| req.session().insert("a", 1)))
        .post("/fail", |req: &mut Request| -> Result<()> {
            write(req)?;
            req.session().insert("a", 1)?;
            Err(Error::not_found("no"))
        })
        .post("/crash", |req: &mut Request| -> Result<()> {
            write(req)?;
            req.session().insert("a", 1)?;
            panic!("on purpose")
        })
        // Refused by the commit.
        .post("/orphan", |req: &mut Request| -> Result<()> {
            write(req)?;
            req.session().insert("a", 1)?;
            diesel::sql_query("INSERT INTO children VALUES (7)").execute(req.db()?)?;
            Ok(())
        })
        .post("/login/{id:int}", |req: &mut Request| -> Result<()> {
            let id: i64 = req.param("id")?;
            req.session().insert("user_id", id)
        })
        .post("/logout", |req: &mut Request| req.session().delete())
        .post("/logout-and-write", |req: &mut Request| write(req).map(|()| req.session().delete()))
        .post("/revoke", |req: &mut Request| -> Result<()> {
            write(req)?;
            let id = req.session().id();
            req.revoke_user_sessions(7, Some(id)).map(drop)
        })
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn add(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// An application that notes the signals of these names.
fn client(names: &str, told: &Told, on: &str) -> Client {
    let told = told.clone();
    let app = App::new(urls()).on_name(names, move |signal, _| told.add(format!("{signal:?}")));
    let client = Client::with_settings(app, &format!("{SETTINGS}\n{on}"));
    tables(&client);
    client
}

fn tables(client: &Client) {
    sql(
        client,
        "CREATE TABLE notes (n BIGINT);
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);",
    );
}

fn prefix(client: &Client) -> String {
    client.session().unwrap().id.prefix()
}

fn a_session_is_told_of_after_its_commit_and_never_after_a_rollback(on: &str) {
    let told = Told::default();
    let client = client("session.*", &told, on);
    for path in ["/crash", "/orphan"] {
        client.post(path).send().assert_status(500);
        assert_eq!(told.take(), Vec::<String>::new(), "{path}");
    }
    // A 404 rolls back what the view has written, and keeps the session.
    for path in ["/touch", "/write", "/fail"] {
        let visitor = client.fork();
        visitor.post(path).send();
        let id = prefix(&visitor);
        assert_eq!(told.take(), [format!("SessionCreated {{ session_prefix: {id:?}, user_id: None }}")], "{path}");
        visitor.post(path).send();
        assert_eq!(told.take(), Vec::<String>::new(), "it is there already");
    }
    client.get("/read").send().assert_status(204);
    assert_eq!(told.take().len(), 1);
    let user = client.fork();
    user.post("/login/7").send();
    assert_eq!(told.take(), [format!("SessionCreated {{ session_prefix: {:?}, user_id: Some(7) }}", prefix(&user))]);
    // Another id, and no other session.
    user.post("/login/8").send();
    assert_eq!(told.take(), Vec::<String>::new());
}

fn the_end_of_a_session_is_told_of_however_it_ends(on: &str) {
    let told = Told::default();
    let client = client("session.*", &told, on);
    for path in ["/logout", "/logout-and-write"] {
        client.post("/login/7").send();
        let id = prefix(&client);
        told.take();
        client.post(path).send().assert_status(204);
        assert_eq!(told.take(), [format!("SessionDeleted {{ session_prefix: {id:?} }}")], "{path}");
    }
    client.post("/login/7").send();
    let (id, sessions) = (client.session().unwrap().id, client.sessions());
    told.take();
    assert!(sessions.delete(id).unwrap());
    assert!(!sessions.delete(id).unwrap());
    assert_eq!(told.take(), [format!("SessionDeleted {{ session_prefix: {:?} }}", id.prefix())]);

    let browsers = [client.fork(), client.fork(), client.fork()];
    browsers.iter().for_each(|browser| drop(browser.post("/login/7").send()));
    told.take();
    browsers[0].post("/revoke").send().assert_status(204);
    assert_eq!(told.take(), ["SessionsRevoked { user_id: 7, count: 2 }"]);
    assert_eq!(sessions.revoke_user(7, None).unwrap(), 1);
    assert_eq!(sessions.revoke_user(7, None).unwrap(), 0);
    assert_eq!(told.take(), ["SessionsRevoked { user_id: 7, count: 1 }"]);

    client.fork().post("/touch").send();
    told.take();
    client.clock().advance(Duration::from_secs(31 * 60));
    assert_eq!(sessions.clear_expired().unwrap(), 1);
    assert_eq!(sessions.clear_expired().unwrap(), 0);
    assert_eq!(told.take(), ["SessionsExpired { count: 1 }"]);
}

fn a_signal_of_ones_own_waits_for_the_commit(on: &str) {
    let told = Told::default();
    let client = client("note.written", &told, on);
    for path in ["/fail", "/crash", "/orphan"] {
        client.post(path).send();
        assert_eq!(told.take(), Vec::<String>::new(), "{path}");
    }
    client.post("/write").send().assert_status(204);
    assert_eq!(told.take(), ["NoteWritten { n: 7 }"]);
    client.get("/read").send().assert_status(204);
    assert_eq!(told.take(), ["NoteWritten { n: 0 }"]);
}

/// Writes down what it hears, on a connection of its own.
async fn write_down(event: Arc<NoteWritten>, app: Arc<Application>) -> Result<()> {
    let database = app.state::<Database>().or_404()?;
    let copy = diesel::sql_query(format!("INSERT INTO parents SELECT {} FROM notes", event.n));
    database.run(|db| Ok(copy.execute(db).map(drop)?)).await
}

fn a_listener_may_use_the_database(on: &str) {
    let client = Client::with_settings(App::new(urls()).on_async(write_down), &format!("{SETTINGS}\n{on}"));
    tables(&client);
    client.post("/write").send().assert_status(204);
    let begun = Instant::now();
    while number(&client, "SELECT count(*) FROM parents WHERE id = 7") == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the listener has written nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn sessions_in_memory_and_in_cookies_are_told_of() {
    for store in ["memory", "cookie"] {
        let told = Told::default();
        let client = client("session.*", &told, &format!("SESSION_STORE = '{store}'"));
        for path in ["/fail", "/crash", "/orphan"] {
            client.fork().post(path).send();
        }
        // In memory the session of a commit that failed is there, before it is known to have failed.
        told.take();
        client.post("/write").send().assert_status(204);
        let id = prefix(&client);
        client.post("/write").send().assert_status(204);
        client.post("/logout").send().assert_status(204);
        let created = format!("SessionCreated {{ session_prefix: {id:?}, user_id: None }}");
        assert_eq!(told.take(), [created, format!("SessionDeleted {{ session_prefix: {id:?} }}")], "{store}");
    }
}

#[test]
fn a_session_in_a_cookie_that_is_not_sent_is_not_told_of() {
    let told = Told::default();
    let client = client("session.*", &told, "SESSION_STORE = 'cookie'");
    for path in ["/fail", "/crash", "/orphan"] {
        client.post(path).send();
        assert_eq!(told.take(), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn without_a_database_a_signal_is_sent_at_once() {
    let told = Told::default();
    let noted = told.clone();
    let urls = Router::new().post("/", |req: &mut Request| req.signal(NoteWritten { n: 1 }));
    let app = App::new(urls).without_database().without_sessions().on(move |event: &NoteWritten, _| noted.add(event.n.to_string()));
    Client::with_settings(app, SETTINGS).post("/").send().assert_status(204);
    assert_eq!(told.take(), ["1"]);
}

#[test]
fn a_listener_that_fails_is_logged_with_the_names() {
    fn a_listener_with_a_name(event: &NoteWritten, _: &Arc<Application>) -> Result<()> {
        Err(Error::internal(format!("cannot note {}", event.n)))
    }
    logs::start();
    let app = App::new(urls()).on(a_listener_with_a_name).on(|event: &NoteWritten, _| -> () { panic!("a panic for note {}", event.n) });
    let client = Client::with_settings(app, SETTINGS);
    tables(&client);
    client.post("/write").send().assert_status(204);
    for (what, who) in [("cannot note 7", "a_listener_with_a_name"), ("a panic for note 7", "{{closure}}")] {
        let lines = logs::lines_with(what);
        let line = lines.iter().find(|line| line.contains("lback::signals")).unwrap_or_else(|| panic!("{lines:?}"));
        for part in ["ERROR", "note.written", who, "tests/lback/signals.rs:"] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

#[test]
fn what_is_no_name_is_refused_at_the_start() {
    let error = start_error(App::new(urls()).on_name("session*", |_, _| {}), SETTINGS);
    assert!(error.contains("\"session*\" is not the name of a signal") && error.contains("tests/lback/signals.rs:"), "{error}");
}

/// Every signal that a request with secrets everywhere causes, as it prints and as JSON.
#[test]
fn no_signal_carries_a_secret() {
    const SECRET: &str = "hunter2";
    let leaky = |req: &mut Request| -> Result<Response> {
        let token: String = req.param("token")?;
        req.session().insert("password", &token)?;
        req.cookies().add(("token", SECRET));
        Ok(Response::text(token))
    };
    let urls = urls()
        .route([Method::GET, Method::POST], "/reset/{token}", leaky)
        .post("/fails/{token}", |_: &mut Request| -> Result<()> { Err(Error::internal(format!("wrong password {SECRET}"))) })
        .post("/panics/{token}", |_: &mut Request| -> Result<()> { panic!("wrong password {SECRET}") });
    let (told, names) = (Told::default(), Told::default());
    fn json<T: Signal + serde::Serialize>(told: &Told) -> impl Fn(&T, &Arc<Application>) + use<T> {
        let told = told.clone();
        move |signal, _| told.add(serde_json::to_string(signal).unwrap())
    }
    let (noted, named) = (told.clone(), names.clone());
    let app = App::new(urls)
        .on_name("*", move |signal: &AnySignal, _| {
            noted.add(format!("{signal:?} {signal:#?}"));
            named.add(signal.name().to_owned());
        })
        .on(json::<RequestReceived>(&told))
        .on(json::<RequestFailed>(&told))
        .on(json::<ResponseSent>(&told))
        .on(json::<SessionCreated>(&told))
        .on(json::<SessionDeleted>(&told))
        .on(json::<SessionsRevoked>(&told))
        .on(json::<SessionsExpired>(&told))
        .on(json::<MigrationApplied>(&told))
        .on(json::<ServerStarted>(&told))
        .on(json::<ServerStopping>(&told));
    let client = Client::over_socket_with_settings(app, SETTINGS);
    let (mut ids, mut cookies) = (Vec::new(), Vec::new());
    client.set_cookie("visitor", SECRET);
    for path in
        ["/reset/hunter2?token=hunter2", "/fails/hunter2?token=hunter2", "/panics/hunter2", "/nowhere/hunter2?hunter2", "/reset/hunter2"]
    {
        let request =
            client.post(path).header("authorization", format!("Bearer {SECRET}")).header("referer", format!("http://a/?{SECRET}"));
        request.header("user-agent", SECRET).form(&[("password", SECRET)]).send();
        ids.push(client.session().unwrap().id.to_string());
        cookies.extend(client.cookies().into_iter().map(|cookie| cookie.value().to_owned()));
    }
    client.post("/login/7").send();
    ids.push(client.session().unwrap().id.to_string());
    client.fork().post("/login/7").send();
    client.sessions().revoke_user(7, Some(client.session().unwrap().id)).unwrap();
    client.post("/logout").send();
    client.fork().post("/touch").send();
    client.clock().advance(Duration::from_secs(3600));
    client.sessions().clear_expired().unwrap();
    drop(client);

    let mut names = names.take();
    names.sort();
    names.dedup();
    let expected = [
        "http.request.failed",
        "http.request.received",
        "http.response.sent",
        "server.started",
        "server.stopping",
        "session.created",
        "session.deleted",
        "session.expired",
        "session.revoked",
    ];
    assert_eq!(names, expected);
    let told = told.take().join("\n");
    assert!(told.contains("/reset/{token}") && told.contains(&ids[0][..8]), "{told}");
    for secret in ids.iter().chain(&cookies).map(String::as_str).chain([SECRET, "Bearer", "password"]) {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}
