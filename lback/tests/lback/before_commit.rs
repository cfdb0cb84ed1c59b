//! Work directly before the commit, and work that may or may not join the request's transaction.

use std::sync::{Arc, Mutex};

use lback::prelude::*;
use lback::testing::Client;

use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(
    it_runs_in_order_and_in_the_views_transaction,
    it_begins_a_transaction_if_there_is_none,
    one_that_fails_undoes_everything_and_fails_the_request,
    it_never_runs_if_the_request_fails,
    the_session_is_saved_with_it_or_not_at_all,
    reading_beside_begins_no_transaction_and_sees_the_open_one,
    writing_beside_outlasts_the_request_unless_its_transaction_is_open,
);

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nDATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1";

fn client(on: &str, urls: Router) -> Client {
    client_of(on, App::new(urls))
}

fn client_of(on: &str, app: App) -> Client {
    let client = Client::with_settings(app, &format!("{SETTINGS}\n{on}"));
    sql(&client, "CREATE TABLE notes (n BIGINT NOT NULL)");
    client
}

fn note(db: &mut Db, n: i64) -> Result<()> {
    diesel::sql_query(format!("INSERT INTO notes VALUES ({n})")).execute(db)?;
    Ok(())
}

fn notes(db: &mut Db) -> Result<i64> {
    Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM notes)")).get_result(db)?)
}

fn count(client: &Client) -> i64 {
    number(client, "SELECT count(*) FROM notes")
}

fn it_runs_in_order_and_in_the_views_transaction(on: &str) {
    let ran: Arc<Mutex<Vec<(&str, i64)>>> = Arc::default();
    let register = |name: &'static str| {
        let ran = ran.clone();
        move |req: &mut Request| {
            let ran = ran.clone();
            req.before_commit(move |db| {
                ran.lock().unwrap().push((name, notes(db)?));
                note(db, 1)
            })
        }
    };
    struct Registers<F>(F);
    impl<F: Fn(&mut Request) -> Result<()> + Send + Sync + 'static> lback::middleware::Middleware for Registers<F> {
        async fn handle(&self, req: &mut Request, next: lback::middleware::Next<'_>) -> Result<Response> {
            let result = next.run(req).await;
            (self.0)(req)?;
            result
        }
    }
    let view = register("view");
    let ended = ran.clone();
    let urls = Router::new()
        .post("/", move |req: &mut Request| -> Result<()> {
            note(req.db()?, 1)?;
            let ended = ended.clone();
            req.on_commit(move || ended.lock().unwrap().push(("after", 0)))?;
            view(req)
        })
        .middleware(Registers(register("inner")))
        .middleware(Registers(register("outer")));
    let client = client(on, urls);
    client.post("/").send().assert_status(204);
    let ran = ran.lock().unwrap();
    let names: Vec<&str> = ran.iter().map(|(name, _)| *name).collect();
    assert!(names == ["view", "inner", "outer", "after"] || names == ["view", "outer", "inner", "after"], "{names:?}");
    assert_eq!(ran.iter().take(3).map(|(_, seen)| *seen).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(count(&client), 4);
}

fn it_begins_a_transaction_if_there_is_none(on: &str) {
    fn view(req: &mut Request) -> Result<()> {
        if req.uri().query().is_some() {
            notes(req.db()?)?;
        }
        req.before_commit(|db| note(db, 1))
    }
    let client = client(on, Router::new().any("/", view));
    for (n, path) in (1..).zip(["/", "/?reads"]) {
        client.post(path).send().assert_status(204);
        client.get(path).send().assert_status(204);
        assert_eq!(count(&client), 2 * n, "{path}");
    }
}

fn one_that_fails_undoes_everything_and_fails_the_request(on: &str) {
    fn view(req: &mut Request) -> Result<String> {
        note(req.db()?, 1)?;
        req.before_commit(|db| note(db, 2))?;
        req.on_commit(|| panic!("nothing was committed"))?;
        let how: String = req.param("how")?;
        req.before_commit(move |_| match how.as_str() {
            "conflict" => Err(Error::new(StatusCode::CONFLICT, "no")),
            "unavailable" => Err(Error::unavailable("no")),
            _ => panic!("on purpose"),
        })?;
        req.before_commit(|_| panic!("what comes after a failure does not run"))?;
        Ok("saved".to_owned())
    }
    let client = client(on, Router::new().post("/{how}", view));
    for (how, status) in [("conflict", 500), ("unavailable", 503), ("panic", 500)] {
        let response = client.post(&format!("/{how}")).send();
        response.assert_status(status);
        assert!(!response.text().contains("saved"));
        assert_eq!(count(&client), 0, "{how}");
    }
}

