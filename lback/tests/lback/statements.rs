//! The statements of a request, as the log and a test that counts them see them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lback::db::{Database, RowByRow};
use lback::prelude::*;
use lback::testing::{AssertQueries, Client};

use crate::unit_of_work::on_each_database;
use crate::{logs, sql};

on_each_database!(
    every_statement_of_a_request_counts,
    transactions_and_the_session_do_not_count,
    a_wrong_number_lists_the_statements_with_their_places,
    a_request_of_its_own_counts_alone,
    the_log_shows_statements_with_values_and_places,
    the_log_shows_how_many_rows_a_statement_has_returned_or_changed,
    many_rows_at_once_are_one_statement,
    secrets_are_not_logged,
    slow_statements_are_warned_of_without_their_values,
    the_pool_is_counted,
);

diesel::table! {
    notes (id) {
        id -> BigInt,
        text -> Text,
        secret_token -> Nullable<Text>,
    }
}

fn client(settings: &str) -> Client {
    let client = Client::with_settings(App::new(urls()), &format!("SESSION_TIMEOUT_MINUTES = 30\n{settings}"));
    sql(&client, "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL, secret_token TEXT)");
    sql(&client, "INSERT INTO notes VALUES (1, 'one', NULL), (2, 'two', NULL), (3, 'three', NULL)");
    client
}

fn note(db: &mut Db, id: i64) -> Result<String> {
    Ok(notes::table.find(id).select(notes::text).first(db)?)
}

fn one_by_one(req: &mut Request) -> Result<String> {
    let ids: Vec<i64> = notes::table.select(notes::id).order(notes::id).load(req.db()?)?;
    let mut texts = Vec::new();
    for id in ids {
        texts.push(note(req.db()?, id)?);
    }
    Ok(texts.join(", "))
}

async fn in_async(req: &mut Request) -> Result<String> {
    req.run_db(|db| note(db, 2)).await
}

fn urls() -> Router {
    Router::new()
        .get("/", one_by_one)
        .get("/async", in_async)
        .get("/read", |req: &mut Request| req.read_db(|db| note(db, 3)))
        .get("/database", |req: &mut Request| -> Result<String> {
            let database = req.state::<Database>()?.clone();
            let one = database.read(|db| note(db, 1))?;
            Ok(one + &note(&mut *database.get()?, 2)?)
        })
        .get("/none", |_: &mut Request| "nothing")
        .post("/write", |req: &mut Request| -> Result<String> {
            let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
            req.before_commit(|db| Ok(diesel::delete(notes::table.find(1)).execute(db).map(drop)?))?;
            let saved = req.db()?.transaction(|db| diesel::update(notes::table.find(2)).set(notes::text.eq("zwei")).execute(db))?;
            Ok(format!("{saved} saved, {visits} visits"))
        })
        .post("/write/{text}", |req: &mut Request| -> Result<()> {
            let text: String = req.param("text")?;
            let values = (notes::id.eq(17), notes::text.eq(text));
            Ok(diesel::insert_into(notes::table).values(values).execute(req.db()?).map(drop)?)
        })
        .post("/token/{token}", |req: &mut Request| -> Result<()> {
            let token: String = req.param("token")?;
            Ok(diesel::update(notes::table.find(1)).set(notes::secret_token.eq(token)).execute(req.db()?).map(drop)?)
        })
        .post("/many", |req: &mut Request| -> Result<String> {
            let rows = (100..300).map(|n| (notes::id.eq(n), notes::text.eq("many")));
            Ok(req.db()?.copy_into(notes::table, rows)?.to_string())
        })
        .get("/wrong", |req: &mut Request| -> Result<()> {
            Ok(diesel::sql_query("SELECT nothing FROM nowhere").execute(req.db()?).map(drop)?)
        })
        .get("/out", |_: &mut Request| Response::redirect("/none"))
}

