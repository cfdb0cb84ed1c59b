//! Rule 6: when a session is stored.

use lback::prelude::*;

use super::{COOKIE, Store, assert_no_cookie, assert_stored, id, suite, urls};

suite!(
    rule_06_a_new_session_is_stored_when_it_holds_data,
    rule_06_a_session_that_ends_empty_is_not_stored,
    rule_06_a_crawler_stores_nothing,
    rule_06_eager_stores_at_the_first_touch,
    rule_06_a_stored_session_that_is_emptied_stays,
);

fn rule_06_a_new_session_is_stored_when_it_holds_data(store: &Store) {
    let client = store.client(urls());
    for path in ["/touch", "/get/a", "/flashes"] {
        assert_no_cookie(&client.get(path).send());
    }
    assert!(client.cookie(COOKIE).is_none());
    client.post("/set/a/1").send();
    let record = client.session().unwrap();
    assert_eq!((record.version, record.user_id, record.data.len()), (1, None, 1));
    assert_eq!(record.created_at, client.clock().now());
    assert_stored(&client, 1);
}

fn rule_06_a_session_that_ends_empty_is_not_stored(store: &Store) {
    let client = store.client(urls().post("/nothing", |req: &mut Request| -> Result<()> {
        let session = req.session();
        session.insert("a", 1)?;
        session.flash("info", "hello");
        session.take_flashes();
        session.remove("a");
        Ok(())
    }));
    assert_no_cookie(&client.post("/nothing").send());
    assert_no_cookie(&client.post("/logout").send());
    assert_stored(&client, 0);
}

fn rule_06_a_crawler_stores_nothing(store: &Store) {
    for settings in ["", "SESSION_CREATE = 'eager'"] {
        let client = store.client_with(urls(), settings);
        for page in ["/no-such-page", "/wp-login.php", "/get", "/touch/"] {
            client.fork().get(page).send();
            client.fork().post(page).send();
        }
        assert_stored(&client, 0);
    }
}

fn rule_06_eager_stores_at_the_first_touch(store: &Store) {
    let client = store.client_with(urls(), "SESSION_CREATE = 'eager'");
    let response = client.get("/touch").send();
    response.assert_contains("0");
    assert!(response.cookie(COOKIE).is_some());
    let first = id(&client);
    assert!(client.session().unwrap().data.is_empty());
    // From then on it is a session like any other.
    assert_no_cookie(&client.get("/touch").send());
    client.post("/set/a/1").send();
    assert_eq!(id(&client), first);
    // Also when it begins to belong to somebody.
    client.post("/login/7").send();
    assert_ne!(id(&client), first);
    assert_stored(&client, 1);
}

fn rule_06_a_stored_session_that_is_emptied_stays(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let before = id(&client);
    client.post("/remove/a").send();
    assert_eq!(id(&client), before);
    assert!(client.session().unwrap().data.is_empty());
}
