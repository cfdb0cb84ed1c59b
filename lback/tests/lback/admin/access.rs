//! Access to every route of the admin, found by walking the routes, for every kind of user.

use std::fmt::Display;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    strangers_are_sent_to_the_login,
    whoever_is_no_staff_is_refused_everywhere,
    staff_without_rights_read_no_row,
    each_right_opens_what_it_names_and_nothing_else,
    superusers_are_refused_nowhere,
    rights_of_a_group_count,
    no_post_works_without_a_csrf_token,
    rules_of_the_application_narrow_a_right,
);

/// A text of a row of each model, which is on no page without rows.
const TEXTS: [(&str, &str); 9] = [
    ("agents", "Zebedee"),
    ("labels", "Okapi"),
    ("comments", "Numbat"),
    ("tickets", "Quagga"),
    ("invoices", "Dugong"),
    ("pages", "Axolotl"),
    ("seats", "Wombat"),
    ("topics", "Caracal"),
    ("auth_users", "Marmoset"),
];

/// A route of the admin, and how a request asks for it.
#[derive(Clone, Debug)]
struct Asked {
    method: Method,
    path: String,
    pattern: String,
    table: Option<&'static str>,
}

/// A client whose tables have a row each, with a history, and the superuser who wrote it.
struct Filled {
    client: Client,
    root: Client,
    batch: String,
}

fn filled(on: &str) -> Filled {
    let client = client(on);
    let root = root(&client);
    client.add_user(NewUser::from("Marmoset").email("marmoset@example.com"));
    let zebedee = agent(&client, "Zebedee");
    let okapi = label(&client, "Okapi");
    let quagga = ticket(&client, &zebedee, "Quagga");
    client.db(|db| quagga.set_labels(db, &[okapi.id]));
    comment(&client, &quagga, &zebedee, "Numbat");
    client.db(|db| Invoice::create(db, NewInvoice { agent_id: zebedee.id, number: "Dugong".to_owned() }));
    client.db(|db| Page::create(db, NewPage { path: "Axolotl".to_owned(), text: "Axolotl".to_owned() }));
    client.db(|db| Seat::create(db, NewSeat { hall: "Wombat".to_owned(), number: 1, guest: "Wombat".to_owned() }));
    client.db(|db| Topic::create(db, NewTopic { name: "Caracal".to_owned(), ..Default::default() }));
    // One change of each model but users, so that there is something in their history.
    for (table, text) in TEXTS.iter().filter(|(table, _)| *table != "auth_users") {
        let field = match *table {
            "tickets" => "title",
            "comments" | "pages" => "text",
            "invoices" => "number",
            "seats" => "guest",
            _ => "name",
        };
        edit(&root, &format!("/admin/{table}/row/{}", key(table)), &[(field, &format!("{text} II"))]).assert_status(303);
    }
    let batch = changes(&client).iter().find(|change| change.model == "tickets").unwrap().batch.clone();
    Filled { client, root, batch }
}

/// The key of the row of a table.
fn key(table: &str) -> &'static str {
    match table {
        "pages" => "Axolotl",
        "seats" => "%5B%22Wombat%22,%221%22%5D",
        // The first user is root.
        "auth_users" => "2",
        _ => "1",
    }
}

