//! Rule 8: no lost updates.

use std::sync::Barrier;
use std::thread;

use lback::prelude::*;
use serde_json::{Value, json};

use super::interruption::while_in_flight;
use super::{Store, held, holding, suite, urls};

suite!(
    server:
    rule_08_a_thousand_concurrent_increments_add_a_thousand,
    rule_08_writers_of_different_keys_all_keep_theirs,
    rule_08_what_a_request_set_or_removed_wins,
    rule_08_other_keys_keep_what_the_other_request_wrote,
    rule_08_an_update_runs_again_on_the_fresh_value,
    rule_08_an_update_on_top_of_a_value_set_here_is_this_requests,
    rule_08_what_changed_nothing_does_not_turn_an_update_into_a_set,
    rule_08_changes_inside_nested_values_count,
    rule_08_setting_what_was_there_is_no_change,
    rule_08_an_expiry_that_another_request_set_is_kept,
    rule_08_an_update_that_panics_or_fails_on_fresh_data_harms_nobody,
);

fn rule_08_a_thousand_concurrent_increments_add_a_thousand(store: &Store) {
    const THREADS: usize = 25;
    let client = store.client(urls());
    client.post("/set/other/kept").send();
    let (cookie, start) = (held(&client), Barrier::new(THREADS));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (browser, start) = (holding(&client, &cookie), &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..1000 / THREADS {
                    browser.post("/count/n").send().assert_status(200);
                }
            });
        }
    });
    let record = client.session().unwrap();
    assert_eq!(record.data["n"], 1000);
    assert_eq!(record.data["other"], "kept");
    assert_eq!(record.version, 1001, "every save counts once");
}

fn rule_08_writers_of_different_keys_all_keep_theirs(store: &Store) {
    const THREADS: usize = 12;
    let client = store.client(urls());
    client.post("/set/first/0").send();
    let (cookie, start) = (held(&client), Barrier::new(THREADS));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (browser, start) = (holding(&client, &cookie), &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..5 {
                    browser.post(&format!("/set/key-{thread}-{n}/{n}")).send().assert_status(204);
                }
            });
        }
    });
    assert_eq!(client.session().unwrap().data.len(), 1 + THREADS * 5);
}

/// The data after a slow request did `slow`, and another one, which it did not see, `fast`.
fn race(
    store: &Store,
    before: Value,
    slow: impl Fn(&mut Request) -> Result<()> + Send + Sync + 'static,
    fast: impl FnOnce(&mut lback::session::AppSession) -> Result<()>,
) -> Value {
    let prepare = |client: &lback::testing::Client| {
        client.post("/set/made/yes").send();
        let put = |session: &mut lback::session::AppSession| {
            before.as_object().unwrap().iter().try_for_each(|(key, value)| session.insert(key, value))
        };
        client.sessions().save(super::id(client), put).unwrap();
    };
    let between = |client: &lback::testing::Client| {
        client.sessions().save(super::id(client), fast).unwrap();
    };
    let (client, response) = while_in_flight(store, slow, prepare, between);
    response.assert_status(204);
    let mut data = (*client.session().unwrap().data).clone();
    assert_eq!(data.remove("made"), Some(json!("yes")));
    Value::Object(data)
}

fn rule_08_what_a_request_set_or_removed_wins(store: &Store) {
    let slow = |req: &mut Request| {
        let session = req.session();
        session.remove("removed");
        session.insert("set", "slow")?;
        session.insert("new", "slow")
    };
    let fast = |session: &mut lback::session::AppSession| {
        session.insert("removed", "fast")?;
        session.insert("set", "fast")?;
        session.insert("new", "fast")
    };
    assert_eq!(race(store, json!({ "removed": 0, "set": 0 }), slow, fast), json!({ "set": "slow", "new": "slow" }));
    let clear = |req: &mut Request| {
        req.session().clear();
        req.session().insert("made", "yes")
    };
    let fast = |session: &mut lback::session::AppSession| session.insert("later", 1);
    assert_eq!(race(store, json!({ "a": 1, "b": 2 }), clear, fast), json!({ "later": 1 }));
}

fn rule_08_other_keys_keep_what_the_other_request_wrote(store: &Store) {
    let fast = |session: &mut lback::session::AppSession| {
        session.remove("removed");
        session.insert("set", "fast")?;
        session.insert("new", "fast")
    };
    let data = race(store, json!({ "removed": 0, "set": 0 }), |req| req.session().insert("mine", 1), fast);
    assert_eq!(data, json!({ "set": "fast", "new": "fast", "mine": 1 }));
}

fn rule_08_an_update_runs_again_on_the_fresh_value(store: &Store) {
    let slow = |req: &mut Request| {
        let session = req.session();
        session.update("n", |n: Option<i64>| n.unwrap_or(0) + 1)?;
        session.update("n", |n: Option<i64>| n.unwrap_or(0) * 10)?;
        session.update("gone", |n: Option<i64>| n.unwrap_or(0) + 1)?;
        session.update("fresh", |list: Option<Vec<i64>>| [list.unwrap_or_default(), vec![1]].concat()).map(drop)
    };
    let fast = |session: &mut lback::session::AppSession| {
        session.insert("n", 6)?;
        session.remove("gone");
        session.insert("fresh", [0])
    };
    assert_eq!(race(store, json!({ "n": 1, "gone": 41 }), slow, fast), json!({ "n": 70, "gone": 1, "fresh": [0, 1] }));
}

