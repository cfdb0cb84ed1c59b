//! Actions on the rows that were chosen in a list.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    an_action_runs_on_the_chosen_rows,
    an_action_that_fails_changes_nothing,
    an_action_may_delete_its_rows,
    actions_are_offered_to_those_who_may_run_them,
    an_action_asks_for_values,
    an_action_asks_for_a_confirmation,
);

#[derive(Form)]
struct Assign {
    agent: i64,
    #[form(max_length = 20)]
    note: Option<String>,
}

fn assign(req: &mut Request, tickets: Vec<Ticket>, form: Assign) -> Result<String> {
    for mut ticket in tickets {
        ticket.agent_id = form.agent;
        ticket.body = form.note.clone().unwrap_or_default();
        ticket.save(req.db()?)?;
    }
    Ok("assigned".to_owned())
}

#[derive(Form)]
struct Confirm {}

fn remove(req: &mut Request, tickets: Vec<Ticket>) -> Result<String> {
    for ticket in tickets {
        ticket.delete(req.db()?)?;
    }
    Ok("removed <b>".to_owned())
}

fn ready(on: &str) -> (Client, [Ticket; 3]) {
    let client = client_with(on, Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).action("remove", "Remove & forget", remove)));
    let zebedee = agent(&client, "Zebedee");
    let tickets = ["one", "two", "stuck"].map(|title| ticket(&client, &zebedee, title));
    (client, tickets)
}

fn states(client: &Client) -> Vec<State> {
    client.db(|db| Ticket::query().order(tickets::id).select(tickets::state).load(db))
}

fn an_action_runs_on_the_chosen_rows(on: &str) {
    let (client, _) = ready(on);
    let root = root(&client);
    root.post("/admin/tickets")
        .form(&[("action", "close"), ("row", "2"), ("row", "2"), ("row", "9")])
        .send()
        .assert_redirect("/admin/tickets");
    assert_eq!(states(&client), [State::Open, State::Closed, State::Open]);
    root.get("/admin/tickets").send().assert_contains("1 tickets are closed.");
    assert_eq!(changes(&client).len(), 1);
}

fn an_action_that_fails_changes_nothing(on: &str) {
    let (client, _) = ready(on);
    let root = root(&client);
    root.post("/admin/tickets")
        .form(&[("action", "close"), ("row", "1"), ("row", "3")])
        .send()
        .assert_status(400)
        .assert_contains("This ticket is stuck.");
    assert_eq!(states(&client), [State::Open; 3]);
    assert_eq!(changes(&client).len(), 0);
}

fn an_action_may_delete_its_rows(on: &str) {
    let (client, tickets) = ready(on);
    let root = root(&client);
    let label = label(&client, "wild");
    client.db(|db| tickets[0].set_labels(db, &[label.id]));
    root.post("/admin/tickets").form(&[("action", "remove"), ("row", "1"), ("row", "2")]).send().assert_redirect("/admin/tickets");
    root.get("/admin/tickets").send().assert_contains("removed &lt;b&gt;").assert_contains("Remove &amp; forget");
    assert_eq!(states(&client).len(), 1);
    undo(&root, &last_batch(&client)).assert_status(303);
    assert_eq!(client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db)), tickets);
    assert_eq!(client.db(|db| tickets[0].labels(db)), [label]);
}

fn actions_are_offered_to_those_who_may_run_them(on: &str) {
    let (client, _) = ready(on);
    let form = [("action", "close"), ("row", "1")];
    let reader = staff(&client, "reader", &["tickets.view"]);
    reader.get("/admin/tickets").send().assert_not_contains("name=\"action\"").assert_not_contains("name=\"row\"");
    reader.post("/admin/tickets").form(&form).send().assert_status(403);
    let changer = staff(&client, "changer", &["tickets.change"]);
    changer.get("/admin/tickets").send().assert_contains("value=\"close\"").assert_not_contains("value=\"delete\"");
    let deleter = staff(&client, "deleter", &["tickets.view", "tickets.delete"]);
    deleter.get("/admin/tickets").send().assert_contains("value=\"delete\"").assert_not_contains("value=\"close\"");
    deleter.post("/admin/tickets").form(&form).send().assert_status(403);
    assert_eq!(states(&client), [State::Open; 3]);
    changer.post("/admin/tickets").form(&form).send().assert_redirect("/admin/tickets");
    assert_eq!(states(&client), [State::Closed, State::Open, State::Open]);
}

fn with_forms(on: &str) -> (Client, Agent) {
    let admin = |ticket: ModelAdmin<Ticket>| {
        let ticket = ticket.action_with_form("assign", "Assign", assign);
        ticket.action_with_form("close", "Close", |req, tickets, _: Confirm| close(req, tickets))
    };
    let client = client_with(on, Admin::new().model::<Ticket>(admin));
    let (zebedee, florence) = (agent(&client, "Zebedee"), agent(&client, "Florence"));
    for title in ["one", "two", "three"] {
        ticket(&client, &zebedee, title);
    }
    (client, florence)
}

fn agents_of(client: &Client) -> Vec<i64> {
    client.db(|db| Ticket::query().order(tickets::id).select(tickets::agent_id).load(db))
}

fn an_action_asks_for_values(on: &str) {
    let (client, florence) = with_forms(on);
    let root = root(&client);
    let page = root.post("/admin/tickets?q=t").form(&[("action", "assign"), ("row", "2"), ("row", "3")]).send();
    page.assert_status(200).assert_contains("2 tickets").assert_contains("three").assert_not_contains("error-summary");
    let form = PageForm::of(&page);
    assert_eq!((form.values("row"), form.values("action")), (vec!["2", "3"], vec!["assign"]));
    // Invalid values are shown again, with the rows.
    let page = form.set("agent", "many").set("note", "soon").send(&root);
    page.assert_status(200).assert_contains("error-summary").assert_contains("value=\"soon\"").assert_contains("three");
    assert_eq!((agents_of(&client), changes(&client).len()), (vec![1, 1, 1], 0));
    let form = PageForm::of(&page).set("agent", &florence.id.to_string());
    form.clone().send(&staff(&client, "reader", &["tickets.view"])).assert_status(403);
    form.send(&root).assert_redirect("/admin/tickets");
    assert_eq!((agents_of(&client), changes(&client).len()), (vec![1, 2, 2], 2));
    assert_eq!(ticket_now(&client, 2).unwrap().body, "soon");
    undo(&root, &last_batch(&client)).assert_status(303);
    assert_eq!(agents_of(&client), [1, 1, 1]);
}

fn an_action_asks_for_a_confirmation(on: &str) {
    let (client, _) = with_forms(on);
    let root = root(&client);
    let page = root.post("/admin/tickets").form(&[("action", "close"), ("row", "2")]).send();
    assert_eq!(states(&client), [State::Open; 3]);
    PageForm::of(&page).send(&root).assert_redirect("/admin/tickets");
    assert_eq!(states(&client), [State::Open, State::Closed, State::Open]);
}
