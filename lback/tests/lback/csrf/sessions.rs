//! Tokens and sessions: what a login and a logout end, and what a session costs.

use std::time::Duration;

use super::*;
use crate::{number, sql, start_error};

#[test]
fn a_visitor_costs_no_session_and_no_query() {
    let client = client();
    // Whoever asks for a session now fails.
    sql(&client, "DROP TABLE sessions");
    let page = client.get("/form").send();
    page.assert_status(200);
    assert!(page.cookies().iter().all(|cookie| cookie.name() == "csrf"));
    assert!(accepts(&client, &token_in(&page)));
    client.post("/do").send().assert_status(403);
}

#[test]
fn a_session_is_not_loaded_for_its_tokens() {
    let client = client();
    client.get("/visits").send();
    let token = token(&client);
    sql(&client, "ALTER TABLE sessions RENAME TO hidden");
    assert!(accepts(&client, &token));
    client.get("/form").send().assert_status(200);
}

#[test]
fn a_form_from_before_the_first_session_can_still_be_sent() {
    let client = client();
    let before = token(&client);
    client.get("/visits").send();
    assert!(client.session().is_some());
    assert!(accepts(&client, &before));
    // One page may both begin the session and show a form.
    let other = client.fork();
    let token = other.get("/visits-and-token").send().text().to_owned();
    assert!(accepts(&other, &token));
    assert_eq!(number(&client, "SELECT count(*) FROM sessions"), 2);
}

#[test]
fn a_login_ends_the_tokens_from_before() {
    // Without a session before it, and with one.
    for path in ["/plain", "/visits"] {
        let client = client();
        client.get(path).send();
        let before = token(&client);
        let cookie = client.cookie("csrf").unwrap();
        log_in(&client, 1);
        assert!(!accepts(&client, &before), "{path}");
        let after = token(&client);
        assert!(accepts(&client, &after));
        // The old cookie does not bring the old token back to life.
        assert_ne!(client.cookie("csrf").unwrap(), cookie);
        client.set_cookie("csrf", &cookie);
        assert!(!accepts(&client, &before) && !accepts(&client, &after), "{path}");
    }
}

#[test]
fn a_logout_ends_the_tokens_from_before() {
    let client = client();
    let anonymous = token(&client);
    log_in(&client, 1);
    let before = token(&client);
    with_token(&client, "/logout", &before).send().assert_status(204);
    assert!(client.session().is_none());
    assert!(!accepts(&client, &before) && !accepts(&client, &anonymous));
    let after = token(&client);
    assert!(accepts(&client, &after));
}

#[test]
fn another_user_or_another_id_ends_them_too() {
    let client = client();
    log_in(&client, 1);
    let first = token(&client);
    with_token(&client, "/login/2", &first).send().assert_status(204);
    assert!(!accepts(&client, &first));
    let second = token(&client);
    with_token(&client, "/cycle", &second).send().assert_status(204);
    assert!(!accepts(&client, &second));
    // Logged in as the same one again: nothing has changed.
    let third = token(&client);
    with_token(&client, "/login/2", &third).send().assert_status(204);
    assert!(accepts(&client, &third));
}

#[test]
fn a_page_that_logs_in_and_shows_a_form_works() {
    for path in ["/plain", "/visits"] {
        let client = client();
        client.get(path).send();
        let before = token(&client);
        let after = with_token(&client, "/login-and-form", &before).send().text().to_owned();
        assert!(accepts(&client, &after) && !accepts(&client, &before), "{path}");
    }
}

#[test]
fn the_token_of_another_users_session_is_refused() {
    let (alice, eve) = {
        let client = client();
        let other = client.fork();
        (client, other)
    };
    log_in(&alice, 1);
    log_in(&eve, 2);
    let token_of_eve = token(&eve);
    assert!(!accepts(&alice, &token_of_eve));
    // Not even with her cookie.
    alice.set_cookie("csrf", &eve.cookie("csrf").unwrap());
    assert!(!accepts(&alice, &token_of_eve));
}

