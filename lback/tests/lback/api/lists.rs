//! Lists: filters, searches, orders, pages, parts of rows.

use lback::testing::AssertQueries;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    filters_compare_fields,
    a_search_finds_rows_with_each_word,
    clients_choose_the_order_among_the_fields_that_were_named,
    pages_follow_each_other_by_cursors,
    pages_have_numbers_if_they_are_counted,
    clients_choose_fields_and_include_rows,
    no_list_costs_more_statements_with_more_rows,
);

fn four(on: &str) -> (Client, Client) {
    let client = client(on);
    let agents = [agent(&client, "Ada"), agent(&client, "Bob")];
    let rows = [("red fox", 0, None), ("red dog", 1, Some(3)), ("blue fox", 0, Some(5)), ("50% off", 1, Some(3))];
    for (title, agent, points) in rows {
        let mut ticket = ticket(&client, &agents[agent], title);
        ticket.points = points;
        if points == Some(5) {
            ticket.state = State::Closed;
        }
        client.db(|db| ticket.save(db));
    }
    let root = root(&client);
    (client, root)
}

fn filters_compare_fields(on: &str) {
    let (_client, root) = four(on);
    let found = |query: &str| titles(&root.get(&format!("/api/tickets?order=title&{query}")).send());
    assert_eq!(found("state=closed"), ["blue fox"]);
    assert_eq!(found("state__in=open,closed").len(), 4);
    assert_eq!(found("agent_id=1"), ["blue fox", "red fox"]);
    assert_eq!(found("agent_id=1&state=open"), ["red fox"]);
    assert_eq!(found("points=3"), ["50% off", "red dog"]);
    assert_eq!(found("points__gt=3"), ["blue fox"]);
    assert_eq!(found("points__gte=3&points__lte=3"), ["50% off", "red dog"]);
    assert_eq!(found("points__lt=5"), ["50% off", "red dog"]);
    assert_eq!(found("points__isnull=true"), ["red fox"]);
    assert_eq!(found("points__isnull=false").len(), 3);
    assert_eq!(found("title__contains=FOX"), ["blue fox", "red fox"]);
    assert_eq!(found("title__contains=%25"), ["50% off"]);
    // The four were created a minute after each other.
    assert_eq!(found("created_at__gte=2026-01-01T12:03:00Z"), ["50% off", "blue fox"]);
    assert_eq!(found("created_at__lt=2026-01-01T13:02:00%2B01:00"), ["red fox"]);
    assert_eq!(found("created_at__lt=2026-01-01T13:02:00+01:00"), ["red fox"]);
}

fn a_search_finds_rows_with_each_word(on: &str) {
    let (_client, root) = four(on);
    let found = |query: &str| titles(&root.get(&format!("/api/tickets?order=title&search={query}")).send());
    assert_eq!(found("fox"), ["blue fox", "red fox"]);
    assert_eq!(found("Fox+red"), ["red fox"]);
    assert_eq!(found("nowhere"), Vec::<String>::new());
    assert_eq!(detail(&root.get("/api/tickets?search=a+b+c+d+e+f+g+h+i+j+k").send(), 400), "A search has at most 10 words.");
}

fn clients_choose_the_order_among_the_fields_that_were_named(on: &str) {
    let (_client, root) = four(on);
    let found = |query: &str| titles(&root.get(&format!("/api/tickets{query}")).send());
    assert_eq!(found(""), ["50% off", "blue fox", "red dog", "red fox"]);
    assert_eq!(found("?order=-points,-title"), ["blue fox", "red dog", "50% off", "red fox"]);
    assert_eq!(found("?order=created_at"), ["red fox", "red dog", "blue fox", "50% off"]);
    let refused = root.get("/api/tickets?order=state").send();
    assert_eq!(detail(&refused, 400), "The parameter \"order\" does not take \"state\"; it takes created_at, id, points, title.");
}

