//! What runs after the commit, and never if there is none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lback::prelude::*;
use lback::testing::Client;

use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(
    it_runs_after_a_commit_and_never_after_a_rollback,
    what_it_sees_is_committed_and_the_connection_is_free,
    one_that_panics_changes_nothing,
);

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

/// An application whose every view counts what ran after its commit.
fn client(on: &str, ran: &Arc<AtomicUsize>) -> Client {
    let counting = |ran: &Arc<AtomicUsize>, view: fn(&mut Request) -> Result<StatusCode>| {
        let ran = ran.clone();
        move |req: &mut Request| {
            let ran = ran.clone();
            req.on_commit(move || _ = ran.fetch_add(1, Ordering::SeqCst))?;
            view(req)
        }
    };
    fn insert(req: &mut Request, table: &str) -> Result<()> {
        diesel::sql_query(format!("INSERT INTO {table} VALUES (7)")).execute(req.db()?)?;
        Ok(())
    }
    let urls = Router::new()
        .post("/plain", counting(ran, |_| Ok(StatusCode::OK)))
        .get("/read", counting(ran, |req| diesel::sql_query("SELECT 1").execute(req.db()?).map(|_| Ok(StatusCode::OK))?))
        .post("/write", counting(ran, |req| insert(req, "notes").map(|()| StatusCode::OK)))
        .post("/client-error", counting(ran, |_| Ok(StatusCode::CONFLICT)))
        .post("/server-error", counting(ran, |_| Ok(StatusCode::SERVICE_UNAVAILABLE)))
        .post("/write-and-fail", counting(ran, |req| insert(req, "notes").and_then(|()| Err(Error::not_found("no")))))
        .post("/panic", counting(ran, |_| panic!("on purpose")))
        // Refused by the commit.
        .post("/orphan", counting(ran, |req| insert(req, "children").map(|()| StatusCode::OK)));
    let client = Client::with_settings(App::new(urls), &format!("{SETTINGS}\n{on}"));
    sql(
        &client,
        "CREATE TABLE notes (n BIGINT);
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);",
    );
    client
}

fn it_runs_after_a_commit_and_never_after_a_rollback(on: &str) {
    let ran = Arc::new(AtomicUsize::new(0));
    let client = client(on, &ran);
    for (path, status, runs) in [
        ("/plain", 200, 1),
        ("/write", 200, 1),
        ("/client-error", 409, 1),
        ("/server-error", 503, 0),
        ("/write-and-fail", 404, 0),
        ("/panic", 500, 0),
        ("/orphan", 500, 0),
    ] {
        client.post(path).send().assert_status(status);
        assert_eq!(ran.swap(0, Ordering::SeqCst), runs, "{path}");
    }
    client.get("/read").send().assert_status(200);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

fn what_it_sees_is_committed_and_the_connection_is_free(on: &str) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let view = {
        let seen = seen.clone();
        move |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO notes VALUES (7)").execute(req.db()?)?;
            let (seen, database) = (seen.clone(), req.db_session()?.database().clone());
            req.on_commit(move || {
                let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM notes)");
                let count = database.get().map(|mut db| diesel::select(count).get_result::<i64>(&mut *db).unwrap());
                seen.lock().unwrap().push(count.unwrap());
            })
        }
    };
    let settings = format!("{SETTINGS}\nDATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1\n{on}");
    let client = Client::with_settings(App::new(Router::new().post("/", view)), &settings);
    sql(&client, "CREATE TABLE notes (n BIGINT)");
    client.post("/").send().assert_status(204);
    assert_eq!(*seen.lock().unwrap(), [1]);
}

fn one_that_panics_changes_nothing(on: &str) {
    let view = |req: &mut Request| -> Result<()> {
        diesel::sql_query("INSERT INTO notes VALUES (7)").execute(req.db()?)?;
        req.on_commit(|| panic!("on purpose"))
    };
    let client = Client::with_settings(App::new(Router::new().post("/", view)), &format!("{SETTINGS}\n{on}"));
    sql(&client, "CREATE TABLE notes (n BIGINT)");
    client.post("/").send().assert_status(204);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 1);
}

#[test]
fn an_early_commit_runs_it_and_nothing_can_be_added_then() {
    async fn view(req: &mut Request) -> Result<String> {
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        req.on_commit(move || _ = count.fetch_add(1, Ordering::SeqCst))?;
        req.commit_db().await?;
        let late = req.on_commit(|| {}).is_err();
        Ok(format!("{} {late}", ran.load(Ordering::SeqCst)))
    }
    let client = Client::with_settings(App::new(Router::new().post("/", view)), SETTINGS);
    client.post("/").send().assert_status(200).assert_contains("1 true");
}
