//! Lists: columns, orders, searches, filters, dates, exports.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lback::testing::AssertQueries;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_list_has_the_columns_that_were_named,
    a_model_about_which_nothing_was_said_has_a_list,
    a_list_is_sorted_by_several_columns,
    a_search_finds_words_phrases_and_references,
    each_kind_of_filter_narrows_the_list,
    filters_and_searches_narrow_together_and_are_taken_away_one_by_one,
    dates_lead_from_years_to_days,
    an_export_has_the_rows_of_the_list,
    a_list_is_sorted_only_by_the_fields_that_were_named,
    columns_lead_to_the_row_as_configured,
    missing_values_have_the_text_that_was_chosen,
    no_page_costs_more_statements_with_more_rows,
);

/// Six tickets: title, code, state, points, day, urgent.
pub(super) fn six(on: &str) -> (Client, Client, Vec<Ticket>) {
    six_with(on, admin())
}

pub(super) fn six_with(on: &str, admin: Admin) -> (Client, Client, Vec<Ticket>) {
    let client = client_with(on, admin);
    let agents = [agent(&client, "Ada"), agent(&client, "Bob")];
    let rows = [
        ("ant", "c-1", State::Open, Some(3), Some("2025-12-31"), false),
        ("bee", "c-2", State::Open, Some(1), Some("2026-01-31"), true),
        ("cat", "c-3", State::Closed, None, Some("2026-02-01"), false),
        ("dog and cat", "c-4", State::InReview, Some(1), None, false),
        ("elk", "c-5", State::Open, Some(2), Some("2026-02-01"), true),
        ("Fox 50%", "c-6", State::Closed, Some(-7), Some("2026-02-28"), false),
    ];
    let tickets = rows.into_iter().enumerate().map(|(at, (title, code, state, points, day, is_urgent))| {
        let new = NewTicket {
            code: code.to_owned(),
            body: format!("about the {title}"),
            state,
            points,
            opened_on: day.map(|day| day.parse().unwrap()),
            due_at: (at == 4).then(|| "2026-02-01T23:59:59.999999Z".parse().unwrap()),
            is_urgent,
            reviewer_id: (at == 0).then_some(agents[1].id),
            ..new_ticket(&agents[at % 2], title)
        };
        ticket_with(&client, new)
    });
    let tickets: Vec<Ticket> = tickets.collect();
    let wild = label(&client, "wild");
    client.db(|db| tickets[2].set_labels(db, &[wild.id]));
    let root = root(&client);
    (client, root, tickets)
}

#[track_caller]
pub(super) fn assert_list(browser: &Client, query: &[(&str, &str)], titles: &[&str]) {
    let mut found = first_column(&browser.get("/admin/tickets").query(query).send());
    if !query.iter().any(|(name, _)| *name == "sort") {
        found.sort_by_key(|title| title.to_lowercase());
    }
    assert_eq!(found, titles, "{query:?}");
}

/// The titles of the columns of a list.
pub(super) fn headings(page: &TestResponse) -> Vec<String> {
    let text = page.assert_status(200).text();
    let parts = text.split("<th scope=\"col\"").skip(1);
    parts.map(|part| browser::text_of(&format!("<{}", &part[..part.find("</th>").unwrap()]))).collect()
}

fn a_list_has_the_columns_that_were_named(on: &str) {
    let (_client, root, tickets) = six(on);
    let page = root.get("/admin/tickets").send();
    let text = page.text();
    assert_eq!(headings(&page), ["Title", "State", "Agent", "Opened on", "Points", "Is urgent", "Shouted"]);
    let rows: Vec<&str> = text.split("<tr>").skip(2).collect();
    let cells = |row: &str| {
        row.split("<t")
            .filter(|cell| cell.starts_with("h scope=\"row\"") || cell.starts_with("d class=\"is-"))
            .map(|cell| browser::text_of(&format!("<t{cell}")))
            .collect::<Vec<_>>()
    };
    assert_eq!(cells(rows[1]), ["bee", "Open", "Bob", "2026-01-31", "1", "Yes", "BEE"]);
    assert_eq!(cells(rows[2]), ["cat", "Done & dusted", "Ada", "2026-02-01", "–", "No", "CAT"]);
    page.assert_contains(&format!("href=\"/admin/agents/row/{}\"", tickets[0].agent_id));
    page.assert_contains(&format!("href=\"{}?from=all\"", row_path(&tickets[0])));
}