/// All requests that the admin answers, for these tables.
fn everything(filled: &Filled, tables: &[&'static str]) -> Vec<Asked> {
    let mut all = Vec::new();
    for route in filled.client.app().routes().iter().filter(|route| route.pattern().starts_with("/admin")) {
        let is_of_model = route.pattern().contains("{model}");
        let own = tables.iter().map(|table| Some(*table)).filter(|_| is_of_model);
        let of_users = route.pattern().contains("/auth_users/").then_some("auth_users");
        for table in own.chain((!is_of_model).then_some(of_users)) {
            let table_or_none = table.unwrap_or_default();
            // Users are added one by one.
            if table_or_none == "auth_users" && route.pattern().ends_with("/import") {
                continue;
            }
            // The router encodes a key by itself.
            let key = if table_or_none == "seats" { "[\"Wombat\",\"1\"]" } else { key(table_or_none) };
            let field = if table_or_none == "comments" { "ticket_id" } else { "agent_id" };
            let of_row: [(&str, &dyn Display); 3] = [("model", &table_or_none), ("key", &key), ("field", &field)];
            let others: [(&str, &dyn Display); 4] = [("batch", &filled.batch), ("id", &1), ("page", &"routes"), ("action", &"none")];
            let values = [of_row.as_slice(), &others].concat();
            let path = route.path(&values).unwrap();
            for method in route.methods() {
                all.push(Asked { method: method.clone(), path: path.clone(), pattern: route.pattern().to_owned(), table });
            }
        }
    }
    assert!(all.len() >= 24, "{all:?}");
    all
}

fn ask(browser: &Client, asked: &Asked) -> TestResponse {
    let request = browser.request(asked.method.clone(), &asked.path);
    match (asked.method == Method::POST, asked.pattern.ends_with("{model}"), asked.pattern.ends_with("/delete")) {
        (true, true, _) => request.form(&[("action", "delete"), ("row", key(asked.table.unwrap_or_default()))]).send(),
        (true, _, true) => request.form(&[("row", key(asked.table.unwrap_or_default()))]).send(),
        (true, ..) => request.form(&[("nothing", "")]).send(),
        _ if asked.path.ends_with("/export") => request.query(&[("format", "json")]).send(),
        _ if asked.path.ends_with("/find") => request.query(&[("q", "a")]).send(),
        _ => request.send(),
    }
}

/// Checks that a page shows no rows except those of some tables.
#[track_caller]
fn assert_no_row(page: &TestResponse, asked: &Asked, but: &[&str]) {
    for (table, text) in TEXTS.iter().filter(|(table, _)| !but.contains(table)) {
        let found = page.text().to_lowercase().contains(&text.to_lowercase());
        // A path that names a row names it again in its links.
        let is_own = asked.path.contains(text);
        assert!(!found || is_own, "{} {} shows {text} of {table}:\n{page:?}", asked.method, asked.path);
    }
}

fn strangers_are_sent_to_the_login(on: &str) {
    let filled = filled(on);
    let before = contents(&filled.client);
    for asked in everything(&filled, &["tickets", "pages"]) {
        let page = ask(&filled.client.fork(), &asked);
        let is_sent = page.status() == 303 && page.location().is_some_and(|location| location.starts_with("/login"));
        assert!(is_sent, "{asked:?}: {page:?}");
        let script = filled.client.fork().request(asked.method.clone(), &asked.path).header("x-requested-with", "XMLHttpRequest").send();
        assert_eq!(script.status(), 401, "{asked:?}");
    }
    assert_eq!(contents(&filled.client), before);
}

fn whoever_is_no_staff_is_refused_everywhere(on: &str) {
    let filled = filled(on);
    let all = ["tickets.view", "tickets.add", "tickets.change", "tickets.delete", "auth_users.change"];
    let visitor = login(&filled.client, all.iter().fold(NewUser::from("visitor"), |user, permission| user.permission(permission)));
    let before = contents(&filled.client);
    for asked in everything(&filled, &["tickets", "agents"]) {
        let page = ask(&visitor, &asked);
        assert_eq!(page.status(), 403, "{asked:?}");
        assert_no_row(&page, &asked, &[]);
    }
    assert_eq!(contents(&filled.client), before);
}

fn staff_without_rights_read_no_row(on: &str) {
    let filled = filled(on);
    let new = staff(&filled.client, "new", &[]);
    let before = contents(&filled.client);
    for asked in everything(&filled, &TEXTS.map(|(table, _)| table)) {
        let page = ask(&new, &asked);
        let is_open = asked.table.is_none()
            && !["/undo", "/row", "/stop-acting", "/language"].iter().any(|end| asked.path.ends_with(end))
            && !asked.path.contains("/info/");
        let is_end = ["/stop-acting", "/language"].iter().any(|end| asked.path.ends_with(end));
        assert_eq!(
            page.status(),
            if is_open {
                200
            } else if is_end {
                303
            } else {
                403
            },
            "{asked:?}: {page:?}"
        );
        assert_no_row(&page, &asked, &[]);
    }
    assert_eq!(contents(&filled.client), before);
}

/// Returns the rights for a request, of which a member of the staff needs one.
fn needed(asked: &Asked) -> &'static [&'static str] {
    let end = asked.pattern.strip_prefix("/admin").unwrap().replace("auth_users", "{model}");
    match (asked.method == Method::POST, end.as_str()) {
        (false, "/{model}" | "/{model}/export" | "/{model}/row/{key}" | "/{model}/row/{key}/history" | "/{model}/row/{key}/file/{field}")
        // Views of the list belong to the user.
        | (true, "/{model}/views" | "/{model}/views/{id:int}/delete") => &["view", "change"],
        (_, "/{model}/add" | "/{model}/import") => &["add"],
        (false, "/{model}/choices/{field}") | (true, "/{model}/preview/{field}") => &["add", "change"],
        (true, "/{model}/row/{key}")
        | (_, "/{model}/row/{key}/password" | "/{model}/row/{key}/sessions" | "/{model}/row/{key}/end-sessions") => &["change"],
        (_, "/{model}/row/{key}/delete" | "/{model}/delete") => &["delete"],
        // Deletes the rows that were chosen in the list, which the user must be able to see.
        // Only superusers act as other users.
        (true, "/{model}" | "/{model}/row/{key}/act-as") => &[],
        _ => panic!("a new route, for which this test does not know the right: {asked:?}"),
    }
}

