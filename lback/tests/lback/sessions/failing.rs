//! Rules 1, 5, 9, 13 and 15 where the store fails: nobody is logged out, nothing is half done.

use lback::prelude::*;
use lback::testing::TestResponse;

use super::{Fault, MINUTE, Store, assert_no_cookie, held, holding, id, is_live, suite, urls};
use crate::{number, sql};

suite!(
    failing:
    rule_01_an_untouched_session_is_not_looked_for,
    rule_03_a_refused_cookie_is_not_looked_for,
    rule_05_a_store_that_cannot_be_read_answers_503,
    rule_05_a_view_that_overlooks_it_answers_503_all_the_same,
    rule_09_a_renewal_that_fails_is_not_fatal,
    rule_09_a_renewal_that_fails_leaves_the_views_work_alone,
    rule_13_a_deletion_that_fails_is_a_500,
    rule_15_a_write_that_fails_is_a_500_without_a_cookie,
    rule_15_a_write_that_fails_takes_the_views_work_with_it,
);

#[track_caller]
fn assert_fails_quietly(response: &TestResponse) {
    assert!(response.status().is_server_error(), "{response:?}");
    assert_no_cookie(response);
    for secret in ["fault", "session", "sqlite", "/tmp"] {
        assert!(!response.text().to_lowercase().contains(secret), "{response:?}");
    }
}

fn rule_01_an_untouched_session_is_not_looked_for(store: &Store) {
    let client = store.client_with(urls(), "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1");
    client.post("/set/a/1").send();
    store.fail(&client, Fault::Read);
    let connection = client.database().get().unwrap();
    client.get("/untouched").send().assert_status(200);
    client.get("/no-such-page").send().assert_status(404);
    client.get("/touch").send().assert_status(503);
    drop(connection);
}

fn rule_03_a_refused_cookie_is_not_looked_for(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let cookie = held(&client);
    store.fail(&client, Fault::Read);
    holding(&client, &cookie).get("/touch").send().assert_status(503);
    for refused in ["", "x", &cookie[1..], &format!("{cookie}x"), &"x".repeat(5000), &id_alone(&cookie)] {
        holding(&client, refused).get("/touch").send().assert_status(200);
    }
}

fn id_alone(cookie: &str) -> String {
    cookie[cookie.len() - 36..].to_owned()
}

fn rule_05_a_store_that_cannot_be_read_answers_503(store: &Store) {
    let client = store.client(
        urls()
            .get("/db-first", |req: &mut Request| -> Result<String> {
                req.db()?;
                Ok(req.session()["a"].to_string())
            })
            .get("/async", async |req: &mut Request| req.load_session().await["a"].to_string()),
    );
    client.post("/set/a/kept").send();
    let (cookie, before) = (held(&client), client.session().unwrap());
    client.clock().advance(MINUTE);
    store.fail(&client, Fault::Read);
    for path in ["/touch", "/get/a", "/flashes", "/db-first", "/async"] {
        let response = client.get(path).send();
        response.assert_status(503);
        assert!(response.header("retry-after").is_some());
        assert_fails_quietly(&response);
    }
    for path in ["/set/a/lost", "/count/n", "/login/7", "/logout", "/flash/lost", "/remove/a"] {
        let response = client.post(path).send();
        response.assert_status(503);
        assert_fails_quietly(&response);
    }
    assert_eq!(held(&client), cookie);
    store.mend(&client, Fault::Read);
    assert_eq!(client.session().unwrap(), before, "nothing was changed");
    client.get("/get/a").send().assert_contains("kept");
}

fn rule_05_a_view_that_overlooks_it_answers_503_all_the_same(store: &Store) {
    let client = store.client(urls().post("/overlooks", |req: &mut Request| {
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db().unwrap()).unwrap();
        assert!(req.session().get::<String>("a").is_err());
        assert!(req.session().insert("a", 1).is_err());
        let user = req.session()["user_id"].to_string();
        req.session().delete();
        (StatusCode::OK, format!("logged out: {user}"))
    }));
    sql(&client, "CREATE TABLE work (n BIGINT)");
    client.post("/login/7").send();
    store.fail(&client, Fault::Read);
    let response = client.post("/overlooks").send();
    response.assert_status(503);
    assert_fails_quietly(&response);
    assert_eq!(number(&client, "SELECT count(*) FROM work"), 0);
    store.mend(&client, Fault::Read);
    client.get("/get/user_id").send().assert_contains("7");
}

