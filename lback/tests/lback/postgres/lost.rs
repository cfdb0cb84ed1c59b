//! Connections and servers that die in the middle of a request.

use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::{Disk, Postgres};

use super::{SETTINGS, assert_unavailable, database_url, notes};
use crate::gate::Gate;
use crate::sql;

fn count(db: &mut Db) -> Result<i64> {
    Ok(notes::table.count().get_result(db)?)
}

fn add(db: &mut Db) -> Result<()> {
    diesel::insert_into(notes::table).values(notes::text.eq("new")).execute(db)?;
    Ok(())
}

/// The number of notes, as a new connection sees it.
fn saved(client: &Client) -> i64 {
    count(&mut client.database().connect().unwrap()).unwrap()
}

/// What a view does before and after its connection is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Read,
    Write,
}

use Step::{Nothing, Read, Write};

impl Step {
    fn run(self, req: &mut Request) -> Result<()> {
        match self {
            Nothing => Ok(()),
            Read => count(req.db()?).map(drop),
            Write => add(req.db()?),
        }
    }
}

/// Whether a request succeeds, and what it leaves.
const OUTCOMES: [(Step, Step, u16, i64); 8] = [
    (Read, Nothing, 200, 0),
    (Read, Read, 200, 0),
    (Read, Write, 200, 1),
    (Write, Nothing, 503, 0),
    (Write, Read, 503, 0),
    (Write, Write, 503, 0),
    (Nothing, Read, 200, 0),
    (Nothing, Write, 200, 1),
];

/// An application whose view stops in the middle, at the gate.
fn stopping(server: &Postgres, before: Step, after: Step) -> (Client, Gate) {
    let gate = Gate::default();
    let stop = gate.clone();
    let view = move |req: &mut Request| -> Result<StatusCode> {
        before.run(req)?;
        stop.pass();
        after.run(req)?;
        Ok(StatusCode::OK)
    };
    let urls = Router::new().any("/", view).get("/count", |req: &mut Request| count(req.db()?).map(|count| count.to_string()));
    let settings = format!("{SETTINGS}\n{}\nDATABASE_POOL_SIZE = 1", database_url(&server.url("postgres")));
    let client = Client::with_settings(App::new(urls), &settings);
    sql(&client, "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL)");
    // The request finds a connection that was just used, which the pool does not test.
    client.get("/count").send().assert_status(200);
    (client, gate)
}

#[test]
fn a_connection_that_is_lost_matters_only_once_something_was_written() {
    let Some(server) = Postgres::shared() else { return };
    for method in [lback::http::Method::GET, lback::http::Method::POST] {
        for (before, after, status, left) in OUTCOMES {
            let (client, gate) = stopping(server, before, after);
            let response = std::thread::scope(|scope| {
                let request = scope.spawn(|| client.request(method.clone(), "/").send());
                gate.reached();
                client
                    .database()
                    .connect()
                    .unwrap()
                    .batch_execute(
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
                    )
                    .unwrap();
                gate.open();
                request.join().unwrap()
            });
            if status == 503 {
                assert_unavailable(&response);
            }
            assert_eq!(response.status(), status, "{method} {before:?} {after:?}: {response:?}");
            assert_eq!(saved(&client), left, "{method} {before:?} {after:?}");
            client.get("/count").send().assert_status(200).assert_contains(&left.to_string());
        }
    }
}

#[test]
fn a_server_that_is_killed_takes_an_open_transaction_with_it_and_no_read() {
    let Some(server) = Postgres::start(Disk::Safe) else { return };
    for (before, after, status, left) in [(Read, Read, 200, 0), (Read, Write, 200, 1), (Write, Read, 503, 0), (Write, Nothing, 503, 0)] {
        let (client, gate) = stopping(&server, before, after);
        let response = std::thread::scope(|scope| {
            let request = scope.spawn(|| client.post("/").send());
            gate.reached();
            server.kill().unwrap();
            server.run().unwrap();
            gate.open();
            request.join().unwrap()
        });
        assert_eq!(response.status(), status, "{before:?} {after:?}: {response:?}");
        assert_eq!(saved(&client), left, "{before:?} {after:?}");
        client.get("/count").send().assert_status(200).assert_contains(&left.to_string());
    }
}

#[test]
fn a_read_finds_no_server_and_says_so() {
    let Some(server) = Postgres::start(Disk::Safe) else { return };
    let (client, gate) = stopping(&server, Read, Read);
    let response = std::thread::scope(|scope| {
        let request = scope.spawn(|| client.get("/").send());
        gate.reached();
        server.kill().unwrap();
        gate.open();
        request.join().unwrap()
    });
    server.run().unwrap();
    assert_unavailable(&response);
    client.get("/count").send().assert_status(200);
}
