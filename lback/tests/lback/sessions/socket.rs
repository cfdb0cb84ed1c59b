//! A visitor's whole stay, over a real socket.

use std::sync::Barrier;
use std::thread;

use super::{MINUTE, Store, assert_removes_cookie, held, holding, id, is_live, suite, urls};

suite!(
    server:
    a_visit_over_a_socket,
    rule_08_increments_over_a_socket_all_count,
    rule_13_a_logout_over_a_socket_is_final,
);

fn a_visit_over_a_socket(store: &Store) {
    let client = store.over_socket(urls());
    client.get("/touch").send().assert_contains("0");
    client.post("/set/cart/apple").send().assert_status(204);
    let anonymous = id(&client);
    client.post("/login/7").send().assert_status(204);
    assert!(!is_live(&client, anonymous));
    client.get("/get/cart").send().assert_contains("apple");
    client.post("/flash/hello").send();
    assert_eq!(client.get("/flashes").send().text(), "info:hello");
    client.clock().advance(29 * MINUTE);
    client.get("/get/user_id").send().assert_contains("7");
    client.clock().advance(29 * MINUTE);
    client.get("/get/user_id").send().assert_contains("7");
    assert_removes_cookie(&client.post("/logout").send());
    client.get("/get/user_id").send().assert_contains("null");
}

fn rule_08_increments_over_a_socket_all_count(store: &Store) {
    const THREADS: usize = 10;
    let client = store.over_socket(urls());
    client.post("/count/n").send();
    let (cookie, start) = (held(&client), Barrier::new(THREADS));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (browser, start) = (holding(&client, &cookie), &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..10 {
                    browser.post("/count/n").send().assert_status(200);
                }
            });
        }
    });
    assert_eq!(client.session().unwrap().data["n"], 1 + 10 * THREADS);
}

fn rule_13_a_logout_over_a_socket_is_final(store: &Store) {
    let client = store.over_socket(urls());
    client.post("/login/7").send();
    let (old, cookie) = (id(&client), held(&client));
    let start = Barrier::new(5);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (browser, start) = (holding(&client, &cookie), &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..5 {
                    browser.post("/count/n").send().assert_status(200);
                }
            });
        }
        start.wait();
        client.post("/logout").send().assert_status(204);
        assert!(!is_live(&client, old));
    });
    assert!(!is_live(&client, old));
}