fn rule_09_a_renewal_that_fails_is_not_fatal(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    client.clock().advance(MINUTE);
    store.fail(&client, Fault::Update);
    let response = client.get("/get/a").send();
    response.assert_status(200).assert_contains("1");
    assert_no_cookie(&response);
    store.mend(&client, Fault::Update);
    assert!(super::sent(&client.get("/get/a").send()).is_some());
}

fn rule_09_a_renewal_that_fails_leaves_the_views_work_alone(store: &Store) {
    let work = |req: &mut Request| -> Result<String> {
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
        Ok(req.session()["a"].to_string())
    };
    let client = store.client(urls().post("/work", work).get("/work", work));
    sql(&client, "CREATE TABLE work (n BIGINT)");
    client.post("/set/a/1").send();
    store.fail(&client, Fault::Update);
    for (done, renewed) in [(2, false), (4, true)] {
        client.clock().advance(MINUTE);
        if renewed {
            store.mend(&client, Fault::Update);
        }
        for (response, is_first) in [(client.post("/work").send(), true), (client.get("/work").send(), false)] {
            response.assert_status(200).assert_contains("1");
            assert_eq!(super::sent(&response).is_some(), renewed && is_first);
        }
        assert_eq!(number(&client, "SELECT count(*) FROM work"), done);
    }
    assert_eq!(client.session().unwrap().expires_at, client.clock().now() + chrono::TimeDelta::minutes(30));
}

fn rule_13_a_deletion_that_fails_is_a_500(store: &Store) {
    let client = store.client(urls().post("/goodbye", |req: &mut Request| {
        req.session().delete();
        req.session().flash("info", "You have been logged out.");
    }));
    client.post("/login/7").send();
    let (cookie, old) = (held(&client), id(&client));
    store.fail(&client, Fault::Delete);
    for path in ["/logout", "/goodbye"] {
        let response = client.post(path).send();
        assert_fails_quietly(&response);
        assert_eq!(held(&client), cookie);
    }
    // It is tried again behind the scenes, from when it can succeed.
    assert!(is_live(&client, old));
    store.mend(&client, Fault::Delete);
    client.post("/logout").send().assert_status(204);
    assert!(!is_live(&client, old));
    super::assert_stored(&client, 0);
}

fn rule_15_a_write_that_fails_is_a_500_without_a_cookie(store: &Store) {
    let own = |req: &mut Request| {
        req.cookies().add(("own", "cookie"));
        req.session().insert("a", "lost")
    };
    let client = store.client(urls().post("/own", own));
    store.fail(&client, Fault::Create);
    for path in ["/set/a/1", "/own"] {
        assert_fails_quietly(&client.post(path).send());
    }
    store.mend(&client, Fault::Create);
    client.post("/set/a/kept").send().assert_status(204);
    let before = client.session().unwrap();

    store.fail(&client, Fault::Update);
    client.clock().advance(MINUTE);
    for path in ["/set/a/lost", "/login/7", "/count/n", "/flash/lost", "/own"] {
        assert_fails_quietly(&client.post(path).send());
    }
    store.mend(&client, Fault::Update);
    assert_eq!(client.session().unwrap(), before);
    client.post("/set/a/again").send().assert_status(204);
}

