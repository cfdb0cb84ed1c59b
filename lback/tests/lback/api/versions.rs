//! `ETag`, `If-Match` and `If-None-Match`.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_change_of_an_outdated_row_is_refused,
    if_match_can_be_required,
    a_row_that_the_client_has_is_not_sent_again,
    a_row_without_a_version_has_no_tag,
);

fn tag(response: &TestResponse) -> String {
    response.header("etag").expect("an ETag").to_owned()
}

fn a_change_of_an_outdated_row_is_refused(on: &str) {
    let client = client(on);
    ticket(&client, &agent(&client, "Ada"), "a");
    let root = root(&client);
    let seen = tag(&root.get("/api/tickets/1").send());
    let change = |title: &str, tag: &str| root.patch("/api/tickets/1").header("if-match", tag).json(&json!({ "title": title })).send();
    let changed = change("b", &seen);
    let next = tag(changed.assert_status(200));
    assert_ne!(next, seen);
    let refused = change("c", &seen);
    assert_eq!(detail(&refused, 412), "The row has been changed since. Get it again, and repeat the change.");
    root.put("/api/tickets/1").header("if-match", &seen).json(&json!({ "title": "c", "agent_id": 1 })).send().assert_status(412);
    root.delete("/api/tickets/1").header("if-match", &seen).send().assert_status(412);
    change("c", "\"made-up\"").assert_status(412);
    change("c", &format!("W/{next}")).assert_status(412);
    assert_eq!(client.db(|db| Ticket::find(db, 1)).title, "b");
    change("d", &format!("{seen}, {next}")).assert_status(200);
    change("e", "*").assert_status(200);
    // Without the header, the last word counts.
    root.patch("/api/tickets/1").json(&json!({ "title": "f" })).send().assert_status(200);
}

fn if_match_can_be_required(on: &str) {
    let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| tickets_resource(ticket).require_if_match());
    let client = client_with(on, api);
    ticket(&client, &agent(&client, "Ada"), "a");
    let root = root(&client);
    root.patch("/api/tickets/1").json(&json!({ "title": "b" })).send().assert_status(428).assert_contains("If-Match");
    root.delete("/api/tickets/1").send().assert_status(428);
    let seen = tag(&root.get("/api/tickets/1").send());
    root.delete("/api/tickets/1").header("if-match", &seen).send().assert_status(204);
}

fn a_row_that_the_client_has_is_not_sent_again(on: &str) {
    let client = client(on);
    let ada = agent(&client, "Ada");
    ticket(&client, &ada, "a");
    let root = root(&client);
    let seen = tag(&root.get("/api/tickets/1").send());
    let again = |path: &str| root.get(path).header("if-none-match", &seen).send();
    let same = again("/api/tickets/1");
    assert!(same.assert_status(304).bytes().is_empty());
    assert_eq!(tag(&same), seen);
    // The agent may have another name by now.
    again("/api/tickets/1?include=agent").assert_status(200);
    root.patch("/api/tickets/1").json(&json!({ "title": "b" })).send().assert_status(200);
    again("/api/tickets/1").assert_status(200);
}

fn a_row_without_a_version_has_no_tag(on: &str) {
    let client = client(on);
    let ticket = ticket(&client, &agent(&client, "Ada"), "a");
    note(&client, &ticket, "first");
    let root = root(&client);
    assert_eq!(root.get("/api/notes/1").send().assert_status(200).header("etag"), None);
    root.patch("/api/notes/1").header("if-match", "\"1\"").json(&json!({ "text": "b" })).send().assert_status(412);
    root.patch("/api/notes/1").json(&json!({ "text": "b" })).send().assert_status(200);
}
