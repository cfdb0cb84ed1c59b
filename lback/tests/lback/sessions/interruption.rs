//! Rule 7: a session that was deleted stays deleted.

use std::sync::Barrier;
use std::thread;

use lback::prelude::*;
use lback::testing::Client;

use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_stored, held, holding, id, is_live, suite, urls};
use crate::gate::Gate;

suite!(
    rule_07_a_session_that_expires_under_a_request_stays_expired;
    server:
    rule_07_a_deleted_session_stays_deleted,
    rule_07_nothing_that_runs_beside_a_logout_undoes_it,
    rule_07_a_revoked_session_stays_revoked,
);

/// Runs `between` while a request has worked on the session and not yet saved it.
pub(super) fn while_in_flight(
    store: &Store,
    work: impl Fn(&mut Request) -> Result<()> + Send + Sync + 'static,
    prepare: impl FnOnce(&Client),
    between: impl FnOnce(&Client),
) -> (Client, lback::testing::TestResponse) {
    let gate = Gate::default();
    let waits = gate.clone();
    let client = store.client(urls().post("/slow", move |req: &mut Request| -> Result<()> {
        work(req)?;
        waits.pass();
        Ok(())
    }));
    prepare(&client);
    let response = thread::scope(|scope| {
        let slow = scope.spawn(|| client.post("/slow").send());
        gate.reached();
        between(&client);
        gate.open();
        slow.join().unwrap()
    });
    (client, response)
}

fn rule_07_a_deleted_session_stays_deleted(store: &Store) {
    let mut deleted = None;
    let (client, response) = while_in_flight(
        store,
        |req| req.session().insert("a", "late"),
        |client| drop(client.post("/set/a/1").send()),
        |client| {
            deleted = Some(id(client));
            client.post("/logout").send();
        },
    );
    response.assert_status(204);
    assert_no_cookie(&response);
    assert!(!is_live(&client, deleted.unwrap()));
    assert!(client.cookie(COOKIE).is_none());
    assert_stored(&client, 0);
}

fn rule_07_a_session_that_expires_under_a_request_stays_expired(store: &Store) {
    let mut keeper = None;
    let (_client, response) = while_in_flight(
        store,
        |req| req.session().insert("a", "late"),
        |client| drop(client.post("/set/a/1").send()),
        |client| {
            keeper = Some(holding(client, &held(client)));
            client.clock().advance(31 * MINUTE);
        },
    );
    assert_no_cookie(&response);
    let keeper = keeper.unwrap();
    assert!(keeper.session().is_none());
    keeper.get("/get/a").send().assert_contains("null");
}

fn rule_07_a_revoked_session_stays_revoked(store: &Store) {
    let mut revoked = None;
    let (client, response) = while_in_flight(
        store,
        |req| req.session().insert("a", "late"),
        |client| drop(client.post("/login/7").send()),
        |client| {
            revoked = Some(id(client));
            assert_eq!(client.sessions().revoke_user(7, None).unwrap(), 1);
        },
    );
    assert_no_cookie(&response);
    assert!(!is_live(&client, revoked.unwrap()));
}

fn rule_07_nothing_that_runs_beside_a_logout_undoes_it(store: &Store) {
    // Every kind of write: changes, renewals, rotations, flashes.
    const WRITERS: [&str; 4] = ["/count/a", "/set/b/1", "/cycle", "/flash/hello"];
    let client = store.client(urls().post("/cycle", |req: &mut Request| req.session().cycle_id()));
    for round in 0..25 {
        client.clear_cookies();
        client.post("/set/a/0").send();
        client.post("/remove/a").send();
        let (old, cookie) = (id(&client), held(&client));
        client.clock().advance(std::time::Duration::from_secs(2));
        // Rotations only in some rounds: after one the logout finds nothing to delete, and the new id lives on rightly.
        let writers = if round % 5 == 0 { WRITERS.as_slice() } else { &["/count/a", "/set/b/1", "/flash/hello", "/touch"] };
        let start = Barrier::new(writers.len() + 1);
        thread::scope(|scope| {
            for path in writers {
                let (browser, start) = (holding(&client, &cookie), &start);
                scope.spawn(move || {
                    start.wait();
                    let response = if *path == "/touch" { browser.get(path).send() } else { browser.post(path).send() };
                    assert!(response.status().is_success(), "{response:?}");
                });
            }
            start.wait();
            holding(&client, &cookie).post("/logout").send().assert_status(204);
            assert!(!is_live(&client, old), "round {round}: alive when the logout had finished");
        });
        assert!(!is_live(&client, old), "round {round}: brought back");
    }
}