fn pages_follow_each_other_by_cursors(on: &str) {
    let (client, root) = four(on);
    let first = root.get("/api/tickets?limit=3&order=title&state__in=open,closed").send();
    assert_eq!(titles(&first), ["50% off", "blue fox", "red dog"]);
    let link = first.header("link").unwrap().to_owned();
    let (next, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert_eq!(relation, "; rel=\"next\"");
    let body: Value = first.json();
    assert!(next.ends_with(&format!("after={}", body["next"].as_str().unwrap())), "{next}");
    assert_eq!(body["previous"], Value::Null);
    let second = root.get(next).send();
    assert_eq!(titles(&second), ["red fox"]);
    assert_eq!(second.json::<Value>()["next"], Value::Null);
    let link = second.header("link").unwrap();
    assert!(link.contains("rel=\"prev\"") && link.contains("rel=\"first\"") && !link.contains("rel=\"next\""), "{link}");
    // The cursor is a place in the list: rows that were added before it make no difference.
    ticket(&client, &agent(&client, "Eve"), "aardvark");
    assert_eq!(titles(&root.get(next).send()), ["red fox"]);
    root.get("/api/tickets?after=made-up").send().assert_status(400);
    root.get("/api/tickets?limit=0").send().assert_status(400).assert_contains("from 1 to 100");
    root.get("/api/tickets?limit=101").send().assert_status(400);
}

fn pages_have_numbers_if_they_are_counted(on: &str) {
    let (client, root) = four(on);
    let ticket = ticket(&client, &agent(&client, "Eve"), "a");
    assert_eq!(root.get("/api/notes").send().json::<Value>(), json!({ "items": [], "page": 1, "pages": 1, "total": 0 }));
    for number in 1..=5 {
        note(&client, &ticket, &number.to_string());
    }
    let texts =
        |body: &Value| body["items"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let second = root.get("/api/notes?page=2").send();
    let body: Value = second.json();
    assert_eq!((texts(&body), &body["pages"], &body["total"]), (vec!["3".to_owned(), "4".to_owned()], &json!(3), &json!(5)));
    let links = "</api/notes?page=3>; rel=\"next\", </api/notes?page=1>; rel=\"prev\", </api/notes?page=1>; rel=\"first\", \
                 </api/notes?page=3>; rel=\"last\"";
    assert_eq!(second.header("link"), Some(links));
    let last: Value = root.get("/api/notes?page=99").send().json();
    assert_eq!((texts(&last), &last["page"]), (vec!["5".to_owned()], &json!(3)));
    root.get("/api/notes?page=0").send().assert_status(400);
}

fn clients_choose_fields_and_include_rows(on: &str) {
    let (_client, root) = four(on);
    let page: Value = root.get("/api/tickets?fields=title,id&limit=1&order=title&include=agent").send().assert_status(200).json();
    assert_eq!(page["items"], json!([{ "id": 4, "title": "50% off", "agent": { "id": 2, "name": "Bob" } }]));
    let row: Value = root.get("/api/tickets/1?include=agent").send().assert_status(200).json();
    assert_eq!((&row["agent_id"], &row["agent"]["name"]), (&json!(1), &json!("Ada")));
    // In the order of the configuration.
    let row = root.get("/api/tickets/1").send();
    assert!(row.text().starts_with("{\"id\":1,\"title\":\"red fox\",\"code\":null,\"state\":\"open\",\"agent_id\":1,"), "{}", row.text());
    assert!(!row.text().contains("secret") && !row.text().contains("version"));
    let refused = root.get("/api/tickets?fields=title,secret").send();
    let known = "The parameter \"fields\" does not take \"secret\"; it takes id, title, code, state, agent_id, points, created_at.";
    assert_eq!(detail(&refused, 400), known);
    assert_eq!(detail(&root.get("/api/tickets?include=x").send(), 400), "The parameter \"include\" does not take \"x\"; it takes agent.");
}

fn no_list_costs_more_statements_with_more_rows(on: &str) {
    let (client, root) = four(on);
    let statements = |path: &str| {
        let page = root.get(path).send();
        (0..20).find(|count| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| page.assert_queries(*count).status())).is_ok())
    };
    let paths = ["/api/tickets?include=agent", "/api/notes?include=ticket", "/api/tickets?search=a&state=open&limit=100"];
    let ticket_row = ticket(&client, &agent(&client, "Eve"), "a");
    note(&client, &ticket_row, "first");
    let before = paths.map(statements);
    assert!(before.iter().all(Option::is_some), "{before:?}");
    for number in 0..20 {
        let other = ticket(&client, &agent(&client, &format!("Agent {number}")), "another");
        note(&client, &other, "another");
    }
    assert_eq!(paths.map(statements), before);
    // The rows, the included rows, the user and the permissions.
    root.get("/api/tickets?include=agent").send().assert_queries(3);
}
