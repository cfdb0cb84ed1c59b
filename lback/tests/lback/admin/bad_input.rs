//! Hostile input: no page returns 500, finds another row, or contains the input as code.

use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    no_query_string_of_a_list_is_an_error_of_the_server,
    no_value_of_a_form_is_an_error_of_the_server,
    no_action_or_batch_is_an_error_of_the_server,
    texts_of_rows_are_shown_as_they_are,
    formulas_are_only_texts_for_a_spreadsheet,
    a_model_without_its_table_leaves_the_others_alone,
    rows_that_go_meanwhile_are_missed_politely,
    nobody_guesses_a_cursor_of_another_list,
);

const HOSTILE: [&str; 24] = [
    "'",
    "\"",
    "\"'",
    "' OR '1'='1",
    "'; DROP TABLE tickets; --",
    "%",
    "_%_",
    "\\",
    "\0",
    "a\0b",
    "\u{fffd}\u{202e}☃𝄞",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "../../etc/passwd",
    "NaN",
    "-inf",
    "1e999",
    "99999999999999999999",
    "9223372036854775807",
    "-2147483649",
    "~",
    "2026-02-30",
    "0000-00-00",
    "+262143-01-01",
];

const DATES: [&str; 10] = ["2026-13", "0", "-1", "2026-00-01", "2026-1-1-1", "9999", "9998-12-31", "10000", "+2026", "1-1-1"];

fn quagga(on: &str) -> (Client, Client, Ticket) {
    let client = client(on);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    (client, root, quagga)
}

fn no_query_string_of_a_list_is_an_error_of_the_server(on: &str) {
    let (_client, root, _) = quagga(on);
    let long = "x".repeat(60_000);
    let names = [
        "q",
        "sort",
        "size",
        "counts",
        "columns",
        "date",
        "after",
        "before",
        "format",
        "state",
        "is_urgent",
        "agent_id",
        "reviewer_id",
        "labels",
        "code",
        "points.from",
        "points.to",
        "opened_on.from",
        "opened_on.to",
        "due_at.from",
        "due_at.to",
        "nothing",
        "",
    ];
    let check = |path: &str, query: &[(&str, &str)]| {
        let page = root.get(path).query(query).send();
        assert!([200, 400].contains(&page.status().as_u16()), "{path} {query:?}: {page:?}");
        page.assert_not_contains("<script>alert").assert_not_contains(">49<");
        page
    };
    for value in HOSTILE.into_iter().chain([long.as_str()]) {
        for name in names {
            let page = check("/admin/tickets", &[(name, value)]);
            if name == "q" {
                // A search without a word does not narrow the list.
                assert_eq!(first_column(&page).len(), usize::from(["\0", "\""].contains(&value)), "{value:?}");
            }
        }
        for name in ["q", "sort", "code", "points.from", "format"] {
            check("/admin/tickets/export", &[("format", "csv"), (name, value)]);
        }
        let short: String = value.chars().take(1000).collect();
        let fields = ["title", "body", "state", "agent_id", "opened_on", "due_at", "points", "is_urgent", "labels"];
        check("/admin/tickets/add", &fields.map(|name| (name, short.as_str())));
    }
    for date in DATES {
        check("/admin/tickets", &[("date", date)]);
    }
    for value in HOSTILE.into_iter().chain([long.as_str()]) {
        for path in ["/admin/-/find", "/admin/tickets/choices/agent_id"] {
            let page = root.get(path).query(&[("q", value)]).send();
            page.assert_status(200);
        }
        for path in ["/admin/-/history", "/admin/tickets/row/1/history"] {
            let page = root.get(path).query(&[("after", value)]).send();
            page.assert_status(400);
        }
    }
    for query in [
        "q=a&q=b",
        "after=a&before=b",
        "size=20&size=50",
        "%",
        "%ff=1",
        "q=%ff",
        "sort=,,,",
        "sort=-",
        "sort=--title",
        "sort=title,title",
        "sort=id,-id",
        "&&&=&=",
    ] {
        let page = root.get(&format!("/admin/tickets?{query}")).send();
        assert!([200, 400].contains(&page.status().as_u16()), "{query}: {page:?}");
    }
    for size in ["0", "-20", "21", "1000000", "20.0", "٢٠"] {
        root.get("/admin/tickets").query(&[("size", size)]).send().assert_status(400);
    }
}

