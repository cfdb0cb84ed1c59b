//! The columns that visitors choose for a list and its exports.

use super::lists::{headings, six, six_with, statements};
use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_visitor_chooses_the_columns_and_their_order,
    only_visible_columns_can_be_chosen,
    an_export_has_the_chosen_columns,
    relations_are_columns_of_those_who_may_see_them,
    hidden_links_take_no_place_of_visible_ones,
    a_column_that_is_not_shown_is_not_changed,
    many_rows_with_a_relation_cost_no_more_statements,
    a_column_follows_a_reference_for_those_who_may_see_the_row,
);

fn a_visitor_chooses_the_columns_and_their_order(on: &str) {
    let (_client, root, tickets) = six(on);
    let page = root.get("/admin/tickets?columns=code,shout&columns=title&state=closed&sort=-title").send();
    assert_eq!(headings(&page), ["Code", "Shouted", "Title"]);
    assert_eq!(first_column(&page), ["c-3", "c-6"]);
    page.assert_contains(">CAT<").assert_contains(&format!("{}?from=", row_path(&tickets[2])));
    // Other links and forms keep the columns.
    page.assert_contains("href=\"/admin/tickets?columns=code%2Cshout&amp;columns=title&amp;sort=-title\"");
    page.assert_contains("type=\"hidden\" name=\"columns\" value=\"code,shout\"");
    // A link exchanges a column with the previous one, and another goes back to the columns of the configuration.
    page.assert_contains("columns=shout%2Ccode%2Ctitle\" aria-label=\"Move Shouted").assert_contains("columns=code%2Ctitle%2Cshout\"");
    page.assert_contains("href=\"/admin/tickets?state=closed&amp;sort=-title\">Default columns");
    page.assert_contains("name=\"columns\" value=\"code\" checked> Code").assert_contains("name=\"columns\" value=\"body\"> Body");
    let page = root.get("/admin/tickets?columns=").send();
    assert_eq!(headings(&page).len(), 7);
    page.assert_not_contains("Default columns").assert_not_contains("Move Title");
    assert_eq!(headings(&root.get("/admin/tickets?columns=title,title,,code&columns=code").send()), ["Title", "Code"]);
}

fn only_visible_columns_can_be_chosen(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).exclude(["body", "state"]));
    let (_client, root, _) = six_with(on, admin);
    root.get("/admin/tickets").send().assert_not_contains("value=\"body\"").assert_not_contains("value=\"secret\"");
    for wrong in ["secret", "body", "nonsense", "title,secret", "Title", "id'", "agent.name", "agent.secret"] {
        for path in ["/admin/tickets?", "/admin/tickets/export?format=csv&", "/admin/tickets/export?format=json&"] {
            root.get(path).query(&[("columns", wrong)]).send().assert_status(400).assert_not_contains("about the ant");
        }
    }
    // A field that is excluded from the form, but a column of the list.
    assert_eq!(headings(&root.get("/admin/tickets?columns=state").send()), ["State"]);
    root.get("/admin/auth_users?columns=password").send().assert_status(400);
}

fn an_export_has_the_chosen_columns(on: &str) {
    let (_client, root, _) = six(on);
    let export =
        |format: &str| root.get(&format!("/admin/tickets/export?format={format}&columns=shout,labels,code&state=closed&sort=title")).send();
    assert_eq!(export("csv").text(), "shout,labels,code\r\nFOX 50%,,c-6\r\nCAT,wild,c-3\r\n");
    let rows: Vec<lback::serde_json::Value> = export("json").json();
    let expected = lback::serde_json::json!([{ "shout": "FOX 50%", "labels": "", "code": "c-6" }, { "shout": "CAT", "labels": "wild", "code": "c-3" }]);
    assert_eq!(lback::serde_json::Value::Array(rows), expected);
    root.get("/admin/tickets?columns=code").send().assert_contains("/admin/tickets/export?columns=code&amp;format=csv");
}

fn relations_are_columns_of_those_who_may_see_them(on: &str) {
    let admin = Admin::new()
        .model::<Ticket>(tickets_admin)
        .model::<Label>(|label| label.rows(|_| Label::query().filter(labels::name.ne("internal"))));
    let (client, _, tickets) = six_with(on, admin);
    let others: Vec<i64> = (0..25).map(|number| label(&client, &format!("l{number:02}")).id).collect();
    let internal = label(&client, "internal");
    client.db(|db| tickets[0].set_labels(db, &[&others[..], &[internal.id]].concat()));
    client.db(|db| tickets[1].set_labels(db, &[others[0], others[1], internal.id]));
    let reader = staff(&client, "reader", &["tickets.view", "labels.view"]);
    let page = reader.get("/admin/tickets?columns=title,labels").send();
    assert_eq!(headings(&page), ["Title", "Labels"]);
    page.assert_contains(">l00, l01<").assert_contains(", l19, …<").assert_contains(">wild<").assert_not_contains("internal");
    reader
        .get("/admin/tickets/export?columns=title,labels&format=csv")
        .send()
        .assert_contains("bee,\"l00, l01\"")
        .assert_not_contains("internal");
    let other = staff(&client, "other", &["tickets.view"]);
    other.get("/admin/tickets?columns=title,labels").send().assert_status(400);
    other.get("/admin/tickets/export?columns=title,labels&format=csv").send().assert_status(400);
    other.get("/admin/tickets").send().assert_not_contains("value=\"labels\"");
}

