//! Rule 4: a request that is late, because its session was given another id, deleted or revoked just before it came.

use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_stored, held, holding, id, is_live, suite, urls};
use crate::logs;

suite!(
    server:
    rule_04_a_request_that_is_late_for_a_login_does_not_log_it_out,
    rule_04_a_request_that_is_late_for_any_end_leaves_nothing_behind,
    rule_04_a_late_request_reads_an_empty_session_and_what_it_writes_itself,
    rule_04_a_late_request_is_logged_as_interrupted_if_it_wrote,
    rule_04_a_late_logout_ends_nothing,
    rule_04_a_late_login_is_a_login,
    rule_04_a_late_request_is_a_new_visitor_after_a_minute,
    rule_04_a_late_request_stores_nothing_where_every_visitor_gets_a_session,
    rule_04_a_late_page_keeps_the_visitors_csrf_cookie,
    rule_04_what_has_expired_has_not_ended,
    rule_04_what_ended_beside_other_writes_is_known,
);

fn routes() -> Router {
    urls()
        .post("/cycle", |req: &mut Request| req.session().cycle_id())
        .post("/work-then-set", |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
            req.session().insert("a", "late")
        })
        .post("/revoke/{user:int}", |req: &mut Request| -> Result<()> {
            let user: i64 = req.param("user")?;
            req.revoke_user_sessions(user, None).map(drop)
        })
        .post("/work-then-revoke/{user:int}", |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
            let user: i64 = req.param("user")?;
            req.revoke_user_sessions(user, None).map(drop)
        })
        .get("/async", async |req: &mut Request| req.load_session().await.insert("a", "late"))
}

/// Everything that a late request may try.
fn try_all(late: &Client) -> Vec<TestResponse> {
    let mut responses = vec![late.get("/touch").send(), late.get("/flashes").send(), late.get("/async").send()];
    for path in ["/set/a/late", "/count/n", "/flash/late", "/logout", "/cycle", "/remove/a", "/work-then-set"] {
        responses.push(late.post(path).send());
    }
    responses
}

fn rule_04_a_request_that_is_late_for_a_login_does_not_log_it_out(store: &Store) {
    let client = store.client(urls());
    client.post("/set/cart/apple").send();
    let before = held(&client);
    client.post("/login/7").send();
    let after = held(&client);
    // The same browser: it sent this before it heard of the login.
    client.set_cookie(COOKIE, &before);
    let response = client.post("/set/late/1").send();
    response.assert_status(204);
    assert_no_cookie(&response);
    client.set_cookie(COOKIE, &after);
    client.get("/get/user_id").send().assert_contains("7");
    assert!(!client.session().unwrap().data.contains_key("late"));
    assert_stored(&client, 1);
}

fn rule_04_a_request_that_is_late_for_any_end_leaves_nothing_behind(store: &Store) {
    type End = fn(&Client);
    let ends: [(&str, End); 8] = [
        ("cycle_id", |client| drop(client.post("/cycle").send())),
        ("a login", |client| drop(client.post("/login/8").send())),
        ("a logout", |client| drop(client.post("/logout").send())),
        ("delete by hand", |client| assert!(client.sessions().delete(id(client)).unwrap())),
        ("save by hand", |client| {
            let cycle = |session: &mut lback::session::AppSession| {
                session.cycle_id();
                Ok(())
            };
            client.sessions().save(id(client), cycle).unwrap();
        }),
        ("revoke by hand", |client| assert_eq!(client.sessions().revoke_user(7, None).unwrap(), 1)),
        ("revoke", |client| drop(client.fork().post("/revoke/7").send())),
        ("revoke in a transaction", |client| drop(client.fork().post("/work-then-revoke/7").send())),
    ];
    for (what, end) in ends {
        let client = store.client(routes());
        crate::sql(&client, "CREATE TABLE work (n BIGINT)");
        client.post("/login/7").send();
        let late = holding(&client, &held(&client));
        let old = id(&client);
        end(&client);
        assert!(!is_live(&client, old), "{what}");
        for response in try_all(&late) {
            assert!(response.status().is_success(), "{what}: {response:?}");
            assert_no_cookie(&response);
        }
        let is_rotated = matches!(what, "cycle_id" | "a login");
        if is_rotated {
            assert_eq!(client.session().unwrap().data["user_id"], if what == "a login" { 8 } else { 7 });
        }
        assert_stored(&client, u64::from(is_rotated || what == "save by hand"));
    }
}

fn rule_04_a_late_request_reads_an_empty_session_and_what_it_writes_itself(store: &Store) {
    fn view(req: &mut Request) -> Result<String> {
        let session = req.session();
        let before = (session.is_new(), session.is_empty(), session["a"].is_null(), session.modified());
        session.insert("a", 1)?;
        session.flash("info", "hello");
        let flashes = session.take_flashes().len();
        Ok(format!("{before:?} {} {flashes}", session["a"]))
    }
    let client = store.client(urls().post("/view", view));
    client.post("/set/a/secret").send();
    let late = holding(&client, &held(&client));
    client.post("/logout").send();
    for _ in 0..2 {
        late.post("/view").send().assert_contains("(true, true, true, false) 1 1");
    }
}

