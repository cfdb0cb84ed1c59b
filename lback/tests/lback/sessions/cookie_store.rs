//! `SESSION_STORE = "cookie"`: what holds in another way than with a store on the server's side, and what is refused.
//!
//! The rules that hold as everywhere are tested with those of the other stores.

use lback::http::Keys;
use lback::prelude::*;
use lback::testing::{Client, TestResponse};
use serde_json::json;

use super::cookies::{OLD_KEY, TEST_KEY};
use super::interruption::while_in_flight;
use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_removes_cookie, held, holding, id, sent, urls};
use crate::{logs, number, sql};

fn client(router: Router) -> Client {
    Store::cookie().client(router)
}

/// What does not get smaller.
fn noise(bytes: usize) -> String {
    let noise = (0..bytes.div_ceil(32)).map(|_| lback::session::SessionId::random().to_string().replace('-', ""));
    noise.collect::<String>()[..bytes].to_owned()
}

fn put(req: &mut Request) -> Result<()> {
    let value: serde_json::Value = req.json()?;
    if req.uri().query().is_some() {
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
    }
    req.session().insert("heavy", value)
}

#[test]
fn a_session_of_twenty_kilobytes_fits_where_it_compresses() {
    let client = client(urls().post("/put", put));
    let things: Vec<_> = (0..250).map(|n| json!({ "article": n, "name": "a hat with a feather", "amount": 1, "price": "19.90" })).collect();
    assert!(json!(things).to_string().len() > 18_000);
    client.post("/put").json(&things).send().assert_status(204);
    assert!(held(&client).len() < 3_800);
    assert_eq!(client.session().unwrap().data["heavy"], json!(things));
}

#[test]
fn rule_16_what_browsers_would_not_keep_is_an_error_and_nothing_is_lost() {
    let settings = "DEBUG = true\nSESSION_COOKIE_DOMAIN = 'example.com'";
    let client = Store::cookie().client_with(urls().post("/put", put), settings);
    sql(&client, "CREATE TABLE work (n BIGINT)");
    let at = |path: &str| client.post(path).header("host", "example.com");
    at("/set/a/kept").send();
    let before = client.session().unwrap();
    let response = at("/put?work=1").json(&noise(10_000)).send();
    response.assert_status(500);
    for part in ["the session's cookie would take", "browsers keep 4096", "heavy", "10002", "SESSION_STORE"] {
        response.assert_contains(part);
    }
    assert_no_cookie(&response);
    assert_eq!(client.session().unwrap(), before);
    assert_eq!(number(&client, "SELECT count(*) FROM work"), 0, "the view's work goes with it");

    // The whole cookie counts: name, value and attributes.
    let (mut fits, mut largest, mut too_long) = (0, 0, 10_000);
    while too_long - fits > 1 {
        let bytes = (fits + too_long) / 2;
        let response = at("/put").json(&noise(bytes)).send();
        match sent(&response) {
            Some(cookie) => {
                (fits, largest) = (bytes, largest.max(cookie.len()));
                assert!(cookie.len() <= 4096 && cookie.contains("Domain=example.com"), "{}", cookie.len());
            }
            None => {
                response.assert_status(500);
                too_long = bytes;
            }
        }
    }
    assert!(largest > 4000, "{largest}");
    assert_eq!(client.session().unwrap().data["a"], "kept");
}

