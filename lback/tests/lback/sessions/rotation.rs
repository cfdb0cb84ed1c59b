//! Rule 12: a login gets a new id.

use lback::prelude::*;

use super::{Store, held, holding, id, is_live, suite, urls};
use crate::sql;

suite!(
    rule_12_what_is_no_login_keeps_the_id;
    server:
    rule_12_a_login_gets_a_new_id_and_keeps_the_data,
    rule_12_another_user_gets_a_new_id,
    rule_12_cycle_id_does_it_by_hand,
    rule_12_a_login_that_used_the_database_gets_a_new_id,
    rule_12_a_login_beside_another_write_loses_neither,
);

#[track_caller]
fn assert_rotated(client: &lback::testing::Client, old: lback::session::SessionId, old_cookie: &str) {
    let new = id(client);
    assert_ne!(new, old);
    assert!(!is_live(client, old));
    holding(client, old_cookie).get("/get/cart").send().assert_contains("null");
    client.get("/get/cart").send().assert_contains("apple");
}

fn rule_12_a_login_gets_a_new_id_and_keeps_the_data(store: &Store) {
    let client = store.client(urls());
    client.post("/set/cart/apple").send();
    let (before, cookie) = (client.session().unwrap(), held(&client));
    client.post("/login/7").send();
    assert_rotated(&client, before.id, &cookie);
    let after = client.session().unwrap();
    assert_eq!((after.user_id, after.created_at), (Some(7), before.created_at));
    assert_ne!(held(&client), cookie);
}

fn rule_12_another_user_gets_a_new_id(store: &Store) {
    let client = store.client(urls());
    client.post("/set/cart/apple").send();
    client.post("/login/7").send();
    let (old, cookie) = (id(&client), held(&client));
    client.post("/login/8").send();
    assert_rotated(&client, old, &cookie);
}

fn rule_12_what_is_no_login_keeps_the_id(store: &Store) {
    let client = store.client(urls());
    client.post("/login/7").send();
    let old = id(&client);
    for path in ["/login/7", "/set/a/1", "/remove/user_id"] {
        client.post(path).send();
        assert_eq!(id(&client), old, "{path}");
    }
}

fn rule_12_cycle_id_does_it_by_hand(store: &Store) {
    let client = store.client(urls().post("/cycle", |req: &mut Request| req.session().cycle_id()));
    client.post("/set/cart/apple").send();
    let (old, cookie) = (id(&client), held(&client));
    client.post("/cycle").send();
    assert_rotated(&client, old, &cookie);
}

fn rule_12_a_login_that_used_the_database_gets_a_new_id(store: &Store) {
    fn login(req: &mut Request) -> Result<()> {
        diesel::sql_query("INSERT INTO logins VALUES (1)").execute(req.db()?)?;
        req.session().insert("user_id", 7)
    }
    // A GET begins a transaction that only reads, a POST one that writes.
    let client = store.client(urls().post("/sign-in", login).get("/sign-in", login));
    sql(&client, "CREATE TABLE logins (n BIGINT)");
    for get in [false, true] {
        client.clear_cookies();
        client.post("/set/cart/apple").send();
        let (old, cookie) = (id(&client), held(&client));
        let response = if get { client.get("/sign-in").send() } else { client.post("/sign-in").send() };
        response.assert_status(204);
        assert_rotated(&client, old, &cookie);
    }
    assert_eq!(crate::number(&client, "SELECT count(*) FROM logins"), 2);
}

fn rule_12_a_login_beside_another_write_loses_neither(store: &Store) {
    let (client, response) = super::interruption::while_in_flight(
        store,
        |req| req.session().insert("user_id", 7),
        |client| drop(client.post("/set/cart/apple").send()),
        |client| drop(client.post("/set/b/2").send()),
    );
    response.assert_status(204);
    let record = client.session().unwrap();
    assert_eq!((record.user_id, &record.data["b"], &record.data["cart"]), (Some(7), &"2".into(), &"apple".into()));
}
