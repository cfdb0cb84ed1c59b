//! The pages of users: the fields of others that staff may change, and that nobody grants more rights than they have.

use lback::auth::{Permission, auth_permissions};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_superuser_adds_a_user_with_rights,
    staff_add_and_change_users_but_grant_nothing,
    nobody_but_a_superuser_changes_or_deletes_a_superuser,
    an_undo_gives_no_rights_back_by_the_hand_of_staff,
    names_and_addresses_are_taken_once,
    a_new_password_ends_the_old_logins,
    sessions_are_ended,
    superusers_do_not_lock_themselves_out,
    the_permissions_of_a_group_are_chosen,
    a_deleted_user_comes_back_with_the_name,
    an_undone_address_is_taken_again,
    permissions_are_changed_by_superusers_alone,
    passwords_are_nowhere,
);

const MANAGER: [&str; 4] = ["auth_users.view", "auth_users.add", "auth_users.change", "auth_users.delete"];
const PASSWORD: &str = "down the rabbit hole";

fn user(client: &Client, name: &str) -> User {
    client.db(|db| User::named(db, name)).expect("a user of this name")
}

fn shown(user: &User) -> String {
    format!("{user:?}")
}

fn path(user: &User) -> String {
    format!("/admin/auth_users/row/{}", user.id)
}

fn quick_client(on: &str) -> Client {
    client(&format!("AUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1\n{on}"))
}

fn permissions(client: &Client, user: &User) -> Vec<String> {
    client.db(|db| user.permissions(db)).iter().map(ToString::to_string).collect()
}

fn a_superuser_adds_a_user_with_rights(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    client.db(|db| Group::get_or_create(db, "editors"));
    let form =
        PageForm::open(&root, "/admin/auth_users/add").set("username", "Alice").set("email", "alice@example.com").set("password", PASSWORD);
    form.clone().set("password", "12345678").send(&root).assert_status(200).assert_contains("aria-invalid=\"true\"");
    form.set("is_staff", "true").set("groups", "1").send(&root).assert_redirect("/admin/auth_users");
    let alice = user(&client, "alice");
    assert_eq!(
        (alice.username.as_str(), alice.email.as_deref(), alice.is_staff, alice.is_superuser),
        ("Alice", Some("alice@example.com"), true, false)
    );
    let browser = client.fork();
    browser.login(&alice).get("/admin").send().assert_status(200);
    let change = changes(&client).pop().unwrap();
    let after = lback::serde_json::to_string(&change.after.unwrap()).unwrap();
    assert!(after.contains("\"groups\":[1]") && !after.contains("argon2"), "{after}");
}

