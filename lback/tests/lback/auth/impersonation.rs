//! A superuser who acts as another user.

use lback::session::SessionManager;

use super::*;

suite!(
    a_superuser_acts_as_another_user_until_the_end,
    only_superusers_act_as_others_and_never_as_superusers,
    a_logout_or_a_login_ends_it,
    nothing_dangerous_is_possible_meanwhile,
    it_ends_with_what_it_depends_on;
    server: devices_stay_truthful_and_old_ids_are_dead
);

/// The application with the superuser root, who is logged in, and alice, who is not.
fn open(store: &Store) -> Client {
    let client = client(store);
    let root = add_user(&client, "root");
    client.db(|db| root.clone().set_roles(db, true, true));
    login(&client, "root");
    client
}

#[track_caller]
fn act_as(client: &Client, name: &str) {
    client.post(&format!("/act-as/{name}")).send().assert_status(204);
    assert_who(client, name);
}

#[track_caller]
fn assert_impersonator(client: &Client, name: &str) {
    assert_eq!(client.get("/impersonator").send().text(), name);
}

fn a_superuser_acts_as_another_user_until_the_end(store: &Store) {
    let client = open(store);
    client.post("/cart/teapot").send().assert_status(204);
    client.get("/write").send().assert_status(200);
    assert_impersonator(&client, "nobody");
    act_as(&client, "alice");
    assert_impersonator(&client, "root");
    client.get("/write").send().assert_status(403);
    client.get("/members").send().assert_status(200);
    client.get("/own").send().assert_status(403);
    assert_eq!(client.get("/cart").send().text(), "null", "the data belong to root");
    client.post("/cart/hat").send().assert_status(204);
    assert_eq!(client.post("/act-as-nobody").send().text(), "true");
    assert_who(&client, "root");
    assert_impersonator(&client, "nobody");
    client.get("/own").send().assert_status(200);
    assert_eq!(client.get("/cart").send().text(), "null", "the data belong to alice");
    assert_eq!(client.post("/act-as-nobody").send().text(), "false");
    assert_eq!(user(&client, "alice").last_login, None);
}

fn only_superusers_act_as_others_and_never_as_superusers(store: &Store) {
    let client = open(store);
    let (bob, carol) = (add_user(&client, "bob"), add_user(&client, "carol"));
    client.db(|db| bob.clone().set_roles(db, true, true));
    client.db(|db| carol.clone().set_active(db, false));
    for name in ["bob", "carol", "root"] {
        client.post(&format!("/act-as/{name}")).send().assert_status(403);
        assert_who(&client, "root");
    }
    act_as(&client, "alice");
    client.post("/act-as/alice").send().assert_status(403);
    client.post("/act-as/bob").send().assert_status(403);
    let other = client.fork();
    other.post("/act-as/alice").send().assert_redirect("/login");
    login(&other, "alice");
    other.post("/act-as/root").send().assert_status(403);
    client.db(|db| user_in(db, "alice").set_roles(db, true, false));
    other.post("/act-as/bob").send().assert_status(403);
    assert_who(&other, "alice");
}

fn user_in(db: &mut lback::db::Db, name: &str) -> User {
    User::named(db, name).ok().flatten().expect("a user of this name")
}

fn a_logout_or_a_login_ends_it(store: &Store) {
    let client = open(store);
    act_as(&client, "alice");
    client.post("/logout").send().assert_status(204);
    assert_who(&client, "nobody");
    for name in ["root", "alice"] {
        login(&client, "root");
        act_as(&client, "alice");
        login(&client, name);
        assert_who(&client, name);
        assert_impersonator(&client, "nobody");
    }
}

fn nothing_dangerous_is_possible_meanwhile(store: &Store) {
    let client = open(store);
    act_as(&client, "alice");
    client.post("/password").form(&[("password", "a new password")]).send().assert_status(403);
    for password in [PASSWORD, "wrong"] {
        client.post("/confirm").form(&[("password", password)]).send().assert_status(403);
    }
    assert_eq!(client.get("/confirmed/3600").send().text(), "false");
    let other = client.fork();
    login(&other, "alice");
}

fn it_ends_with_what_it_depends_on(store: &Store) {
    // The request that detects this has no current user, because it was meant for alice.
    let client = open(store);
    act_as(&client, "alice");
    client.db(|db| user_in(db, "root").set_roles(db, true, false));
    client.post("/members").send().assert_redirect("/login");
    assert_who(&client, "root");
    client.db(|db| user_in(db, "root").set_roles(db, true, true));
    assert_who(&client, "root");
    for is_deactivated in [true, false] {
        client.db(|db| user_in(db, "alice").set_active(db, true));
        act_as(&client, "alice");
        if is_deactivated {
            client.db(|db| user_in(db, "alice").set_active(db, false));
        } else {
            client.db(|db| user_in(db, "alice").set_roles(db, false, true));
        }
        assert_who(&client, "nobody");
        assert_who(&client, "root");
    }
    // There is no current user if root is deactivated, or has a new password.
    client.db(|db| user_in(db, "alice").set_roles(db, false, false));
    act_as(&client, "alice");
    client.db(|db| user_in(db, "root").set_active(db, false));
    assert_who(&client, "nobody");
    assert_who(&client, "nobody");
    client.db(|db| user_in(db, "root").set_active(db, true));
    assert_who(&client, "root");
    act_as(&client, "alice");
    let other = client.fork();
    login(&other, "root");
    other.post("/password").form(&[("password", "a new password")]).send().assert_status(204);
    assert_who(&client, "nobody");
    assert_who(&client, "nobody");
}

fn devices_stay_truthful_and_old_ids_are_dead(store: &Store) {
    let client = open(store);
    let manager = client.app().state::<SessionManager>().unwrap();
    let count = |name: &str| client.db(|_| manager.for_user(user(&client, name).id)).len();
    let before = client.cookie("session_id").unwrap();
    act_as(&client, "alice");
    let meanwhile = client.cookie("session_id").unwrap();
    assert_eq!((count("root"), count("alice")), (1, 0));
    client.post("/act-as-nobody").send();
    assert_eq!((count("root"), count("alice")), (1, 0));
    for old in [before, meanwhile] {
        assert_ne!(client.cookie("session_id").as_ref(), Some(&old));
        assert_eq!(client.fork().get("/who").cookie("session_id", &old).send().text(), "nobody");
    }
    assert_who(&client, "root");
}