fn a_model_about_which_nothing_was_said_has_a_list(on: &str) {
    let client = client_with(on, Admin::new());
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    comment(&client, &quagga, &agent(&client, "Ada"), "Numbat");
    let root = root(&client);
    assert_eq!(first_column(&root.get("/admin/tickets").send()), ["Quagga"]);
    let page = root.get("/admin/comments").send();
    assert_eq!(first_column(&page), ["Numbat"]);
    page.assert_contains("Quagga").assert_contains("Ada").assert_not_contains("type=\"search\" name=\"q\"");
    assert_eq!(first_column(&root.get("/admin/seats").send()), [""; 0]);
    for model in models() {
        root.get(&format!("/admin/{}", model.meta().table)).send().assert_status(200);
        root.get("/admin").send().assert_contains(&format!("href=\"/admin/{}\"", model.meta().table));
    }
}

fn a_list_is_sorted_by_several_columns(on: &str) {
    let (_client, root, _) = six(on);
    assert_list(&root, &[("sort", "-title")], &["elk", "dog and cat", "cat", "bee", "ant", "Fox 50%"]);
    assert_list(&root, &[("sort", "points,-title")], &["cat", "Fox 50%", "dog and cat", "bee", "elk", "ant"]);
    assert_list(&root, &[("sort", "-is_urgent,-points,id")], &["elk", "bee", "ant", "dog and cat", "Fox 50%", "cat"]);
    // Each heading turns its own column around, and keeps the others.
    let page = root.get("/admin/tickets?sort=points,-title").send();
    page.assert_contains("aria-sort=\"ascending\"").assert_contains("aria-sort=\"descending\"");
    page.assert_contains("sort=-points%2C-title").assert_contains("sort=title%2Cpoints").assert_contains("sort=state%2Cpoints%2C-title");
}

fn a_search_finds_words_phrases_and_references(on: &str) {
    let (_client, root, _) = six(on);
    assert_list(&root, &[("q", "CAT")], &["cat", "dog and cat"]);
    assert_list(&root, &[("q", "cat dog")], &["dog and cat"]);
    assert_list(&root, &[("q", "\"dog cat\"")], &[]);
    assert_list(&root, &[("q", "\"and cat")], &["dog and cat"]);
    assert_list(&root, &[("q", "bob")], &["bee", "dog and cat", "Fox 50%"]);
    assert_list(&root, &[("q", "bob cat")], &["dog and cat"]);
    assert_list(&root, &[("q", "c-3")], &["cat"]);
    assert_list(&root, &[("q", "c-")], &[]);
    assert_list(&root, &[("q", "50%")], &["Fox 50%"]);
    assert_list(&root, &[("q", "%")], &["Fox 50%"]);
    assert_list(&root, &[("q", "_")], &[]);
    assert_list(&root, &[("q", "  ")], &["ant", "bee", "cat", "dog and cat", "elk", "Fox 50%"]);
    root.get("/admin/tickets?q=nothing").send().assert_contains("No tickets match.").assert_contains("Clear the filters");
}

fn each_kind_of_filter_narrows_the_list(on: &str) {
    let (_client, root, tickets) = six(on);
    let bob = tickets[1].agent_id.to_string();
    assert_list(&root, &[("state", "closed")], &["cat", "Fox 50%"]);
    assert_list(&root, &[("is_urgent", "true")], &["bee", "elk"]);
    assert_list(&root, &[("is_urgent", "false")], &["ant", "cat", "dog and cat", "Fox 50%"]);
    assert_list(&root, &[("agent_id", &bob)], &["bee", "dog and cat", "Fox 50%"]);
    assert_list(&root, &[("reviewer_id", &bob)], &["ant"]);
    assert_list(&root, &[("reviewer_id", "~"), ("agent_id", &bob)], &["bee", "dog and cat", "Fox 50%"]);
    assert_list(&root, &[("labels", "1")], &["cat"]);
    assert_list(&root, &[("code", "C-4")], &["dog and cat"]);
    assert_list(&root, &[("code", "c-")], &[]);
    assert_list(&root, &[("points.from", "1")], &["ant", "bee", "dog and cat", "elk"]);
    assert_list(&root, &[("points.from", "1"), ("points.to", "2")], &["bee", "dog and cat", "elk"]);
    assert_list(&root, &[("opened_on.from", "2026-01-31"), ("opened_on.to", "2026-02-01")], &["bee", "cat", "elk"]);
    // The whole last day is part of the range.
    assert_list(&root, &[("due_at.to", "2026-02-01")], &["elk"]);
    assert_list(&root, &[("due_at.from", "2026-02-02")], &[]);
    // Every filter has a control on the page.
    let page = root.get("/admin/tickets").send();
    let names =
        ["state", "is_urgent", "agent_id", "reviewer_id", "labels", "code", "points.from", "points.to", "due_at.from", "opened_on.to"];
    for name in names {
        page.assert_contains(&format!("name=\"{name}\""));
    }
}

