//! The password that is asked for before users, groups and permissions are changed.

use std::time::Duration;

use lback::auth::Permission;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    no_change_of_rights_works_without_the_password,
    the_form_is_sent_again_with_the_password,
    wrong_passwords_are_refused_and_delayed,
    an_undo_of_rights_asks_but_no_other,
    who_has_no_password_is_told_so,
    it_can_be_turned_off,
);

const PASSWORD: &str = "down the rabbit hole";
const QUICK: &str = "AUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1";
const LATER: Duration = Duration::from_secs(15 * 60 + 1);

fn quick_client(on: &str) -> Client {
    client_with(&format!("{QUICK}\n{on}"), admin().model::<Permission>(|permission| permission.editable(["label"])))
}

/// The browser of a superuser with a password.
fn boss(client: &Client) -> Client {
    login(client, NewUser::new("boss", &client.hash(PASSWORD)).staff(true).superuser(true))
}

fn user_path(client: &Client, name: &str) -> String {
    format!("/admin/auth_users/row/{}", client.db(|db| User::named(db, name)).unwrap().id)
}

fn no_change_of_rights_works_without_the_password(on: &str) {
    let client = quick_client(on);
    let boss = boss(&client);
    client.add_user("alice");
    client.db(|db| Group::get_or_create(db, "editors"));
    edit(&boss, "/admin/auth_groups/row/1", &[("name", "writers")]).assert_redirect("/admin/auth_groups");
    let batch = last_batch(&client);
    let alice = user_path(&client, "alice");
    let posts = [
        ("/admin/auth_users/add".to_owned(), vec![("username", "bob"), ("is_superuser", "true")]),
        (alice.clone(), vec![("is_active", "true"), ("is_superuser", "true")]),
        (format!("{alice}/password"), vec![("password", PASSWORD), ("again", PASSWORD)]),
        (format!("{alice}/end-sessions"), vec![]),
        (format!("{alice}/delete"), vec![]),
        ("/admin/auth_users/delete".to_owned(), vec![("row", "2")]),
        ("/admin/auth_groups/add".to_owned(), vec![("name", "readers")]),
        ("/admin/auth_groups/row/1".to_owned(), vec![("name", "readers"), ("permissions", "1")]),
        ("/admin/auth_groups/row/1/delete".to_owned(), vec![]),
        ("/admin/auth_groups/delete".to_owned(), vec![("row", "1")]),
        ("/admin/auth_groups/import".to_owned(), vec![("text", "name\r\nreaders\r\n"), ("confirm", "true")]),
        ("/admin/auth_permissions".to_owned(), vec![("save", "true"), ("1:label", "x")]),
        ("/admin/auth_permissions/row/1".to_owned(), vec![("name", "x"), ("label", "x")]),
        (format!("/admin/-/history/{batch}/undo"), vec![]),
    ];
    let before = contents(&client);
    client.clock().advance(LATER);
    for (path, form) in &posts {
        boss.post(path).form(form).send().assert_status(200).assert_contains("Nothing has been changed yet.");
    }
    // A wrong password changes nothing, either. The first five attempts are not delayed.
    for (path, form) in posts.iter().take(5) {
        let forged = form.iter().copied().chain([("_confirm_password", "wrong")]).collect::<Vec<_>>();
        boss.post(path).form(&forged).send().assert_status(200).assert_contains("That is not your password.");
    }
    assert_eq!(contents(&client), before);
    // Neither pages that only show rows nor changes of other models ask for it.
    for path in ["/admin/auth_users", &alice, "/admin/auth_users/add", &format!("{alice}/delete"), &format!("{alice}/sessions")] {
        boss.get(path).send().assert_status(200).assert_not_contains("Confirm your password");
    }
    edit(&boss, "/admin/labels/add", &[("name", "new")]).assert_redirect("/admin/labels");
    // Who lacks the right is not asked.
    let clerk = login(&client, NewUser::new("clerk", &client.hash(PASSWORD)).staff(true).permission("auth_users.view"));
    client.clock().advance(LATER);
    for (path, form) in posts.iter().filter(|(path, _)| path.starts_with("/admin/auth")) {
        clerk.post(path).form(form).send().assert_status(403);
    }
}

