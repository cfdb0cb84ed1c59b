//! What a commit waits for, asked of the server itself by a trigger on the table.

use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::Postgres;

use super::{SETTINGS, database_url, visit};
use crate::sql;

diesel::table! {
    seen (id) {
        id -> BigInt,
        what -> Text,
    }
}

fn urls() -> Router {
    Router::new()
        .post("/visit", visit)
        .post("/login", |req: &mut Request| -> Result<()> { req.session().insert("user_id", 7) })
        .post("/logout", |req: &mut Request| req.session().delete())
}

/// What the server was told about each write to a session, in this order.
fn seen(settings: &str) -> Option<Vec<String>> {
    let server = Postgres::shared()?;
    let settings = format!("{SETTINGS}\n{}\n{settings}", database_url(&server.url("postgres")));
    let client = Client::with_settings(App::new(urls()), &settings);
    for statement in [
        // The servers of tests are set up to wait for nothing.
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on', current_database()); END $$",
        "CREATE TABLE seen (id BIGSERIAL PRIMARY KEY, what TEXT NOT NULL)",
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO seen (what) VALUES (TG_OP || ' ' || current_setting('synchronous_commit')); RETURN NULL;
         END $$",
        "CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION see()",
    ] {
        sql(&client, statement);
    }
    for path in ["/visit", "/visit", "/login", "/visit", "/logout"] {
        assert!(client.post(path).send().status().is_success(), "{path}");
    }
    Some(client.db(|db| seen::table.order(seen::id).select(seen::what).load(db)))
}

#[test]
fn every_commit_waits_unless_the_settings_say_otherwise() {
    let Some(seen) = seen("") else { return };
    assert_eq!(seen, ["INSERT on", "UPDATE on", "UPDATE on", "UPDATE on", "DELETE on"]);
}

#[test]
fn with_normal_only_what_ends_a_session_waits() {
    let Some(seen) = seen("SESSION_DURABILITY = 'normal'") else { return };
    assert_eq!(seen, ["INSERT off", "UPDATE off", "UPDATE on", "UPDATE off", "DELETE on"]);
}
