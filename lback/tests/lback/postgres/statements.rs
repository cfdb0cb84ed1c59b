//! Statements that are prepared, and how many of them.

use lback::diesel::dsl::sql as raw;
use lback::diesel::sql_types::{BigInt, Text};
use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::Postgres;

use super::proxy::Proxy;
use super::{SETTINGS, database_url, notes};
use crate::sql;

fn client(url: &str, urls: Router) -> Client {
    let settings = format!("{SETTINGS}\n{}\nDATABASE_POOL_SIZE = 1", database_url(url));
    let client = Client::with_settings(App::new(urls), &settings);
    sql(&client, "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL); INSERT INTO notes (text) VALUES ('first')");
    client
}

#[test]
fn a_statement_written_by_hand_is_prepared_when_it_comes_again() {
    fn view(req: &mut Request) -> Result<String> {
        let text = diesel::sql_query("SELECT id, text FROM notes WHERE id = $1").bind::<BigInt, _>(1);
        Ok(text.get_result::<Note>(req.db()?)?.text)
    }
    let Some(server) = Postgres::shared() else { return };
    let proxy = Proxy::before(server.port());
    let client = client(&proxy.url(server, "postgres"), Router::new().get("/", view));
    let trips = || {
        proxy.round_trips();
        client.get("/").send().assert_status(200).assert_contains("first");
        proxy.round_trips().into_iter().filter(|trip| !trip.is_empty() && !trip.starts_with("SET ")).collect::<Vec<_>>()
    };
    let (once, prepared) = ("SELECT id, text FROM notes WHERE id = $1", "PREPARE SELECT id, text FROM notes WHERE id = $1");
    assert_eq!(trips(), [once]);
    assert_eq!(trips(), [prepared, once]);
    assert_eq!(trips(), [once]);
}

#[derive(QueryableByName)]
#[diesel(table_name = notes)]
struct Note {
    #[expect(dead_code, reason = "only the text is shown")]
    id: i64,
    text: String,
}

#[test]
fn any_number_of_different_statements_leaves_a_limited_number_prepared() {
    fn view(req: &mut Request) -> Result<String> {
        for n in 0..600_i64 {
            for _ in 0..2 {
                let one: i64 = diesel::select(raw::<BigInt>(&format!("{n} + ")).bind::<BigInt, _>(1)).get_result(req.db()?)?;
                assert_eq!(one, n + 1);
            }
            let mut boxed = notes::table.select(notes::text).into_boxed();
            boxed = boxed.filter(raw::<diesel::sql_types::Bool>(&format!("id < {n}")));
            let _: Vec<String> = boxed.load(req.db()?)?;
        }
        let prepared: i64 = diesel::select(raw::<BigInt>("(SELECT count(*) FROM pg_prepared_statements)")).get_result(req.db()?)?;
        Ok(prepared.to_string())
    }
    let Some(server) = Postgres::shared() else { return };
    let client = client(&server.url("postgres"), Router::new().get("/", view));
    for _ in 0..2 {
        let prepared: u64 = client.get("/").send().assert_status(200).text().parse().unwrap();
        assert!((200..=300).contains(&prepared), "{prepared}");
    }
}

#[test]
fn a_table_that_changes_spoils_no_prepared_statement_for_long() {
    fn texts(req: &mut Request) -> Result<String> {
        if req.param::<String>("first")? == "write" {
            diesel::insert_into(notes::table).values(notes::text.eq("more")).execute(req.db()?)?;
        }
        let texts: Vec<Note> = diesel::sql_query("SELECT * FROM notes ORDER BY id").load(req.db()?)?;
        Ok(texts[0].text.clone())
    }
    let Some(server) = Postgres::shared() else { return };
    let client = client(&server.url("postgres"), Router::new().any("/{first}", texts));
    for path in ["/read", "/write"] {
        for _ in 0..3 {
            client.post(path).send().assert_status(200);
        }
        sql(&client, &format!("ALTER TABLE notes ADD COLUMN \"{path}\" TEXT"));
        // A read by itself is repeated. A transaction fails, and the next one does not.
        client.post(path).send().assert_status(if path == "/read" { 200 } else { 500 });
        client.post(path).send().assert_status(200).assert_contains("first");
    }
    assert_eq!(client.db(|db| raw::<Text>("SELECT text FROM notes WHERE id = 1").get_result::<String>(db)), "first");
}