#[test]
fn rule_03_nobody_reads_it_and_a_retired_key_still_opens_it() {
    let store = Store::cookie();
    let old = store.client_with(urls(), &format!("SECRET_KEY_FALLBACKS = ['{OLD_KEY}']"));
    old.post("/set/secret-key/secret-value").send();
    let cookie = held(&old);
    assert!(!cookie.contains("secret"));
    let bytes = Keys::derive("session", [TEST_KEY]).decrypt_bytes(COOKIE, &cookie).unwrap();
    let by_old_key = Keys::derive("session", [OLD_KEY]).encrypt_bytes(COOKIE, &bytes).unwrap();
    let browser = holding(&old, &by_old_key);
    browser.get("/get/secret-key").send().assert_contains("secret-value");
    // The next renewal carries it over to the new key.
    old.clock().advance(MINUTE);
    let renewed = browser.get("/touch").send().cookie(COOKIE).unwrap();
    assert!(Keys::derive("session", [TEST_KEY]).decrypt_bytes(COOKIE, renewed.value()).is_some());
    // Without the fallback it counts as none; so does text that was encrypted under the same name.
    let new = store.client(urls());
    holding(&new, &by_old_key).get("/get/secret-key").send().assert_contains("null");
    let text = Keys::derive("session", [TEST_KEY]).encrypt(COOKIE, "00000000-0000-4000-8000-000000000000".to_owned());
    holding(&new, &text).get("/touch").send().assert_status(200);
}

#[test]
fn rule_02_the_absolute_timeout_and_the_time_are_inside() {
    let client = Store::cookie().client_with(urls(), "SESSION_TIMEOUT_MINUTES = 30\nSESSION_ABSOLUTE_TIMEOUT_MINUTES = 60");
    client.post("/set/a/1").send();
    for _ in 0..2 {
        client.clock().advance(20 * MINUTE);
        client.get("/get/a").send().assert_contains("1");
    }
    client.post("/login/7").send();
    let last = holding(&client, &held(&client));
    client.clock().advance(20 * MINUTE);
    last.get("/get/a").send().assert_contains("null");
}

#[test]
fn rule_12_a_login_gets_a_new_id_and_keeps_the_data() {
    let client = client(urls().post("/cycle", |req: &mut Request| req.session().cycle_id()));
    client.post("/set/cart/apple").send();
    for path in ["/login/7", "/login/8", "/cycle"] {
        let before = client.session().unwrap();
        client.post(path).send().assert_status(204);
        let after = client.session().unwrap();
        assert_ne!(after.id, before.id);
        assert_eq!((&after.data["cart"], after.created_at, after.version), (&json!("apple"), before.created_at, before.version + 1));
    }
    // Rule 11.
    assert_eq!(client.session().unwrap().user_id, Some(8));
}

#[test]
fn rule_13_a_logout_takes_the_cookie_away_whatever_the_answer() {
    fn ending(req: &mut Request) -> Result<StatusCode> {
        req.session().delete();
        req.session().flash("info", "gone");
        match req.param::<String>("how")?.as_str() {
            "panic" => panic!("a panic that the test wants"),
            "err" => Err(Error::internal("a failure")),
            "redirect" => Err(Error::redirect("/")),
            "heavy" => req.session().insert("heavy", noise(5000)).map(|()| StatusCode::OK),
            status => Ok(status.parse().unwrap()),
        }
    }
    let client = client(urls().post("/end/{how}", ending));
    for (how, keeps_message) in
        [("200", true), ("404", true), ("redirect", true), ("500", false), ("err", false), ("panic", false), ("heavy", false)]
    {
        client.clear_cookies();
        client.post("/login/7").send();
        let old = id(&client);
        let response = client.post(&format!("/end/{how}")).send();
        assert_eq!(response.status().is_server_error(), !keeps_message, "{how}");
        assert_eq!(response.headers_all("set-cookie").len(), 1, "{how}");
        match keeps_message {
            true => assert_ne!(id(&client), old),
            false => assert_removes_cookie(&response),
        }
        client.get("/get/user_id").send().assert_contains("null");
        assert_eq!(client.get("/flashes").send().text() == "info:gone", keeps_message, "{how}");
    }
    assert_removes_cookie(&client.post("/login/7").send().status().is_success().then(|| client.post("/logout").send()).unwrap());
}

/// What the documentation says that it cannot do.
#[test]
fn a_copy_of_the_cookie_outlives_the_logout_until_it_expires() {
    let client = client(urls());
    client.post("/login/7").send();
    let copy = holding(&client, &held(&client));
    client.post("/logout").send();
    client.get("/get/user_id").send().assert_contains("null");
    copy.get("/get/user_id").send().assert_contains("7");
    client.clock().advance(30 * MINUTE);
    copy.get("/get/user_id").send().assert_contains("null");
}

