//! Rules 3, 4 and 21 together: cookies of ended sessions beside live ones, and messages that a request takes and does not show.

use diesel::prelude::*;
use lback::prelude::*;
use lback::testing::Client;

use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_removes_cookie, assert_stored, held, holding, id, suite, urls};
use crate::gate::Gate;

suite!(
    rule_21_what_a_failed_request_took_and_left_is_as_before,
    rule_21_messages_end_with_a_session_that_is_deleted_after_they_were_taken,
    rule_21_a_login_that_redirects_keeps_what_it_took;
    server:
    rule_03_an_ended_cookie_does_not_hide_a_live_one,
    rule_04_a_request_whose_cookies_are_all_dead_is_late_for_the_one_that_ended,
    rule_04_a_late_login_beside_a_dead_cookie_is_a_login,
    rule_04_a_late_request_has_nothing_to_show_however_it_asks,
    rule_04_a_form_of_a_late_page_can_be_sent,
    rule_04_whoever_ends_all_their_sessions_goes_on_in_a_new_one,
    rule_21_a_redirect_that_takes_messages_leaves_those_that_come_meanwhile,
    rule_21_messages_that_others_have_taken_do_not_come_back,
);

fn cookies(of: &[&str]) -> String {
    format!("session_id={}", of.join("; session_id="))
}

/// The cookies of a session that was ended in each way, and of one that lives.
fn ended_and_live(client: &Client) -> (Vec<String>, String) {
    let mut ended = Vec::new();
    for end in ["/login/7", "/logout"] {
        client.clear_cookies();
        client.post("/set/a/dead").send();
        ended.push(held(client));
        client.post(end).send();
    }
    client.clear_cookies();
    client.post("/login/9").send();
    ended.push(held(client));
    assert_eq!(client.sessions().revoke_user(9, None).unwrap(), 1);
    client.clear_cookies();
    client.post("/set/a/alive").send();
    (ended, held(client))
}

fn rule_03_an_ended_cookie_does_not_hide_a_live_one(store: &Store) {
    let slowly = async |req: &mut Request| req.load_session().await["a"].to_string();
    let in_transaction = |req: &mut Request| -> Result<String> {
        diesel::sql_query("SELECT 1").execute(req.db()?)?;
        Ok(req.session()["a"].to_string())
    };
    let client = store.client(urls().get("/slowly", slowly).get("/in-transaction", in_transaction));
    let (ended, live) = ended_and_live(&client);
    for ended in &ended {
        for header in [cookies(&[ended, &live]), cookies(&[&live, ended])] {
            for path in ["/get/a", "/slowly", "/in-transaction"] {
                assert_eq!(client.fork().get(path).header("cookie", &header).send().text(), "\"alive\"", "{path}");
            }
            client.fork().post("/count/n").header("cookie", &header).send().assert_status(200);
            client.fork().post("/flash/hello").header("cookie", &header).send().assert_status(204);
        }
    }
    assert_eq!(client.session().unwrap().data["n"], 6, "nothing was taken for late");
    let all = cookies(&[&ended[0], &ended[1], &ended[2], &live]);
    assert_eq!(client.fork().get("/flashes").header("cookie", &all).send().text().matches("hello").count(), 6);
    // A logout ends the one that counts, and then every cookie is late.
    assert_removes_cookie(&client.fork().post("/logout").header("cookie", &all).send());
    assert_no_cookie(&client.fork().post("/set/a/late").header("cookie", &all).send());
}

fn rule_04_a_request_whose_cookies_are_all_dead_is_late_for_the_one_that_ended(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/old").send();
    let expired = held(&client);
    client.clear_cookies();
    client.clock().advance(31 * MINUTE);
    client.post("/set/a/1").send();
    let ended = held(&client);
    client.post("/logout").send();
    for header in [cookies(&[&expired, &ended]), cookies(&[&ended, &expired])] {
        let response = client.fork().post("/set/a/late").header("cookie", &header).send();
        assert_no_cookie(response.assert_status(204));
    }
    // A minute later it is a new visitor.
    client.clock().advance(MINUTE);
    let response = client.fork().post("/set/a/new").header("cookie", cookies(&[&expired, &ended])).send();
    assert!(response.cookie(COOKIE).is_some());
}