fn no_value_of_a_form_is_an_error_of_the_server(on: &str) {
    let (client, root, quagga) = quagga(on);
    let long = "x".repeat(5000);
    let names = [
        "title",
        "code",
        "body",
        "state",
        "agent_id",
        "reviewer_id",
        "opened_on",
        "due_at",
        "due_at.time_zone",
        "points",
        "is_urgent",
        "labels",
        "_seen",
        "then",
    ];
    let check = |page: TestResponse, value: &str| {
        assert!([200, 303, 400].contains(&page.status().as_u16()), "{value:?}: {page:?}");
        page.assert_not_contains("<script>alert").assert_not_contains(">49<");
    };
    let new = PageForm::open(&root, "/admin/tickets/add").set("agent_id", "1");
    for (number, value) in HOSTILE.into_iter().chain([long.as_str()]).enumerate() {
        for (place, name) in names.into_iter().enumerate() {
            // All other values are valid, and the code is unique.
            let form = new.clone().set("title", "Quagga").set("code", &format!("{number}-{place}"));
            check(form.set(name, value).send(&root), value);
        }
        // A row that exists, with one field, and with all fields.
        check(edit(&root, &row_path(&quagga), &[("body", value)]), value);
        check(edit(&root, &row_path(&quagga), &names[..12].iter().map(|name| (*name, value)).collect::<Vec<_>>()), value);
    }
    for ticket in client.db(|db| Ticket::query().load::<Ticket>(db)) {
        assert!(ticket.title.chars().count() <= 120 && !ticket.title.contains('\0') && ticket.agent_id == 1, "{ticket:?}");
    }
    for body in ["", "title", "title=%ff&agent_id=%00", "[\"title\"]", "\0"] {
        let page = root.post(&row_path(&quagga)).header("content-type", "application/x-www-form-urlencoded").body(body).send();
        assert!([200, 400].contains(&page.status().as_u16()), "{body:?}: {page:?}");
        let page = root.post("/admin/tickets").header("content-type", "application/json").body(body).send();
        assert!([303, 400, 415].contains(&page.status().as_u16()), "{body:?}: {page:?}");
    }
}

fn no_action_or_batch_is_an_error_of_the_server(on: &str) {
    let (client, root, quagga) = quagga(on);
    for name in HOSTILE.into_iter().filter(|name| *name != "\0").chain(["Close", "close ", "delete'", "nothing"]) {
        root.post("/admin/tickets").form(&[("action", name), ("row", "1")]).send().assert_status(400);
    }
    for form in [
        vec![("action", "close")],
        vec![("row", "1")],
        vec![("action", "delete")],
        vec![("action", ""), ("row", "1")],
        vec![("action", "delete"), ("row", "' OR 1=1")],
    ] {
        root.post("/admin/tickets").form(&form).send().assert_redirect("/admin/tickets");
    }
    root.post("/admin/tickets")
        .form(&[("action", "close"), ("row", "7"), ("row", "x"), ("row", "")])
        .send()
        .assert_redirect("/admin/tickets");
    let rows: Vec<(&str, String)> = (0..5001).map(|number| ("row", number.to_string())).collect();
    root.post("/admin/tickets/delete").form(&rows).send().assert_status(413);
    assert_eq!(ticket_now(&client, quagga.id), Some(quagga));
    for batch in ["0", "%27", "%00", "%25", "..", &"f".repeat(32), &"x".repeat(5000)] {
        let page = root.post(&format!("/admin/-/history/{batch}/undo")).send();
        assert!([400, 404, 405, 414].contains(&page.status().as_u16()), "{batch}: {page:?}");
    }
    for path in [
        "/admin/nothing",
        "/admin/tickets%27",
        "/admin/TICKETS",
        "/admin/admin_history",
        "/admin/ticket_labels",
        "/admin/sqlite_master",
        "/admin/-",
    ] {
        root.get(path).send().assert_status(404);
        root.get(&format!("{path}/add")).send().assert_status(404);
        root.get(&format!("{path}/row/1")).send().assert_status(404);
    }
}

fn texts_of_rows_are_shown_as_they_are(on: &str) {
    let client = client(on);
    let root = root(&client);
    let text = "<b onclick=\"x\">&amp;'; {{ 7*7 }}</b>";
    let shown = "&lt;b onclick=&quot;x&quot;&gt;&amp;amp;";
    let agent = agent(&client, text);
    client.db(|db| Label::create(db, NewLabel { name: text.to_owned() }));
    let quagga = ticket_with(&client, NewTicket { body: text.to_owned(), ..new_ticket(&agent, text) });
    comment(&client, &quagga, &agent, text);
    edit(&root, &row_path(&quagga), &[("body", &format!("{text} II")), ("code", text), ("labels", "1")]).assert_redirect("/admin/tickets");
    let of_row = ["", "/history", "/delete"].map(|end| format!("{}{end}", row_path(&quagga)));
    let agents = format!("/admin/agents/row/{}/delete", agent.id);
    let search = "/admin/tickets?q=%3Cb+onclick%3D%22x%22%3E";
    let pages = ["/admin", "/admin/tickets", "/admin/agents", "/admin/-/history", "/admin/tickets?labels=1", &agents, search];
    for path in pages.into_iter().chain(of_row.iter().map(String::as_str)) {
        let page = root.get(path).send();
        page.assert_status(200).assert_not_contains("<b onclick").assert_not_contains(">49<");
        assert!(page.text().contains(shown) || page.text().contains("&lt;b onclick"), "{path}: {page:?}");
    }
    // The flash after saving, and an error.
    root.get("/admin/tickets/add?title=%3Cb+onclick%3E&body=%3C/textarea%3E%3Cb+onclick%3E").send().assert_not_contains("<b onclick");
    let found = root.get("/admin/-/find?q=onclick").send();
    assert_eq!(found.header("content-type"), Some("application/json"));
}

