//! Rules 1, 2 and 4: loading, validity, unknown ids.

use lback::http::Keys;
use lback::prelude::*;
use lback::session::SessionId;

use super::{COOKIE, MINUTE, Store, assert_no_cookie, held, holding, id, is_live, suite, urls};
use crate::gate::Gate;

suite!(
    rule_01_an_untouched_session_costs_nothing,
    an_async_view_may_wait_for_the_session,
    rule_02_a_session_is_valid_until_its_time_has_come,
    rule_02_every_request_that_touches_prolongs_it,
    rule_02_a_session_may_have_an_expiry_of_its_own,
    rule_04_an_expired_id_gives_a_new_session;
    server:
    rule_01_the_session_is_loaded_at_the_first_touch,
    rule_02_the_absolute_timeout_ends_a_session_that_is_used,
    rule_04_an_unknown_id_gives_a_new_session,
    rule_04_an_id_of_the_client_is_never_adopted,
);

fn rule_01_an_untouched_session_costs_nothing(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let (before, loads) = (client.session().unwrap(), store.loads());
    client.clock().advance(MINUTE);
    for path in ["/untouched", "/no-such-page"] {
        let response = client.get(path).send();
        assert_no_cookie(&response);
        let vary = response.headers_all("vary").join(",").to_lowercase();
        assert!(!vary.contains("cookie"), "{response:?}");
    }
    assert_eq!(store.loads(), loads);
    assert_eq!(client.session().unwrap(), before, "not renewed");
}

fn an_async_view_may_wait_for_the_session(store: &Store) {
    let client = store.client(
        urls()
            .get("/visit", async |req: &mut Request| {
                let visits = req.load_session().await.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
                assert_eq!(req.session().get("visits")?, Some(visits), "loaded once, and the same");
                Ok::<_, Error>(visits.to_string())
            })
            .get("/visit-with-a-note", async |req: &mut Request| -> Result<String> {
                // Within the request's transaction, where the store is in the database.
                req.run_db(|_| Ok(())).await?;
                Ok(req.load_session().await.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
            }),
    );
    assert_eq!(client.get("/visit").send().text(), "1");
    let loads = store.loads();
    assert_eq!(client.get("/visit").send().text(), "2");
    assert_eq!(store.loads(), loads.map(|loads| loads + 1));
    assert_eq!(client.get("/visit-with-a-note").send().text(), "3");
    assert_eq!(client.fork().get("/visit").send().text(), "1");
}

fn rule_01_the_session_is_loaded_at_the_first_touch(store: &Store) {
    let gate = Gate::default();
    let waits = gate.clone();
    let client = store.client(urls().get("/late", move |req: &mut Request| {
        assert!(req.session_if_loaded().is_none());
        waits.pass();
        req.session()["a"].to_string()
    }));
    client.post("/set/a/early").send();
    std::thread::scope(|scope| {
        let late = scope.spawn(|| client.get("/late").send());
        gate.reached();
        client.post("/set/a/late").send();
        gate.open();
        late.join().unwrap().assert_contains("late");
    });
}

fn rule_02_a_session_is_valid_until_its_time_has_come(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    // A cookie that the browser keeps beyond its time.
    let keeper = holding(&client, &held(&client));
    let expires_at = client.session().unwrap().expires_at;
    assert_eq!(expires_at, client.clock().now() + chrono::TimeDelta::minutes(30));

    client.clock().set(expires_at - chrono::TimeDelta::nanoseconds(1));
    assert!(keeper.session().is_some());
    client.clock().set(expires_at);
    assert!(keeper.session().is_none());
    keeper.get("/get/a").send().assert_contains("null");
}

fn rule_02_every_request_that_touches_prolongs_it(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    for _ in 0..5 {
        client.clock().advance(29 * MINUTE);
        client.get("/get/a").send().assert_contains("1");
    }
    client.clock().advance(30 * MINUTE);
    client.get("/get/a").send().assert_contains("null");
}

fn rule_02_the_absolute_timeout_ends_a_session_that_is_used(store: &Store) {
    let client = store.client_with(urls(), "SESSION_TIMEOUT_MINUTES = 30\nSESSION_ABSOLUTE_TIMEOUT_MINUTES = 60");
    client.post("/set/a/1").send();
    let keeper = holding(&client, &held(&client));
    let created_at = client.session().unwrap().created_at;
    for minutes in [20, 40] {
        client.clock().set(created_at + chrono::TimeDelta::minutes(minutes));
        keeper.get("/get/a").send().assert_contains("1");
    }
    assert_eq!(keeper.session().unwrap().expires_at, created_at + chrono::TimeDelta::minutes(60));
    // Neither does a save or a rotation begin it anew.
    keeper.post("/login/7").send();
    assert_eq!(keeper.session().unwrap().expires_at, created_at + chrono::TimeDelta::minutes(60));
    let last = holding(&client, &held(&keeper));
    client.clock().set(created_at + chrono::TimeDelta::minutes(60));
    last.get("/get/a").send().assert_contains("null");
}

fn rule_02_a_session_may_have_an_expiry_of_its_own(store: &Store) {
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    let client = store.client(
        urls().post("/remember", move |req: &mut Request| req.session().set_expiry(lback::session::Expiry::After(week))).post(
            "/until",
            |req: &mut Request| {
                let noon = "2100-01-01T12:00:00Z".parse().unwrap();
                req.session().set_expiry(lback::session::Expiry::At(noon));
            },
        ),
    );
    client.post("/set/a/1").send();
    client.post("/remember").send();
    client.clock().advance(week - MINUTE);
    client.get("/get/a").send().assert_contains("1");
    client.clock().advance(week - MINUTE);
    client.get("/get/a").send().assert_contains("1");

    client.post("/until").send();
    client.get("/get/a").send().assert_contains("1");
    assert_eq!(client.session().unwrap().expires_at.to_rfc3339(), "2100-01-01T12:00:00+00:00");
}

fn rule_04_an_unknown_id_gives_a_new_session(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let old = id(&client);
    assert!(client.sessions().delete(old).unwrap());
    // Until then it would be late, see `late.rs`.
    client.clock().advance(MINUTE);

    let response = client.get("/get/a").send();
    response.assert_status(200).assert_contains("null");
    assert_no_cookie(&response);
    client.post("/set/b/2").send();
    assert_ne!(id(&client), old);
    assert!(!is_live(&client, old));
}

fn rule_04_an_expired_id_gives_a_new_session(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let (old, keeper) = (id(&client), holding(&client, &held(&client)));
    client.clock().advance(31 * MINUTE);

    let response = keeper.get("/get/a").send();
    response.assert_status(200).assert_contains("null");
    assert_no_cookie(&response);
    keeper.post("/set/b/2").send();
    assert_ne!(id(&keeper), old);
    assert_eq!(keeper.session().unwrap().data.len(), 1, "nothing of the old session is taken over");
}

fn rule_04_an_id_of_the_client_is_never_adopted(store: &Store) {
    let client = store.client(urls());
    // Well signed, as an attacker who once held the key could have made it.
    let planted = SessionId::random();
    let keys = Keys::derive("session", [super::cookies::TEST_KEY]);
    client.set_cookie(COOKIE, &keys.sign(&planted.to_string()));
    client.post("/login/7").send();
    assert!(!is_live(&client, planted));
    let newest = client.cookies().pop().unwrap();
    let own = client.sessions().open_cookie(newest.value()).unwrap();
    assert_ne!(own, planted);
    assert!(is_live(&client, own));
}
