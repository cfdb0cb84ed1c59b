//! Actions on the rows that were chosen in a list.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    an_action_runs_on_the_chosen_rows,
    an_action_that_fails_changes_nothing,
    an_action_may_delete_its_rows,
    actions_are_offered_to_those_who_may_run_them,
);

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
