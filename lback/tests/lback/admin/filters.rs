//! Filters of the application, and the counts beside the choices of filters.

use super::lists::{assert_list, six, six_with, statements};
use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_filter_of_the_application_narrows_the_list_with_all_others,
    a_filter_of_the_application_knows_the_user_and_the_time,
    a_filter_of_the_application_stays_within_the_rows_of_the_user,
    exports_and_actions_have_the_rows_of_a_filter_of_the_application,
    counts_are_shown_when_they_are_asked_for,
    counts_reveal_no_rows_of_others,
    large_tables_are_counted_only_by_an_index,
    rows_that_are_found_by_a_query_string_cost_no_filters,
    a_filter_follows_a_reference,
    a_filter_finds_rows_without_a_value,
);

/// The admin with a filter of tickets that were opened before this year, which the clock of the tests calls 2026.
fn opened() -> Admin {
    Admin::new().model::<Ticket>(with_opened)
}

fn with_opened(ticket: ModelAdmin<Ticket>) -> ModelAdmin<Ticket> {
    tickets_admin(ticket).filter_by("opened", "Opened", [("before", "Before now"), ("after", "Later"), ("never", "Never")], |choice| {
        let today = choice.now.date_naive();
        match choice.value {
            "before" => Ticket::query().filter(tickets::opened_on.lt(today)),
            "after" => Ticket::query().filter(tickets::opened_on.ge(today)),
            _ => Ticket::query().filter(tickets::opened_on.is_null()),
        }
    })
}

fn a_filter_of_the_application_narrows_the_list_with_all_others(on: &str) {
    let (_client, root, _) = six_with(on, opened());
    assert_list(&root, &[("opened", "before")], &["ant"]);
    assert_list(&root, &[("opened", "never")], &["dog and cat"]);
    assert_list(&root, &[("opened", "after")], &["bee", "cat", "elk", "Fox 50%"]);
    assert_list(&root, &[("opened", "after"), ("state", "closed"), ("sort", "-title")], &["cat", "Fox 50%"]);
    assert_list(&root, &[("opened", "after"), ("q", "cat"), ("date", "2026-02")], &["cat"]);
    let page = root.get("/admin/tickets?opened=after&sort=title").send();
    page.assert_contains("Opened: <b>Later</b>").assert_contains("<option value=\"after\" selected>Later</option>");
    page.assert_contains("<p class=\"count\">4 found</p>")
        .assert_contains("<a class=\"small\" href=\"/admin/tickets?sort=title\">Clear the filters");
    for wrong in ["nonsense", "Before", "~"] {
        root.get("/admin/tickets").query(&[("opened", wrong)]).send().assert_status(400);
        root.get("/admin/tickets/export?format=csv").query(&[("opened", wrong)]).send().assert_status(400);
    }
}

fn a_filter_of_the_application_knows_the_user_and_the_time(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| {
        tickets_admin(ticket).filter_by("mine", "Mine", [("yes", "Yes")], |choice| {
            Ticket::query().filter(tickets::code.like(format!("{}-%", choice.user.username)))
        })
    });
    let (client, ..) = six_with(on, admin);
    let zebedee = agent(&client, "Zebedee");
    ticket_with(&client, NewTicket { code: "alice-1".to_owned(), ..new_ticket(&zebedee, "of alice") });
    let alice = staff(&client, "alice", &["tickets.view"]);
    assert_list(&alice, &[("mine", "yes")], &["of alice"]);
    assert_list(&staff(&client, "bob", &["tickets.view"]), &[("mine", "yes")], &[]);
    client.clock().set("2030-01-01T00:00:00Z".parse().unwrap());
    let (client, root, _) = six_with(on, opened());
    client.clock().set("2026-02-10T00:00:00Z".parse().unwrap());
    root.login(&client.db(|db| User::query().first::<User>(db)));
    assert_list(&root, &[("opened", "before")], &["ant", "bee", "cat", "elk"]);
}

fn a_filter_of_the_application_stays_within_the_rows_of_the_user(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| {
        with_opened(ticket)
            .filter_by("any", "Any", [("all", "All")], |_| Ticket::query())
            .rows(|_| Ticket::query().filter(tickets::is_urgent))
    });
    let (_client, root, _) = six_with(on, admin);
    assert_list(&root, &[], &["bee", "elk"]);
    assert_list(&root, &[("opened", "after"), ("any", "all")], &["bee", "elk"]);
    assert_list(&root, &[("opened", "after"), ("any", "all"), ("points.from", "2")], &["elk"]);
    assert_list(&root, &[("opened", "before")], &[]);
    let page = root.get("/admin/tickets?any=all&size=20&sort=-title").send();
    assert_eq!(first_column(&page), ["elk", "bee"]);
}

