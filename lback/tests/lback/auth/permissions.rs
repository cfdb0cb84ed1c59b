//! What users may do.

use super::*;

suite!(databases: permissions_come_from_the_user_and_from_groups, members_of_a_group_are_listed, users_with_a_permission_are_listed, declaring_again_changes_labels_and_keeps_the_rest);

#[track_caller]
fn assert_may(client: &Client, permission: &str, may: bool) {
    assert_eq!(client.get(&format!("/may/{permission}")).send().text(), may.to_string(), "{permission}");
}

fn permissions_come_from_the_user_and_from_groups(store: &Store) {
    let client = client(store);
    assert_may(&client, "blog.add_post", false);
    let mut alice = user(&client, "alice");
    client.login(&alice);
    assert_may(&client, "blog.add_post", false);

    client.db(|db| alice.grant(db, "blog.add_post"));
    client.db(|db| alice.grant(db, "blog.add_post"));
    assert_may(&client, "blog.add_post", true);
    assert_may(&client, "blog.change_post", false);

    let editors = client.db(|db| Group::get_or_create(db, "editors"));
    client.db(|db| editors.grant(db, "blog.change_post"));
    client.db(|db| editors.add(db, &alice));
    assert_may(&client, "blog.change_post", true);
    assert!(client.db(|db| alice.has_perm(db, "blog.change_post")));
    assert_eq!(client.db(|db| alice.groups(db)), std::slice::from_ref(&editors));
    assert_eq!(client.db(|db| alice.permissions(db)).into_iter().collect::<Vec<_>>(), ["blog.add_post", "blog.change_post"]);

    client.db(|db| alice.revoke(db, "blog.add_post"));
    assert_may(&client, "blog.add_post", false);
    client.db(|db| editors.revoke(db, "blog.change_post"));
    assert_may(&client, "blog.change_post", false);
    client.db(|db| editors.grant(db, "blog.change_post"));
    client.db(|db| editors.remove(db, &alice));
    assert_may(&client, "blog.change_post", false);

    client.db(|db| alice.set_roles(db, false, true));
    assert_may(&client, "blog.add_post", true);
    assert_may(&client, "made.up", true);
    assert_eq!(client.db(|db| alice.permissions(db)).len(), 3);
    client.db(|db| alice.set_active(db, false));
    assert_may(&client, "blog.add_post", false);
    assert!(!client.db(|db| alice.has_perm(db, "blog.add_post")));

    let unknown = client.db(|db| Ok::<_, Error>(alice.grant(db, "made.up"))).unwrap_err();
    assert!(unknown.is_not_found() && unknown.message().contains("\"made.up\""), "{unknown}");
    for name in ["", "  ", "a\0b", &"g".repeat(151)] {
        client.db(|db| Ok::<_, Error>(Group::get_or_create(db, name))).unwrap_err();
    }
    assert_eq!(client.db(Group::all).len(), 1);
}

fn declaring_again_changes_labels_and_keeps_the_rest(store: &Store) {
    let client = client(store);
    let alice = user(&client, "alice");
    client.db(|db| alice.grant(db, "blog.add_post"));
    let again = client.restart(App::new(urls()).auth().permissions([("blog.add_post", "Post")]));
    client.db(|db| lback::auth::declare_permissions(db, auth(&again).permissions()));
    let labels: Vec<(String, String)> = client.db(|db| {
        use lback::auth::auth_permissions::dsl;
        dsl::auth_permissions.order(dsl::name).select((dsl::name, dsl::label)).load(db)
    });
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, label)| (name.as_str(), label.as_str())).collect();
    let expected = [("blog.add_post", "Post"), ("blog.change_post", "Change posts"), ("office.open_safe", "Open the safe")];
    assert_eq!(labels, expected);
    assert!(client.db(|db| alice.has_perm(db, "blog.add_post")));
}

fn names(users: Vec<User>) -> Vec<String> {
    users.into_iter().map(|user| user.username).collect()
}

fn members_of_a_group_are_listed(store: &Store) {
    let client = client(store);
    let editors = client.db(|db| Group::get_or_create(db, "editors"));
    assert_eq!(client.db(|db| editors.members(db)).len(), 0);
    let bob = client.add_user(NewUser::from("Bob").group("editors").group("readers"));
    client.add_user(NewUser::from("anna").group("editors").active(false));
    client.db(|db| editors.grant(db, "blog.change_post"));
    client.db(|db| editors.grant(db, "blog.add_post"));
    assert_eq!(names(client.db(|db| editors.members(db))), ["anna", "Bob"]);
    let of_editors: Vec<String> = client.db(|db| editors.permissions(db)).into_iter().map(|permission| permission.name).collect();
    assert_eq!(of_editors, ["blog.add_post", "blog.change_post"]);
    let of_bob: Vec<String> = client.db(|db| bob.groups(db)).into_iter().map(|group| group.name).collect();
    assert_eq!(of_bob, ["editors", "readers"]);
    client.db(|db| editors.remove(db, &bob));
    assert_eq!(names(client.db(|db| editors.members(db))), ["anna"]);
    let readers = client.db(|db| Group::named(db, "readers")).expect("readers");
    assert_eq!(names(client.db(|db| readers.members(db))), ["Bob"]);
    assert!(client.db(|db| readers.permissions(db)).is_empty());
}

fn users_with_a_permission_are_listed(store: &Store) {
    let client = client(store);
    let editors = client.db(|db| Group::get_or_create(db, "editors"));
    client.db(|db| editors.grant(db, "blog.change_post"));
    client.add_user(NewUser::from("root").superuser(true));
    client.add_user(NewUser::from("bob").permission("blog.change_post").group("editors"));
    client.add_user(NewUser::from("carol").group("editors"));
    client.add_user(NewUser::from("dora").permission("blog.add_post").staff(true));
    client.add_user(NewUser::from("gone").permission("blog.change_post").active(false));
    for permission in ["blog.change_post", "blog.add_post", "office.open_safe"] {
        let found = client.db(|db| User::with_permission(db, permission));
        let mut expected = client.db(User::all);
        expected.retain(|user| client.db(|db| user.has_perm(db, permission)));
        assert_eq!(names(found), names(expected), "{permission}");
    }
    assert_eq!(names(client.db(|db| User::with_permission(db, "blog.change_post"))), ["bob", "carol", "root"]);
    let unknown = client.db(|db| Ok::<_, Error>(User::with_permission(db, "made.up"))).unwrap_err();
    assert!(unknown.is_not_found(), "{unknown}");
}