/// What the documentation says that it cannot do.
#[test]
fn of_two_concurrent_requests_the_last_answer_counts() {
    let prepare = |client: &Client| drop(client.post("/set/first/1").send());
    let between = |client: &Client| drop(client.post("/set/fast/1").send());
    let (client, response) = while_in_flight(&Store::cookie(), |req| req.session().insert("slow", 1), prepare, between);
    response.assert_status(204);
    assert_eq!(client.session().unwrap().data.keys().collect::<Vec<_>>(), ["first", "slow"]);
}

#[test]
fn rule_20_what_needs_other_devices_is_refused_loudly() {
    logs::start();
    let client = client(
        urls()
            .get("/devices", |req: &mut Request| req.user_sessions(7).map(|sessions| sessions.len().to_string()))
            .post("/end-others", |req: &mut Request| req.revoke_user_sessions(7, None).map(|ended| ended.to_string())),
    );
    client.post("/login/7").send();
    let refused = |response: TestResponse| {
        response.assert_status(500);
        let lines = logs::lines_with(response.header("x-request-id").unwrap());
        assert!(lines.iter().any(|line| line.contains("cookies") && line.contains("SESSION_STORE = \"database\"")), "{lines:?}");
    };
    refused(client.get("/devices").send());
    refused(client.post("/end-others").send());

    let (sessions, id) = (client.sessions(), id(&client));
    let errors = [
        sessions.for_user(7).err(),
        sessions.revoke_user(7, None).err(),
        sessions.load(id).err(),
        sessions.delete(id).err(),
        sessions.renew(id).err(),
        sessions.create(serde_json::Map::new()).err(),
        sessions.save(id, |session| session.insert("a", 1)).err(),
    ];
    for error in errors {
        assert!(error.is_some_and(|error| error.message().contains("SESSION_STORE = \"database\"")));
    }
    assert_eq!(sessions.clear_expired().unwrap(), 0);
}

#[test]
fn the_cookie_is_sent_only_if_the_views_work_was_committed() {
    fn work(req: &mut Request) -> Result<()> {
        diesel::sql_query("INSERT INTO child VALUES (1)").execute(req.db()?)?;
        req.session().insert("a", "lost")
    }
    let client = client(urls().post("/work", work));
    sql(
        &client,
        "CREATE TABLE parent (id BIGINT PRIMARY KEY); CREATE TABLE child (id BIGINT REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    );
    client.post("/set/a/kept").send();
    let response = client.post("/work").send();
    response.assert_status(500);
    assert_no_cookie(&response);
    assert_eq!(client.session().unwrap().data["a"], "kept");
    sql(&client, "INSERT INTO parent VALUES (1)");
    client.post("/work").send().assert_status(204);
    assert_eq!(client.session().unwrap().data["a"], "lost");
}

#[test]
fn rule_22_the_log_holds_neither_cookies_nor_data() {
    logs::start();
    let client = client(urls().post("/put", put));
    let secret = noise(64);
    client.post("/put").json(&secret).send().assert_status(204);
    let cookie = held(&client);
    client.post("/count/heavy").send().assert_status(500);
    holding(&client, &format!("{cookie}x")).get("/touch").send();
    client.post("/put").json(&format!("{secret}{}", noise(9_000))).send().assert_status(500);
    client.post("/logout").send();
    let written = logs::written();
    assert!(written.contains("the session's cookie would take"));
    assert!(!written.contains(&secret) && !written.contains(&cookie));
}

#[test]
fn it_needs_no_database_and_nothing_that_runs() {
    let settings = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'cookie'";
    let app = || App::new(urls()).without_database();
    let client = Client::with_settings(app(), settings);
    client.post("/login/7").send().assert_status(204);
    let cookie = held(&client);
    // Any process with the same key.
    holding(&Client::with_settings(app(), settings), &cookie).get("/get/user_id").send().assert_contains("7");
}