fn filters_and_searches_narrow_together_and_are_taken_away_one_by_one(on: &str) {
    let (_client, root, _) = six(on);
    let query = [("state", "open"), ("is_urgent", "true"), ("q", "e"), ("sort", "-title"), ("size", "20")];
    let page = root.get("/admin/tickets").query(&query).send();
    assert_eq!(first_column(&page), ["elk", "bee"]);
    page.assert_contains("<p class=\"count\">2 found</p>").assert_contains("State: <b>Open</b>");
    page.assert_contains("is_urgent=true&amp;q=e&amp;sort=-title&amp;size=20")
        .assert_contains("href=\"/admin/tickets?sort=-title&amp;size=20\"");
    page.assert_contains("<option value=\"open\" selected>Open</option>");
    // The search keeps the order and the size.
    page.assert_contains("type=\"hidden\" name=\"sort\" value=\"-title\"").assert_contains("type=\"hidden\" name=\"size\" value=\"20\"");
}

fn dates_lead_from_years_to_days(on: &str) {
    let (_client, root, _) = six(on);
    let page = root.get("/admin/tickets").send();
    page.assert_contains("?date=2026\"").assert_contains("?date=2025\"").assert_not_contains("?date=2024");
    let page = root.get("/admin/tickets?date=2026").send();
    page.assert_contains("?date=2026-02\"").assert_contains("All dates").assert_not_contains(">ant<");
    assert_list(&root, &[("date", "2026")], &["bee", "cat", "elk", "Fox 50%"]);
    assert_list(&root, &[("date", "2026-02")], &["cat", "elk", "Fox 50%"]);
    let page = root.get("/admin/tickets?date=2026-02").send();
    page.assert_contains("?date=2026-02-28\"").assert_not_contains("?date=2026-02-29").assert_contains("February 2026");
    assert_list(&root, &[("date", "2026-02-01")], &["cat", "elk"]);
    assert_list(&root, &[("date", "2026-02-01"), ("state", "closed")], &["cat"]);
}

fn an_export_has_the_rows_of_the_list(on: &str) {
    let (_client, root, tickets) = six(on);
    let query = [("q", "cat"), ("sort", "-title"), ("size", "20")];
    let export = |format: &str| root.get("/admin/tickets/export").query(&query).query(&[("format", format)]).send();
    let csv = export("csv");
    csv.assert_status(200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"tickets.csv\""));
    let expected = format!(
        "id,title,code,body,state,agent_id,reviewer_id,opened_on,due_at,points,is_urgent\r\n\
         {},dog and cat,c-4,about the dog and cat,in_review,2,,,,1,false\r\n\
         {},cat,c-3,about the cat,closed,1,,2026-02-01,,,false\r\n",
        tickets[3].id, tickets[2].id
    );
    assert_eq!(csv.text(), expected);
    let rows: Vec<lback::serde_json::Value> = export("json").json();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["title"], &rows[1]["points"], &rows[0]["is_urgent"]), (&"dog and cat".into(), &().into(), &false.into()));
    assert!(rows[0].get("secret").is_none());
    let none: Vec<lback::serde_json::Value> = root.get("/admin/tickets/export?format=json&q=nothing").send().json();
    assert_eq!(none.len(), 0);
    root.get("/admin/tickets/export").send().assert_status(400);
    root.get("/admin/tickets/export?format=exe").send().assert_status(400);
    #[cfg(not(feature = "admin-xlsx"))]
    {
        root.get("/admin/tickets").send().assert_not_contains("xlsx");
        root.get("/admin/tickets/export?format=xlsx").send().assert_status(400).assert_contains("admin-xlsx");
    }
    // The links on the page lead to it.
    root.get("/admin/tickets?q=cat").send().assert_contains("/admin/tickets/export?q=cat&amp;format=csv");
}