fn rule_04_a_late_request_is_logged_as_interrupted_if_it_wrote(store: &Store) {
    logs::start();
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let (old, late) = (id(&client).to_string(), holding(&client, &held(&client)));
    client.post("/login/7").send();
    let interruptions = || logs::lines_with(&old).iter().filter(|line| line.contains("interrupted")).count();
    late.get("/touch").send();
    assert_eq!(interruptions(), 0, "it only read");
    late.post("/set/a/late").send();
    late.post("/flash/late").send();
    assert_eq!(interruptions(), 2);
}

fn rule_04_a_late_logout_ends_nothing(store: &Store) {
    let goodbye = |req: &mut Request| {
        req.session().delete();
        req.session().flash("info", "You have been logged out.");
    };
    let client = store.client(urls().post("/goodbye", goodbye));
    client.post("/set/a/1").send();
    let late = holding(&client, &held(&client));
    client.post("/login/7").send();
    for path in ["/logout", "/goodbye"] {
        assert_no_cookie(&late.post(path).send());
    }
    client.get("/get/user_id").send().assert_contains("7");
    assert_eq!(client.get("/flashes").send().text(), "");
    assert_stored(&client, 1);
}

fn rule_04_a_late_login_is_a_login(store: &Store) {
    let client = store.client(urls());
    for user in [7, 8] {
        client.post("/set/a/1").send();
        client.post("/login/7").send();
        let late = holding(&client, &held(&client));
        client.sessions().revoke_user(7, None).unwrap();
        assert_no_cookie(&late.post("/set/b/1").send());
        late.post(&format!("/login/{user}")).send().assert_status(204);
        let cookie = late.cookies().pop().unwrap().value().to_owned();
        let record = client.sessions().load_cookie(&cookie).unwrap().unwrap();
        assert_eq!((record.user_id, record.data.len()), (Some(user), 1));
        client.clear_cookies();
    }
}

fn rule_04_a_late_request_is_a_new_visitor_after_a_minute(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let late = holding(&client, &held(&client));
    client.post("/login/7").send();
    client.clock().advance(MINUTE - std::time::Duration::from_micros(1));
    assert_no_cookie(&late.post("/set/b/2").send());
    client.clock().advance(std::time::Duration::from_micros(1));
    assert!(late.post("/set/b/2").send().cookie(COOKIE).is_some());
    // The clean-up forgets it, and counts no session for it.
    assert_eq!(client.sessions().clear_expired().unwrap(), 0);
    if store.is_database() {
        assert_eq!(crate::number(&client, "SELECT count(*) FROM __lback_session_ends"), 0);
    }
}

fn rule_04_a_late_request_stores_nothing_where_every_visitor_gets_a_session(store: &Store) {
    let client = store.client_with(urls(), "SESSION_CREATE = 'eager'");
    client.get("/touch").send();
    let late = holding(&client, &held(&client));
    client.post("/login/7").send();
    assert_no_cookie(&late.get("/touch").send());
    assert_no_cookie(&late.post("/set/a/1").send());
    assert_stored(&client, 1);
}

fn rule_04_a_late_page_keeps_the_visitors_csrf_cookie(store: &Store) {
    let form = |req: &mut Request| -> Result<String> {
        req.session().insert("a", 9)?;
        req.csrf_token()
    };
    let client = store.client(urls().get("/form", |req: &mut Request| req.csrf_token()).get("/late-form", form));
    client.post("/set/a/1").send();
    client.get("/form").send();
    let before = held(&client);
    client.post("/login/7").send();
    client.get("/form").send();
    let after = held(&client);
    client.set_cookie(COOKIE, &before);
    for path in ["/form", "/late-form"] {
        assert_no_cookie(&client.get(path).send());
    }
    client.set_cookie(COOKIE, &after);
    client.post("/set/b/2").send().assert_status(204);
}

fn rule_04_what_has_expired_has_not_ended(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/1").send();
    let keeper = holding(&client, &held(&client));
    client.clock().advance(31 * MINUTE);
    client.sessions().clear_expired().unwrap();
    assert!(keeper.post("/set/b/2").send().cookie(COOKIE).is_some());
}

fn rule_04_what_ended_beside_other_writes_is_known(store: &Store) {
    let client = store.client(routes());
    for end in ["/login/7", "/cycle", "/logout"] {
        client.clear_cookies();
        client.post("/set/a/1").send();
        let cookie = held(&client);
        let start = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            for path in ["/count/a", "/set/b/1", "/flash/hello", "/count/n", end, end] {
                let (browser, start) = (holding(&client, &cookie), &start);
                scope.spawn(move || {
                    start.wait();
                    browser.post(path).send();
                });
            }
        });
        assert_no_cookie(&holding(&client, &cookie).post("/set/late/1").send());
    }
}

mod databases {
    use super::*;

    suite!(databases: rule_04_a_request_is_late_for_what_another_process_has_done);

    fn rule_04_a_request_is_late_for_what_another_process_has_done(store: &Store) {
        let client = store.client(urls());
        let other = client.restart(App::new(urls()));
        for end in ["/login/7", "/logout"] {
            client.post("/set/a/1").send();
            let late = holding(&other, &held(&client));
            late.get("/get/a").send().assert_contains("1");
            client.post(end).send().assert_status(204);
            let response = late.post("/set/b/2").send();
            response.assert_status(204);
            assert_no_cookie(&response);
        }
    }
}
