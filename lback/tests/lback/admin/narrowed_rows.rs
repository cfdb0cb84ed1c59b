//! `.rows(…)`: the admin answers as if other rows did not exist, on every page and in every other model.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    lists_counts_exports_and_searches_have_own_rows_alone,
    pages_of_other_rows_are_not_found,
    actions_and_deletions_leave_other_rows_alone,
    other_rows_cannot_be_chosen_nor_read_where_they_are_referred_to,
    a_search_across_a_reference_does_not_find_other_rows,
    links_to_other_rows_survive_a_save,
    a_deletion_does_not_reach_other_rows,
    a_reference_to_another_row_survives_a_save,
    their_history_is_for_nobody_else,
);

/// Everyone has the tickets whose code begins with their name.
fn narrowed(ticket: ModelAdmin<Ticket>) -> ModelAdmin<Ticket> {
    tickets_admin(ticket).rows(|user| Ticket::query().filter(tickets::code.like(format!("{}-%", user.username))))
}

const ALL: [&str; 12] = [
    "tickets.view",
    "tickets.add",
    "tickets.change",
    "tickets.delete",
    "agents.view",
    "agents.delete",
    "comments.view",
    "comments.add",
    "comments.change",
    "comments.delete",
    "labels.view",
    "topics.view",
];

struct Two {
    client: Client,
    alice: Client,
    agent: Agent,
    own: Ticket,
    other: Ticket,
}

/// A ticket of alice, who has all permissions, and one of bob.
fn two(on: &str) -> Two {
    let admin = Admin::new()
        .model::<Ticket>(narrowed)
        .model::<Comment>(|comment| comment.list(["text", "ticket"]).search(["text", "ticket.title"]).filters(["ticket"]));
    let client = client_with(on, admin);
    let agent = agent(&client, "Zebedee");
    let [own, other] = [("Aardvark", "alice-1"), ("Bandicoot", "bob-1")]
        .map(|(title, code)| ticket_with(&client, NewTicket { code: code.to_owned(), ..new_ticket(&agent, title) }));
    comment(&client, &own, &agent, "first");
    comment(&client, &other, &agent, "second");
    let alice = staff(&client, "alice", &ALL);
    Two { client, alice, agent, own, other }
}

fn lists_counts_exports_and_searches_have_own_rows_alone(on: &str) {
    let Two { alice, other, .. } = two(on);
    let page = alice.get("/admin/tickets").send();
    assert_eq!(first_column(&page), ["Aardvark"]);
    page.assert_contains("<p class=\"count\">1</p>").assert_not_contains("Bandicoot");
    assert_eq!(first_column(&alice.get("/admin/tickets?q=bandicoot").send()), [""; 0]);
    assert_eq!(first_column(&alice.get("/admin/tickets?code=bob-1").send()), [""; 0]);
    assert_eq!(first_column(&alice.get(&format!("/admin/tickets?agent_id={}", other.agent_id)).send()), ["Aardvark"]);
    for format in ["csv", "json"] {
        let export = alice.get(&format!("/admin/tickets/export?format={format}")).send();
        export.assert_contains("Aardvark").assert_not_contains("Bandicoot");
    }
    alice.get("/admin/-/find?q=bandicoot").send().assert_contains("[]");
}

fn pages_of_other_rows_are_not_found(on: &str) {
    let Two { client, alice, own, other, .. } = two(on);
    for end in ["", "/history", "/delete"] {
        alice.get(&format!("{}{end}", row_path(&own))).send().assert_status(200);
        alice.get(&format!("{}{end}", row_path(&other))).send().assert_status(404).assert_not_contains("Bandicoot");
    }
    for end in ["", "/delete"] {
        alice.post(&format!("{}{end}", row_path(&other))).form(&[("title", "stolen")]).send().assert_status(404);
    }
    // The page of an own row, sent to another one.
    let form = PageForm::open(&alice, &row_path(&own));
    let fields: Vec<(&str, &str)> = form.names().into_iter().map(|name| (name, form.values(name)[0])).collect();
    alice.post(&row_path(&other)).form(&fields).send().assert_status(404);
    assert_eq!(ticket_now(&client, other.id).unwrap(), other);
}

fn actions_and_deletions_leave_other_rows_alone(on: &str) {
    let Two { client, alice, own, other, .. } = two(on);
    alice.post("/admin/tickets").form(&[("action", "close"), ("row", &own.id.to_string()), ("row", &other.id.to_string())]).send();
    assert_eq!(ticket_now(&client, own.id).unwrap().state, State::Closed);
    assert_eq!(ticket_now(&client, other.id).unwrap().state, State::Open);
    let rows = [("row", own.id), ("row", other.id)];
    alice.post("/admin/tickets/delete").form(&rows).send().assert_status(303);
    assert_eq!(ticket_now(&client, own.id), None);
    assert_eq!(ticket_now(&client, other.id), Some(other));
}

