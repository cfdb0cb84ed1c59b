//! Superusers who act as another user.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_superuser_acts_as_a_user_and_all_of_it_is_recorded,
    users_who_may_not_enter_the_admin_are_left_by_the_button,
    nobody_else_acts_as_another_user,
    rights_are_not_changed_meanwhile,
    it_is_not_undone,
);

fn path(client: &Client, name: &str) -> String {
    format!("/admin/auth_users/row/{}", client.db(|db| User::named(db, name)).unwrap().id)
}

fn act_as(client: &Client, browser: &Client, name: &str) -> TestResponse {
    browser.post(&format!("{}/act-as", path(client, name))).send()
}

const BANNER: &str = "you are acting as";

fn a_superuser_acts_as_a_user_and_all_of_it_is_recorded(on: &str) {
    let client = client(on);
    let root = root(&client);
    staff(&client, "alice", &["labels.add", "labels.view", "auth_users.view"]);
    let alice = path(&client, "alice");
    root.get(&alice).send().assert_contains(&format!("action=\"{alice}/act-as?")).assert_not_contains(BANNER);
    root.get(&path(&client, "root")).send().assert_not_contains("/act-as");
    act_as(&client, &root, "alice").assert_redirect("/admin");
    for page in ["/admin", "/admin/labels", "/admin/labels/add", "/admin/-/history"] {
        root.get(page).send().assert_status(200).assert_contains("root, you are acting as alice");
    }
    root.get("/admin/tickets").send().assert_status(403);
    root.get("/admin/-/info/settings").send().assert_status(403);
    edit(&root, "/admin/labels/add", &[("name", "blue")]).assert_redirect("/admin/labels");
    root.post("/admin/-/stop-acting").send().assert_redirect(&alice);
    root.get("/admin/tickets").send().assert_status(200).assert_not_contains(BANNER);
    let id = client.db(|db| User::named(db, "root")).unwrap().id;
    let by: Vec<_> = changes(&client).into_iter().map(|change| (change.user_id, change.user_name, change.label)).collect();
    let entry = |name: &str, label: &str| (Some(id), name.to_owned(), label.to_owned());
    assert_eq!(by, [entry("root", "alice"), entry("root as alice", "blue"), entry("root as alice", "alice")]);
    let page = root.get(&format!("{alice}/history")).send();
    page.assert_contains("began to act as").assert_contains("stopped acting as");
}

fn users_who_may_not_enter_the_admin_are_left_by_the_button(on: &str) {
    let client = client(on);
    let root = root(&client);
    client.add_user("alice");
    act_as(&client, &root, "alice").assert_redirect("/");
    root.get("/admin").send().assert_status(403);
    root.post("/admin/-/stop-acting").send().assert_redirect(&path(&client, "alice"));
    root.post("/admin/-/stop-acting").send().assert_redirect("/admin");
    // A logout is recorded, too.
    act_as(&client, &root, "alice").assert_redirect("/");
    root.post("/log-out").send().assert_status(204);
    root.get("/admin").send().assert_redirect("/login?next=/admin");
    assert_eq!(changes(&client).len(), 4);
}

fn nobody_else_acts_as_another_user(on: &str) {
    let client = client(on);
    root(&client);
    client.add_user("bob");
    client.db(|db| User::named(db, "bob")?.unwrap().set_active(db, false));
    client.add_user("carol");
    let manager = staff(&client, "manager", &["auth_users.view", "auth_users.add", "auth_users.change", "auth_users.delete"]);
    manager.get(&path(&client, "carol")).send().assert_status(200).assert_not_contains("/act-as");
    for name in ["carol", "root", "manager"] {
        act_as(&client, &manager, name).assert_status(403);
    }
    let other = login(&client, NewUser::from("other").staff(true).superuser(true));
    for name in ["root", "other", "bob"] {
        act_as(&client, &other, name).assert_status(403);
    }
    other.post("/admin/auth_users/row/999/act-as").send().assert_status(404);
    assert_eq!(changes(&client).len(), 0);
    // The password is asked for.
    other.clock().advance(std::time::Duration::from_secs(16 * 60));
    act_as(&client, &other, "carol").assert_status(200).assert_contains("Confirm your password");
    other.get("/admin").send().assert_not_contains(BANNER);
}

fn rights_are_not_changed_meanwhile(on: &str) {
    let client = client(&format!("ADMIN_CONFIRM_MINUTES = 0\n{on}"));
    let root = root(&client);
    let all = ["auth_users.add", "auth_users.change", "auth_users.delete", "auth_groups.change", "auth_groups.add", "auth_groups.delete"];
    staff(&client, "manager", &all);
    client.add_user("carol");
    client.db(|db| Group::get_or_create(db, "editors"));
    act_as(&client, &root, "manager").assert_redirect("/admin");
    let before = contents(&client);
    let (carol, own) = (path(&client, "carol"), path(&client, "manager"));
    let new =
        [("username", "new"), ("name", "new"), ("email", "new@example.com"), ("password", "down the hole"), ("again", "down the hole")];
    for user in [carol, own] {
        for end in ["", "/password", "/end-sessions", "/delete", "/act-as"] {
            root.post(&format!("{user}{end}")).form(&new).send().assert_status(403);
        }
    }
    for path in ["/admin/auth_users/add", "/admin/auth_groups/add", "/admin/auth_groups/row/1", "/admin/auth_groups/row/1/delete"] {
        root.post(path).form(&new).send().assert_status(403);
    }
    root.post("/admin/auth_users/delete").form(&[("row", "3")]).send().assert_status(403);
    assert_eq!(contents(&client), before);
}

fn it_is_not_undone(on: &str) {
    let client = client(on);
    let root = root(&client);
    staff(&client, "alice", &[]);
    act_as(&client, &root, "alice").assert_redirect("/admin");
    root.post("/admin/-/stop-acting").send().assert_status(303);
    root.get(&format!("{}/history", path(&client, "alice"))).send().assert_not_contains("/undo");
    undo(&root, &last_batch(&client)).assert_status(409);
    assert_eq!(changes(&client).len(), 2);
}
