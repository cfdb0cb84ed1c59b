//! The check for indexes that lists of large tables lack.

use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(the_check_names_fields_without_an_index, small_tables_need_none);

fn checked() -> Admin {
    let tickets = |ticket: ModelAdmin<Ticket>| {
        ticket.list(["title", "is_urgent"]).filters(["is_urgent", "points", "agent.name"]).search(["=code", "=title"]).order(["-opened_on"])
    };
    Admin::new().model::<Ticket>(tickets)
}

/// The message of the check about indexes.
fn message(client: &Client) -> String {
    match client.try_command("check", &[]) {
        Ok(output) => output,
        Err(error) => error.source().map(ToString::to_string).unwrap_or_default(),
    }
}

fn add(client: &Client, count: u32) {
    let zebedee = agent(client, "Zebedee");
    let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})");
    let values = format!("'t', 'c' || n, '', 'open', {}, FALSE, ''", zebedee.id);
    let columns = "title, code, body, state, agent_id, is_urgent, secret";
    sql(client, &format!("INSERT INTO tickets ({columns}) {numbers} SELECT {values} FROM numbers"));
}

fn the_check_names_fields_without_an_index(on: &str) {
    let client = client_with(on, checked());
    add(&client, 100_001);
    let message = message(&client);
    for line in [
        "Ticket.is_urgent: #[model(index(is_urgent, opened_on, id))] at the struct, for CREATE INDEX … ON tickets (is_urgent, opened_on, id)",
        "Ticket.opened_on: #[model(index(opened_on, id))] at the struct",
        "Ticket.points: #[model(index)] at the field, for CREATE INDEX … ON tickets (points)",
        "Ticket.title: #[model(index)] at the field",
        "run: lback makemigrations",
    ] {
        assert!(message.contains(line), "{line} is missing: {message}");
    }
    // They have an index, or their table is small.
    assert!(!message.contains("Ticket.code") && !message.contains("Ticket.agent_id") && !message.contains("Agent.name"), "{message}");
}

fn small_tables_need_none(on: &str) {
    let client = client_with(on, checked());
    add(&client, 1000);
    let message = message(&client);
    assert!(message.contains("indexes for the lists of the admin") && !message.contains("without an index"), "{message}");
}
