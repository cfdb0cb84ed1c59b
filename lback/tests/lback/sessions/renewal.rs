//! Rule 9: a session that is used lives on.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use lback::prelude::*;

use super::interruption::while_in_flight;
use super::{MINUTE, Store, assert_no_cookie, held, holding, id, is_live, sent, suite, urls};
use crate::gate::Gate;
use crate::{number, sql};

suite!(
    rule_09_a_touch_moves_the_expiry_and_the_cookie,
    rule_09_a_session_is_renewed_at_most_once_a_second,
    rule_09_a_save_renews_too,
    rule_09_the_expiry_only_moves_forward;
    server:
    rule_09_a_slow_request_hands_out_no_dead_cookie,
    rule_09_many_touches_at_once_renew_and_change_nothing_else,
    rule_09_two_requests_within_a_second_write_once,
);

fn rule_09_a_touch_moves_the_expiry_and_the_cookie(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let before = client.session().unwrap();
    client.clock().advance(10 * MINUTE);
    let response = client.get("/get/a").send();
    assert!(sent(&response).unwrap().contains("Max-Age=1800"), "{response:?}");
    let after = client.session().unwrap();
    assert_eq!(after.expires_at, before.expires_at + TimeDelta::minutes(10));
    assert_eq!(after.updated_at, client.clock().now());
    assert_eq!((after.id, after.version, after.data, after.created_at), (before.id, before.version, before.data, before.created_at));
}

fn rule_09_a_session_is_renewed_at_most_once_a_second(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let before = client.session().unwrap();
    assert_no_cookie(&client.get("/touch").send());
    client.clock().advance(Duration::from_millis(999));
    assert_no_cookie(&client.get("/touch").send());
    assert_eq!(client.session().unwrap(), before);
    client.clock().advance(Duration::from_millis(1));
    assert!(sent(&client.get("/touch").send()).is_some());
    assert_eq!(client.session().unwrap().expires_at, before.expires_at + TimeDelta::seconds(1));
}

fn rule_09_a_save_renews_too(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    client.clock().advance(10 * MINUTE);
    let response = client.post("/set/a/2").send();
    assert!(sent(&response).unwrap().contains("Max-Age=1800"));
    assert_eq!(client.session().unwrap().expires_at, client.clock().now() + TimeDelta::minutes(30));
}

fn rule_09_the_expiry_only_moves_forward(store: &Store) {
    // A request that began earlier ends later.
    for writes in [true, false] {
        let work = move |req: &mut Request| match writes {
            true => req.session().insert("a", "late"),
            false => {
                req.session();
                Ok(())
            }
        };
        let prepare = |client: &lback::testing::Client| {
            client.post("/set/a/1").send();
            client.clock().advance(MINUTE);
        };
        let mut renewed = None;
        let between = |client: &lback::testing::Client| {
            client.clock().advance(10 * MINUTE);
            client.get("/touch").send();
            renewed = Some(client.session().unwrap().expires_at);
            assert_eq!(renewed, Some(client.clock().now() + TimeDelta::minutes(30)));
        };
        let (client, _) = while_in_flight(store, work, prepare, between);
        assert_eq!(Some(client.session().unwrap().expires_at), renewed, "writes: {writes}");
        // The browser's cookie lives as long.
        client.clock().advance(25 * MINUTE);
        client.get("/get/a").send().assert_contains(if writes { "late" } else { "1" });
    }
}

fn rule_09_a_slow_request_hands_out_no_dead_cookie(store: &Store) {
    for writes in [true, false] {
        let work = move |req: &mut Request| match writes {
            true => req.session().insert("a", "late"),
            false => {
                req.session();
                Ok(())
            }
        };
        let mut old = None;
        let prepare = |client: &lback::testing::Client| {
            client.post("/set/a/1").send();
            client.clock().advance(MINUTE);
        };
        let between = |client: &lback::testing::Client| {
            old = Some(id(client));
            client.post("/login/7").send();
        };
        let (client, response) = while_in_flight(store, work, prepare, between);
        response.assert_status(204);
        assert_no_cookie(&response);
        assert!(!is_live(&client, old.unwrap()));
        client.get("/get/user_id").send().assert_contains("7");
    }
}

fn rule_09_many_touches_at_once_renew_and_change_nothing_else(store: &Store) {
    const THREADS: usize = 16;
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let before = client.session().unwrap();
    if store.is_database() {
        count_writes(&client);
    }
    client.clock().advance(MINUTE);
    let (cookie, start) = (held(&client), Barrier::new(THREADS));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (browser, start) = (holding(&client, &cookie), &start);
            scope.spawn(move || {
                start.wait();
                browser.get("/touch").send().assert_contains("1");
            });
        }
    });
    // A renewal does not wait long for a server under load. Then the next request renews the session.
    holding(&client, &cookie).get("/touch").send().assert_contains("1");
    let after = client.session().unwrap();
    assert_eq!(after.expires_at, before.expires_at + TimeDelta::minutes(1));
    assert_eq!((after.version, after.data), (before.version, before.data));
    if store.is_database() {
        assert_eq!(number(&client, "SELECT n FROM writes"), 1);
    }
}

fn rule_09_two_requests_within_a_second_write_once(store: &Store) {
    let (first, second) = (Gate::default(), Gate::default());
    let (one, two) = (first.clone(), second.clone());
    let wait = |gate: Gate| {
        move |req: &mut Request| {
            req.session();
            gate.pass();
        }
    };
    let client = store.client(urls().get("/one", wait(one)).get("/two", wait(two)));
    client.post("/set/a/1").send();
    if store.is_database() {
        count_writes(&client);
    }
    client.clock().advance(MINUTE);
    let due = client.clock().now() + TimeDelta::minutes(30);
    thread::scope(|scope| {
        let one = scope.spawn(|| client.get("/one").send());
        first.reached();
        // Both have seen the session as it was a minute ago.
        let two = scope.spawn(|| client.get("/two").send());
        second.reached();
        first.open();
        one.join().unwrap();
        assert_eq!(client.session().unwrap().expires_at, due);
        client.clock().advance(Duration::from_millis(100));
        second.open();
        two.join().unwrap().assert_status(204);
    });
    assert_eq!(client.session().unwrap().expires_at, due);
    if store.is_database() {
        assert_eq!(number(&client, "SELECT n FROM writes"), 1);
    }
    client.get("/get/a").send().assert_contains("1");
}

/// Counts how often a session is written, in the table `writes`.
fn count_writes(client: &lback::testing::Client) {
    let trigger = match client.database().kind() {
        #[cfg(feature = "sqlite")]
        lback::db::Kind::Sqlite => "CREATE TRIGGER count_writes AFTER UPDATE ON sessions BEGIN UPDATE writes SET n = n + 1; END",
        #[cfg(feature = "postgres")]
        lback::db::Kind::Postgres => {
            "CREATE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE writes SET n = n + 1; RETURN NULL; END';
             CREATE TRIGGER count_writes AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION count_writes()"
        }
    };
    sql(client, &format!("CREATE TABLE writes (n BIGINT NOT NULL); INSERT INTO writes VALUES (0); {trigger}"));
}
