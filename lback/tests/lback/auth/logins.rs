//! Logging in and out.

use super::*;

suite!(
    who_logs_in_is_the_user_until_they_log_out,
    a_login_rotates_the_session_and_keeps_what_is_in_it,
    a_second_login_of_the_same_user_rotates_too,
    another_user_gets_nothing_of_the_first_but_messages,
    somebody_who_may_not_log_in_any_more_is_nobody_at_once,
    who_is_gone_is_nobody,
    who_asks_to_be_remembered_stays_longer,
    who_asks_to_be_remembered_outlasts_the_browser,
    signals_tell_what_happened_and_nothing_that_was_typed,
);

fn signals_tell_what_happened_and_nothing_that_was_typed(store: &Store) {
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = told.clone();
    let listening = app().on_name("user.*", move |signal, _| note.lock().unwrap().push(format!("{signal:?}")));
    let client = store.open(listening, SETTINGS);
    add_user(&client, "alice");
    try_login(&client, "alice", "wrong");
    try_login(&client, "hunter2", PASSWORD);
    login(&client, "alice");
    client.post("/password").form(&[("password", "hunter2 and more")]).send().assert_status(204);
    client.post("/logout").send();
    assert!(!told.lock().unwrap().iter().any(|signal| signal.contains("hunter2") || signal.contains("argon2")));
    assert_eq!(
        *told.lock().unwrap(),
        [
            "UserLoginFailed { user_id: Some(1), throttled: false }",
            "UserLoginFailed { user_id: None, throttled: false }",
            "UserLoggedIn { user_id: 1 }",
            "UserPasswordChanged { user_id: 1 }",
            "UserLoggedOut { user_id: 1 }",
        ]
    );
}

fn who_logs_in_is_the_user_until_they_log_out(store: &Store) {
    let client = client(store);
    assert_who(&client, "nobody");
    assert_eq!(try_login(&client, "alice", "wrong").text(), WRONG);
    assert_who(&client, "nobody");
    login(&client, "alice");
    assert_who(&client, "alice");
    assert_who(&client.fork(), "nobody");
    assert_eq!(user(&client, "alice").last_login, Some(client.clock().now()));

    let before = client.session().unwrap().id;
    client.post("/logout").send().assert_status(204);
    assert_who(&client, "nobody");
    assert_ne!(client.session().unwrap().id, before);
    assert_eq!(client.get("/flashes").send().text(), "You have been logged out.");
}

fn a_login_rotates_the_session_and_keeps_what_is_in_it(store: &Store) {
    let client = client(store);
    client.post("/cart/tea").send();
    let before = client.session().unwrap().id;
    login(&client, "alice");
    let session = client.session().unwrap();
    assert_ne!(session.id, before);
    assert_eq!(session.user_id, Some(1));
    assert_eq!(client.get("/cart").send().text(), "\"tea\"");
    assert_eq!(client.get("/flashes").send().text(), "Welcome back!");
}

fn a_second_login_of_the_same_user_rotates_too(store: &Store) {
    let client = client(store);
    login(&client, "alice");
    let before = client.session().unwrap().id;
    login(&client, "alice");
    assert_ne!(client.session().unwrap().id, before);
    assert_who(&client, "alice");
}

fn another_user_gets_nothing_of_the_first_but_messages(store: &Store) {
    let client = client(store);
    add_user(&client, "bob");
    login(&client, "alice");
    client.post("/cart/tea").send();
    login(&client, "bob");
    assert_who(&client, "bob");
    assert_eq!(client.get("/cart").send().text(), "null");
    assert_eq!(client.get("/flashes").send().text(), "Welcome back!,Welcome back!");
}

fn somebody_who_may_not_log_in_any_more_is_nobody_at_once(store: &Store) {
    let client = client(store);
    login(&client, "alice");
    client.db(|db| User::named(db, "alice")?.expect("alice").set_active(db, false));
    assert_who(&client, "nobody");
    client.get("/members").send().assert_redirect("/login?next=/members");
    // In the same words and with the same work as a wrong password.
    let (work, answer) = hashes(&client, || try_login(&client, "alice", PASSWORD));
    assert_eq!((work, answer.text()), (1, WRONG));
    client.db(|db| User::named(db, "alice")?.expect("alice").set_active(db, true));
    assert_who(&client, "alice");
}

fn who_is_gone_is_nobody(store: &Store) {
    let client = client(store);
    login(&client, "alice");
    sql(&client, "DELETE FROM auth_users");
    assert_who(&client, "nobody");
    // The next one does not get the id of the one who is gone.
    let bob = add_user(&client, "bob");
    assert_eq!(bob.id, 2);
    assert_who(&client, "nobody");
}

fn who_asks_to_be_remembered_stays_longer(store: &Store) {
    let client = client(store);
    let other = client.fork();
    client.post("/login/remember").form(&[("username", "alice"), ("password", PASSWORD)]).send();
    login(&other, "alice");
    client.clock().advance(Duration::from_secs(31 * 60));
    assert_who(&client, "alice");
    assert_who(&other, "nobody");
    client.clock().advance(29 * DAY);
    assert_who(&client, "alice");
    client.clock().advance(31 * DAY);
    assert_who(&client, "nobody");
}

fn who_asks_to_be_remembered_outlasts_the_browser(store: &Store) {
    let client = client_with(store, "SESSION_EXPIRE_AT_BROWSER_CLOSE = true");
    let form = [("username", "alice"), ("password", PASSWORD)];
    let of_session = |response: TestResponse| {
        let cookies = response.headers_all("set-cookie");
        cookies.into_iter().find(|cookie| cookie.starts_with("session_id=")).expect("a session's cookie").to_owned()
    };
    assert!(!of_session(client.post("/login").form(&form).send()).contains("Max-Age"));
    assert!(of_session(client.post("/login/remember").form(&form).send()).contains("Max-Age=2592000"));
    // Until they log in again without.
    assert!(!of_session(client.post("/login").form(&form).send()).contains("Max-Age"));
}