fn each_right_opens_what_it_names_and_nothing_else(on: &str) {
    for (table, other) in [("tickets", "agents"), ("agents", "tickets"), ("auth_users", "agents")] {
        // Rows that one user deletes are missing for the next.
        for right in ["view", "add", "change", "delete"] {
            let filled = filled(on);
            let permission = format!("{table}.{right}");
            let browser = staff(&filled.client, "clerk", &[&permission]);
            let mut asked: Vec<Asked> = everything(&filled, &[table, other]);
            // Deletions come last.
            asked.sort_by_key(|asked| asked.method == Method::POST && asked.path.contains("delete"));
            for asked in asked.into_iter().filter(|asked| asked.table.is_some()) {
                let page = ask(&browser, &asked);
                let may = asked.table == Some(table) && needed(&asked).contains(&right);
                let of_field = ["/choices/", "/preview/", "/file/"].iter().any(|part| asked.path.contains(part));
                match may {
                    false => assert_eq!(page.status(), 403, "{permission}, {asked:?}"),
                    // A user who may change tickets may not see agents, and not every model has the field.
                    true if of_field => assert!(page.status() == 403 || page.status() == 404, "{permission}, {asked:?}"),
                    true => {
                        let status = page.status().as_u16();
                        // One deletion leaves nothing for the next.
                        let is_gone = status == 404 && asked.method == Method::POST && asked.path.ends_with("/delete");
                        assert!([200, 303, 409].contains(&status) || is_gone, "{permission}, {asked:?}: {page:?}");
                    }
                }
                assert_no_row(&page, &asked, if may { std::slice::from_ref(&table) } else { &[] });
            }
        }
    }
}

