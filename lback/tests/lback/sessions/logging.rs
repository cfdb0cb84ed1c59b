//! Rule 22, and what rules 3, 5 and 7 say of the log.

use super::interruption::while_in_flight;
use super::{Fault, MINUTE, Store, held, holding, id, suite, urls};
use crate::{logs, sql};

suite!(
    server:
    rule_22_the_log_holds_ids_and_neither_cookies_nor_data,
    rule_07_an_interruption_is_logged,
);

fn rule_22_the_log_holds_ids_and_neither_cookies_nor_data(store: &Store) {
    logs::start();
    let client = store.client(urls());
    let secret = format!("secret-{}", lback::session::SessionId::random());
    let mut cookies = Vec::new();
    let keep = |client: &lback::testing::Client, cookies: &mut Vec<String>| {
        let (cookie, id) = (held(client), id(client).to_string());
        cookies.push(cookie.trim_end_matches(&id).to_owned());
    };
    client.post(&format!("/set/key-{secret}/1")).send();
    client.post("/set/a/1").send();
    let put = |session: &mut lback::session::AppSession| session.insert("value", &secret);
    client.sessions().save(id(&client), put).unwrap();
    keep(&client, &mut cookies);
    client.post("/login/7").send();
    keep(&client, &mut cookies);
    client.clock().advance(MINUTE);
    // A wrong type, a refused cookie, failures of every kind, and the end.
    client.post("/count/value").send().assert_status(500);
    let refused = format!("refused-{secret}");
    holding(&client, &refused).get("/touch").send();
    holding(&client, &format!("{}x", held(&client))).get("/touch").send();
    if store.can_fail() {
        for fault in [Fault::Read, Fault::Update, Fault::Delete] {
            store.fail(&client, fault);
            client.post("/set/a/2").send();
            client.get("/touch").send();
            client.post("/logout").send();
            store.mend(&client, fault);
        }
        // The deletion that failed is tried again, and may have ended the old session by now.
        client.clear_cookies();
        client.post("/login/7").send();
        keep(&client, &mut cookies);
    }
    client.post("/logout").send().assert_status(204);
    client.sessions().clear_expired().unwrap();

    let written = logs::written();
    assert!(written.contains("/count/value"), "the log is kept");
    for cookie in cookies.iter().chain([&refused]) {
        assert!(!written.contains(cookie.as_str()), "a cookie is in the log");
    }
    // The path of a request is the request log's own business.
    let of_data = written.lines().filter(|line| line.contains(&secret) && !line.contains("/set/key-"));
    assert_eq!(of_data.collect::<Vec<_>>(), Vec::<&str>::new());
}

fn rule_07_an_interruption_is_logged(store: &Store) {
    logs::start();
    let mut deleted = None;
    let (_client, _) = while_in_flight(
        store,
        |req| lback::session::RequestSession::session(req).insert("a", "late"),
        |client| drop(client.post("/set/a/1").send()),
        |client| {
            deleted = Some(id(client));
            client.post("/logout").send();
        },
    );
    let lines = logs::lines_with(&deleted.unwrap().to_string());
    assert!(lines.iter().any(|line| line.contains("interrupted")), "{lines:?}");
}

mod databases {
    use super::super::suite;
    use super::rule_05_unreadable_data_are_logged_with_the_id_alone;

    suite!(databases: rule_05_unreadable_data_are_logged_with_the_id_alone);
}

fn rule_05_unreadable_data_are_logged_with_the_id_alone(store: &Store) {
    logs::start();
    let client = store.client(urls());
    client.post("/set/a/1").send();
    sql(&client, "UPDATE sessions SET data = '[\"a secret that was ' || 'stored\"]'");
    client.get("/get/a").send().assert_status(200);
    let old = client.sessions().open_cookie(&held(&client)).unwrap();
    let lines = logs::lines_with(&old.to_string());
    assert!(lines.iter().any(|line| line.contains("WARN") && line.contains("not a JSON object")), "{lines:?}");
    assert!(!logs::written().contains("a secret that was stored"));
}

#[test]
fn rule_05_a_store_that_cannot_be_read_is_logged_as_an_error() {
    logs::start();
    let store = Store::custom().unwrap();
    let client = store.client(urls());
    client.post("/set/a/1").send();
    store.fail(&client, Fault::Read);
    let request = client.get("/touch").send().header("x-request-id").unwrap().to_owned();
    let lines = logs::lines_with(&request);
    assert!(lines.iter().any(|line| line.contains("ERROR") && line.contains("cannot be read")), "{lines:?}");
}
