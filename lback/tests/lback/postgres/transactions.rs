//! What statements other than plain reads and writes find: the request's transaction, which begins for them.

use std::sync::Barrier;
use std::thread;

use lback::db::Isolation;
use lback::diesel::connection::SimpleConnection;
use lback::diesel::dsl::sql as raw;
use lback::diesel::sql_types::{BigInt, Bool, Text};
use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::Postgres;

use super::{SETTINGS, assert_unavailable, database_url, notes};
use crate::gate::Gate;
use crate::{number, sql, start_error};

fn client(urls: Router, settings: &str) -> Option<Client> {
    let url = database_url(&Postgres::shared()?.url("postgres"));
    let client = Client::with_settings(App::new(urls), &format!("{SETTINGS}\n{url}\n{settings}"));
    sql(
        &client,
        "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL);
         INSERT INTO notes (text) VALUES ('first'), ('second');
         CREATE FUNCTION touch() RETURNS bigint LANGUAGE sql AS 'INSERT INTO notes (text) VALUES (''touched'') RETURNING id';
         CREATE VIEW touching AS SELECT touch() AS id",
    );
    Some(client)
}

fn count(db: &mut Db) -> Result<i64> {
    Ok(notes::table.count().get_result(db)?)
}

fn add(db: &mut Db, text: &str) -> Result<()> {
    diesel::insert_into(notes::table).values(notes::text.eq(text)).execute(db)?;
    Ok(())
}

fn run(db: &mut Db, statement: &str) -> Result<()> {
    Ok(diesel::sql_query(statement).execute(db).map(drop)?)
}

fn text(db: &mut Db, select: &str) -> Result<String> {
    Ok(diesel::select(raw::<Text>(&format!("({select})"))).get_result(db)?)
}

fn postgres(db: &mut Db) -> Result<&mut lback::db::Postgres> {
    match db {
        Db::Postgres(connection) => Ok(connection),
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => Err(Error::internal("not PostgreSQL")),
    }
}

/// Runs `meanwhile` while a request to `/` waits at the gate, which its view passes after `view`. Expects a 204.
fn meanwhile(view: fn(&mut Db) -> Result<()>, meanwhile: impl FnOnce(&Client)) {
    let gate = Gate::default();
    let stop = gate.clone();
    let view = move |req: &mut Request| -> Result<()> {
        // The transaction begins after a read that ran by itself.
        count(req.db()?)?;
        view(req.db()?)?;
        stop.pass();
        Ok(())
    };
    let Some(client) = client(Router::new().get("/", view), "") else { return };
    thread::scope(|scope| {
        let request = scope.spawn(|| client.get("/").send());
        gate.reached();
        meanwhile(&client);
        gate.open();
        request.join().unwrap().assert_status(204);
    });
}

#[test]
fn a_row_that_is_read_for_update_is_locked_until_the_request_ends() {
    let lock = |db: &mut Db| -> Result<()> {
        let locked = notes::table.find(1).select(notes::id).for_update();
        locked.first::<i64>(postgres(db)?)?;
        Ok(())
    };
    meanwhile(lock, |client| {
        let mut other = client.database().connect().unwrap();
        let attempt = "SELECT FROM notes WHERE id = 1 FOR UPDATE NOWAIT";
        assert!(other.batch_execute(attempt).unwrap_err().to_string().contains("could not obtain lock"));
    });
}

#[test]
fn an_advisory_lock_of_the_transaction_is_held_until_the_request_ends() {
    let lock = |db: &mut Db| run(db, "SELECT pg_advisory_xact_lock(7)");
    meanwhile(lock, |client| {
        let free: bool = client.db(|db| raw::<Bool>("SELECT pg_try_advisory_lock(7)").get_result(db));
        // Advisory locks belong to a database, and so does this test.
        assert!(!free);
    });
}

#[test]
fn a_function_that_writes_is_undone_with_the_request() {
    fn view(req: &mut Request) -> Result<String> {
        count(req.db()?)?;
        let id: i64 = diesel::select(raw::<BigInt>("touch()")).get_result(req.db()?)?;
        match req.param::<String>("how")?.as_str() {
            "keep" => Ok(id.to_string()),
            _ => Err(Error::not_found("no")),
        }
    }
    let Some(client) = client(Router::new().any("/{how}", view), "") else { return };
    client.get("/undo").send().assert_status(404);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 2);
    client.get("/keep").send().assert_status(200);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 3);
}

#[test]
fn what_sql_does_not_show_is_undone_in_a_transaction_that_was_asked_for() {
    fn view(req: &mut Request) -> Result<()> {
        let how: String = req.param("how")?;
        let touching = "SELECT count(*) FROM touching";
        let _: i64 = match how.as_str() {
            "asked" => raw::<BigInt>(touching).get_result(req.transaction()?)?,
            "nested" => req.db()?.transaction(|db| raw::<BigInt>(touching).get_result(db))?,
            _ => raw::<BigInt>(touching).get_result(req.db()?)?,
        };
        Err(Error::not_found("no"))
    }
    let Some(client) = client(Router::new().any("/{how}", view), "") else { return };
    for how in ["asked", "nested"] {
        client.get(&format!("/{how}")).send().assert_status(404);
        assert_eq!(number(&client, "SELECT count(*) FROM notes"), 2, "{how}");
    }
    // The guide says so.
    client.get("/hidden").send().assert_status(404);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 3);
}

