//! The clock of a connection.

use lback::chrono::{DateTime, TimeDelta, Utc};
use lback::db::Database;
use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;
use lback::testing::Client;

use super::is_sqlite;
use crate::unit_of_work::on_each_database;

on_each_database!(
    connections_have_the_clock_of_the_application,
    a_time_has_no_fractions_of_a_microsecond,
    a_connection_in_the_place_of_a_lost_one_has_the_same_clock,
    a_connection_without_an_application_has_the_clock_of_the_system,
);

async fn in_async(req: &mut Request) -> Result<String> {
    req.run_db(|db| Ok(db.now().to_rfc3339())).await
}

fn client(on: &str) -> Client {
    let urls = Router::new().get("/", |req: &mut Request| req.db().map(|db| db.now().to_rfc3339())).get("/async", in_async).get(
        "/lost",
        |req: &mut Request| -> Result<String> {
            let database = req.state::<Database>()?.clone();
            let db = req.db()?;
            database.connect()?.batch_execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            )?;
            db.transaction(|_| QueryResult::Ok(()))?;
            Ok(db.now().to_rfc3339())
        },
    );
    Client::with_settings(App::new(urls), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"))
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn connections_have_the_clock_of_the_application(on: &str) {
    let client = client(on);
    for expected in ["2001-02-03T04:05:06+00:00", "2040-02-03T04:05:06+00:00"] {
        client.clock().set(time(expected));
        client.get("/").send().assert_contains(expected);
        client.get("/async").send().assert_contains(expected);
        client.db(|db| {
            assert_eq!(db.now(), time(expected));
            db.transaction(|db| {
                assert_eq!(db.now(), time(expected));
                QueryResult::Ok(())
            })
        });
        assert_eq!(client.database().connect().unwrap().now(), time(expected), "outside of the pool");
        assert_eq!(client.database().write(|db| Ok(db.now())).unwrap(), time(expected));
    }
}

fn a_time_has_no_fractions_of_a_microsecond(on: &str) {
    let client = client(on);
    client.clock().set(time("2026-01-01T00:00:00.123456999Z"));
    assert_eq!(client.db(|db| Ok::<_, Error>(db.now())), time("2026-01-01T00:00:00.123456Z"));
}

fn a_connection_in_the_place_of_a_lost_one_has_the_same_clock(on: &str) {
    if is_sqlite(on) {
        return;
    }
    let client = client(on);
    client.clock().set(time("2001-02-03T04:05:06Z"));
    client.get("/lost").send().assert_status(200).assert_contains("2001-02-03T04:05:06");
}

fn a_connection_without_an_application_has_the_clock_of_the_system(on: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db.sqlite").display().to_string();
    let mut db = Db::establish(on.split('\'').nth(1).unwrap_or(&file)).unwrap();
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1")).get_result::<i32>(&mut db).unwrap();
    let now = db.now();
    let difference = Utc::now() - now;
    assert!(difference >= TimeDelta::zero() && difference < TimeDelta::hours(1), "{difference}");
}