/// Where the sessions are in the same database. Elsewhere the view's work is committed first: a store must not be waited
/// for while a transaction is open.
fn rule_15_a_write_that_fails_takes_the_views_work_with_it(store: &Store) {
    let work = |req: &mut Request| -> Result<()> {
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
        req.cookies().add(("own", "cookie"));
        req.session().insert("a", "lost")
    };
    // A GET's transaction becomes one that writes only when it does.
    let client = store.client(urls().post("/work", work).get("/work", work));
    sql(&client, "CREATE TABLE work (n BIGINT)");
    client.post("/set/a/kept").send();
    let before = client.session().unwrap();
    store.fail(&client, Fault::Update);
    assert_fails_quietly(&client.post("/work").send());
    assert_fails_quietly(&client.get("/work").send());
    let kept = if store.is_database() { 0 } else { 2 };
    assert_eq!(number(&client, "SELECT count(*) FROM work"), kept);
    store.mend(&client, Fault::Update);
    assert_eq!(client.session().unwrap(), before);
    client.post("/work").send().assert_status(204);
    assert_eq!(number(&client, "SELECT count(*) FROM work"), kept + 1);
}

#[test]
#[cfg(feature = "sqlite")]
fn rule_09_a_page_that_only_reads_its_session_is_shown_while_sqlite_is_locked() {
    use diesel::connection::SimpleConnection;
    let Some(store) = Store::database() else { return };
    let read = |req: &mut Request| -> Result<String> {
        diesel::sql_query("SELECT 1").execute(req.db()?)?;
        Ok(req.session()["a"].to_string())
    };
    let client = store.client_with(urls().get("/read", read), "DATABASE_BUSY_TIMEOUT_MS = 300");
    client.post("/set/a/1").send();
    client.clock().advance(MINUTE);
    let mut other = client.database().connect().unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    for path in ["/get/a", "/read"] {
        let response = client.get(path).send();
        response.assert_status(200).assert_contains("1");
        assert_no_cookie(&response);
    }
    client.post("/set/a/2").send().assert_status(503);
    other.batch_execute("ROLLBACK").unwrap();
    assert!(super::sent(&client.get("/read").send()).is_some());
}

/// Only a database holds data of which anybody can make something else.
mod databases {
    use super::*;

    suite!(databases: rule_05_data_that_are_no_object_give_a_new_session, rule_15_a_write_that_the_database_refuses_is_a_500);

    fn rule_15_a_write_that_the_database_refuses_is_a_500(store: &Store) {
        let client = store.client(urls().post("/cycle", |req: &mut Request| req.session().cycle_id()));
        client.post("/login/7").send();
        for (fault, paths) in [
            (Fault::Create, &["/set/a/1"][..]),
            (Fault::Update, &["/set/a/1", "/count/n", "/login/8", "/flash/x", "/cycle"]),
            (Fault::Delete, &["/logout"]),
        ] {
            store.fail(&client, fault);
            for path in paths {
                let browser = if matches!(fault, Fault::Create) { client.fork() } else { holding(&client, &held(&client)) };
                let response = browser.post(path).send();
                response.assert_status(500);
                assert_fails_quietly(&response);
            }
            store.mend(&client, fault);
        }
    }

    fn rule_05_data_that_are_no_object_give_a_new_session(store: &Store) {
        for data in ["[1, 2]", "7", "null", "", "{\"a\":", "not json", "\u{0}"] {
            let client = store.client(urls());
            client.post("/set/a/1").send();
            let old = id(&client);
            let text = match client.database().kind() {
                #[cfg(feature = "sqlite")]
                lback::db::Kind::Sqlite => format!("CAST(x'{}' AS TEXT)", hex(data)),
                // Knows no such text.
                #[cfg(feature = "postgres")]
                lback::db::Kind::Postgres if data == "\u{0}" => continue,
                #[cfg(feature = "postgres")]
                lback::db::Kind::Postgres => format!("convert_from('\\x{}', 'UTF8')", hex(data)),
            };
            sql(&client, &format!("UPDATE sessions SET data = {text}"));
            let response = client.get("/get/a").send();
            response.assert_status(200).assert_contains("null");
            assert_no_cookie(&response);
            client.post("/set/b/2").send().assert_status(204);
            let fresh = client.session().unwrap();
            assert_ne!(fresh.id, old, "{data}");
            assert_eq!(fresh.data.len(), 1);
        }
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }
}