fn every_statement_of_a_request_counts(settings: &str) {
    let client = client(settings);
    client.get("/").assert_queries(4).assert_status(200).assert_contains("one, two, three");
    client.get("/async").assert_queries(1).assert_contains("two");
    client.get("/read").send().assert_queries(1).assert_contains("three");
    client.get("/database").assert_queries(2).assert_contains("onetwo");
    client.get("/none").assert_queries(0);
    client.get("/wrong").assert_queries(1).assert_status(500);
}

fn transactions_and_the_session_do_not_count(settings: &str) {
    let client = client(settings);
    // One in a savepoint, and one before the commit.
    client.post("/write").assert_queries(2).assert_contains("1 saved, 1 visits");
    client.post("/write").assert_queries(2).assert_contains("1 saved, 2 visits");
}

fn failure(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("the number is wrong");
    panic.downcast_ref::<String>().expect("a panic with a message").clone()
}

fn a_wrong_number_lists_the_statements_with_their_places(settings: &str) {
    let client = client(settings);
    let message = failure(|| drop(client.get("/").assert_queries(1)));
    assert!(message.starts_with("/ sent 4 statements instead of 1:\n"), "{message}");
    let places: Vec<&str> = message.lines().filter_map(|line| line.split_once(" ms, ").map(|(_, place)| place)).collect();
    let here = file!();
    assert!(places.len() == 4 && places.iter().all(|place| place.starts_with(here)), "{message}");
    assert!(places[0] != places[1] && places[1] == places[3], "{message}");
    assert!(message.contains("FROM") && message.contains("[2, 1]"), "{message}");
    assert!(message.contains(&format!("{} sends the same statement 3 times", places[1])), "{message}");
    let message = failure(|| drop(client.get("/wrong").assert_queries(0)));
    assert!(message.contains("SELECT nothing FROM nowhere") && message.contains("failed: "), "{message}");
}

fn a_request_of_its_own_counts_alone(settings: &str) {
    let client = client(settings);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| client.get("/").assert_queries(4));
            scope.spawn(|| client.get("/async").assert_queries(1));
        }
    });
    client.get("/out").follow().assert_queries(0);
}

/// The line about the statement of `request` that has this text.
fn logged(text: &str) -> Vec<String> {
    logs::lines_with("lback::sql").into_iter().filter(|line| line.contains(text)).collect()
}

fn the_log_shows_statements_with_values_and_places(settings: &str) {
    logs::start();
    let client = client(settings);
    let text = if settings.is_empty() { "shown in sqlite" } else { "shown in postgres" };
    client.post(&format!("/write/{text}")).send().assert_status(204);
    let lines = logged(&format!("[17, \"{text}\"]"));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    for part in ["DEBUG", "INSERT INTO", "ms=", concat!("at=\"", file!())] {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
    let long = format!("{text} {}", "x".repeat(60));
    client.post(&format!("/write/{long}")).send().assert_status(500);
    assert_eq!(logged(&long), Vec::<String>::new());
    let lines = logged(&format!("[17, ‹{} characters›]", long.len()));
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("error=")), "{lines:?}");
}

/// The fields `rows` of the lines that have this text.
fn rows_logged(text: &str) -> Vec<Option<usize>> {
    let rows = |line: &String| line.split_once(" rows=").map(|(_, rest)| rest.split_whitespace().next().unwrap().parse().unwrap());
    logged(text).iter().map(rows).collect()
}