#[test]
fn settings_of_the_transaction_last_as_long_as_the_request() {
    fn view(req: &mut Request) -> Result<String> {
        let db = req.db()?;
        let before = text(db, "SELECT current_setting('lock_timeout')")?;
        run(db, "SET LOCAL lock_timeout = '1234ms'")?;
        count(db)?;
        Ok(format!("{before} {}", text(db, "SELECT current_setting('lock_timeout')")?))
    }
    let Some(client) = client(Router::new().get("/", view), "DATABASE_POOL_SIZE = 1") else { return };
    for _ in 0..2 {
        client.get("/").send().assert_status(200).assert_contains("5s 1234ms");
    }
}

#[test]
fn a_savepoint_after_a_read_is_undone_alone() {
    fn view(req: &mut Request) -> Result<StatusCode> {
        count(req.db()?)?;
        let db = req.db()?;
        let inner: Result<()> = db.transaction(|db| add(db, "inner").and_then(|()| Err(Error::internal("the inner transaction fails"))));
        assert!(inner.is_err());
        let kept: Result<()> = db.transaction(|db| add(db, "kept"));
        kept?;
        Ok(StatusCode::from_u16(req.param("status")?)?)
    }
    let Some(client) = client(Router::new().any("/{status:int}", view), "") else { return };
    for (status, left) in [(500, 2), (200, 3)] {
        client.get(&format!("/{status}")).send().assert_status(status);
        assert_eq!(number(&client, "SELECT count(*) FROM notes"), left);
    }
}