#[test]
fn a_session_that_has_ended_leaves_a_form_that_says_so() {
    let client = client();
    log_in(&client, 1);
    let token_of_session = token(&client);
    client.clock().advance(Duration::from_secs(31 * 60));
    assert!(!accepts(&client, &token_of_session));
    let after = token(&client);
    assert!(accepts(&client, &after));
}

#[test]
fn a_session_that_cannot_be_read_is_no_refusal() {
    let client = client();
    let before = token(&client);
    client.get("/visits").send();
    sql(&client, "DROP TABLE sessions");
    with_token(&client, "/do", &before).send().assert_status(503);
}

#[test]
fn a_login_of_a_program_without_tokens_sets_no_cookie_for_them() {
    let login = |req: &mut Request| req.session().insert("user_id", 1);
    let client = Client::with_settings(App::new(Router::new().post("/", login).csrf_exempt()), SETTINGS);
    client.enforce_csrf();
    let response = client.post("/").send();
    assert_eq!(response.cookies().iter().map(|cookie| cookie.name().to_owned()).collect::<Vec<_>>(), ["session_id"]);
}

#[test]
fn sessions_in_cookies_and_in_memory_bind_tokens_as_well() {
    for store in ["cookie", "memory"] {
        let client = app_with(&format!("{SETTINGS}\nSESSION_STORE = '{store}'"), &[]);
        let before = token(&client);
        client.get("/visits").send();
        assert!(accepts(&client, &before), "{store}");
        log_in(&client, 1);
        let after = token(&client);
        assert!(!accepts(&client, &before) && accepts(&client, &after), "{store}");
        with_token(&client, "/logout", &after).send().assert_status(204);
        assert!(!accepts(&client, &after), "{store}");
    }
}

#[test]
fn an_application_without_sessions_is_protected_too() {
    let app = || App::new(urls()).without_sessions();
    let client = Client::with_settings(app(), "ALLOWED_HOSTS = ['example.com']");
    client.enforce_csrf();
    client.post("/do").send().assert_status(403);
    let token = client.get("/token").send().text().to_owned();
    assert!(accepts(&client, &token));
}

#[test]
fn a_route_without_a_session_is_protected_too() {
    let urls = urls().post("/bare", |_: &mut Request| "done").without_session();
    let client = Client::with_settings(App::new(urls), SETTINGS);
    client.enforce_csrf();
    let token = || client.get("/token").send().text().to_owned();
    let before = token();
    client.get("/visits").send();
    with_token(&client, "/bare", &before).send().assert_status(200);
    with_token(&client, "/login/1", &token()).send().assert_status(204);
    with_token(&client, "/bare", &before).send().assert_status(403);
    with_token(&client, "/bare", &token()).send().assert_status(200);
}

#[test]
fn a_wrong_order_is_an_error_at_the_start() {
    let move_out = |outside: &'static str| {
        App::new(urls()).stack(move |stack| {
            let csrf = lback::middleware::CsrfMiddleware::inside(&["BodyReader", "SessionMiddleware"]);
            stack.remove("CsrfMiddleware")?.insert_before(outside, csrf)?;
            Ok(())
        })
    };
    for outside in ["BodyReader", "SessionMiddleware"] {
        let error = start_error(move_out(outside), SETTINGS);
        assert!(error.contains("the middleware CsrfMiddleware needs BodyReader outside it"), "{error}");
    }
    let without_order = App::new(urls()).stack(|stack| {
        let csrf = lback::middleware::CsrfMiddleware::inside(&["SessionMiddleware"]);
        stack.remove("CsrfMiddleware")?.insert_before("SessionMiddleware", csrf)?;
        Ok(())
    });
    let error = start_error(without_order, SETTINGS);
    assert!(error.contains("the middleware CsrfMiddleware needs SessionMiddleware outside it"), "{error}");
}
