//! Tests of the whole demo through the test client.

use std::collections::BTreeSet;
use std::thread;

use lback::testing::Client;
use serde_json::Value;

use crate::app;

fn client() -> Client {
    Client::new(app())
}

fn log_in(client: &Client) {
    client.post("/login").form(&[("username", "alice"), ("password", "wonderland")]).send().assert_redirect("/");
}

#[test]
fn visits_are_counted_per_visitor() {
    let alice = client();
    let bob = alice.fork();
    assert_eq!(alice.get("/visits").send().text(), "You have visited 1 times.");
    assert_eq!(alice.get("/visits").send().text(), "You have visited 2 times.");
    assert_eq!(bob.get("/visits").send().text(), "You have visited 1 times.");
}

#[test]
fn concurrent_visits_are_all_counted() {
    let client = client();
    client.get("/visits").send();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    client.get("/visits").send().assert_status(200);
                }
            });
        }
    });
    assert_eq!(client.get("/visits").send().text(), "You have visited 202 times.");
}

#[test]
fn login_shows_a_message_changes_the_id_and_opens_the_profile() {
    let client = client();
    client.get("/visits").send();
    let before = client.session().unwrap().id;

    client.get("/profile").send().assert_redirect("/login");
    client.get("/login").send().assert_contains("Please log in to view your profile.");
    log_in(&client);
    client.get("/").send().assert_contains("Welcome back!").assert_contains("Hello, alice.");
    client.get("/profile").send().assert_status(200).assert_contains("Alice Liddell");

    let session = client.session().unwrap();
    assert_ne!(session.id, before);
    assert_eq!(session.user_id, Some(1));
    assert_eq!(session.data["visits"], 1);
    assert!(client.sessions().load(before).unwrap().is_none());
}

#[test]
fn a_failed_login_shows_a_message() {
    for (username, password) in [("alice", "looking-glass"), ("nobody", "wonderland"), ("", ""), ("alice", "' OR 1=1 --")] {
        let client = client();
        client.post("/login").form(&[("username", username), ("password", password)]).send().assert_redirect("/login");
        client.get("/login").send().assert_contains("That is not the right user name and password.");
        assert_eq!(client.session().and_then(|session| session.user_id), None);
    }
    client().post("/login").form(&[("username", "alice")]).send().assert_status(400).assert_contains("password");
}

#[test]
fn logout_deletes_the_session_and_shows_a_message() {
    let client = client();
    log_in(&client);
    let before = client.session().unwrap().id;
    client.post("/logout").send().assert_redirect("/");
    assert!(client.sessions().load(before).unwrap().is_none());
    client.get("/").send().assert_contains("You have been logged out.").assert_contains("Hello, stranger.");
    client.get("/profile").send().assert_redirect("/login");
}

#[test]
fn the_cart_stores_items_and_shows_them_escaped() {
    let client = client();
    client.post("/cart/add").form(&[("item", "Tea")]).send().assert_redirect("/");
    client.post("/cart/add").form(&[("item", "<script>alert(1)</script>")]).send().assert_redirect("/");
    client.get("/").send().assert_contains("Tea").assert_contains("&lt;script&gt;");
    client.post("/cart/remove").form(&[("item", "Tea")]).send().assert_redirect("/");
    assert_eq!(client.session().unwrap().data["cart"], serde_json::json!(["<script>alert(1)</script>"]));

    let id = client.session().unwrap().id;
    client.post("/clear").send().assert_redirect("/");
    let session = client.session().unwrap();
    assert_eq!(session.id, id);
    assert!(session.data.is_empty());
}

#[test]
fn session_json_shows_the_session() {
    let client = client();
    let session: Value = client.get("/session.json").send().json();
    assert_eq!(session["is_new"], true);
    assert!(client.cookie("session_id").is_none());

    client.get("/visits").send();
    let session: Value = client.get("/session.json").send().json();
    assert_eq!(session["is_new"], false);
    assert_eq!(session["modified"], false);
    assert_eq!(session["keys"], serde_json::json!(["visits"]));
    assert_eq!(session["data"]["visits"], 1);
    assert_eq!(session["id"], client.session().unwrap().id.to_string());
}

#[test]
fn devices_are_listed_and_the_others_can_be_logged_out() {
    let here = client();
    let there = here.fork();
    log_in(&here);
    log_in(&there);
    let page = here.get("/devices").send();
    let ids: BTreeSet<String> = [&here, &there].map(|client| client.session().unwrap().id.to_string()).into();
    assert_eq!(ids.len(), 2);
    for id in ids {
        page.assert_contains(&id);
    }

    here.post("/devices/revoke").send().assert_redirect("/devices");
    here.get("/devices").send().assert_contains("One other device was logged out.");
    there.get("/profile").send().assert_redirect("/login");
    here.get("/profile").send().assert_status(200);
}

#[test]
fn every_form_has_a_csrf_token_and_requires_it() {
    let client = client();
    client.enforce_csrf();
    let token = |path: &str| {
        let page = client.get(path).send().text().to_owned();
        assert_eq!(page.matches("<form").count(), page.matches("name=\"csrf_token\"").count(), "{path}");
        page.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let login = [("username", "alice"), ("password", "wonderland")];
    client.post("/login").form(&login).send().assert_status(403).assert_contains("reload the page");
    let before = token("/login");
    client.post("/login").form(&[("csrf_token", before.as_str()), login[0], login[1]]).send().assert_redirect("/");
    client.post("/logout").form(&[("csrf_token", before)]).send().assert_status(403);
    for page in ["/", "/profile", "/devices"] {
        token(page);
    }
    client.post("/logout").form(&[("csrf_token", token("/profile"))]).send().assert_redirect("/");
}

#[test]
fn plain_does_not_use_the_session() {
    let client = client();
    let response = client.get("/plain").send();
    assert_eq!(response.text(), "Hello, World!");
    assert_eq!(response.header("set-cookie"), None);
    assert_eq!(response.header("vary"), None);
}

#[test]
fn a_login_survives_a_restart() {
    let first = client();
    log_in(&first);
    let again = first.restart(app());
    again.get("/profile").send().assert_status(200).assert_contains("Alice Liddell");
}

#[test]
fn pages_link_to_the_style_sheet() {
    let client = client();
    client.get("/login").send().assert_contains("/static/style.css");
    assert_eq!(client.get("/static/style.css").send().header("content-type"), Some("text/css; charset=utf-8"));
}
