//! Rules 19 and 20: expired sessions, and the sessions of a user.

use std::thread;

use lback::prelude::*;
use lback::session::{SessionId, SessionInfo};

use super::{MINUTE, Store, held, holding, id, is_live, suite, urls};
use crate::{number, sql};

suite!(
    server:
    rule_19_expired_sessions_are_deleted_and_live_ones_never,
    rule_19_more_than_a_batch_is_deleted_at_once,
    rule_20_a_user_sees_and_ends_the_sessions_of_other_devices,
    rule_20_it_works_within_the_views_transaction,
    rule_20_sessions_that_have_expired_are_not_listed,
    the_manager_deletes_what_a_command_deletes_unless_it_fails,
);

fn rule_19_expired_sessions_are_deleted_and_live_ones_never(store: &Store) {
    let client = store.client(urls());
    let make = |name: &str| {
        let browser = client.fork();
        browser.post(&format!("/set/name/{name}")).send();
        id(&browser)
    };
    let long_gone = make("long gone");
    client.clock().advance(24 * 60 * MINUTE);
    let just_expired = make("expires exactly now");
    client.clock().advance(MINUTE);
    let last_minute = make("one minute left");
    client.clock().advance(29 * MINUTE);
    let live = make("new");

    assert_eq!(client.sessions().clear_expired().unwrap(), if store.is_cleaned() { 2 } else { 0 });
    for (id, lives) in [(long_gone, false), (just_expired, false), (last_minute, true), (live, true)] {
        assert_eq!(is_live(&client, id), lives);
    }
    assert_eq!(client.sessions().clear_expired().unwrap(), 0);
}

fn rule_19_more_than_a_batch_is_deleted_at_once(store: &Store) {
    const THREADS: usize = 16;
    let client = store.client(urls());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..65).for_each(|_| drop(client.sessions().create(serde_json::Map::new()).unwrap())));
        }
    });
    client.clock().advance(31 * MINUTE);
    client.post("/set/a/1").send();
    assert_eq!(client.sessions().clear_expired().unwrap(), if store.is_cleaned() { 65 * THREADS as u64 } else { 0 });
    client.get("/get/a").send().assert_contains("1");
}

fn devices(req: &mut Request) -> Result<Response> {
    let infos: Vec<SessionInfo> = req.user_sessions(req.param("user")?)?;
    Response::json(&infos.iter().map(|info| info.id).collect::<Vec<_>>())
}

fn end_others(req: &mut Request) -> Result<String> {
    let own = req.session().id();
    let user = req.session().get("user_id")?.or_404()?;
    Ok(req.revoke_user_sessions(user, Some(own))?.to_string())
}

fn rule_20_a_user_sees_and_ends_the_sessions_of_other_devices(store: &Store) {
    let client = store.client(urls().get("/devices/{user:int}", devices).post("/end-others", end_others));
    let [phone, laptop, stranger] = [7, 7, 8].map(|user| {
        let browser = client.fork();
        browser.post(&format!("/login/{user}")).send();
        client.clock().advance(MINUTE);
        browser
    });
    let list = |user: i64| laptop.get(&format!("/devices/{user}")).send().json::<Vec<SessionId>>();
    assert_eq!(list(7), [id(&laptop), id(&phone)], "the last used first");
    phone.get("/touch").send();
    assert_eq!(list(7), [id(&phone), id(&laptop)]);
    assert_eq!(list(8), [id(&stranger)]);
    assert!(list(9).is_empty());

    let info = &client.sessions().for_user(8).unwrap()[0];
    let record = stranger.session().unwrap();
    assert_eq!((info.created_at, info.last_seen, info.expires_at), (record.created_at, record.updated_at, record.expires_at));

    assert_eq!(laptop.post("/end-others").send().text(), "1");
    phone.get("/get/user_id").send().assert_contains("null");
    laptop.get("/get/user_id").send().assert_contains("7");
    stranger.get("/get/user_id").send().assert_contains("8");
    assert_eq!(client.sessions().revoke_user(7, None).unwrap(), 1);
    laptop.get("/get/user_id").send().assert_contains("null");
}

fn rule_20_it_works_within_the_views_transaction(store: &Store) {
    fn change_password(req: &mut Request) -> Result<String> {
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
        let ended = end_others(req)?;
        let left = req.user_sessions(7)?.len();
        Ok(format!("{ended} ended, {left} left"))
    }
    // One connection is enough.
    let settings = "DATABASE_POOL_SIZE = 1\nDATABASE_WAIT_SECONDS = 1";
    let client = store.client_with(urls().post("/password", change_password).get("/password", change_password), settings);
    sql(&client, "CREATE TABLE work (n BIGINT)");
    for post in [true, false] {
        let other = client.fork();
        other.post("/login/7").send();
        client.clear_cookies();
        client.post("/login/7").send();
        let old = holding(&client, &held(&other));
        let response = if post { client.post("/password").send() } else { client.get("/password").send() };
        response.assert_status(200).assert_contains("left");
        assert!(old.session().is_none());
        client.get("/get/user_id").send().assert_contains("7");
    }
}

fn rule_20_sessions_that_have_expired_are_not_listed(store: &Store) {
    let client = store.client(urls());
    client.post("/login/7").send();
    assert_eq!(client.sessions().for_user(7).unwrap().len(), 1);
    client.clock().advance(30 * MINUTE);
    assert!(client.sessions().for_user(7).unwrap().is_empty());
}

fn the_manager_deletes_what_a_command_deletes_unless_it_fails(store: &Store) {
    let client = store.client(urls());
    client.post("/set/name/x").send();
    let id = id(&client);
    let save =
        |change: fn(&mut lback::session::AppSession) -> Result<()>| lback::testing::block_on(async { client.sessions().save(id, change) });

    save(|session| {
        session.delete();
        Err(Error::internal("the command failed"))
    })
    .unwrap_err();
    assert!(is_live(&client, id));
    save(|session| {
        session.delete();
        session.insert("name", "y")
    })
    .unwrap_err();
    assert!(is_live(&client, id));

    save(|session| {
        session.delete();
        Ok(())
    })
    .unwrap();
    assert!(!is_live(&client, id));
}

mod of_a_database {
    use super::*;

    suite!(databases: rule_19_the_hour_by_which_the_cleanup_finds_a_session_is_that_of_its_expiry);

    fn rule_19_the_hour_by_which_the_cleanup_finds_a_session_is_that_of_its_expiry(store: &Store) {
        let client = store.client(urls());
        client.post("/set/a/0").send();
        let hours = "SELECT COUNT(DISTINCT expiry_hour) FROM sessions WHERE expiry_hour = expires_at / 3600000000";
        let hour = || number(&client, "SELECT expiry_hour FROM sessions");
        let first = hour();
        for round in 1..=9 {
            client.clock().advance(20 * MINUTE);
            // It is renewed, saved, and saved by a login, which changes its user and its id.
            match round % 3 {
                0 => client.get("/get/a").send(),
                1 => client.post(&format!("/set/a/{round}")).send(),
                _ => client.post(&format!("/login/{round}")).send(),
            };
            assert_eq!(number(&client, hours), 1, "after {round} times 20 minutes");
        }
        assert_eq!(hour(), first + 3);
        assert_eq!(client.session().unwrap().user_id, Some(8));
    }
}
