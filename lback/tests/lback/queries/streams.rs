//! Responses that are written from the database while they are sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lback::db::{Database, RowByRow};
use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;
use lback::testing::Client;

use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_become_lines_of_a_response,
    a_response_shows_one_state_and_what_its_request_has_committed,
    slow_clients_leave_connections_to_others,
    statements_may_take_long,
);

diesel::table! {
    numbers (n) {
        n -> BigInt,
        text -> Text,
    }
}

fn export(req: &mut Request) -> Result<Response> {
    req.stream_db("text/csv", |db, out| {
        for row in numbers::table.order(numbers::n).load_iter::<(i64, String), RowByRow>(db)? {
            let (n, text) = row?;
            writeln!(out, "{n},{text}")?;
        }
        Ok(())
    })
}

/// Counts rows before and after another connection has added one.
fn add_and_count(req: &mut Request) -> Result<Response> {
    let add = |n: i64, db: &mut Db| diesel::insert_into(numbers::table).values((numbers::n.eq(n), numbers::text.eq("x"))).execute(db);
    let count = |db: &mut Db| numbers::table.count().first::<i64>(db);
    add(-1, req.db()?)?;
    let database = req.state::<Database>()?.clone();
    req.stream_db("text/plain", move |db, out| {
        let before = count(db)?;
        add(-2, &mut database.connect()?)?;
        write!(out, "{before} {} {}", count(db)?, count(&mut database.connect()?)?)?;
        Ok(())
    })
}

fn sleeper(req: &mut Request) -> Result<Response> {
    req.stream_db("text/plain", |db, out| {
        db.batch_execute("SELECT pg_sleep(0.2)")?;
        Ok(out.write_all(b"rested")?)
    })
}

fn client(on: &str, count: usize) -> Client {
    let urls = Router::new()
        .get("/export", export)
        .post("/add", add_and_count)
        .get("/sleep", sleeper)
        .get("/count", |req: &mut Request| -> Result<String> { Ok(numbers::table.count().first::<i64>(req.db()?)?.to_string()) });
    let settings = format!("SESSION_TIMEOUT_MINUTES = 30\nALLOWED_HOSTS = ['*']\nDATABASE_POOL_SIZE = 4\n{on}");
    let client = Client::over_socket_with_settings(App::new(urls), &settings);
    sql(&client, "CREATE TABLE numbers (n BIGINT PRIMARY KEY, text TEXT NOT NULL)");
    client.db(|db| db.copy_into(numbers::table, (1..=count as i64).map(|n| (numbers::n.eq(n), numbers::text.eq("x".repeat(100))))));
    client
}

fn rows_become_lines_of_a_response(on: &str) {
    let client = client(on, 20_000);
    let response = client.get("/export").send();
    assert_eq!(response.assert_status(200).header("content-type"), Some("text/csv"));
    let text = response.text();
    assert_eq!(text.lines().count(), 20_000);
    let expected = |(n, line): (usize, &str)| line == format!("{},{}", n + 1, "x".repeat(100));
    assert!(text.lines().enumerate().all(expected));
    client.get("/count").send().assert_contains("20000");
}

fn a_response_shows_one_state_and_what_its_request_has_committed(on: &str) {
    let client = client(on, 10);
    assert_eq!(client.post("/add").send().assert_status(200).text(), "11 11 12");
}

fn slow_clients_leave_connections_to_others(on: &str) {
    let client = client(on, 300_000);
    let slow = || {
        let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(b"GET /export HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
        stream
    };
    let two = [slow(), slow()];
    client.get("/export").send().assert_status(503);
    client.get("/count").send().assert_contains("300000");
    for mut stream in two {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        assert!(bytes.ends_with(b"0\r\n\r\n"));
    }
    client.get("/export").send().assert_status(200);
}

fn statements_may_take_long(on: &str) {
    if !super::is_sqlite(on) {
        let client = client(&format!("DATABASE_STATEMENT_TIMEOUT_MS = 100\n{on}"), 1);
        assert_eq!(client.get("/sleep").send().assert_status(200).text(), "rested");
    }
}