fn exports_and_actions_have_the_rows_of_a_filter_of_the_application(on: &str) {
    let (client, root, tickets) = six_with(on, opened());
    root.get("/admin/tickets/export?format=csv&opened=before").send().assert_contains(",ant,").assert_not_contains(",bee,");
    root.post("/admin/tickets?opened=before").form(&[("action", "close"), ("all", "true")]).send().assert_status(303);
    assert_eq!(ticket_now(&client, tickets[0].id).unwrap().state, State::Closed);
    assert_eq!(ticket_now(&client, tickets[1].id).unwrap().state, State::Open);
    // The row leads to those beside it in the same list.
    let row = root.get(&format!("{}?from=opened%3Dafter%26sort%3Dtitle", row_path(&tickets[2]))).send();
    row.assert_contains(&format!("{}?from=", row_path(&tickets[1]))).assert_contains(&format!("{}?from=", row_path(&tickets[4])));
}

fn counts_are_shown_when_they_are_asked_for(on: &str) {
    let (_client, root, _) = six_with(on, opened());
    let page = root.get("/admin/tickets?state=open").send();
    page.assert_contains("href=\"/admin/tickets?state=open&amp;counts=1\">Show counts").assert_not_contains("Before now (");
    let page = root.get("/admin/tickets?state=open&counts=1").send();
    // Each filter is counted with the conditions of the others, and without its own.
    for count in [
        "Open (3)",
        "Done &amp; dusted (2)",
        "In review (1)",
        "Before now (1)",
        "Later (2)",
        "Never (0)",
        "Yes (2)",
        "No (1)",
        "Ada (2)",
        "Bob (1)",
        "wild (0)",
    ] {
        page.assert_contains(&format!(">{count}</option>"));
    }
    page.assert_contains("href=\"/admin/tickets?state=open\">Hide counts").assert_contains(">Any</option>");
    root.get("/admin/tickets?q=cat&counts=1").send().assert_contains("Open (0)").assert_contains("Done &amp; dusted (1)");
    root.get("/admin/tickets?counts=2").send().assert_status(400);
    root.get("/admin/agents").send().assert_not_contains("Show counts");
}

fn counts_reveal_no_rows_of_others(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| with_opened(ticket).rows(|_| Ticket::query().filter(tickets::is_urgent)));
    let (client, ..) = six_with(on, admin);
    let page = staff(&client, "clerk", &["tickets.view"]).get("/admin/tickets?counts=1").send();
    page.assert_contains("Open (2)")
        .assert_contains("Done &amp; dusted (0)")
        .assert_contains("Before now (0)")
        .assert_contains("Later (2)");
    page.assert_not_contains("Bob (").assert_not_contains("wild (");
}

fn large_tables_are_counted_only_by_an_index(on: &str) {
    let admin = Admin::new().model::<Comment>(|comment| comment.filters(["ticket"]).search(["text"])).model::<Ticket>(tickets_admin);
    let client = client_with(on, admin);
    let root = root(&client);
    let zebedee = agent(&client, "Zebedee");
    let ticket = ticket(&client, &zebedee, "Quagga");
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10001)";
    let insert = |table: &str, columns: &str, values: &str| {
        sql(&client, &format!("INSERT INTO {table} ({columns}) {numbers} SELECT {values} FROM numbers"));
    };
    insert("comments", "ticket_id, author_id, text", &format!("{}, {}, 'x'", ticket.id, zebedee.id));
    insert(
        "tickets",
        "title, code, body, state, agent_id, is_urgent, secret",
        &format!("'t', 'c' || n, '', 'open', {}, FALSE, ''", zebedee.id),
    );
    root.get("/admin/comments?counts=1").send().assert_contains("Quagga");
    let tickets = root.get("/admin/tickets?counts=1").send();
    tickets.assert_contains("Zebedee (1,000+)").assert_not_contains("Open (");
    root.get("/admin/tickets?counts=1&q=t").send().assert_not_contains("Zebedee (");
}