fn a_list_is_sorted_only_by_the_fields_that_were_named(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).sortable_by(["title", "agent"]).order(["-points"]));
    let (_client, root, _) = six_with(on, admin);
    let page = root.get("/admin/tickets").send();
    assert_eq!(first_column(&page), ["ant", "elk", "dog and cat", "bee", "Fox 50%", "cat"]);
    page.assert_contains("sort=title\"")
        .assert_contains("sort=agent_id\"")
        .assert_not_contains("sort=state")
        .assert_not_contains("points\">");
    assert_list(&root, &[("sort", "-title")], &["elk", "dog and cat", "cat", "bee", "ant", "Fox 50%"]);
    for sort in ["points", "-points", "title,-points", "id"] {
        root.get("/admin/tickets").query(&[("sort", sort)]).send().assert_status(400);
        root.get("/admin/tickets/export?format=csv").query(&[("sort", sort)]).send().assert_status(400);
    }
}

fn columns_lead_to_the_row_as_configured(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).leading(["state", "agent"]));
    let (_client, root, tickets) = six_with(on, admin);
    let link = format!("<a href=\"{}?from=", row_path(&tickets[2]));
    let page = root.get("/admin/tickets").send();
    assert_eq!(page.text().matches(&link).count(), 2);
    assert_eq!(first_column(&page)[2], "cat");
    page.assert_not_contains("/admin/agents/row/").assert_contains("\">Done &amp; dusted</a>");
    let page = root.get("/admin/tickets?columns=title,code").send();
    assert_eq!(page.text().matches("<th scope=\"row\" class=\"is-text\"><a href=").count(), 6);
    let admin = Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).leading([]));
    let (_client, root, _) = six_with(on, admin);
    root.get("/admin/tickets").send().assert_not_contains("/admin/tickets/row/").assert_contains("<span>cat</span></th>");
}

fn missing_values_have_the_text_that_was_chosen(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).empty_value("<none>"));
    let (_client, root, _) = six_with(on, admin);
    root.get("/admin/tickets")
        .send()
        .assert_contains("<span>&lt;none&gt;</span>")
        .assert_not_contains("aria-hidden=\"true\">–</span></td>");
}

/// The number of statements that a page costs.
pub(super) fn statements(browser: &Client, path: &str) -> usize {
    statements_of(browser.get(path).send().assert_status(200))
}

/// The number of statements that a response has cost.
pub(super) fn statements_of(page: &TestResponse) -> usize {
    let is_count = |count: &usize| catch_unwind(AssertUnwindSafe(|| page.assert_queries(*count).status())).is_ok();
    (0..60).find(is_count).expect("less than 60 statements")
}

fn no_page_costs_more_statements_with_more_rows(on: &str) {
    let (client, root, tickets) = six(on);
    let form = row_path(&tickets[2]);
    let pages =
        ["/admin", "/admin/tickets", "/admin/tickets?q=a&state=open", "/admin/tickets/export?format=csv", "/admin/-/find?q=an", &form];
    let before = pages.map(|page| statements(&root, page));
    let agents: Vec<Agent> = (0..30).map(|number| agent(&client, &format!("Agent {number}"))).collect();
    client.db(|db| {
        let new = (0..90).map(|number| NewTicket {
            reviewer_id: Some(agents[29 - number % 30].id),
            ..new_ticket(&agents[number % 30], &format!("an {number}"))
        });
        Ticket::create_many(db, new)
    });
    client.db(|db| (0..9).try_for_each(|number| Label::create(db, NewLabel { name: format!("l{number}") }).map(drop)));
    client.db(|db| tickets[2].set_labels(db, &[1, 2, 3, 4, 5, 6, 7, 8]));
    let after = pages.map(|page| statements(&root, page));
    // A list of several pages is counted.
    let counted = [0, 1, 1, 0, 0, 0];
    assert_eq!(after, std::array::from_fn(|at| before[at] + counted[at]), "{pages:?}");
    assert!(before[1] <= 17, "{before:?}");
}