fn other_rows_cannot_be_chosen_nor_read_where_they_are_referred_to(on: &str) {
    let Two { client, alice, own, other, .. } = two(on);
    let page = alice.get("/admin/comments").send();
    assert_eq!(first_column(&page), ["first", "second"]);
    page.assert_contains("Aardvark").assert_not_contains("Bandicoot");
    let choices = alice.get("/admin/comments/choices/ticket_id").send();
    choices.assert_contains("Aardvark").assert_not_contains("Bandicoot");
    alice.get("/admin/comments/choices/ticket_id?q=bandi").send().assert_contains("[]");
    // A link that fills in the other one.
    let page = alice.get(&format!("/admin/comments/add?ticket_id={}", other.id)).send();
    page.assert_status(200).assert_not_contains("Bandicoot");
    let form = PageForm::of(&page).set("text", "third").set("author_id", "1");
    form.clone().set("ticket_id", &other.id.to_string()).send(&alice).assert_status(200).assert_not_contains("Bandicoot");
    assert_eq!(client.db(|db| Comment::query().count().get_result::<i64>(db)), 2, "the other one is not a choice");
    form.set("ticket_id", &own.id.to_string()).send(&alice).assert_redirect("/admin/comments");
    // The comment of a ticket that is not to be seen, and the history of it.
    alice.get("/admin/comments/row/2").send().assert_status(200).assert_not_contains("Bandicoot");
    alice.get(&format!("/admin/comments?ticket_id={}", other.id)).send().assert_status(400);
}

fn a_search_across_a_reference_does_not_find_other_rows(on: &str) {
    let Two { alice, .. } = two(on);
    assert_eq!(first_column(&alice.get("/admin/comments?q=bandicoot").send()), [""; 0]);
    assert_eq!(first_column(&alice.get("/admin/comments?q=second").send()), ["second"]);
}

fn links_to_other_rows_survive_a_save(on: &str) {
    let admin = Admin::new().model::<Label>(|label| label.rows(|_| Label::query().filter(labels::name.ne("internal"))));
    let client = client_with(on, admin);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let [public, internal, new] = ["public", "internal", "new"].map(|name| label(&client, name));
    client.db(|db| quagga.set_labels(db, &[public.id, internal.id]));
    let alice = staff(&client, "alice", &ALL);
    let form = PageForm::open(&alice, &row_path(&quagga));
    assert_eq!(form.values("labels"), [public.id.to_string()]);
    form.set("labels", &new.id.to_string()).send(&alice).assert_redirect("/admin/tickets");
    let names: Vec<String> = client.db(|db| quagga.labels(db)).into_iter().map(|label| label.name).collect();
    assert_eq!(names, ["internal", "new"], "who cannot see a link cannot take it away");
}

fn a_reference_to_another_row_survives_a_save(on: &str) {
    let agents = |agent: ModelAdmin<Agent>| agent.rows(|_| Agent::query().filter(agents::name.ne("Hidden")));
    let client = client_with(on, Admin::new().model::<Ticket>(|ticket| ticket.inline::<Comment>()).model::<Agent>(agents));
    let (shown, hidden) = (agent(&client, "Shown"), agent(&client, "Hidden"));
    let quagga = ticket_with(&client, NewTicket { reviewer_id: Some(hidden.id), ..new_ticket(&shown, "Quagga") });
    let comments = [comment(&client, &quagga, &hidden, "first"), comment(&client, &quagga, &shown, "second")];
    let alice = staff(&client, "alice", &ALL);
    let form = PageForm::open(&alice, &row_path(&quagga));
    for name in ["reviewer_id", "comments:1:author_id", "comments:1:text"] {
        assert_eq!(form.values(name), [""; 0], "{name}");
    }
    form.set("title", "Okapi").set("comments:2:text", "changed").send(&alice).assert_redirect("/admin/tickets");
    let now = ticket_now(&client, quagga.id).unwrap();
    assert_eq!((now.title.as_str(), now.reviewer_id), ("Okapi", Some(hidden.id)));
    let [first, second] = comments;
    let expected = [first, Comment { text: "changed".to_owned(), ..second }];
    assert_eq!(client.db(|db| Comment::query().order(comments::id).load::<Comment>(db)), expected);
}

fn a_deletion_does_not_reach_other_rows(on: &str) {
    let Two { client, alice, agent, .. } = two(on);
    let path = format!("/admin/agents/row/{}/delete", agent.id);
    alice.get(&path).send().assert_status(200).assert_not_contains("Bandicoot");
    alice.post(&path).send().assert_status(409).assert_not_contains("Bandicoot");
    assert_eq!(client.db(|db| Ticket::query().count().get_result::<i64>(db)), 2);
}

fn their_history_is_for_nobody_else(on: &str) {
    let Two { client, alice, own, other, .. } = two(on);
    let bob = staff(&client, "bob", &ALL);
    edit(&bob, &row_path(&other), &[("title", "Bandicoot II")]).assert_status(303);
    let batch = last_batch(&client);
    for page in ["/admin", "/admin/-/history", &format!("{}/history", row_path(&own))] {
        alice.get(page).send().assert_status(200).assert_not_contains("Bandicoot");
    }
    let refused = undo(&alice, &batch);
    assert!([403, 404, 409].contains(&refused.status().as_u16()), "{refused:?}");
    refused.assert_not_contains("Bandicoot");
    bob.post(&format!("{}/delete", row_path(&other))).send().assert_status(303);
    let refused = undo(&alice, &last_batch(&client));
    assert!([403, 404, 409].contains(&refused.status().as_u16()), "{refused:?}");
    refused.assert_not_contains("Bandicoot");
    assert_eq!(ticket_now(&client, other.id), None, "what was not alice's does not come back by her hand");
    assert_eq!(bob.get(&format!("{}/history", row_path(&other))).send().status(), 404);
}