fn rows_that_are_found_by_a_query_string_cost_no_filters(on: &str) {
    let (_client, root, tickets) = six(on);
    let row = row_path(&tickets[0]);
    // The two neighbours, and nothing for the filters and dates of the list.
    assert_eq!(statements(&root, &format!("{row}?from=all")), statements(&root, &row) + 2);
    assert_eq!(statements(&root, &format!("{row}?from=state%3Dopen")), statements(&root, &row) + 2);
}

fn a_filter_follows_a_reference(on: &str) {
    let filters = ["ticket.state", "ticket.is_urgent", "ticket.opened_on", "ticket.points", "ticket.code"];
    let admin =
        Admin::new().model::<Comment>(|comment| comment.list(["text"]).order(["text"]).filters(filters)).model::<Ticket>(tickets_admin);
    let (client, root, tickets) = six_with(on, admin);
    let zebedee = agent(&client, "Zebedee");
    for ticket in &tickets {
        comment(&client, ticket, &zebedee, &format!("on {}", ticket.title));
    }
    let assert_comments = |browser: &Client, query: &str, expected: &[&str]| {
        assert_eq!(first_column(&browser.get(&format!("/admin/comments?{query}")).send()), expected, "{query}");
    };
    assert_comments(&root, "ticket.state=closed", &["on Fox 50%", "on cat"]);
    assert_comments(&root, "ticket.state=open&ticket.is_urgent=true", &["on bee", "on elk"]);
    assert_comments(&root, "ticket.opened_on.from=2026-02-01&ticket.points.to=2", &["on Fox 50%", "on elk"]);
    assert_comments(&root, "ticket.code=C-4", &["on dog and cat"]);
    let page = root.get("/admin/comments?ticket.state=closed&counts=1").send();
    page.assert_contains("Ticket state: <b>Done &amp; dusted</b>").assert_contains("Open (3)").assert_contains("Yes (0)");
    page.assert_contains("name=\"ticket.opened_on.from\"")
        .assert_contains("<a class=\"small\" href=\"/admin/comments?counts=1\">Clear the filters");
    for wrong in ["ticket.state=nonsense", "ticket.points.from=x", "ticket.opened_on.to=x"] {
        root.get(&format!("/admin/comments?{wrong}")).send().assert_status(400);
    }
    root.post("/admin/comments/views?ticket.state=closed&ticket.points.from=1&ticket.title=x").form(&[("name", "one")]).send();
    root.get("/admin/comments").send().assert_contains("href=\"/admin/comments?ticket.state=closed&amp;ticket.points.from=1\"");
    // For those who do not see tickets, there are no such filters.
    let clerk = staff(&client, "clerk", &["comments.view"]);
    assert_eq!(first_column(&clerk.get("/admin/comments?ticket.state=closed").send()).len(), 6);
    clerk.get("/admin/comments").send().assert_not_contains("ticket.state");
    // Users who see only some tickets do not have it, either.
    let admin = Admin::new()
        .model::<Comment>(|comment| comment.list(["text"]).filters(["ticket.state"]))
        .model::<Ticket>(|ticket| ticket.rows(|_| Ticket::query().filter(tickets::is_urgent)));
    let (client, root, tickets) = six_with(on, admin);
    let zebedee = agent(&client, "Zebedee");
    tickets.iter().for_each(|ticket| drop(comment(&client, ticket, &zebedee, "on it")));
    assert_eq!(first_column(&root.get("/admin/comments?ticket.state=closed").send()).len(), 6);
}

fn a_filter_finds_rows_without_a_value(on: &str) {
    let (_client, root, _) = six(on);
    assert_list(&root, &[("points.none", "true")], &["cat"]);
    assert_list(&root, &[("opened_on.none", "true")], &["dog and cat"]);
    assert_list(&root, &[("points.none", "true"), ("opened_on.none", "true")], &[]);
    assert_list(&root, &[("points.none", "true"), ("points.from", "1")], &[]);
    root.get("/admin/tickets/export?format=csv&points.none=true").send().assert_contains(",cat,").assert_not_contains(",bee,");
    let page = root.get("/admin/tickets?points.none=true").send();
    page.assert_contains("Points: <b>None</b>").assert_contains("name=\"points.none\" value=\"true\" checked");
    // These always have a value, or have the choice in their list.
    page.assert_not_contains("name=\"code.none\"").assert_not_contains("name=\"reviewer_id.none\"");
    for wrong in ["1", "false", "~"] {
        root.get("/admin/tickets").query(&[("points.none", wrong)]).send().assert_status(400);
    }
}
