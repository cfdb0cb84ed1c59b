//! Rows that staff may not see do not show in searches, filters, choices, labels or deletions.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_list_shows_no_label_of_a_model_without_rights,
    a_search_does_not_look_into_a_model_without_rights,
    a_filter_does_not_look_into_a_model_without_rights,
    a_form_neither_shows_nor_changes_a_reference_without_rights,
    a_deletion_names_no_row_of_a_model_without_rights,
    the_palette_finds_only_what_may_be_viewed,
    choices_need_the_right_to_see_them,
    hidden_fields_are_nowhere,
);

/// Two tickets of two agents, and a user who has all permissions for tickets, and none for agents.
fn two_tickets(on: &str) -> (Client, Client, [Ticket; 2]) {
    let client = client(on);
    let (alice, bob) = (agent(&client, "Aardvark"), agent(&client, "Bandicoot"));
    let tickets = [ticket(&client, &alice, "first"), ticket(&client, &bob, "second")];
    let browser = staff(&client, "clerk", &["tickets.view", "tickets.add", "tickets.change", "tickets.delete"]);
    (client, browser, tickets)
}

fn a_list_shows_no_label_of_a_model_without_rights(on: &str) {
    let (_client, browser, _) = two_tickets(on);
    let page = browser.get("/admin/tickets").send();
    assert_eq!(first_column(&page), ["first", "second"]);
    page.assert_not_contains("Aardvark").assert_not_contains("Bandicoot").assert_not_contains("/admin/agents");
    let export = browser.get("/admin/tickets/export?format=csv").send();
    export.assert_contains("second").assert_not_contains("Bandicoot");
}

fn a_search_does_not_look_into_a_model_without_rights(on: &str) {
    let (client, browser, _) = two_tickets(on);
    assert_eq!(first_column(&root(&client).get("/admin/tickets?q=bandi").send()), ["second"], "the search of who may see agents");
    let page = browser.get("/admin/tickets?q=bandi").send();
    assert_eq!(first_column(&page), [""; 0], "an answer would tell whose ticket it is");
    browser.get("/admin/tickets/export?format=csv&q=bandi").send().assert_not_contains("second");
    assert_eq!(first_column(&browser.get("/admin/tickets?q=first").send()), ["first"]);
}

fn a_filter_does_not_look_into_a_model_without_rights(on: &str) {
    let (_client, browser, tickets) = two_tickets(on);
    let page = browser.get(&format!("/admin/tickets?agent_id={}", tickets[0].agent_id)).send();
    assert_eq!(first_column(&page), ["first", "second"], "there is no such filter");
    page.assert_not_contains("<select name=\"agent_id\"").assert_not_contains("Aardvark");
}

fn a_form_neither_shows_nor_changes_a_reference_without_rights(on: &str) {
    let (client, browser, tickets) = two_tickets(on);
    let page = browser.get(&row_path(&tickets[0])).send();
    page.assert_not_contains("Aardvark").assert_not_contains("Bandicoot").assert_not_contains("name=\"agent_id\"");
    let agent_id = tickets[1].agent_id.to_string();
    let form = PageForm::of(&page).set("title", "changed").set("agent_id", &agent_id).set("reviewer_id", &agent_id).set("labels", "1");
    form.send(&browser).assert_redirect("/admin/tickets");
    let now = ticket_now(&client, tickets[0].id).unwrap();
    assert_eq!(now, Ticket { title: "changed".to_owned(), ..tickets[0].clone() });
    browser.get(&format!("/admin/tickets/add?agent_id={agent_id}&title=x")).send().assert_not_contains("Bandicoot");
}

fn a_deletion_names_no_row_of_a_model_without_rights(on: &str) {
    let client = client(on);
    let (alice, bob) = (agent(&client, "Aardvark"), agent(&client, "Bandicoot"));
    let quagga = ticket_with(&client, NewTicket { reviewer_id: Some(bob.id), ..new_ticket(&alice, "Quagga") });
    comment(&client, &quagga, &bob, "Numbat");
    client.db(|db| Invoice::create(db, NewInvoice { agent_id: bob.id, number: "Dugong".to_owned() }));
    let clerk = staff(&client, "clerk", &["agents.view", "agents.delete"]);
    for (agent, is_used) in [(&alice, true), (&bob, true), (&self::agent(&client, "Unused"), false)] {
        let path = format!("/admin/agents/row/{}/delete", agent.id);
        let page = clerk.get(&path).send();
        page.assert_status(200).assert_contains(&agent.name);
        page.assert_not_contains("Quagga").assert_not_contains("Numbat").assert_not_contains("Dugong");
        let answer = clerk.post(&path).send();
        answer.assert_not_contains("Quagga").assert_not_contains("Numbat").assert_not_contains("Dugong");
        assert_eq!(answer.status(), if is_used { 409 } else { 303 }, "{}", agent.name);
    }
    assert_eq!(client.db(|db| Agent::query().count().get_result::<i64>(db)), 2);
    // The page names the affected rows to a user who may see them.
    let root = root(&client);
    let page = root.get(&format!("/admin/agents/row/{}/delete", alice.id)).send();
    page.assert_contains("Quagga").assert_contains("Numbat");
    root.get(&format!("/admin/agents/row/{}/delete", bob.id)).send().assert_contains("Dugong");
}