fn rule_08_an_update_on_top_of_a_value_set_here_is_this_requests(store: &Store) {
    let slow = |req: &mut Request| {
        let session = req.session();
        session.insert("n", 100)?;
        session.update("n", |n: Option<i64>| n.unwrap_or(0) + 1)?;
        session.update("m", |n: Option<i64>| n.unwrap_or(0) + 1)?;
        session.insert("m", 5)
    };
    let fast = |session: &mut lback::session::AppSession| {
        session.insert("m", 1000)?;
        session.insert("n", 1000)
    };
    assert_eq!(race(store, json!({ "n": 1, "m": 1 }), slow, fast), json!({ "n": 101, "m": 5 }));
}

fn rule_08_what_changed_nothing_does_not_turn_an_update_into_a_set(store: &Store) {
    let slow = |req: &mut Request| {
        let session = req.session();
        session.remove("absent");
        session.insert("equal", 1)?;
        session.get_mut("looked-at");
        for key in ["absent", "equal", "looked-at"] {
            session.update(key, |n: Option<i64>| n.unwrap_or(0) + 1)?;
        }
        Ok(())
    };
    let fast =
        |session: &mut lback::session::AppSession| ["absent", "equal", "looked-at"].iter().try_for_each(|key| session.insert(key, 10));
    let data = race(store, json!({ "equal": 1, "looked-at": 1 }), slow, fast);
    assert_eq!(data, json!({ "absent": 11, "equal": 11, "looked-at": 11 }));
}

fn rule_08_changes_inside_nested_values_count(store: &Store) {
    fn add_to_cart(req: &mut Request) -> Result<()> {
        if let Some(cart) = req.session().get_mut("cart") {
            cart["items"].as_array_mut().unwrap().push(json!("apple"));
        }
        Ok(())
    }
    let client = store
        .client(urls().post("/cart", |req: &mut Request| req.session().insert("cart", json!({ "items": [] }))).post("/add", add_to_cart));
    client.post("/cart").send();
    client.post("/add").send();
    client.post("/add").send();
    assert_eq!(client.session().unwrap().data["cart"], json!({ "items": ["apple", "apple"] }));

    let fast = |session: &mut lback::session::AppSession| session.insert("b", 2);
    let data = race(store, json!({ "cart": { "items": [] } }), add_to_cart, fast);
    assert_eq!(data, json!({ "cart": { "items": ["apple"] }, "b": 2 }));
}

fn rule_08_setting_what_was_there_is_no_change(store: &Store) {
    let slow = |req: &mut Request| {
        let session = req.session();
        session.insert("same", 1)?;
        session.remove("absent");
        session.insert("other", 1)
    };
    let fast = |session: &mut lback::session::AppSession| {
        session.insert("same", 2)?;
        session.insert("absent", 2)
    };
    assert_eq!(race(store, json!({ "same": 1 }), slow, fast), json!({ "same": 2, "absent": 2, "other": 1 }));
}

fn rule_08_an_expiry_that_another_request_set_is_kept(store: &Store) {
    let week = chrono::TimeDelta::days(7);
    let prepare = |client: &lback::testing::Client| drop(client.post("/set/a/1").send());
    let between = |client: &lback::testing::Client| {
        let remember = |session: &mut lback::session::AppSession| {
            session.set_expiry(lback::session::Expiry::After(week.to_std().unwrap()));
            Ok(())
        };
        client.sessions().save(super::id(client), remember).unwrap();
    };
    let (client, response) = while_in_flight(store, |req| req.session().insert("b", 2), prepare, between);
    let record = client.session().unwrap();
    assert_eq!(record.data["b"], 2);
    assert_eq!(record.expires_at, client.clock().now() + week);
    assert!(super::sent(&response).unwrap().contains(&format!("Max-Age={}", week.num_seconds())), "{response:?}");
}

fn rule_08_an_update_that_panics_or_fails_on_fresh_data_harms_nobody(store: &Store) {
    for fresh in [json!("not a number"), json!(13)] {
        let slow = |req: &mut Request| {
            let careful = |n: Option<i64>| if n == Some(13) { panic!("thirteen") } else { n.unwrap_or(0) + 1 };
            req.session().update("n", careful).map(drop)
        };
        let prepare = |client: &lback::testing::Client| drop(client.post("/count/n").send());
        let between = |client: &lback::testing::Client| {
            client.sessions().save(super::id(client), |session| session.insert("n", &fresh)).unwrap();
        };
        let (client, response) = while_in_flight(store, slow, prepare, between);
        response.assert_status(500);
        super::assert_no_cookie(&response);
        assert_eq!(client.session().unwrap().data["n"], fresh);
        // The store goes on.
        client.post("/set/b/1").send().assert_status(204);
    }
}
