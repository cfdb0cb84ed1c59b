//! Rows that are added in a dialog of the form whose field then refers to them.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    the_form_of_a_dialog_answers_with_the_new_row,
    a_dialog_needs_the_same_rights,
    a_row_that_the_user_may_not_see_is_not_chosen,
    users_are_added_in_a_dialog,
);

#[derive(serde::Deserialize)]
struct Added {
    value: Option<String>,
    label: String,
}

fn the_form_of_a_dialog_answers_with_the_new_row(on: &str) {
    let client = client(on);
    let root = root(&client);
    let page = root.get("/admin/tickets/add").send();
    page.assert_contains("href=\"/admin/agents/add\" target=\"_blank\" data-adds=\"agent_id\">Add agent</a>")
        .assert_contains("data-adds=\"labels\"");
    let page = root.get("/admin/agents/add?_dialog=true").send();
    page.assert_contains("data-guard").assert_not_contains("value=\"continue\"").assert_not_contains("value=\"another\"");
    let add = |name: &str| root.post("/admin/agents/add?_dialog=true").form(&[("name", name), ("then", "list")]).send();
    let answer = add("Zebedee");
    assert_eq!((answer.status(), answer.header("cache-control")), (StatusCode::OK, Some("no-store")));
    let added: Added = answer.json();
    assert_eq!((added.value.as_deref(), added.label.as_str()), (Some("1"), "Zebedee"));
    assert_eq!(changes(&client).len(), 1, "it is in the history");
    add("Zebedee").assert_status(200).assert_contains("error-summary").assert_contains("already has this name");
    // The next page has no message about a row that the form already shows.
    root.get("/admin").send().assert_not_contains("has been added");
}

fn a_dialog_needs_the_same_rights(on: &str) {
    let client = client(on);
    let writer = staff(&client, "writer", &["tickets.add", "agents.view"]);
    writer.get("/admin/tickets/add").send().assert_contains("name=\"agent_id\"").assert_not_contains("data-adds");
    writer.get("/admin/agents/add?_dialog=true").send().assert_status(403);
    writer.post("/admin/agents/add?_dialog=true").form(&[("name", "x")]).send().assert_status(403);
    assert_eq!(client.db(|db| Agent::query().row_count(db)), 0);
}

fn a_row_that_the_user_may_not_see_is_not_chosen(on: &str) {
    let agents = |agent: ModelAdmin<Agent>| agent.rows(|_| Agent::query().filter(agents::name.like("Z%")));
    let client = client_with(on, Admin::new().model::<Agent>(agents));
    let writer = staff(&client, "writer", &["agents.add", "agents.view"]);
    let add = |name: &str| writer.post("/admin/agents/add?_dialog=true").form(&[("name", name)]).send().json::<Added>().value;
    assert_eq!((add("Zebedee"), add("Yak")), (Some("1".to_owned()), None));
}

fn users_are_added_in_a_dialog(on: &str) {
    let client = client(on);
    let root = root(&client);
    root.get("/admin/auth_users/add?_dialog=x").send().assert_contains("data-guard").assert_not_contains("value=\"another\"");
    let added: Added = root.post("/admin/auth_users/add?_dialog=x").form(&[("username", "marmoset")]).send().json();
    assert_eq!((added.value.as_deref(), added.label.as_str()), (Some("2"), "marmoset"));
    root.post("/admin/auth_users/add?_dialog=x").form(&[("username", "")]).send().assert_contains("error-summary");
}
