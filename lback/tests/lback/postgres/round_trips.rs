//! What ten typical requests cost between the application and the server.

use lback::prelude::*;
use lback::testing::{Client, RequestBuilder};
use lback_test_servers::Postgres;

use super::proxy::Proxy;
use super::{SETTINGS, database_url, notes, visit};
use crate::sql;

fn first(db: &mut Db) -> Result<String> {
    Ok(notes::table.find(1).select(notes::text).first(db)?)
}

fn count(db: &mut Db) -> Result<i64> {
    Ok(notes::table.count().get_result(db)?)
}

fn add(db: &mut Db, text: &str) -> Result<i64> {
    Ok(diesel::insert_into(notes::table).values(notes::text.eq(text)).returning(notes::id).get_result(db)?)
}

fn change(db: &mut Db, text: &str) -> Result<()> {
    diesel::update(notes::table.find(1)).set(notes::text.eq(text)).execute(db)?;
    Ok(())
}

fn urls() -> Router {
    Router::new()
        .get("/one", |req: &mut Request| first(req.db()?))
        .get("/twice", |req: &mut Request| -> Result<String> { Ok(first(req.db()?)? + &first(req.db()?)?) })
        .get("/list", |req: &mut Request| -> Result<String> {
            let texts: Vec<String> = notes::table.order(notes::id.desc()).limit(10).select(notes::text).load(req.db()?)?;
            Ok(format!("{} of {}", texts.len(), count(req.db()?)?))
        })
        .post("/insert", |req: &mut Request| add(req.db()?, "new").map(|id| id.to_string()))
        .post("/update", |req: &mut Request| -> Result<()> {
            let longer = first(req.db()?)? + "!";
            change(req.db()?, &longer)
        })
        .post("/writes", |req: &mut Request| -> Result<()> {
            add(req.db()?, "one")?;
            change(req.db()?, "two")
        })
        .get("/visits", |req: &mut Request| req.session()["visits"].to_string())
        .post("/visit", visit)
        .post("/note-and-visit", |req: &mut Request| add(req.db()?, "visit").and_then(|_| visit(req)))
        .post("/fail", |req: &mut Request| -> Result<()> {
            add(req.db()?, "lost")?;
            Err(Error::not_found("no"))
        })
        .post("/read-only", |req: &mut Request| first(req.db()?))
        .get("/async", async |req: &mut Request| req.run_db(first).await)
}

#[cfg(not(feature = "mail"))]
fn app() -> App {
    App::new(urls())
}

#[cfg(feature = "mail")]
fn app() -> App {
    let mail = |req: &mut Request| req.send_mail(Mail::to("alice@example.com").subject("Hello").text("How are you?"));
    App::new(urls().post("/mail", mail)).mail()
}

/// The application, and the network between it and its server.
struct Wire {
    client: Client,
    proxy: Proxy,
}

impl Wire {
    fn new(settings: &str) -> Option<Self> {
        let server = Postgres::shared()?;
        let proxy = Proxy::before(server.port());
        let url = database_url(&proxy.url(server, "postgres"));
        let settings = format!("{SETTINGS}\n{url}\nDATABASE_POOL_SIZE = 1\n{settings}");
        let client = Client::with_settings(app(), &settings);
        sql(&client, "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL); INSERT INTO notes (text) VALUES ('first')");
        Some(Wire { client, proxy })
    }

    /// What a request asks of the server, once all of its statements are prepared.
    #[track_caller]
    fn trips(&self, request: impl Fn(&Client) -> RequestBuilder<'_>, status: u16) -> Vec<String> {
        for _ in 0..2 {
            request(&self.client).send().assert_status(status);
        }
        self.proxy.round_trips();
        request(&self.client).send().assert_status(status);
        // Connections are opened at any time.
        self.proxy.round_trips().into_iter().filter(|trip| !trip.is_empty() && !trip.starts_with("SET ")).collect()
    }

    #[track_caller]
    fn assert_trips(&self, request: impl Fn(&Client) -> RequestBuilder<'_>, status: u16, expected: &[&str]) {
        let trips = self.trips(request, status);
        let alike = |(trip, start): (&String, &&str)| trip.starts_with(start);
        assert!(trips.len() == expected.len() && trips.iter().zip(expected).all(alike), "{trips:#?} instead of {expected:#?}");
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const COMMIT: &str = "SELECT 1; COMMIT";

#[test]
fn a_request_that_only_reads_sends_nothing_but_its_queries() {
    let Some(wire) = Wire::new("") else { return };
    wire.assert_trips(|client| client.get("/one"), 200, &["SELECT"]);
    wire.assert_trips(|client| client.get("/async"), 200, &["SELECT"]);
    wire.assert_trips(|client| client.get("/twice"), 200, &["SELECT", "SELECT"]);
    wire.assert_trips(|client| client.get("/list"), 200, &["SELECT", "SELECT COUNT(*)"]);
    wire.assert_trips(|client| client.post("/read-only"), 200, &["SELECT"]);
    wire.assert_trips(|client| client.get("/nowhere"), 404, &[]);
}

#[test]
fn a_request_that_writes_begins_before_its_first_write() {
    let Some(wire) = Wire::new("") else { return };
    wire.assert_trips(|client| client.post("/insert"), 200, &[BEGIN, "INSERT", COMMIT]);
    wire.assert_trips(|client| client.post("/update"), 204, &["SELECT", BEGIN, "UPDATE", COMMIT]);
    wire.assert_trips(|client| client.post("/writes"), 204, &[BEGIN, "INSERT", "UPDATE", COMMIT]);
    wire.assert_trips(|client| client.post("/fail"), 404, &[BEGIN, "INSERT", "ROLLBACK"]);
}

#[test]
fn a_session_is_read_and_saved_with_one_statement_each() {
    let Some(wire) = Wire::new("") else { return };
    wire.client.post("/visit").send().assert_status(200);
    wire.assert_trips(|client| client.get("/visits"), 200, &["SELECT"]);
    // The connection that saves sessions is tested by a BEGIN if it was idle for a tenth of a second.
    let mut trips = wire.trips(|client| client.post("/visit"), 200);
    trips.retain(|trip| !trip.starts_with("BEGIN") && !trip.ends_with("COMMIT"));
    assert!(matches!(&trips[..], [load, save] if load.starts_with("SELECT") && save.starts_with("UPDATE")), "{trips:#?}");
    // In the transaction of the view's work.
    let trips = wire.trips(|client| client.post("/note-and-visit"), 200);
    assert_eq!(trips.len(), 5, "{trips:#?}");
}

#[cfg(feature = "mail")]
#[test]
fn a_mail_is_stored_with_one_statement() {
    let Some(wire) = Wire::new("MAIL_BACKEND = 'file'") else { return };
    wire.assert_trips(|client| client.post("/mail"), 204, &[BEGIN, "INSERT", COMMIT]);
}

#[test]
fn a_stricter_isolation_begins_with_the_first_read() {
    let Some(wire) = Wire::new("DATABASE_ISOLATION = 'repeatable read'") else { return };
    wire.assert_trips(|client| client.get("/twice"), 200, &["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT", "SELECT", COMMIT]);
    wire.assert_trips(|client| client.get("/nowhere"), 404, &[]);
}
