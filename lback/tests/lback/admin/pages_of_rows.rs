//! Pages of a list: each row once, forwards and back, and how many there are.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    every_row_is_on_one_page_in_every_order,
    filters_and_sizes_stay_from_page_to_page,
    rows_are_counted_up_to_a_thousand,
    the_history_has_pages,
);

/// The address of the link with this relation.
fn link(page: &TestResponse, rel: &str) -> Option<String> {
    let text = page.text();
    let start = text.find(&format!("rel=\"{rel}\" href=\""))? + format!("rel=\"{rel}\" href=\"").len();
    Some(text[start..].split('"').next().unwrap().replace("&amp;", "&").replace("&#x2F;", "/"))
}

/// The titles on all pages from the first, following the links forwards, and then back to the first.
#[track_caller]
fn pages(browser: &Client, first: &str) -> Vec<Vec<String>> {
    let mut all = vec![browser.get(first).send()];
    while let Some(next) = link(all.last().unwrap(), "next") {
        all.push(browser.get(&next).send());
        assert!(all.len() < 50, "{next}");
    }
    let titles: Vec<Vec<String>> = all.iter().map(first_column).collect();
    let mut back = all.pop().unwrap();
    for expected in titles.iter().rev().skip(1) {
        back = browser.get(&link(&back, "prev").expect("a page before")).send();
        assert_eq!(first_column(&back), *expected, "back to {first}");
    }
    assert_eq!(link(&back, "prev"), None);
    titles
}

/// Adds tickets, many of which have the same points, state and day.
fn many(client: &Client, count: i32) -> Vec<Ticket> {
    let agents = [agent(client, "Ada"), agent(client, "Bob")];
    let states = [State::Open, State::InReview, State::Closed];
    let new = (0..count).map(|number| NewTicket {
        state: states[number as usize % 3],
        points: (number % 4 > 0).then_some(number % 5),
        opened_on: (number % 3 > 0).then(|| NaiveDate::from_ymd_opt(2026, 1, 1 + number as u32 % 7).unwrap()),
        ..new_ticket(&agents[number as usize % 2], &format!("t{number:04}"))
    });
    client.db(|db| Ticket::create_many(db, new));
    client.db(|db| Ticket::query().order(tickets::id).load(db))
}

fn every_row_is_on_one_page_in_every_order(on: &str) {
    let client = client(on);
    let tickets = many(&client, 47);
    let root = root(&client);
    let mut expected: Vec<&str> = tickets.iter().map(|ticket| ticket.title.as_str()).collect();
    expected.sort_unstable();
    for sort in [
        "",
        "title",
        "-title",
        "points",
        "-points,title",
        "state,-points,opened_on",
        "-opened_on",
        "agent_id,-is_urgent",
        "due_at,-reviewer_id",
    ] {
        let pages = pages(&root, &format!("/admin/tickets?size=20&sort={sort}"));
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 7], "{sort}");
        let mut found = pages.concat();
        if sort.ends_with("title") && !sort.contains(',') {
            let mut sorted = expected.clone();
            if sort.starts_with('-') {
                sorted.reverse();
            }
            assert_eq!(found, sorted, "{sort}");
        }
        found.sort_unstable();
        assert_eq!(found, expected, "{sort}");
    }
}

fn filters_and_sizes_stay_from_page_to_page(on: &str) {
    let client = client(on);
    many(&client, 90);
    let root = root(&client);
    let pages = pages(&root, "/admin/tickets?state=open&sort=-title&size=20");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 10]);
    assert_eq!((pages[0][0].as_str(), pages[1][9].as_str()), ("t0087", "t0000"));
    // Another order or filter starts from the first page.
    let page = root.get(&link(&root.get("/admin/tickets?size=20").send(), "next").unwrap()).send();
    let text = page.text();
    let after = text.matches("after=").count();
    assert_eq!(after, text.matches("rel=\"next\" href=\"").count(), "only the link to the next page names a place:\n{text}");
}

fn rows_are_counted_up_to_a_thousand(on: &str) {
    let client = client(on);
    many(&client, 1000);
    let root = root(&client);
    root.get("/admin/tickets").send().assert_contains("<p class=\"count\">1000</p>");
    root.get("/admin/tickets?state=open").send().assert_contains("<p class=\"count\">334 found</p>");
    let ada = client.db(|db| Agent::query().first::<Agent>(db));
    ticket(&client, &ada, "one more");
    root.get("/admin/tickets").send().assert_contains("<p class=\"count\">1,000+</p>");
    root.get("/admin/tickets?q=t0").send().assert_contains("<p class=\"count\">1000 found</p>");
    root.get("/admin/tickets?q=t099").send().assert_contains("<p class=\"count\">10 found</p>");
    let all: Vec<lback::serde_json::Value> = root.get("/admin/tickets/export?format=json").send().json();
    assert_eq!(all.len(), 1001);
}

fn the_history_has_pages(on: &str) {
    let client = client(on);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    let mut form = PageForm::open(&root, &row_path(&quagga));
    for number in 0..53 {
        form.clone().set("title", &format!("number {number}")).send(&root).assert_status(303);
        form = PageForm::open(&root, &row_path(&quagga));
    }
    for path in ["/admin/-/history".to_owned(), format!("{}/history", row_path(&quagga))] {
        let first = root.get(&path).send();
        first.assert_contains("number 52</ins>").assert_contains("number 3</").assert_not_contains("number 1</ins>");
        let second = root.get(&link(&first, "next").expect("a second page")).send();
        second.assert_contains("number 1</").assert_not_contains("number 52</ins>");
        root.get(&link(&second, "prev").unwrap()).send().assert_contains("number 52</ins>");
    }
}

/// The database ends the query, and the visitor can change it. SQLite ends none.
#[cfg(feature = "postgres")]
#[test]
fn a_list_that_takes_too_long_has_a_page() {
    use lback::diesel::dsl::sql;
    use lback::diesel::sql_types::Bool;

    let Some(url) = crate::postgres::url() else { return };
    let admin = Admin::new().model::<Ticket>(|ticket| {
        tickets_admin(ticket).filter_by("slow", "Slow", [("yes", "Yes")], |_| Ticket::query().filter(sql::<Bool>("pg_sleep(5)::text = ''")))
    });
    let client = client_with(&format!("{url}\nDATABASE_STATEMENT_TIMEOUT_MS = 1000"), admin);
    many(&client, 10_001);
    let root = root(&client);
    let page = root.get("/admin/tickets?slow=yes&state=open").send();
    page.assert_status(503).assert_contains("The database took too long to find these rows.").assert_contains("Slow: <b>Yes</b>");
    page.assert_contains("href=\"/admin/tickets\">Clear the filters</a>").assert_not_contains("class=\"count\">0");
    // The connection can be used again.
    root.get("/admin/tickets?state=open").send().assert_status(200).assert_contains("name=\"row\"");
}