fn the_log_shows_how_many_rows_a_statement_has_returned_or_changed(settings: &str) {
    logs::start();
    let client = client(settings);
    // A number of its own for each database, as the tests of both run side by side.
    let mark: i64 = if settings.is_empty() { 4_711_001 } else { 4_711_002 };
    client.db(|db| {
        let mut check = |rows: Option<usize>, run: &mut dyn FnMut(&mut Db)| {
            let before = rows_logged(&mark.to_string()).len();
            run(db);
            assert_eq!(rows_logged(&mark.to_string())[before..], [rows]);
        };
        check(Some(3), &mut |db| drop(notes::table.filter(notes::id.ne(mark)).load::<(i64, String, Option<String>)>(db).unwrap()));
        check(Some(0), &mut |db| drop(notes::table.filter(notes::id.eq(mark)).load::<(i64, String, Option<String>)>(db).unwrap()));
        check(Some(1), &mut |db| assert!(notes::table.filter(notes::id.ne(mark)).select(notes::id).first::<i64>(db).is_ok()));
        check(Some(3), &mut |db| {
            let read = notes::table.filter(notes::id.ne(mark)).select(notes::id).load_iter::<i64, RowByRow>(db).unwrap();
            assert_eq!(read.map(Result::unwrap).count(), 3);
        });
        check(Some(1), &mut |db| {
            let values = (notes::id.eq(mark), notes::text.eq("x"));
            diesel::insert_into(notes::table).values(values).execute(db).unwrap();
        });
        check(Some(4), &mut |db| {
            diesel::update(notes::table).set(notes::secret_token.eq(None::<String>)).filter(notes::id.le(mark)).execute(db).unwrap();
        });
        check(Some(2), &mut |db| {
            let few = notes::table.filter(notes::id.le(2)).filter(notes::id.ne(mark));
            drop(diesel::delete(few).returning(notes::id).load::<i64>(db).unwrap());
        });
        check(None, &mut |db| drop(diesel::sql_query(format!("SELECT {mark} FROM nowhere")).execute(db)));
        check(Some(1), &mut |db| assert_eq!(db.transaction(|db| diesel::delete(notes::table.find(mark)).execute(db)), Ok(1)));
        QueryResult::Ok(())
    });
}

fn many_rows_at_once_are_one_statement(settings: &str) {
    logs::start();
    let client = client(settings);
    client.post("/many").assert_queries(1).assert_contains("200");
    let lines = logged(" rows=200 ");
    assert!(lines.iter().any(|line| line.contains("notes") && line.contains("ms=") && line.contains(file!())), "{lines:?}");
}

fn secrets_are_not_logged(settings: &str) {
    logs::start();
    let client = client(settings);
    let token = if settings.is_empty() { "geheim-sqlite" } else { "geheim-postgres" };
    client.post(&format!("/token/{token}")).send().assert_status(204);
    assert_eq!(logged(token), Vec::<String>::new());
    assert!(!logged("[***, 1]").is_empty());
}

fn slow_statements_are_warned_of_without_their_values(settings: &str) {
    logs::start();
    // Whatever takes longer than a millisecond.
    let client = client(&format!("DATABASE_SLOW_MS = 1\n{settings}"));
    let mark = if settings.is_empty() { "7001" } else { "7002" };
    let slow = match settings.is_empty() {
        true => format!("WITH RECURSIVE n (i) AS (SELECT {mark} UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT count(*) FROM n"),
        false => format!("SELECT pg_sleep(0.002), {mark}"),
    };
    client.db(|db| diesel::sql_query(slow).execute(db));
    let lines = logged(mark);
    assert!(lines.iter().any(|line| line.contains("WARN") && line.contains("slow: ") && line.contains("ms=")), "{lines:?}");
}

fn the_pool_is_counted(settings: &str) {
    let client = client(&format!("DATABASE_POOL_SIZE = 3\n{settings}"));
    let database = client.database();
    let held = [database.get().unwrap(), database.get().unwrap()];
    let stats = database.pool_stats();
    assert_eq!((stats.max, stats.open, stats.in_use, stats.idle), (3, 2, 2, 0));
    drop(held);
    let stats = database.pool_stats();
    assert_eq!((stats.open, stats.in_use, stats.idle), (2, 0, 2));
    assert_eq!(stats.to_string(), "2 of 3 connections open, 0 in use");
}