#[test]
fn cursors_and_temporary_tables_live_in_the_transaction() {
    fn view(req: &mut Request) -> Result<String> {
        let db = req.db()?;
        count(db)?;
        run(db, "DECLARE all_notes CURSOR FOR SELECT text FROM notes ORDER BY id")?;
        let fetched: Vec<Row> = diesel::sql_query("FETCH 1 FROM all_notes").load(db)?;
        let rest: Vec<Row> = diesel::sql_query("FETCH ALL FROM all_notes").load(db)?;
        run(db, "CREATE TEMPORARY TABLE picked (n BIGINT) ON COMMIT DROP")?;
        run(db, "INSERT INTO picked VALUES (5), (7)")?;
        let picked: i64 = diesel::select(raw::<BigInt>("(SELECT sum(n)::bigint FROM picked)")).get_result(db)?;
        Ok(format!("{} {} {picked}", fetched[0].text, rest[0].text))
    }
    let Some(client) = client(Router::new().get("/", view), "DATABASE_POOL_SIZE = 1") else { return };
    for _ in 0..3 {
        client.get("/").send().assert_status(200).assert_contains("first second 12");
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

#[test]
fn a_notification_is_sent_with_the_commit_and_never_without() {
    fn view(req: &mut Request) -> Result<StatusCode> {
        count(req.db()?)?;
        let status = StatusCode::from_u16(req.param("status")?)?;
        run(req.db()?, &format!("SELECT pg_notify('news', '{}')", status.as_u16()))?;
        run(req.db()?, &format!("NOTIFY news, 'again {}'", status.as_u16()))?;
        Ok(status)
    }
    let Some(client) = client(Router::new().get("/{status:int}", view), "") else { return };
    let mut listener = client.database().connect().unwrap();
    listener.batch_execute("LISTEN news").unwrap();
    for status in [200, 500, 201] {
        client.get(&format!("/{status}")).send().assert_status(status);
    }
    listener.batch_execute("SELECT 1").unwrap();
    let heard: Vec<_> =
        postgres(&mut listener).unwrap().diesel().unwrap().notifications_iter().map(|heard| heard.unwrap().payload).collect();
    assert_eq!(heard, ["200", "again 200", "201", "again 201"]);
}

#[test]
fn a_request_listens_only_if_it_commits() {
    fn view(req: &mut Request) -> Result<StatusCode> {
        count(req.db()?)?;
        run(req.db()?, "LISTEN requests")?;
        Ok(StatusCode::from_u16(req.param("status")?)?)
    }
    fn listens(req: &mut Request) -> Result<String> {
        text(req.db()?, "SELECT count(*)::text FROM pg_listening_channels()")
    }
    let Some(client) = client(Router::new().get("/{status:int}", view).get("/listens", listens), "DATABASE_POOL_SIZE = 1") else { return };
    client.get("/500").send().assert_status(500);
    client.get("/listens").send().assert_contains("0");
    client.get("/200").send().assert_status(200);
    client.get("/listens").send().assert_contains("1");
}

#[test]
fn after_its_first_write_a_request_reads_what_it_has_written() {
    let write = |db: &mut Db| -> Result<()> {
        add(db, "third")?;
        assert_eq!(count(db)?, 3);
        Ok(())
    };
    meanwhile(write, |client| assert_eq!(number(client, "SELECT count(*) FROM notes"), 2));
}

#[test]
fn a_read_that_fails_by_itself_spoils_nothing() {
    fn view(req: &mut Request) -> Result<String> {
        assert!(run(req.db()?, "SELECT 1 / (id - 1) FROM notes").is_err());
        assert!(notes::table.filter(raw::<Bool>("no_such_column")).count().get_result::<i64>(req.db()?).is_err());
        add(req.db()?, "third")?;
        Ok(count(req.db()?)?.to_string())
    }
    let Some(client) = client(Router::new().any("/", view), "DATABASE_POOL_SIZE = 1") else { return };
    client.get("/").send().assert_status(200).assert_contains("3");
    client.post("/").send().assert_status(200).assert_contains("4");
}

#[test]
fn the_isolation_is_that_of_the_settings_or_of_the_request() {
    fn view(req: &mut Request) -> Result<String> {
        match req.param::<String>("level")?.as_str() {
            "read" => req.isolation(Isolation::ReadCommitted)?,
            "repeatable" => req.isolation(Isolation::RepeatableRead)?,
            "serializable" => req.isolation(Isolation::Serializable)?,
            _ => {}
        }
        text(req.db()?, "SELECT current_setting('transaction_isolation')")
    }
    for (setting, level) in [("", "read committed"), ("DATABASE_ISOLATION = 'serializable'", "serializable")] {
        let Some(client) = client(Router::new().any("/{level}", view), setting) else { return };
        for (path, expected) in [
            ("/none", level),
            ("/read", "read committed"),
            ("/repeatable", "repeatable read"),
            ("/serializable", "serializable"),
            ("/none", level),
        ] {
            assert_eq!(client.get(path).send().assert_status(200).text(), expected, "{setting} {path}");
            assert_eq!(client.post(path).send().assert_status(200).text(), expected, "{setting} {path}");
        }
        assert_eq!(client.db(|db| text(db, "SELECT current_setting('transaction_isolation')")), level, "outside of requests");
    }
    let error = start_error(App::new(Router::new()), "DATABASE_ISOLATION = 'snapshot'");
    assert!(error.contains("DATABASE_ISOLATION") && error.contains("read committed"), "{error}");
}

#[test]
fn the_isolation_of_a_transaction_that_has_begun_stays() {
    fn view(req: &mut Request) -> Result<()> {
        count(req.db()?)?;
        req.isolation(Isolation::RepeatableRead)?;
        add(req.db()?, "third")?;
        req.isolation(Isolation::Serializable)
    }
    let Some(client) = client(Router::new().post("/", view), "") else { return };
    client.post("/").send().assert_status(500);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 2);
}

#[test]
fn two_reads_see_what_was_committed_between_them_unless_the_isolation_forbids_it() {
    fn view(gate: Gate) -> impl Fn(&mut Request) -> Result<String> + Send + Sync + 'static {
        move |req| {
            if req.param::<String>("level")? == "repeatable" {
                req.isolation(Isolation::RepeatableRead)?;
            }
            let before = count(req.db()?)?;
            gate.pass();
            Ok(format!("{before} {}", count(req.db()?)?))
        }
    }
    for (path, seen) in [("/read", "2 3"), ("/repeatable", "2 2")] {
        let gate = Gate::default();
        let Some(client) = client(Router::new().get("/{level}", view(gate.clone())), "") else { return };
        thread::scope(|scope| {
            let request = scope.spawn(|| client.get(path).send());
            gate.reached();
            sql(&client, "INSERT INTO notes (text) VALUES ('third')");
            gate.open();
            request.join().unwrap().assert_status(200).assert_contains(seen);
        });
    }
}

#[test]
fn of_two_requests_that_cannot_be_put_in_order_one_gets_503() {
    static BOTH: Barrier = Barrier::new(2);
    fn view(req: &mut Request) -> Result<()> {
        req.isolation(Isolation::Serializable)?;
        let count = count(req.db()?)?;
        BOTH.wait();
        add(req.db()?, &format!("after {count}"))
    }
    let Some(client) = client(Router::new().post("/", view), "") else { return };
    let responses = thread::scope(|scope| {
        let requests = [(); 2].map(|()| scope.spawn(|| client.post("/").send()));
        requests.map(|request| request.join().unwrap())
    });
    let mut statuses = responses.each_ref().map(|response| response.status().as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 503]);
    responses.iter().filter(|response| response.status() == 503).for_each(assert_unavailable);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 3);
}

#[test]
fn diesels_own_connection_is_in_the_transaction() {
    fn view(req: &mut Request) -> Result<StatusCode> {
        count(req.db()?)?;
        let status = StatusCode::from_u16(req.param("status")?)?;
        postgres(req.db()?)?.diesel()?.batch_execute("INSERT INTO notes (text) VALUES ('third')")?;
        Ok(status)
    }
    let Some(client) = client(Router::new().get("/{status:int}", view), "") else { return };
    for (status, left) in [(503, 2), (200, 3)] {
        client.get(&format!("/{status}")).send().assert_status(status);
        assert_eq!(number(&client, "SELECT count(*) FROM notes"), left);
    }
}