fn rule_04_a_late_login_beside_a_dead_cookie_is_a_login(store: &Store) {
    let login = |req: &mut Request| -> Result<Response> {
        let taken = req.session().take_flashes().len();
        req.session().flash("info", "welcome");
        assert_eq!((taken, req.session().take_flashes().len()), (0, 1));
        req.session().insert("user_id", 7)?;
        Ok(Response::redirect("/flashes"))
    };
    let client = store.client_with(urls().post("/hello", login), "SESSION_CREATE = 'eager'");
    let (ended, _) = ended_and_live(&client);
    let header = cookies(&[&ended[2], &ended[0]]);
    assert_no_cookie(&client.fork().get("/touch").header("cookie", &header).send());
    let response = client.fork().post("/hello").header("cookie", &header).send();
    let fresh = response.assert_status(303).cookie(COOKIE).expect("the cookie of the login").value().to_owned();
    let browser = client.fork();
    let after = cookies(&[&ended[2], &fresh]);
    assert_eq!(browser.get("/flashes").header("cookie", &after).send().text(), "info:welcome", "nobody has seen it before");
    browser.get("/get/user_id").header("cookie", &after).send().assert_contains("7");
}

fn rule_04_a_late_request_has_nothing_to_show_however_it_asks(store: &Store) {
    let left = |req: &mut Request| -> Result<Response> {
        req.session().flash("info", "late");
        let taken = req.session().take_flashes().len();
        Ok(Response::redirect(&format!("/taken/{taken}")))
    };
    let client = store.client_with(urls().get("/left", left).post("/left", left), "SESSION_CREATE = 'eager'");
    client.post("/flash/secret").send();
    let late = holding(&client, &held(&client));
    client.post("/login/7").send();
    let responses = [
        late.get("/flashes").header("sec-purpose", "prefetch;prerender").send(),
        late.get("/flashes").send(),
        late.head("/flashes").send(),
        late.get("/left").send(),
        late.post("/left").send(),
        late.get("/left").header("sec-purpose", "prefetch").send(),
        late.head("/left").send(),
    ];
    for response in &responses {
        assert!(response.status().as_u16() < 400 && !response.text().contains("secret"), "{response:?}");
        assert_no_cookie(response);
        assert!(response.header("vary").unwrap_or_default().to_lowercase().contains("cookie"), "{response:?}");
    }
    assert_eq!(client.get("/flashes").send().text(), "info:secret");
    assert_stored(&client, 1);
}

fn rule_04_a_form_of_a_late_page_can_be_sent(store: &Store) {
    let form = |req: &mut Request| -> Result<String> {
        req.session().len();
        req.csrf_token()
    };
    let client = store.client(urls().get("/form", form).get("/bare-form", |req: &mut Request| req.csrf_token()));
    let (ended, live) = ended_and_live(&client);
    // Whose session was revoked logs in again at once, by a form that the same cookies asked for.
    for header in [cookies(&[&ended[2]]), cookies(&[&ended[2], &ended[0]]), cookies(&[&ended[0], &live])] {
        for path in ["/form", "/bare-form"] {
            let browser = client.fork();
            browser.enforce_csrf();
            let page = browser.get(path).header("cookie", &header).send();
            let secret = page.cookie("csrf").expect("a secret").value().to_owned();
            let header = format!("{header}; csrf={secret}");
            let login = browser.post("/login/8").header("cookie", &header).header("x-csrf-token", page.text()).send();
            assert!(login.assert_status(204).cookie(COOKIE).is_some(), "{path} {header}");
            if header.contains(&live) {
                break;
            }
        }
    }
}

fn rule_04_whoever_ends_all_their_sessions_goes_on_in_a_new_one(store: &Store) {
    let end = |req: &mut Request| -> Result<Response> {
        match req.param::<String>("before")?.as_str() {
            "transaction" => drop(diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?),
            "session" => req.session().insert("a", "before")?,
            _ => {}
        }
        assert_eq!(req.revoke_user_sessions(7, None)?, 2);
        if req.param::<String>("message")? == "true" {
            req.session().flash("info", "bye");
        }
        Ok(Response::redirect("/flashes"))
    };
    let client = store.client(urls().post("/end/{before}/{message}", end));
    crate::sql(&client, "CREATE TABLE work (n BIGINT)");
    for before in ["nothing", "session", "transaction"] {
        for message in [true, false] {
            client.clear_cookies();
            client.post("/login/7").send();
            let (old, late) = (id(&client), holding(&client, &held(&client)));
            let other = client.fork();
            other.clear_cookies();
            other.post("/login/7").send();
            let response = client.post(&format!("/end/{before}/{message}")).send();
            assert_eq!(client.sessions().for_user(7).unwrap().len(), 0, "{before}");
            if message {
                assert_ne!(id(&client), old, "{before}");
                assert_eq!(client.get("/flashes").send().text(), "info:bye", "{before}");
            } else {
                assert_removes_cookie(&response);
            }
            // The browser is a visitor as any other; what it sent before is late.
            client.post("/set/a/1").send().assert_status(204);
            client.get("/get/a").send().assert_contains("1");
            assert_no_cookie(&late.post("/set/a/late").send());
            assert_no_cookie(&other.post("/set/a/late").send());
        }
    }
}

