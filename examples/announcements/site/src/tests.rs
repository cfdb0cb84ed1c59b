use lback::auth::NewUser;
use lback::prelude::*;
use lback::testing::Client;

use super::app;

fn editor(client: &Client) -> Client {
    let browser = client.fork();
    browser.login(&client.add_user(NewUser::from("alice").permission("announcements.edit")));
    browser
}

#[test]
fn announcement_appears_on_every_page() {
    let client = Client::new(app());
    let alice = editor(&client);
    let page = alice.post("/announcement").form(&[("text", "We move on Friday.")]).send();
    page.assert_redirect("/announcement");
    client.get("/").send().assert_contains("We move on Friday.");
    client.get("/login").send().assert_contains("We move on Friday.");
    alice.post("/announcement").form(&[("text", "")]).send().assert_redirect("/announcement");
    assert!(!client.get("/").send().text().contains("role=\"status\""));
}

#[test]
fn closed_site_is_open_to_editors_only() {
    let client = Client::new(app());
    let alice = editor(&client);
    alice.post("/announcement").form(&[("text", "Closed until noon."), ("closes_site", "on")]).send();
    client.get("/").send().assert_status(503);
    client.get("/login").send().assert_status(200);
    alice.get("/").send().assert_status(200);
}

#[test]
fn only_editors_can_edit_the_announcement() {
    let client = Client::new(app());
    client.get("/announcement").send().assert_redirect("/login?next=/announcement");
    client.login(&client.add_user("bob"));
    client.post("/announcement").form(&[("text", "Free beer")]).send().assert_status(403);
    client.get("/").send().assert_status(200);
}

#[test]
fn announcement_survives_a_restart() {
    let client = Client::new(app());
    editor(&client).post("/announcement").form(&[("text", "Still here.")]).send();
    client.restart(app()).get("/").send().assert_contains("Still here.");
}

#[test]
fn command_announces_and_check_reports_a_closed_site() {
    let client = Client::new(app());
    assert_eq!(client.command("announce", &["We", "move."]), "announced: We move.\n");
    client.restart(app()).get("/").send().assert_contains("We move.");
    assert_eq!(client.command("announce", &[]), "announcement removed\n");
    editor(&client).post("/announcement").form(&[("text", "Closed until noon."), ("closes_site", "on")]).send();
    let error = client.try_command("check", &[]).unwrap_err().to_string();
    assert!(error.contains("1 of 12 checks failed"), "{error}");
}