fn formulas_are_only_texts_for_a_spreadsheet(on: &str) {
    let client = client(on);
    let zebedee = agent(&client, "Zebedee");
    for (number, text) in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=1", "it's; \"it\"\r\nis, \u{00fc}"].into_iter().enumerate() {
        let new = NewTicket { code: number.to_string(), points: Some(-3), ..new_ticket(&zebedee, text) };
        ticket_with(&client, new);
    }
    let csv = root(&client).get("/admin/tickets/export?format=csv&sort=id").send();
    let text = csv.text();
    for cell in ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "\"'\rx\"", "a=1", "\"it's; \"\"it\"\"\r\nis, ü\""] {
        assert!(text.contains(&format!(",{cell},")), "{cell}:\n{text}");
    }
    // A number below zero stays a number.
    assert_eq!(text.matches(",-3,false").count(), 8, "{text}");
}

fn a_model_without_its_table_leaves_the_others_alone(on: &str) {
    let (client, root, quagga) = quagga(on);
    edit(&root, "/admin/topics/add", &[("name", "Caracal")]).assert_status(303);
    sql(&client, "DROP TABLE topics");
    for path in ["/admin/topics", "/admin/topics/row/1"] {
        root.get(path).send().assert_status(503).assert_contains("The database lacks a table").assert_not_contains("SELECT");
    }
    for path in ["/admin", "/admin/tickets", "/admin/tickets/add", &row_path(&quagga)] {
        root.get(path).send().assert_status(200);
    }
    edit(&root, &row_path(&quagga), &[("title", "Quagga II")]).assert_redirect("/admin/tickets");
    root.get("/admin/-/find?q=quagga").send().assert_status(200).assert_contains("Quagga II");
    root.get("/admin/-/history").send().assert_status(200).assert_contains("Quagga II");
}

fn rows_that_go_meanwhile_are_missed_politely(on: &str) {
    let (client, root, quagga) = quagga(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let other = ticket(&client, &zebedee, "other");
    let form = PageForm::open(&root, &row_path(&quagga)).set("title", "too late");
    let next = PageForm::open(&root, "/admin/tickets/add").set("title", "new").set("agent_id", &zebedee.id.to_string());
    client.db(|db| quagga.clone().delete(db));
    form.send(&root).assert_status(404).assert_contains("may have been deleted");
    root.post(&format!("{}/delete", row_path(&quagga))).send().assert_status(404);
    root.post("/admin/tickets/delete").form(&[("row", quagga.id), ("row", other.id)]).send().assert_redirect("/admin/tickets");
    assert_eq!(client.db(|db| Ticket::query().count().get_result::<i64>(db)), 0);
    // The agent that was chosen is gone.
    client.db(|db| zebedee.delete(db));
    let page = next.send(&root);
    page.assert_status(200);
    assert!(page.text().contains("aria-invalid"), "the field says so: {page:?}");
}

fn nobody_guesses_a_cursor_of_another_list(on: &str) {
    let (client, root, _) = quagga(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    client.db(|db| Ticket::create_many(db, (0..30).map(|number| new_ticket(&zebedee, &format!("t{number}")))));
    let page = root.get("/admin/tickets?size=20").send();
    let after = page.text().split("after=").nth(1).unwrap().split(['"', '&']).next().unwrap().to_owned();
    root.get(&format!("/admin/tickets?size=20&after={after}")).send().assert_status(200);
    for path in ["/admin/tickets?sort=title", "/admin/pages?", "/admin/seats?", "/admin/tickets?sort=-id"] {
        root.get(&format!("{path}&after={after}")).send().assert_status(400);
    }
    root.get(&format!("/admin/tickets?size=20&after={after}x")).send().assert_status(400);
    root.get(&format!("/admin/tickets?size=20&after={after}&before={after}")).send().assert_status(400);
}