fn hidden_links_take_no_place_of_visible_ones(on: &str) {
    let visible = |label: ModelAdmin<Label>| {
        label.rows(|user| Label::query().filter(labels::name.not_like(if user.is_superuser { "" } else { "internal%" })))
    };
    let (client, root, tickets) = six_with(on, Admin::new().model::<Ticket>(tickets_admin).model::<Label>(visible));
    let add = |name: &str, count| (0..count).map(|number| label(&client, &format!("{name}{number:02}")).id).collect::<Vec<_>>();
    // The keys of the hidden ones are the lowest.
    let (hidden, shown) = (add("internal", 30), add("l", 21));
    client.db(|db| tickets[0].set_labels(db, &[hidden.as_slice(), &shown].concat()));
    client.db(|db| tickets[1].set_labels(db, &[hidden.as_slice(), &shown[..20]].concat()));
    let reader = staff(&client, "reader", &["tickets.view", "labels.view"]);
    let page = reader.get("/admin/tickets?columns=title,labels&sort=id").send();
    page.assert_contains("l18, l19, …<").assert_contains("l18, l19<").assert_not_contains("internal");
    root.get("/admin/tickets?columns=title,labels").send().assert_contains("internal18, internal19, …<");
    let export = reader.get("/admin/tickets/export?columns=title,labels&format=csv").send();
    export.assert_contains("l18, l19, …\"").assert_contains("l18, l19\"").assert_not_contains("internal");
}

fn a_column_that_is_not_shown_is_not_changed(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| ticket.list(["title", "is_urgent", "points"]).editable(["is_urgent", "points"]));
    let (client, root, tickets) = six_with(on, admin);
    let path = "/admin/tickets?columns=title,points";
    let page = root.get(path).send();
    page.assert_contains(&format!("name=\"{}:points\"", tickets[1].id)).assert_not_contains(":is_urgent");
    let text = page.text();
    let seen: Vec<(String, String)> = tickets
        .iter()
        .flat_map(|ticket| {
            let name = format!("{}:_seen", ticket.id);
            let value = text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
            [(name, value), (format!("{}:points", ticket.id), "9".to_owned())]
        })
        .collect();
    root.post(path)
        .form(&[seen, vec![("save".to_owned(), "true".to_owned())]].concat())
        .send()
        .assert_redirect("/admin/tickets?columns=title%2Cpoints");
    let bee = ticket_now(&client, tickets[1].id).unwrap();
    assert_eq!((bee.points, bee.is_urgent), (Some(9), true));
}

fn many_rows_with_a_relation_cost_no_more_statements(on: &str) {
    let (client, root, tickets) = six(on);
    let pages = ["/admin/tickets?columns=title,labels", "/admin/tickets/export?format=csv&columns=title,labels"];
    let before = pages.map(|page| statements(&root, page));
    let labels: Vec<i64> = (0..9).map(|number| label(&client, &format!("l{number}")).id).collect();
    tickets.iter().for_each(|ticket| client.db(|db| ticket.set_labels(db, &labels)));
    assert_eq!(pages.map(|page| statements(&root, page)), before);
}

fn a_column_follows_a_reference_for_those_who_may_see_the_row(on: &str) {
    let admin = Admin::new()
        .model::<Ticket>(|ticket| tickets_admin(ticket).list(["title", "agent.name", "reviewer.id"]))
        .model::<Agent>(|agent| agent.rows(|user| Agent::query().filter(agents::name.ne(if user.is_superuser { "" } else { "Bob" }))));
    let (client, root, tickets) = six_with(on, admin);
    let page = root.get("/admin/tickets?columns=title,agent.name,reviewer.id,agent_id").send();
    assert_eq!(headings(&page), ["Title", "Agent name", "Reviewer id", "Agent"]);
    page.assert_contains(">Bob<").assert_not_contains("sort=agent.name").assert_contains("columns=agent.name%2Ctitle%2Creviewer.id");
    assert_eq!(headings(&root.get("/admin/tickets").send()).len(), 10);
    let export = |browser: &Client, format: &str| {
        browser.get(&format!("/admin/tickets/export?format={format}&columns=agent.name,reviewer.id&sort=id")).send()
    };
    let (ada, bob) = (tickets[0].agent_id, tickets[1].agent_id);
    assert!(export(&root, "csv").text().starts_with(&format!("agent.name,reviewer.id\r\nAda,{bob}\r\nBob,\r\n")));
    let rows: Vec<lback::serde_json::Value> = export(&root, "json").json();
    assert_eq!(rows[0], lback::serde_json::json!({ "agent.name": "Ada", "reviewer.id": bob }));
    // The other rows are empty, and for those who see no agents, there is no such column.
    let clerk = staff(&client, "clerk", &["tickets.view", "agents.view"]);
    clerk.get("/admin/tickets").send().assert_contains(">Ada<").assert_not_contains("Bob");
    assert!(export(&clerk, "csv").text().starts_with("agent.name,reviewer.id\r\nAda,\r\n,\r\n"));
    let other = staff(&client, "other", &["tickets.view"]);
    assert!(!headings(&other.get("/admin/tickets").send()).contains(&"Agent name".to_owned()));
    other.get("/admin/tickets").send().assert_not_contains("Ada").assert_contains(&format!(">{ada}<"));
    assert_eq!(export(&other, "csv").status(), 400);
    other.get("/admin/tickets?columns=agent.name").send().assert_status(400);
    for unknown in ["agent.secret", "agent.nothing", "reviewer.name", "agent.", ".name", "agent.name.id"] {
        root.get("/admin/tickets").query(&[("columns", unknown)]).send().assert_status(400);
    }
}
