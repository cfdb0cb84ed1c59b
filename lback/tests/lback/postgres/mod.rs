//! What is PostgreSQL's own, against real servers.

mod durability;
mod failing;
mod hanging;
mod lost;
mod migrations;
mod proxy;
mod restart;
mod round_trips;
mod start;
mod statements;
mod tls;
mod transactions;

use lback::prelude::*;
use lback::testing::{Client, TestResponse};
use lback_test_servers::Postgres;

use crate::sql;

/// A line of settings that names the server which these tests share; `None` where PostgreSQL is not installed.
pub fn url() -> Option<String> {
    Postgres::shared().map(|server| database_url(&server.url("postgres")))
}

fn database_url(url: &str) -> String {
    format!("DATABASE_URL = '{url}'")
}

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

/// An application that counts visits and keeps notes, in a database of its own.
fn client(server: &Postgres, settings: &str) -> Client {
    client_at(&server.url("postgres"), settings)
}

fn client_at(url: &str, settings: &str) -> Client {
    let client = Client::with_settings(App::new(urls()), &format!("{SETTINGS}\n{}\n{settings}", database_url(url)));
    sql(&client, "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL)");
    client
}

diesel::table! {
    notes (id) {
        id -> BigInt,
        text -> Text,
    }
}

fn urls() -> Router {
    Router::new()
        .get("/plain", |_: &mut Request| "plain")
        .get("/notes", |req: &mut Request| -> Result<String> { Ok(notes::table.count().get_result::<i64>(req.db()?)?.to_string()) })
        .post("/notes/{text}", |req: &mut Request| -> Result<()> {
            let text: String = req.param("text")?;
            diesel::insert_into(notes::table).values(notes::text.eq(text)).execute(req.db()?)?;
            Ok(())
        })
        .get("/visits", |req: &mut Request| req.session()["visits"].to_string())
        .post("/note-and-read", |req: &mut Request| -> Result<String> {
            diesel::insert_into(notes::table).values(notes::text.eq("noted")).execute(req.db()?)?;
            Ok(req.session()["visits"].to_string())
        })
        .post("/read-and-note", |req: &mut Request| -> Result<String> {
            let visits = req.session()["visits"].to_string();
            diesel::insert_into(notes::table).values(notes::text.eq("noted")).execute(req.db()?)?;
            Ok(visits)
        })
        .post("/long", |req: &mut Request| req.session().insert("long", "long enough"))
        .post("/visit-and-long", |req: &mut Request| -> Result<()> {
            diesel::insert_into(notes::table).values(notes::text.eq("noted")).execute(req.db()?)?;
            req.session().insert("long", "long enough")
        })
        .post("/visit", visit)
        .post("/visit-and-note", |req: &mut Request| -> Result<String> {
            diesel::insert_into(notes::table).values(notes::text.eq("visited")).execute(req.db()?)?;
            visit(req)
        })
        .post("/sql", |req: &mut Request| -> Result<()> {
            let statement = String::from_utf8_lossy(req.body()).into_owned();
            Ok(diesel::sql_query(statement).execute(req.db()?).map(drop)?)
        })
        .post("/careless", |req: &mut Request| -> Result<&'static str> {
            diesel::insert_into(notes::table).values(notes::text.eq("lost")).execute(req.db()?)?;
            assert!(diesel::sql_query("SELECT 1 / 0").execute(req.db()?).is_err());
            Ok("saved")
        })
}

fn visit(req: &mut Request) -> Result<String> {
    Ok(req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
}

#[track_caller]
fn assert_unavailable(response: &TestResponse) {
    response.assert_status(503);
    assert_fails_quietly(response);
    assert!(response.header("retry-after").is_some());
}

#[track_caller]
fn assert_fails_quietly(response: &TestResponse) {
    assert!(response.status().is_server_error(), "{response:?}");
    assert_eq!(response.headers_all("set-cookie"), Vec::<&str>::new());
    let text = response.text().to_lowercase();
    for leak in ["postgres", "database", "notes", "timeout", "select", "insert", "terminat", ".rs"] {
        assert!(!text.contains(leak), "{leak} in {response:?}");
    }
}

#[track_caller]
fn assert_all_well(client: &Client, visits: u64) {
    client.get("/notes").send().assert_status(200);
    client.get("/visits").send().assert_status(200).assert_contains(&visits.to_string());
    client.post("/visit").send().assert_status(200).assert_contains(&(visits + 1).to_string());
    client.post("/visit-and-note").send().assert_status(200).assert_contains(&(visits + 2).to_string());
}