fn the_form_is_sent_again_with_the_password(on: &str) {
    let client = quick_client(on);
    let boss = boss(&client);
    client.db(|db| Group::get_or_create(db, "editors"));
    let form = PageForm::open(&boss, "/admin/auth_users/add")
        .set("username", "alice")
        .set("email", "a&b@example.com")
        .set("password", "as quick as <a> hare")
        .set("groups", "1")
        .set("own_permissions", "1");
    client.clock().advance(LATER);
    let before = boss.cookie("session_id");
    let asked = form.send(&boss);
    assert_eq!(asked.header("cache-control"), Some("no-store"));
    let form = PageForm::asking(&asked);
    assert_eq!(form.values("_confirm_password"), [""]);
    let asked = form.clone().set("_confirm_password", "wrong").send(&boss);
    asked.assert_contains("That is not your password.").assert_not_contains("value=\"wrong\"");
    PageForm::asking(&asked).set("_confirm_password", PASSWORD).send(&boss).assert_redirect("/admin/auth_users");
    assert_ne!(boss.cookie("session_id"), before, "the session has a new id");
    let alice = client.db(|db| User::named(db, "alice")).unwrap();
    assert_eq!(alice.email.as_deref(), Some("a&b@example.com"));
    assert_eq!(client.db(|db| alice.permissions(db)).len(), 1);
    let all = [("row", alice.id.to_string())];
    // For some minutes, nothing is asked.
    client.clock().advance(LATER - Duration::from_secs(2));
    boss.post("/admin/auth_users/delete").form(&all).send().assert_redirect("/admin/auth_users");
    client.clock().advance(Duration::from_secs(3));
    boss.post(&format!("/admin/-/history/{}/undo", last_batch(&client))).send().assert_contains("Nothing has been changed yet.");
}

fn wrong_passwords_are_refused_and_delayed(on: &str) {
    let client = quick_client(on);
    let boss = boss(&client);
    client.add_user("alice");
    let path = format!("{}/end-sessions", user_path(&client, "alice"));
    client.clock().advance(LATER);
    let with = |password: &str| boss.post(&path).form(&[("_confirm_password", password)]).send();
    for _ in 0..6 {
        with("wrong").assert_status(200).assert_contains("That is not your password.");
    }
    // The right password must wait, too.
    let refused = with(PASSWORD);
    refused.assert_status(429).assert_contains("Try again in 1 second.");
    assert_eq!(refused.header("retry-after"), Some("1"));
    client.clock().advance(Duration::from_secs(1));
    with(PASSWORD).assert_redirect(&user_path(&client, "alice"));
    // The password of another user is refused.
    let other = login(&client, NewUser::new("other", &client.hash("another password")).staff(true).superuser(true));
    client.clock().advance(LATER);
    other.post(&path).form(&[("_confirm_password", PASSWORD)]).send().assert_contains("That is not your password.");
}

fn an_undo_of_rights_asks_but_no_other(on: &str) {
    let client = quick_client(on);
    let boss = boss(&client);
    edit(&boss, "/admin/labels/add", &[("name", "new")]).assert_redirect("/admin/labels");
    client.clock().advance(LATER);
    undo(&boss, &last_batch(&client)).assert_redirect("/admin/-/history");
    undo(&boss, "none").assert_status(404);
}

fn who_has_no_password_is_told_so(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let path = format!("{}/end-sessions", user_path(&client, "root"));
    client.clock().advance(LATER);
    root.post(&path).form(&[("_confirm_password", "!")]).send().assert_status(403).assert_contains("Log out and in again instead.");
    root.login(&client.db(|db| User::named(db, "root")).unwrap());
    root.post(&path).send().assert_status(303);
}

fn it_can_be_turned_off(on: &str) {
    let client = client(&format!("ADMIN_CONFIRM_MINUTES = 0\n{on}"));
    let root = root(&client);
    client.clock().advance(LATER);
    edit(&root, "/admin/auth_users/add", &[("username", "alice")]).assert_redirect("/admin/auth_users");
}