fn staff_add_and_change_users_but_grant_nothing(on: &str) {
    let client = quick_client(on);
    client.db(|db| Group::get_or_create(db, "editors")?.grant(db, "tickets.view"));
    let manager = staff(&client, "manager", &MANAGER);
    let form = PageForm::open(&manager, "/admin/auth_users/add");
    assert!(!form.names().iter().any(|name| ["is_staff", "is_superuser", "groups", "own_permissions"].contains(name)), "{form:?}");
    let forged = |form: PageForm| form.set("is_staff", "true").set("is_superuser", "true").set("groups", "1").set("own_permissions", "1");
    forged(form.set("username", "bob")).send(&manager).assert_redirect("/admin/auth_users");
    let own = path(&user(&client, "manager"));
    forged(PageForm::open(&manager, &own)).send(&manager).assert_status(303);
    forged(PageForm::open(&manager, &path(&user(&client, "bob")))).set("email", "bob@example.com").send(&manager).assert_status(303);
    let (bob, now) = (user(&client, "bob"), user(&client, "manager"));
    assert_eq!((bob.is_staff, bob.is_superuser, bob.email.as_deref()), (false, false, Some("bob@example.com")));
    assert_eq!((now.is_staff, now.is_superuser), (true, false));
    let groups: i64 =
        client.db(|db| diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM auth_users_groups").get_result(db));
    assert_eq!(groups, 0);
    manager.get("/admin/tickets").send().assert_status(403);
}

fn nobody_but_a_superuser_changes_or_deletes_a_superuser(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let boss = user(&client, "root");
    let manager = staff(&client, "manager", &MANAGER);
    let page = manager.get(&path(&boss)).send();
    page.assert_status(200).assert_contains("but not change it");
    for end in ["", "/password", "/end-sessions", "/delete"] {
        let form = [("email", "m@example.com"), ("password", PASSWORD), ("again", PASSWORD), ("is_active", "")];
        manager.post(&format!("{}{end}", path(&boss))).form(&form).send().assert_status(403);
    }
    manager.post("/admin/auth_users/delete").form(&[("row", boss.id)]).send().assert_status(403);
    assert_eq!(shown(&user(&client, "root")), shown(&boss));
    root.get("/admin").send().assert_status(200);
}

fn an_undo_gives_no_rights_back_by_the_hand_of_staff(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let manager =
        login(&client, MANAGER.iter().fold(NewUser::from("manager").staff(true).superuser(true), |user, name| user.permission(name)));
    let was = user(&client, "manager");
    // Root revokes the role of the manager.
    let form = PageForm::open(&root, &path(&was));
    assert_eq!(form.values("is_superuser"), ["true"]);
    form.set_all("is_superuser", &[]).send(&root).assert_redirect("/admin/auth_users");
    let batch = last_batch(&client);
    assert!(!user(&client, "manager").is_superuser);
    manager.get("/admin/auth_users").send().assert_status(200);
    undo(&manager, &batch).assert_status(403);
    assert!(!user(&client, "manager").is_superuser, "nobody makes themselves a superuser");
    // A deleted superuser, and a group with more rights.
    let other = client.add_user(NewUser::from("other").staff(true).superuser(true));
    root.post(&format!("{}/delete", path(&other))).send().assert_status(303);
    undo(&manager, &last_batch(&client)).assert_status(403);
    assert!(client.db(|db| User::named(db, "other")).is_none());
    undo(&root, &batch).assert_redirect("/admin/-/history");
    assert!(user(&client, "manager").is_superuser);
}

fn names_and_addresses_are_taken_once(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let alice = client.add_user(NewUser::from("alice").email("alice@example.com"));
    for (name, email) in
        [("ALICE", "new@example.com"), ("new", "Alice@Example.com"), ("", "x@example.com"), ("a\u{202e}b", ""), ("x", "no address")]
    {
        edit(&root, "/admin/auth_users/add", &[("username", name), ("email", email)])
            .assert_status(200)
            .assert_contains("aria-invalid=\"true\"");
    }
    let bob = client.add_user("bob");
    edit(&root, &path(&bob), &[("email", "alice@example.com")]).assert_status(200).assert_contains("aria-invalid=\"true\"");
    assert_eq!(client.db(|db| User::query().count().get_result::<i64>(db)), 3);
    assert_eq!((shown(&user(&client, "alice")), user(&client, "bob").email), (shown(&alice), None));
    assert_eq!(changes(&client).len(), 0);
}

fn a_new_password_ends_the_old_logins(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let alice = staff(&client, "alice", &["tickets.view"]);
    let path = format!("{}/password", path(&user(&client, "alice")));
    root.get(&path).send().assert_status(200).assert_contains("type=\"password\"");
    let set = |password: &str, again: &str| root.post(&path).form(&[("password", password), ("again", again)]).send();
    set(PASSWORD, "other").assert_status(200).assert_contains("The passwords differ.");
    set("12345678", "12345678").assert_status(200).assert_contains("aria-invalid=\"true\"");
    alice.get("/admin/tickets").send().assert_status(200);
    set(PASSWORD, PASSWORD).assert_redirect("/admin/auth_users");
    alice.get("/admin/tickets").send().assert_status(303);
    let hash = client.db(|db| {
        diesel::dsl::sql::<diesel::sql_types::Text>("SELECT password FROM auth_users WHERE username = 'alice'").get_result::<String>(db)
    });
    root.get("/admin/-/history").send().assert_not_contains(&hash).assert_not_contains("argon2");
}

fn sessions_are_ended(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let alice = staff(&client, "alice", &["tickets.view"]);
    let path = path(&user(&client, "alice"));
    root.get(&format!("{path}/end-sessions")).send().assert_status(405);
    alice.get("/admin").send().assert_status(200);
    root.post(&format!("{path}/end-sessions")).send().assert_redirect(&path);
    alice.get("/admin").send().assert_status(303);
    // This does not end root's own session.
    root.post(&format!("/admin/auth_users/row/{}/end-sessions", user(&client, "root").id)).send().assert_status(303);
    root.get("/admin").send().assert_status(200);
}

fn superusers_do_not_lock_themselves_out(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let own = path(&user(&client, "root"));
    let form = PageForm::open(&root, &own);
    for name in ["is_active", "is_superuser"] {
        form.clone().set_all(name, &[]).send(&root).assert_status(200).assert_contains("Ask another superuser.");
    }
    root.get("/admin").send().assert_status(200);
    let now = user(&client, "root");
    assert!(now.is_active && now.is_superuser && now.is_staff);
    // They can do this to other users.
    let alice = client.add_user("alice");
    PageForm::open(&root, &path(&alice)).set_all("is_active", &[]).send(&root).assert_status(303);
    assert!(!user(&client, "alice").is_active);
}

fn the_permissions_of_a_group_are_chosen(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let form = PageForm::open(&root, "/admin/auth_groups/add").set("name", "readers");
    let id: i64 = client.db(|db| {
        diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT id FROM auth_permissions WHERE name = 'tickets.view'").get_result(db)
    });
    form.set("permissions", &id.to_string()).send(&root).assert_redirect("/admin/auth_groups");
    let reader = login(&client, NewUser::from("reader").staff(true).group("readers"));
    reader.get("/admin/tickets").send().assert_status(200);
    // Staff who may change groups, but are not superusers, cannot add permissions to their group.
    let changer = staff(&client, "changer", &["auth_groups.view", "auth_groups.add", "auth_groups.change"]);
    let more: i64 = client.db(|db| {
        diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT id FROM auth_permissions WHERE name = 'tickets.delete'").get_result(db)
    });
    PageForm::open(&changer, "/admin/auth_groups/row/1").set("permissions", &more.to_string()).send(&changer);
    reader.get("/admin/tickets/row/1/delete").send().assert_status(403);
    reader.get("/admin/tickets").send().assert_status(200);
}

fn a_deleted_user_comes_back_with_the_name(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let alice = client.add_user(NewUser::new("alice", &client.hash(PASSWORD)).email("alice@example.com").permission("tickets.view"));
    root.post(&format!("{}/delete", path(&alice))).send().assert_redirect("/admin/auth_users");
    assert!(client.db(|db| User::named(db, "alice")).is_none());
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(shown(&user(&client, "ALICE")), shown(&alice));
    assert_eq!(permissions(&client, &alice), ["tickets.view"]);
    // Names that look like it are taken again.
    let refused = client.db(|db| Ok::<_, Error>(NewUser::from("a1ice").insert(db, START.parse().unwrap()).err()));
    assert!(refused.is_some_and(|error| error.status() == 409), "a1ice");
}

fn an_undone_address_is_taken_again(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let alice = client.add_user(NewUser::from("alice").email("alice@example.com"));
    edit(&root, &path(&alice), &[("email", "new@example.com")]).assert_status(303);
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(user(&client, "alice").email.as_deref(), Some("alice@example.com"));
    let add = |name: &str, email: &str| edit(&root, "/admin/auth_users/add", &[("username", name), ("email", email)]);
    add("bob", "Alice@Example.com").assert_status(200).assert_contains("aria-invalid=\"true\"");
    add("carol", "New@Example.com").assert_redirect("/admin/auth_users");
    // An address that another user has by now is in the way.
    edit(&root, &path(&alice), &[("email", "")]).assert_status(303);
    let batch = last_batch(&client);
    add("dave", "alice@example.com").assert_redirect("/admin/auth_users");
    undo(&root, &batch).assert_status(409).assert_contains("e-mail address");
    assert_eq!((user(&client, "alice").email, user(&client, "dave").email.as_deref()), (None, Some("alice@example.com")));
}

/// With permissions among the models of the admin, a permission that others have could be renamed to a more powerful one.
fn permissions_are_changed_by_superusers_alone(on: &str) {
    let settings = format!("AUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1\n{on}");
    let client = client_with(&settings, admin().model::<Permission>(|permission| permission.editable(["name"])));
    let root = root(&client);
    let all = ["auth_permissions.view", "auth_permissions.add", "auth_permissions.change", "auth_permissions.delete"];
    let clerk = staff(&client, "clerk", &all);
    let names = |client: &Client| client.db(|db| Permission::query().order(auth_permissions::id).load::<Permission>(db));
    let before = names(&client);
    let own = before.iter().find(|permission| permission.name == "auth_permissions.view").unwrap();
    let path = format!("/admin/auth_permissions/row/{}", own.id);
    clerk.get("/admin/auth_permissions").send().assert_status(200).assert_contains("auth_permissions.view");
    let renamed = [("name", "auth_users.change")];
    for path in [path.as_str(), "/admin/auth_permissions/add"] {
        clerk.post(path).form(&renamed).send().assert_status(403);
    }
    clerk.post(&format!("{path}/delete")).send().assert_status(403);
    let key = format!("{}:name", own.id);
    clerk.post("/admin/auth_permissions").form(&[("save", "true"), (&key, "auth_users.change")]).send().assert_status(403);
    let csv = "id,name\r\n1,auth_users.change\r\n";
    clerk.post("/admin/auth_permissions/import").form(&[("text", csv), ("confirm", "true")]).send().assert_status(403);
    // Undoing the change of a superuser is refused as well.
    edit(&root, "/admin/auth_permissions/add", &[("name", "reports.view"), ("label", "View reports")]).assert_status(303);
    undo(&clerk, &last_batch(&client)).assert_status(403);
    assert_eq!(names(&client)[..before.len()], before);
}

fn passwords_are_nowhere(on: &str) {
    let client = quick_client(on);
    let root = root(&client);
    let alice = client.add_user(NewUser::new("alice", &client.hash(PASSWORD)));
    edit(&root, &path(&alice), &[("email", "alice@example.com")]).assert_status(303);
    root.post(&format!("{}/delete", path(&alice))).send().assert_status(303);
    undo(&root, &last_batch(&client)).assert_status(303);
    let pages = ["", "/history", "/delete", "/password"].map(|end| format!("{}{end}", path(&alice)));
    let others =
        ["/admin", "/admin/-/history", "/admin/auth_users", "/admin/auth_users/export?format=csv", "/admin/auth_users/export?format=json"];
    for page in pages.iter().map(String::as_str).chain(others) {
        root.get(page).send().assert_status(200).assert_not_contains("argon2").assert_not_contains("username_key");
    }
    for query in ["q=%24argon", "sort=password", "password=x"] {
        root.get(&format!("/admin/auth_users?{query}")).send().assert_not_contains("argon2id");
    }
}
