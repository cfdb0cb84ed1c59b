//! Tests of the whole site. Each client has its own database.

use lback::testing::Client;

#[test]
fn the_front_page_offers_help() {
    let client = Client::new(crate::app());
    client.get("/").send().assert_status(200).assert_contains("How can we help?");
}

#[test]
fn static_files_are_served() {
    let client = Client::new(crate::app());
    client.get("/static/style.css").send().assert_status(200);
}

#[test]
fn every_page_shows_the_current_user() {
    use lback::testing::ClientAuth;

    let client = Client::new(crate::app());
    client.get("/account").send().assert_redirect("/account/login?next=/account");
    client.get("/").send().assert_contains("Log in").assert_contains("Register");
    client.login(&client.add_user("alice"));
    client.get("/").send().assert_contains("alice").assert_contains("Log out");
    client.get("/account").send().assert_status(200);
    client.post("/account/logout").send().assert_redirect("/");
    client.get("/").send().assert_contains("You have been logged out.");
}

#[test]
fn visitors_reach_public_pages_only() {
    let client = Client::new(crate::app());
    for route in client.app().routes() {
        let pattern = route.pattern();
        // The admin has tests of its own, and live pages are shown to those who may see the page.
        if pattern == "/" || ["/account", "/admin", "/__lback"].iter().any(|prefix| pattern.starts_with(prefix)) {
            continue;
        }
        let path = route.path(&[("id", &1)]).unwrap();
        for method in route.methods() {
            let response = client.request(method.clone(), &path).send();
            let is_sent_to_login = response.location().is_some_and(|location| location.starts_with("/account/login"));
            assert!(is_sent_to_login, "{method} {pattern} should ask visitors to log in");
        }
    }
}