/// Leaves a message, and runs `between` while a request that redirects has done `work` and is not saved yet. Returns the messages
/// that are left then.
fn left_by_a_redirect(
    store: &Store,
    work: impl Fn(&mut Request) -> Result<()> + Send + Sync + 'static,
    between: impl FnOnce(&Client),
) -> String {
    let gate = Gate::default();
    let waits = gate.clone();
    let client = store.client(urls().post("/slow", move |req: &mut Request| -> Result<Response> {
        assert_eq!(req.session().take_flashes().len(), 1);
        work(req)?;
        waits.pass();
        Ok(Response::redirect("/"))
    }));
    client.post("/flash/first").send();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| client.post("/slow").send().assert_status(303).status());
        gate.reached();
        between(&client);
        gate.open();
        slow.join().unwrap()
    });
    client.get("/flashes").send().text().to_owned()
}

fn leave_a_message(req: &mut Request) -> Result<()> {
    req.session().flash("info", "mine");
    req.session().insert("a", 1)
}

fn rule_21_a_redirect_that_takes_messages_leaves_those_that_come_meanwhile(store: &Store) {
    let other = |client: &Client| drop(client.post("/flash/other").send());
    assert_eq!(left_by_a_redirect(store, |_| Ok(()), other), "info:first,info:other");
    assert_eq!(left_by_a_redirect(store, leave_a_message, other), "info:first,info:other,info:mine");
}

fn rule_21_messages_that_others_have_taken_do_not_come_back(store: &Store) {
    let show = |client: &Client| assert_eq!(client.get("/flashes").send().text(), "info:first");
    assert_eq!(left_by_a_redirect(store, |_| Ok(()), show), "");
    assert_eq!(left_by_a_redirect(store, leave_a_message, show), "info:mine");
}

fn rule_21_what_a_failed_request_took_and_left_is_as_before(store: &Store) {
    let fails = |req: &mut Request| -> Result<()> {
        assert_eq!(req.session().take_flashes().len(), 1);
        req.session().flash("info", "mine");
        req.session().take_flashes();
        req.session().insert("a", 1)?;
        Err(Error::internal("broken"))
    };
    let refuses = |req: &mut Request| -> Result<()> {
        req.session().flash("info", "mine");
        assert_eq!(req.session().take_flashes().len(), 2);
        Err(Error::bad_request("wrong"))
    };
    let client = store.client(urls().post("/fails", fails).post("/refuses", refuses));
    client.post("/flash/one").send();
    client.post("/fails").send().assert_status(500);
    assert!(client.session().unwrap().data.is_empty());
    client.post("/refuses").send().assert_status(400);
    assert_eq!(client.get("/flashes").send().text(), "info:one,info:mine");
}

fn rule_21_messages_end_with_a_session_that_is_deleted_after_they_were_taken(store: &Store) {
    let goodbye = |req: &mut Request| -> Result<Response> {
        req.session().take_flashes();
        req.session().delete();
        Ok(Response::redirect("/"))
    };
    let farewell = |req: &mut Request| -> Result<Response> {
        req.session().take_flashes();
        req.session().delete();
        req.session().flash("info", "bye");
        req.session().take_flashes();
        Ok(Response::redirect("/"))
    };
    let client = store.client(urls().post("/goodbye", goodbye).post("/farewell", farewell));
    client.post("/flash/secret").send();
    assert_removes_cookie(&client.post("/goodbye").send());
    assert!(client.cookie(COOKIE).is_none());
    client.post("/flash/secret").send();
    let before = id(&client);
    client.post("/farewell").send();
    assert_ne!(id(&client), before);
    assert_eq!(client.get("/flashes").send().text(), "info:bye");
}

fn rule_21_a_login_that_redirects_keeps_what_it_took(store: &Store) {
    let login = |req: &mut Request| -> Result<Response> {
        assert_eq!(req.session().take_flashes().len(), 1);
        req.session().insert("user_id", 7)?;
        Ok(Response::redirect("/"))
    };
    let client = store.client(urls().post("/enter", login));
    client.post("/flash/one").send();
    let before = id(&client);
    client.post("/enter").send();
    assert_ne!(id(&client), before);
    assert_eq!(client.get("/flashes").send().text(), "info:one");
}
