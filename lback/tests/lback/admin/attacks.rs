//! Staff with few rights, or with the open browser of another user, who try to get around the password, the roles and the limits of fields.

use std::time::Duration;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    no_form_pretends_to_have_the_password,
    a_confirmation_does_not_outlive_its_login,
    a_manager_gains_nothing_by_any_route_of_users,
    a_search_through_a_reference_does_not_reveal_a_limited_field,
);

const PASSWORD: &str = "down the rabbit hole";
const LATER: Duration = Duration::from_secs(16 * 60);

fn quick_client(on: &str) -> Client {
    client(&format!("AUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1\nAUTH_FREE_ATTEMPTS = 100\n{on}"))
}

fn boss(client: &Client) -> Client {
    login(client, NewUser::new("boss", &client.hash(PASSWORD)).staff(true).superuser(true))
}

fn no_form_pretends_to_have_the_password(on: &str) {
    let client = quick_client(on);
    let boss = boss(&client);
    client.add_user("alice");
    client.clock().advance(LATER);
    let path = "/admin/auth_users/row/2";
    let before = contents(&client);
    let long = "x".repeat(100_000);
    for typed in ["", " ", "!", "\0", "wrong", &long, &format!("{PASSWORD} ")] {
        let form = [("is_active", "true"), ("is_superuser", "true"), ("_confirm_password", typed)];
        boss.post(path).form(&form).send().assert_status(200).assert_contains("Nothing has been changed yet.");
    }
    // Only the first of two passwords counts, and only that of the form.
    let twice = [("is_superuser", "true"), ("_confirm_password", "wrong"), ("_confirm_password", PASSWORD)];
    boss.post(path).form(&twice).send().assert_contains("That is not your password.");
    let query = [("_confirm_password", PASSWORD)];
    boss.post(path).query(&query).form(&[("is_superuser", "true")]).send().assert_contains("Nothing has been changed yet.");
    let json = boss.post(path).header("content-type", "application/json").body("{\"is_superuser\": true}").send();
    assert!(json.status().is_client_error(), "{json:?}");
    boss.post(path).send().assert_contains("Nothing has been changed yet.");
    assert_eq!(contents(&client), before);
}

fn a_confirmation_does_not_outlive_its_login(on: &str) {
    let client = quick_client(on);
    let boss = boss(&client);
    let alice = staff(&client, "alice", &["auth_users.change"]);
    client.add_user("carol");
    // Another user of the same browser cannot use the password of the first.
    let form = [("is_active", "true"), ("_confirm_password", PASSWORD)];
    client.clock().advance(LATER);
    boss.post("/admin/auth_users/row/3").form(&form).send().assert_status(303);
    boss.post("/log-out").send().assert_status(204);
    boss.post("/admin/auth_users/row/3").form(&form).send().assert_redirect("/login");
    alice.get("/admin").send().assert_status(200);
    let other = NewUser::new("other", &client.hash("another rabbit hole")).staff(true).permission("auth_users.change");
    boss.login(&client.add_user(other));
    client.clock().advance(LATER);
    boss.post("/admin/auth_users/row/3").form(&form).send().assert_contains("That is not your password.");
    // Users without a password cannot confirm one.
    alice.get("/admin").send().assert_status(200);
    client.clock().advance(LATER);
    alice.post("/admin/auth_users/row/3").form(&form).send().assert_status(403).assert_contains("You have no password on this site.");
}

fn a_manager_gains_nothing_by_any_route_of_users(on: &str) {
    let client = quick_client(on);
    root(&client);
    client.add_user("alice");
    client.db(|db| Group::get_or_create(db, "editors")?.grant(db, "tickets.view"));
    let all = ["auth_users", "auth_groups"].map(|table| ["view", "add", "change", "delete"].map(|right| format!("{table}.{right}")));
    let manager = staff(&client, "manager", &all.concat().iter().map(String::as_str).collect::<Vec<_>>());
    let rights = |client: &Client| {
        client.db(|db| {
            let mut all = Vec::new();
            for user in User::query().load::<User>(db)? {
                all.push((user.username.clone(), user.is_staff, user.is_superuser, user.permissions(db)?));
            }
            Ok::<_, Error>(all)
        })
    };
    let before = rights(&client);
    let forged: Vec<(&str, &str)> = ["is_staff", "is_superuser"]
        .into_iter()
        .map(|name| (name, "true"))
        .chain(["groups", "own_permissions", "permissions", "users", "members"].map(|name| (name, "1")))
        .chain([("is_active", "true"), ("name", "editors"), ("save", "true"), ("3:is_superuser", "true"), ("1:permissions", "1")])
        .collect();
    let paths = ["auth_users/row/3", "auth_users/row/2", "auth_users/row/2/act-as", "auth_users", "auth_groups/row/1", "auth_groups"];
    for path in paths {
        let page = manager.post(&format!("/admin/{path}")).form(&forged).send();
        assert!(!page.status().is_server_error(), "{path}: {page:?}");
        // Prefilling the form by the query string does not help either.
        manager.get(&format!("/admin/{path}?is_superuser=true&permissions=1&groups=1")).send();
    }
    manager.post("/admin/auth_users/row/2/act-as").send().assert_status(403);
    manager.get("/admin/auth_groups/add?permissions=1").send().assert_status(200).assert_not_contains("name=\"permissions\"");
    let csv = "name,permissions\r\neditors,1\r\n";
    manager.post("/admin/auth_groups/import").form(&[("text", csv), ("confirm", "true"), ("leave_out", "true")]).send();
    for field in ["permissions", "groups", "own_permissions"] {
        for table in ["auth_groups", "auth_users"] {
            let page = manager.get(&format!("/admin/{table}/choices/{field}")).send();
            page.assert_not_contains("tickets.view").assert_not_contains("View tickets");
        }
    }
    assert_eq!(rights(&client), before);
}

fn a_search_through_a_reference_does_not_reveal_a_limited_field(on: &str) {
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let admin = Admin::new()
        .model::<Ticket>(|ticket| ticket.can_see_field("points", "hr.see").can_see_field("body", "hr.see"))
        .model::<Comment>(|comment| comment.search(["text", "ticket.body", "=ticket.points"]));
    let app = App::new(urls).models(models()).auth().permissions([("hr.see", "See")]).admin_with(admin);
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models()));
    let ada = agent(&client, "Ada");
    let quagga = ticket_with(&client, NewTicket { points: Some(48_731_905), body: "striped".to_owned(), ..new_ticket(&ada, "Quagga") });
    comment(&client, &quagga, &ada, "Numbat");
    let rights = ["comments.view", "tickets.view", "agents.view"];
    let (clerk, reader) = (staff(&client, "clerk", &rights), staff(&client, "reader", &[rights.as_slice(), &["hr.see"]].concat()));
    for word in ["48731905", "striped"] {
        let path = format!("/admin/comments?q={word}");
        reader.get(&path).send().assert_contains("Numbat");
        clerk.get(&path).send().assert_status(200).assert_not_contains("Numbat").assert_not_contains("ticket body");
    }
}
