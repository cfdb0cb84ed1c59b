//! Users and logins that a test brings about.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

suite!(
    a_login_in_a_test_is_what_a_real_one_is,
    it_ends_with_the_password_and_with_the_account,
    who_cannot_log_in_cannot_be_logged_in,
    nothing_of_the_applications_own_stands_in_the_way,
    a_user_has_what_a_test_says,
);

fn a_login_in_a_test_is_what_a_real_one_is(store: &Store) {
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = told.clone();
    let listening = app().on_name("user.*", move |signal, _| note.lock().unwrap().push(format!("{signal:?}")));
    let client = store.open(listening, SETTINGS);
    let (cost, alice) = hashes(&client, || client.add_user("alice"));
    assert_eq!(cost, 0);

    client.post("/cart/tea").send();
    let before = client.session().unwrap().id;
    client.clock().advance(SECOND);
    let (cost, ()) = hashes(&client, || {
        client.login(&alice);
    });
    assert_eq!(cost, 0);
    assert_who(&client, "alice");
    let session = client.session().unwrap();
    assert_ne!(session.id, before);
    assert_eq!(session.user_id, Some(alice.id));
    assert_eq!(client.get("/cart").send().text(), "\"tea\"");
    assert_eq!(user(&client, "alice").last_login, Some(client.clock().now()));
    assert!(client.cookie("auth_device").is_some());
    assert_eq!(*told.lock().unwrap(), ["UserLoggedIn { user_id: 1 }"]);

    // The browser, and no other.
    assert_who(&client.fork(), "nobody");
    let bob = client.add_user("bob");
    client.login(&bob).get("/cart").send().assert_contains("null");
    assert_who(&client, "bob");
    client.post("/logout").send().assert_status(204);
    assert_who(&client, "nobody");
    client.login(&alice).clear_cookies();
    assert_who(&client, "nobody");
}

fn it_ends_with_the_password_and_with_the_account(store: &Store) {
    let client = client(store);
    let mut alice = user(&client, "alice");
    client.login(&alice);
    assert_who(&client, "alice");
    let other = client.fork();
    login(&other, "alice");
    other.post("/password").form(&[("password", "through the looking glass")]).send().assert_status(204);
    assert_who(&client, "nobody");
    // What the test holds of them is old; they are logged in as they are.
    client.login(&alice);
    assert_who(&client, "alice");
    client.db(|db| alice.set_active(db, false));
    assert_who(&client, "nobody");
}

fn who_cannot_log_in_cannot_be_logged_in(store: &Store) {
    let client = client(store);
    let carol = client.add_user(NewUser::from("carol").active(false));
    let why = |user: &User| {
        let panic = catch_unwind(AssertUnwindSafe(|| client.login(user).cookies())).unwrap_err();
        panic.downcast_ref::<String>().expect("a panic with a message").clone()
    };
    assert!(why(&carol).contains("This account may not log in."));
    let alice = user(&client, "alice");
    sql(&client, "DELETE FROM auth_users");
    assert!(why(&alice).contains("no user with the id 1"));
    assert_who(&client, "nobody");
}

fn nothing_of_the_applications_own_stands_in_the_way(store: &Store) {
    async fn only_members(req: &mut Request, next: Next<'_>) -> Result<Response> {
        req.require_login()?;
        next.run(req).await
    }
    let client = store.open(app().middleware(only_members), &format!("{SETTINGS}\nLOGIN_URL = '/login'"));
    client.get("/who").send().assert_status(303);
    let alice = client.add_user("alice");
    client.login(&alice);
    assert_who(&client, "alice");
}

fn a_user_has_what_a_test_says(store: &Store) {
    let client = store.open(app(), SETTINGS);
    let editors = client.db(|db| Group::get_or_create(db, "editors"));
    client.db(|db| editors.grant(db, "blog.change_post"));
    let alice = client.add_user(NewUser::from("alice").permission("blog.add_post").group("editors").group("readers").staff(true));
    client.login(&alice);
    for path in ["/both", "/office"] {
        client.get(path).send().assert_status(200);
    }
    client.get("/office/safe").send().assert_status(403);
    let groups: Vec<String> = client.db(|db| alice.groups(db)).into_iter().map(|group| group.name).collect();
    assert_eq!(groups, ["editors", "readers"]);

    client.add_user(NewUser::new("bob", &client.hash(PASSWORD)).email("bob@example.com"));
    login(&client, "bob@example.com");
    assert_who(&client, "bob");
}

#[test]
fn a_login_goes_over_a_socket_too() {
    let client = Client::over_socket_with_settings(app(), &format!("SESSION_TIMEOUT_MINUTES = 30\n{SETTINGS}"));
    client.login(&client.add_user("alice"));
    assert_who(&client, "alice");
}
