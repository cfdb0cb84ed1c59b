//! Options of a model that the application adjusts for the visitor of a request: every page follows them, and no request gets around them.

use lback::admin::RequestOptions;

use super::field_permissions::client_of;
use super::lists::headings;
use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    the_list_has_the_columns_of_the_visitor,
    a_hidden_field_is_nowhere_and_cannot_be_written,
    a_read_only_field_cannot_be_written,
    a_form_has_the_fields_of_the_visitor,
    filters_actions_and_inlines_are_taken_away,
    a_computed_column_is_hidden,
    the_code_runs_only_for_those_who_may_use_the_model,
    an_order_reveals_no_hidden_field,
    a_mistake_is_named,
);

const ALL: [&str; 8] =
    ["tickets.view", "tickets.add", "tickets.change", "tickets.delete", "agents.view", "comments.view", "comments.add", "labels.view"];

/// An admin that adjusts tickets for everyone except superusers.
fn adjusted(adjust: impl Fn(&mut RequestOptions<'_>) + Send + Sync + 'static) -> Admin {
    let tickets = |ticket: ModelAdmin<Ticket>| {
        tickets_admin(ticket).editable(["points", "state"]).inline::<Comment>().for_request(move |req, view| {
            if !req.require_login()?.is_superuser {
                adjust(view);
            }
            Ok(())
        })
    };
    Admin::new().model::<Ticket>(tickets)
}

struct Opened {
    client: Client,
    root: Client,
    clerk: Client,
    ticket: Ticket,
}

fn open(on: &str, admin: Admin) -> Opened {
    let client = client_with(on, admin);
    let ada = agent(&client, "Ada");
    let ticket = ticket_with(&client, NewTicket { points: Some(48_731), body: "Numbat".to_owned(), ..new_ticket(&ada, "Quagga") });
    let (root, clerk) = (root(&client), staff(&client, "clerk", &ALL));
    Opened { client, root, clerk, ticket }
}

fn points(opened: &Opened) -> Option<i32> {
    ticket_now(&opened.client, opened.ticket.id).unwrap().points
}

fn the_list_has_the_columns_of_the_visitor(on: &str) {
    let opened = open(
        on,
        adjusted(|view| {
            view.list(["code", "title", "agent_id"]).order(["-code"]);
        }),
    );
    assert_eq!(headings(&opened.clerk.get("/admin/tickets").send()), ["Code", "Title", "Agent"]);
    assert_eq!(headings(&opened.root.get("/admin/tickets").send())[..2], ["Title", "State"]);
    // The columns are a suggestion, and not a right.
    assert_eq!(headings(&opened.clerk.get("/admin/tickets?columns=points").send()), ["Points"]);
    let ada = opened.client.db(|db| Agent::query().first::<Agent>(db));
    ticket(&opened.client, &ada, "Aardvark");
    assert_eq!(first_column(&opened.clerk.get("/admin/tickets").send()), ["quagga", "aardvark"]);
}

fn a_hidden_field_is_nowhere_and_cannot_be_written(on: &str) {
    let opened = open(
        on,
        adjusted(|view| {
            view.hide(["points"]);
        }),
    );
    let Opened { root, clerk, ticket, .. } = &opened;
    let row = row_path(ticket);
    edit(root, &row, &[("points", "48732")]).assert_status(303);
    let history = changes(&opened.client);
    let paths = [
        "/admin".to_owned(),
        "/admin/tickets".to_owned(),
        row.clone(),
        format!("{row}/history"),
        "/admin/-/history".to_owned(),
        format!("/admin/-/history/{}/row", history[0].id),
        "/admin/tickets/export?format=csv".to_owned(),
        "/admin/tickets/export?format=json".to_owned(),
        "/admin/tickets/import".to_owned(),
        "/admin/tickets/add?points=5".to_owned(),
    ];
    for path in &paths {
        root.get(path).send().assert_status(200);
        clerk.get(path).send().assert_status(200).assert_not_contains("4873").assert_not_contains("Points").assert_not_contains("points");
    }
    for query in ["sort=points", "columns=points"] {
        clerk.get(&format!("/admin/tickets?{query}")).send().assert_status(400);
    }
    clerk.get("/admin/tickets?points.from=99999").send().assert_contains("Quagga");

    // A form that names the field anyway.
    let form = PageForm::open(clerk, &row);
    assert!(form.values("points").is_empty());
    form.clone().set("title", "Okapi").set("points", "1").send(clerk).assert_status(303);
    assert_eq!(points(&opened), Some(48_732));
    PageForm::open(clerk, &row).set("then", "as_new").set("code", "copy").set("points", "1").send(clerk).assert_status(303);
    let copy = opened.client.db(|db| Ticket::query().filter(tickets::code.eq("copy")).first::<Ticket>(db));
    assert_eq!(copy.points, None);
    let add = PageForm::open(clerk, "/admin/tickets/add").set("title", "New").set("code", "new").set("agent_id", "1").set("points", "1");
    add.send(clerk).assert_status(303);
    assert_eq!(opened.client.db(|db| Ticket::query().filter(tickets::code.eq("new")).first::<Ticket>(db)).points, None);
    // The list, an import and an undo.
    let id = ticket.id;
    let saving = [("save", "true".to_owned()), ("points", "1".to_owned())];
    let fields = [(format!("{id}:points"), "1".to_owned())].into_iter().chain(saving.map(|(name, value)| (name.to_owned(), value)));
    clerk.post("/admin/tickets").form(&fields.collect::<Vec<_>>()).send();
    let file = format!("id,points\n{id},1\n");
    clerk.post("/admin/tickets/import").form(&[("text", file.as_str()), ("confirm", "true")]).send().assert_contains("is hidden");
    undo(clerk, &history[0].batch).assert_status(403);
    assert_eq!(points(&opened), Some(48_732));
    assert_eq!(ticket_now(&opened.client, id).unwrap().title, "Okapi");
}

fn a_read_only_field_cannot_be_written(on: &str) {
    let opened = open(
        on,
        adjusted(|view| {
            view.readonly(["points", "labels", "agent"]);
        }),
    );
    let Opened { root, clerk, ticket, .. } = &opened;
    let row = row_path(ticket);
    let okapi = label(&opened.client, "Okapi");
    edit(root, &row, &[("points", "48732")]).assert_status(303);
    let batch = last_batch(&opened.client);
    clerk.get(&row).send().assert_contains("48732");
    let (bob, id) = (agent(&opened.client, "Bob"), ticket.id);
    let form = PageForm::open(clerk, &row).set("points", "1").set("agent_id", &bob.id.to_string()).set("labels", &okapi.id.to_string());
    form.set("title", "Changed").send(clerk).assert_status(303);
    clerk.post("/admin/tickets").form(&[(format!("{id}:points").as_str(), "1"), ("save", "true")]).send();
    let file = format!("id,points\n{id},1\n");
    clerk
        .post("/admin/tickets/import")
        .form(&[("text", file.as_str()), ("confirm", "true")])
        .send()
        .assert_contains("Nothing can be imported");
    undo(clerk, &batch).assert_status(403);
    clerk.get("/admin/tickets/choices/agent_id?q=Bob").send().assert_status(404);
    let now = ticket_now(&opened.client, id).unwrap();
    assert_eq!((now.points, now.agent_id, now.title.as_str()), (Some(48_732), ticket.agent_id, "Changed"));
    assert!(opened.client.db(|db| now.labels(db)).is_empty());
    // Others change all of them.
    edit(root, &row, &[("points", "7")]).assert_status(303);
    assert_eq!(points(&opened), Some(7));
    // Users who may only add tickets have the same form.
    let adder = staff(&opened.client, "adder", &["tickets.add"]);
    let has_points = |browser: &Client| PageForm::open(browser, "/admin/tickets/add").names().contains(&"points");
    assert_eq!((has_points(root), has_points(&adder)), (true, false));
}

fn a_form_has_the_fields_of_the_visitor(on: &str) {
    let opened = open(
        on,
        adjusted(|view| {
            view.fieldsets([("Short", ["title", "state", "agent"].as_slice())]).exclude(["state"]);
        }),
    );
    let Opened { root, clerk, ticket, .. } = &opened;
    let form = PageForm::open(clerk, &row_path(ticket));
    assert!(form.names().contains(&"title") && !form.names().iter().any(|name| ["body", "points", "state"].contains(name)));
    form.set("title", "Okapi").set("body", "").set("points", "1").set("state", "closed").send(clerk).assert_status(303);
    let now = ticket_now(&opened.client, ticket.id).unwrap();
    assert_eq!((now.title.as_str(), now.body.as_str(), now.points, now.state), ("Okapi", "Numbat", Some(48_731), State::Open));
    assert!(PageForm::open(root, &row_path(ticket)).names().contains(&"body"));
    let file = format!("id,body\n{},x\n", ticket.id);
    clerk
        .post("/admin/tickets/import")
        .form(&[("text", file.as_str()), ("confirm", "true")])
        .send()
        .assert_contains("Nothing can be imported");
}

fn filters_actions_and_inlines_are_taken_away(on: &str) {
    let opened = open(
        on,
        adjusted(|view| {
            view.filters(["state"]).actions([]).without_inline::<Comment>();
        }),
    );
    let Opened { root, clerk, ticket, .. } = &opened;
    root.get("/admin/tickets").send().assert_contains("Points from").assert_contains(">Close</option>");
    let page = clerk.get("/admin/tickets?points.from=99999").send();
    page.assert_contains("Quagga")
        .assert_contains("name=\"state\"")
        .assert_not_contains("Points from")
        .assert_not_contains(">Close</option>");
    clerk.get("/admin/tickets").send().assert_not_contains("aria-label=\"Dates\"");
    let close = [("action", "close"), ("row", &*ticket.id.to_string())].map(|(name, value)| (name.to_owned(), value.to_owned()));
    clerk.post("/admin/tickets").form(&close).send().assert_status(400);
    assert_eq!(ticket_now(&opened.client, ticket.id).unwrap().state, State::Open);
    root.get(&row_path(ticket)).send().assert_contains("comments:+0:text");
    let form = PageForm::open(clerk, &row_path(ticket));
    form.set("comments:+0:text", "x").set("comments:+0:author_id", "1").send(clerk).assert_status(303);
    assert_eq!(opened.client.db(|db| Comment::query().row_count(db)), 0);
}

fn a_computed_column_is_hidden(on: &str) {
    let opened = open(
        on,
        adjusted(|view| {
            view.hide(["shout"]);
        }),
    );
    opened.root.get("/admin/tickets").send().assert_contains("QUAGGA");
    for path in ["/admin/tickets", "/admin/tickets/export?format=csv"] {
        opened.clerk.get(path).send().assert_contains("Quagga").assert_not_contains("QUAGGA").assert_not_contains("Shouted");
    }
    opened.clerk.get("/admin/tickets?columns=shout").send().assert_status(400);
}

fn the_code_runs_only_for_those_who_may_use_the_model(on: &str) {
    let refuses = |ticket: ModelAdmin<Ticket>| ticket.for_request(|_, _| Err(Error::forbidden("Come back tomorrow.")));
    let client = client_with(on, Admin::new().model::<Ticket>(refuses));
    staff(&client, "other", &["agents.view"]).get("/admin/agents").send().assert_status(200);
    for right in ["view", "add", "change", "delete"] {
        let page = staff(&client, right, &[&format!("tickets.{right}")]).get("/admin").send();
        page.assert_status(403).assert_contains("Come back tomorrow.");
    }
}

fn an_order_reveals_no_hidden_field(on: &str) {
    let tickets = |ticket: ModelAdmin<Ticket>| {
        ticket.can_see_field("points", "hr.see").for_request(|_, view| {
            view.order(["-points"]);
            Ok(())
        })
    };
    let client = client_of(&format!("{on}\nDEBUG = true"), models(), Admin::new().model::<Ticket>(tickets));
    let page = staff(&client, "clerk", &["tickets.view"]).get("/admin/tickets").send();
    page.assert_status(500).assert_contains("Ticket.points is hidden by can_see_field");
}

fn a_mistake_is_named(on: &str) {
    type Adjust = for<'a, 'b> fn(&'a mut RequestOptions<'b>) -> &'a mut RequestOptions<'b>;
    let mistakes: [(Adjust, &str); 7] = [
        (|view| view.list(["titel"]), "Ticket has no field \"titel\"; did you mean \"title\"?"),
        (|view| view.hide(["titel"]), "did you mean \"title\"?"),
        (|view| view.hide(["title"]), "labels the rows"),
        (|view| view.fieldsets([("", ["secret"].as_slice())]), "its form has no field \"secret\""),
        (|view| view.filters(["body"]), "it has no filter \"body\""),
        (|view| view.actions(["closed"]), "did you mean \"close\"?"),
        (|view| view.without_inline::<Invoice>(), "it has no inline of Invoice"),
    ];
    for (adjust, message) in mistakes {
        let adjust = move |view: &mut RequestOptions<'_>| {
            adjust(view);
        };
        let opened = open(&format!("{on}\nDEBUG = true"), adjusted(adjust));
        let page = opened.clerk.get("/admin/tickets").send();
        page.assert_status(500);
        assert!(browser::unescaped(page.text()).contains(message), "{message}: {}", page.text());
    }
}
