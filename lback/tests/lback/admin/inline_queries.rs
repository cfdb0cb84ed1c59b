//! The cost of a page with an inline, which does not grow with the rows.

use lback::admin::InlineAdmin;

use super::lists::{statements, statements_of};
use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    twenty_rows_cost_no_more_statements_than_one,
    a_form_that_comes_back_costs_no_more_statements_with_more_rows,
    rows_with_many_choices_have_a_search,
);

/// An agent with an inline of tickets, and others. Each agent to which a ticket refers is looked up, because a query narrows the agents.
fn ready(on: &str, others: usize, configure: impl FnOnce(InlineAdmin<Ticket>) -> InlineAdmin<Ticket>) -> (Client, Vec<Agent>) {
    let agents = |agent: ModelAdmin<Agent>| agent.inline_with(configure).rows(|_| Agent::query());
    let client = client_with(on, admin().model::<Agent>(agents));
    let new = |number| NewAgent { name: format!("Agent {number:03}"), secret: String::new() };
    client.db(|db| Agent::create_many(db, (0..=others).map(new)));
    let agents = client.db(|db| Agent::query().order(agents::id).load(db));
    (client, agents)
}

/// Adds tickets of the first agent, each with another reviewer and two labels.
fn add(client: &Client, agents: &[Agent], numbers: std::ops::Range<usize>) {
    for number in numbers {
        let reviewer = Some(agents[1 + number % (agents.len() - 1)].id);
        let ticket = ticket_with(client, NewTicket { reviewer_id: reviewer, ..new_ticket(&agents[0], &format!("Ticket {number}")) });
        let labels = [0, 1].map(|other| label(client, &format!("{number}.{other}")).id);
        client.db(|db| ticket.set_labels(db, &labels));
    }
}

const PATH: &str = "/admin/agents/row/1";
const EDITOR: [&str; 5] = ["agents.change", "labels.view", "tickets.view", "tickets.add", "tickets.change"];

fn twenty_rows_cost_no_more_statements_than_one(on: &str) {
    for others in [2, 250] {
        let (client, agents) = ready(on, others, |tickets| tickets);
        let editor = staff(&client, "editor", &EDITOR);
        let reader = staff(&client, "reader", &["agents.view", "tickets.view", "labels.view"]);
        let browsers = [root(&client), editor, reader];
        add(&client, &agents, 0..1);
        let before = browsers.each_ref().map(|browser| statements(browser, PATH));
        add(&client, &agents, 1..20);
        assert_eq!(browsers.each_ref().map(|browser| statements(browser, PATH)), before);
        browsers[2].get(PATH).send().assert_contains("Ticket 19").assert_contains(&agents[2].name);
        let form = PageForm::open(&browsers[1], PATH);
        assert_eq!(form.values("tickets:2:reviewer_id"), [agents[2].id.to_string()]);
    }
}

fn a_form_that_comes_back_costs_no_more_statements_with_more_rows(on: &str) {
    let (client, agents) = ready(on, 250, |tickets| tickets);
    let editor = staff(&client, "editor", &EDITOR);
    let cost = || {
        // An urgent ticket is not closed.
        let form = PageForm::open(&editor, PATH).set("tickets:1:is_urgent", "true").set("tickets:1:state", "closed");
        statements_of(form.send(&editor).assert_status(200).assert_contains("An urgent ticket is not closed yet."))
    };
    add(&client, &agents, 0..1);
    let before = cost();
    add(&client, &agents, 1..20);
    assert_eq!(cost(), before);
}

fn rows_with_many_choices_have_a_search(on: &str) {
    let (client, agents) = ready(on, 190, |tickets| tickets.fields(["title", "reviewer"]));
    let root = root(&client);
    add(&client, &agents, 0..1);
    root.get(PATH).send().assert_not_contains("reviewer_id-search").assert_contains(">Agent 150</option>");
    add(&client, &agents, 1..60);
    let form = PageForm::open(&root, PATH);
    assert_eq!(form.values("tickets:60:reviewer_id"), [agents[60].id.to_string()]);
    root.get(PATH).send().assert_contains("name=\"tickets:60:reviewer_id-search\"").assert_not_contains(">Agent 150</option>");
    // Without JavaScript, a search offers the choices of its row.
    let page = form.set("tickets:60:reviewer_id-search", "anyone").send(&root);
    page.assert_status(200).assert_contains("Choose from the list.").assert_contains(">Agent 150</option>");
    PageForm::of(&page).set("tickets:60:reviewer_id", &agents[150].id.to_string()).send(&root).assert_redirect("/admin/agents");
    assert_eq!(ticket_now(&client, 60).unwrap().reviewer_id, Some(agents[150].id));
}