fn superusers_are_refused_nowhere(on: &str) {
    let filled = filled(on);
    let mut all = everything(&filled, &TEXTS.map(|(table, _)| table));
    // `act-as` comes before the requests that deactivate or delete the user.
    all.sort_by_key(|asked| (asked.method == Method::POST && !asked.path.ends_with("/act-as"), asked.path.contains("delete")));
    for asked in all {
        let page = ask(&filled.root, &asked);
        if asked.path.ends_with("/act-as") {
            filled.root.post("/admin/-/stop-acting").send().assert_status(303);
        }
        let status = page.status().as_u16();
        // Few models have the field, and rows that were deleted for this test are missing.
        let is_missing = ["/choices/", "/file/"].iter().any(|part| asked.path.contains(part)) || asked.method == Method::POST;
        assert!([200, 303, 409].contains(&status) || (status == 404 && is_missing), "{asked:?}: {page:?}");
    }
}

fn rights_of_a_group_count(on: &str) {
    let filled = filled(on);
    filled.client.db(|db| {
        let readers = Group::get_or_create(db, "readers")?;
        readers.grant(db, "tickets.view")
    });
    let browser = login(&filled.client, NewUser::from("clerk").staff(true).group("readers"));
    browser.get("/admin/tickets").send().assert_status(200).assert_contains("Quagga");
    browser.get("/admin/agents").send().assert_status(403);
    browser.get("/admin").send().assert_contains("/admin/tickets\"").assert_not_contains("/admin/agents");
}

fn no_post_works_without_a_csrf_token(on: &str) {
    let filled = filled(on);
    filled.root.enforce_csrf();
    let before = contents(&filled.client);
    let posts = everything(&filled, &["tickets"]).into_iter().filter(|asked| asked.method == Method::POST);
    assert!(posts.map(|asked| assert_eq!(ask(&filled.root, &asked).status(), 403, "{asked:?}")).count() > 5);
    assert_eq!(contents(&filled.client), before);
}

fn rules_of_the_application_narrow_a_right(on: &str) {
    let admin = Admin::new().model::<Ticket>(|ticket| {
        ticket
            .can_add(|req| Ok(req.require_login()?.username != "junior"))
            .can_change(|_, ticket| Ok(ticket.state == State::Open))
            .can_delete(|_, ticket| Ok(ticket.title.starts_with('d')))
            .action("close", "Close", close)
    });
    let client = client_with(on, admin);
    let zebedee = agent(&client, "Zebedee");
    let open = ticket(&client, &zebedee, "open");
    let closed = ticket_with(&client, NewTicket { state: State::Closed, ..new_ticket(&zebedee, "done") });
    let all = ["tickets.view", "tickets.add", "tickets.change", "tickets.delete", "agents.view"];
    let (junior, senior) = (staff(&client, "junior", &all), staff(&client, "senior", &all));

    junior.get("/admin/tickets/add").send().assert_status(403);
    senior.get("/admin/tickets/add").send().assert_status(200);
    let form = PageForm::open(&senior, &row_path(&open));
    form.clone().set("then", "as_new").set("code", "x").send(&junior).assert_status(403);

    senior.get(&row_path(&closed)).send().assert_status(200).assert_contains("but not change it");
    senior.post(&row_path(&closed)).form(&[("title", "x")]).send().assert_status(403);
    let run = |keys: &[i64]| {
        let rows = keys.iter().map(|key| ("row", key.to_string()));
        senior.post("/admin/tickets").form(&rows.chain([("action", "close".to_owned())]).collect::<Vec<_>>()).send()
    };
    run(&[open.id, closed.id]).assert_status(403);
    assert_eq!(ticket_now(&client, open.id).unwrap().state, State::Open, "nothing of it was done");

    senior.post(&format!("{}/delete", row_path(&open))).send().assert_status(403);
    senior.post("/admin/tickets/delete").form(&[("row", closed.id), ("row", open.id)]).send().assert_status(403);
    assert_eq!(client.db(|db| Ticket::query().count().get_result::<i64>(db)), 2);
    senior.get(&row_path(&open)).send().assert_not_contains("/delete\"");
    senior.post(&format!("{}/delete", row_path(&closed))).send().assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, closed.id), None);
}