fn the_palette_finds_only_what_may_be_viewed(on: &str) {
    let (client, browser, tickets) = two_tickets(on);
    comment(&client, &tickets[0], &agent(&client, "Numbat"), "fir and pine");
    let find = |browser: &Client, text: &str| {
        let found: Vec<lback::serde_json::Value> = browser.get("/admin/-/find").query(&[("q", text)]).send().json();
        found.iter().map(|one| one["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(find(&browser, "FIR"), ["first"]);
    assert_eq!(find(&browser, "aard"), [""; 0]);
    assert_eq!(find(&browser, "f"), [""; 0], "one letter is in too many rows");
    assert_eq!(find(&root(&client), "fir"), ["first", "fir and pine"]);
}

fn choices_need_the_right_to_see_them(on: &str) {
    let (client, browser, _) = two_tickets(on);
    browser.get("/admin/tickets/choices/agent_id?q=a").send().assert_status(403).assert_not_contains("Aardvark");
    browser.get("/admin/tickets/choices/labels").send().assert_status(403);
    for unknown in ["title", "secret", "nothing", "agent_id'"] {
        browser.get(&format!("/admin/tickets/choices/{unknown}")).send().assert_status(404);
    }
    // The right to see the choices is not enough without the right to choose one.
    let reader = staff(&client, "reader", &["agents.view", "tickets.view"]);
    reader.get("/admin/tickets/choices/agent_id").send().assert_status(403);
    let writer = staff(&client, "writer", &["agents.view", "tickets.add"]);
    let page = writer.get("/admin/tickets/choices/agent_id?q=BANDI").send();
    let found: Vec<lback::serde_json::Value> = page.json();
    assert_eq!(found, [lback::serde_json::json!({ "value": "2", "label": "Bandicoot" })]);
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

fn hidden_fields_are_nowhere(on: &str) {
    let (client, _, tickets) = two_tickets(on);
    let root = root(&client);
    let path = row_path(&tickets[0]);
    edit(&root, &path, &[("title", "renamed")]).assert_status(303);
    let pages = [
        "/admin",
        "/admin/tickets",
        "/admin/tickets/add",
        "/admin/-/history",
        "/admin/tickets/export?format=csv",
        "/admin/tickets/export?format=json",
        "/admin/-/find?q=secret",
        "/admin/tickets?q=secret",
        "/admin/auth_users/row/1",
    ];
    let of_row = ["", "/history", "/delete"].map(|end| format!("{path}{end}"));
    for page in pages.iter().copied().chain(of_row.iter().map(String::as_str)) {
        let page = root.get(page).send();
        page.assert_status(200).assert_not_contains("secret of").assert_not_contains("username_key");
    }
    root.get("/admin/tickets?sort=secret").send().assert_status(400);
    root.get("/admin/auth_users?sort=password").send().assert_status(400);
    root.get("/admin/tickets?secret=secret+of+first").send().assert_contains("second");
    // It cannot be set, either.
    PageForm::open(&root, &path).set("secret", "stolen").send(&root).assert_status(303);
    assert_eq!(ticket_now(&client, tickets[0].id).unwrap().secret, "secret of first");
    // When a row is deleted, the history keeps it, to be able to restore it, and shows it to nobody.
    root.post(&format!("{path}/delete")).send().assert_status(303);
    root.get("/admin/-/history").send().assert_contains("renamed").assert_not_contains("secret of");
    undo(&root, &last_batch(&client)).assert_status(303);
    assert_eq!(ticket_now(&client, tickets[0].id).unwrap().secret, "secret of first");
    root.get("/admin/-/history").send().assert_not_contains("secret of");
}