fn it_never_runs_if_the_request_fails(on: &str) {
    fn view(req: &mut Request) -> Result<StatusCode> {
        req.before_commit(|_| panic!("the request has failed"))?;
        match req.param::<u16>("status")? {
            404 => Err(Error::not_found("no")),
            status => Ok(StatusCode::from_u16(status).unwrap()),
        }
    }
    let client = client(on, Router::new().post("/{status:int}", view));
    for status in [404, 503] {
        client.post(&format!("/{status}")).send().assert_status(status);
    }
}

fn the_session_is_saved_with_it_or_not_at_all(on: &str) {
    fn view(req: &mut Request) -> Result<()> {
        let visits = req.session().update("visits", |n: Option<i64>| n.unwrap_or(0) + 1)?;
        let fails = req.param::<String>("how")? == "fails";
        req.before_commit(move |db| if fails { Err(Error::internal("no")) } else { note(db, visits) })
    }
    let client = client(on, Router::new().post("/{how}", view));
    client.post("/fails").send().assert_status(500);
    assert!(client.session().is_none());
    client.post("/works").send().assert_status(204);
    client.post("/fails").send().assert_status(500);
    assert_eq!(client.session().unwrap().data["visits"], 1);
    client.post("/works").send().assert_status(204);
    assert_eq!(client.session().unwrap().data["visits"], 2);
    assert_eq!(count(&client), 2);
}

fn reading_beside_begins_no_transaction_and_sees_the_open_one(on: &str) {
    fn view(req: &mut Request) -> Result<String> {
        let before = req.read_db(notes)?;
        let open = req.db_session()?.is_open();
        note(req.db()?, 1)?;
        Ok(format!("{before} {open} {}", req.read_db(notes)?))
    }
    let client = client(on, Router::new().post("/", view));
    client.post("/").send().assert_status(200).assert_contains("0 false 1");
}

fn writing_beside_outlasts_the_request_unless_its_transaction_is_open(on: &str) {
    fn view(req: &mut Request) -> Result<()> {
        match req.param::<String>("first")?.as_str() {
            "writes" => note(req.db()?, 1)?,
            "reads" => drop(notes(req.db()?)?),
            "registers" => {
                notes(req.db()?)?;
                req.before_commit(|_| Ok(()))?;
            }
            _ => {}
        }
        req.write_db(|db| note(db, 2))?;
        Err(Error::not_found("no"))
    }
    let client = client(on, Router::new().any("/{first}", view));
    client.post("/nothing").send().assert_status(404);
    assert_eq!(count(&client), 1);
    client.post("/writes").send().assert_status(404);
    assert_eq!(count(&client), 1);
    // A POST that has only read so far may still write.
    client.post("/reads").send().assert_status(404);
    assert_eq!(count(&client), 1);
    client.get("/reads").send().assert_status(404);
    assert_eq!(count(&client), 2);
    // A hook that will write later does not keep it open.
    client.get("/registers").send().assert_status(404);
    assert_eq!(count(&client), 3);
}

#[test]
fn a_transaction_of_its_own_is_committed_unless_it_fails() {
    let client = client("", Router::new());
    let database = client.database();
    database.write(|db| note(db, 1)).unwrap();
    database.write(|db| note(db, 2).and_then(|()| Err::<(), _>(Error::internal("no")))).unwrap_err();
    assert_eq!(database.read(notes).unwrap(), 1);
    lback::testing::block_on(database.run_write(|db| note(db, 3))).unwrap();
    let panicked = lback::testing::block_on(database.run_write(|db| -> Result<()> {
        note(db, 4)?;
        panic!("on purpose")
    }));
    assert_eq!(panicked.unwrap_err().status(), 500);
    assert_eq!(count(&client), 2);
}
