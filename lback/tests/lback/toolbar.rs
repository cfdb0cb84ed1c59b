//! The developer toolbar.
//!
//! With `SCREENSHOTS=1`, the browser test saves screenshots in `target/screenshots`, and the guide's picture in its folder.

use std::path::Path;
use std::{env, fs};

use lback::middleware::Toolbar;
use lback::prelude::*;
use lback::serde_json::Value;
use lback::signals::Signal;
use lback::testing::Client;
use lback_test_servers::Browser;

use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(a_page_shows_what_its_request_has_done, a_statement_is_explained_and_not_run);

const DEBUG: &str = "DEBUG = true\nSESSION_TIMEOUT_MINUTES = 30";

#[derive(Debug)]
struct Listed;

impl Signal for Listed {
    const NAME: &str = "notes.listed";
}

diesel::table! {
    notes (id) {
        id -> BigInt,
        text -> Text,
    }
}

const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">
<meta name=\"color-scheme\" content=\"light dark\"><title>Notes</title><body><h1>Notes</h1><p>NOTES</p></body></html>";

fn list(req: &mut Request) -> Result<Response> {
    let ids: Vec<i64> = notes::table.select(notes::id).order(notes::id).load(req.db()?)?;
    let mut texts: Vec<String> = Vec::new();
    for id in ids {
        texts.push(notes::table.find(id).select(notes::text).first(req.db()?)?);
    }
    req.session().insert("seen", texts.len())?;
    req.session().insert("csrf_token", "geheim")?;
    req.app().send(Listed);
    Ok(Response::html(PAGE.replace("NOTES", &texts.join(", "))))
}

fn urls() -> Router {
    Router::new()
        .get("/", list)
        .get("/policy", |req: &mut Request| -> Result<Response> {
            let page = list(req)?;
            page.with_header("content-security-policy", "default-src 'none'")
        })
        .get("/json", |_: &mut Request| Response::json(&[1, 2]))
        .get("/old/{token}", |_: &mut Request| Response::redirect("/"))
        .get("/fails", |req: &mut Request| -> Result<()> { Ok(diesel::sql_query("SELECT 1 FROM nowhere").execute(req.db()?).map(drop)?) })
        .post("/", |_: &mut Request| Response::html("<body>posted</body>"))
        .get("/text", |_: &mut Request| "</body>")
        .get("/panics", |_: &mut Request| -> &str { panic!("on purpose") })
}

fn app() -> App {
    App::new(urls()).on(|_: &Listed, _| {}).stack(|stack| {
        stack.wrap(Toolbar::new());
        Ok(())
    })
}

fn client(settings: &str) -> Client {
    prepared(Client::with_settings(app(), &format!("{DEBUG}\n{settings}")))
}

fn prepared(client: Client) -> Client {
    sql(&client, "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)");
    sql(&client, "INSERT INTO notes VALUES (1, 'one'), (2, 'two'), (3, 'three')");
    client
}

/// The id of the request that made a page.
fn id(page: &str) -> &str {
    let (_, rest) = page.split_once("<script src=\"/__lback/toolbar/toolbar.js\" data-request=\"").expect("a page with a toolbar");
    rest.split_once('"').unwrap().0
}

fn panel<'v>(shown: &'v Value, name: &str) -> &'v Value {
    let panels = shown["panels"].as_array().unwrap();
    &panels.iter().find(|panel| panel["name"] == name).unwrap_or_else(|| panic!("there is no panel {name}: {shown}"))["view"]
}

fn a_page_shows_what_its_request_has_done(settings: &str) {
    let client = client(settings);
    let page = client.get("/?page=2&token=abc").send();
    let shown: Value = client.get(&format!("/__lback/toolbar/requests/{}", id(page.text()))).send().assert_status(200).json();
    let request = &shown["request"];
    assert_eq!((&request["path"], &request["status"], &request["route"]), (&"/?page=2&token=***".into(), &200.into(), &"/".into()));
    assert!(request["milliseconds"].as_f64().unwrap() > 0.0 && request["place"].as_str().unwrap().contains("toolbar.rs"), "{request}");

    let sql = panel(&shown, "sql");
    let rows = sql["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{sql}");
    assert!(rows[0]["text"].as_str().unwrap().contains("ORDER BY") && rows[0]["marks"].as_array().unwrap().is_empty(), "{sql}");
    assert_eq!((&rows[2]["marks"][0], &rows[2]["note"]), (&"3 × from here".into(), &"[2, 1]".into()), "{sql}");
    assert!(rows[2]["place"].as_str().unwrap().starts_with(file!()) && rows[2]["detail"] == "EXPLAIN", "{sql}");
    assert!(sql["summary"].as_str().unwrap().starts_with("4 in "), "{sql}");
    assert!(sql["warnings"][0].as_str().unwrap().contains("sends the same statement 3 times"), "{sql}");

    let session = panel(&shown, "session");
    assert_eq!(session["summary"], "2 keys, new, modified");
    assert!(session["rows"].as_array().unwrap().iter().any(|row| row["text"] == "seen" && row["note"] == "3"), "{session}");
    assert!(!shown.to_string().contains("geheim") && !shown.to_string().contains("abc"), "{shown}");
    assert_eq!(panel(&shown, "signals")["rows"][0]["text"], "notes.listed");
    let middleware = panel(&shown, "middleware");
    let layers: Vec<(&str, u64)> =
        middleware["rows"].as_array().unwrap().iter().map(|row| (row["text"].as_str().unwrap(), row["depth"].as_u64().unwrap())).collect();
    assert!(layers[..2] == [("Toolbar", 0), ("RequestLog", 1)] && layers.last().is_some_and(|last| last.0 == "view"), "{layers:?}");
    assert!(layers.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1), "{layers:?}");
}

fn a_statement_is_explained_and_not_run(settings: &str) {
    let client = client(settings);
    let explain = |page: &str, row: usize| {
        let path = format!("/__lback/toolbar/requests/{}/sql/{row}", id(page));
        client.get(&path).send().assert_status(200).text().to_owned()
    };
    let page = client.get("/").send();
    for (row, expected) in [(0, "notes"), (2, if settings.is_empty() { "SEARCH notes" } else { "Index Scan" })] {
        let plan = explain(page.text(), row);
        assert!(plan.contains(expected), "{plan}");
    }
    let failed = client.get("/fails").header("accept", "text/html").send();
    let plan = explain(failed.assert_status(500).text(), 0);
    assert!(plan.contains("nowhere"), "{plan}");
    assert!(explain(page.text(), 99).contains("no such statement"));
    client.get("/").send().assert_contains("one, two, three");
}

#[test]
fn the_last_50_requests_are_remembered() {
    let client = client("");
    client.get("/json").send();
    client.get("/old/geheim").send().assert_status(303);
    client.post("/").send().assert_contains("data-request");
    client.get("/missing").send();
    let recent = || -> Vec<Value> { client.get("/__lback/toolbar/requests").send().assert_status(200).json() };
    let line = |entry: &Value| {
        format!("{} {} {}", entry["request"]["method"], entry["request"]["path"], entry["request"]["status"]).replace('"', "")
    };
    let lines: Vec<String> = recent().iter().map(line).collect();
    assert_eq!(lines, ["GET /missing 404", "POST / 200", "GET /old/*** 303", "GET /json 200"]);
    client.get("/static/missing.css").send();
    client.get("/__lback/toolbar").send().assert_status(200).assert_contains("toolbar.js");
    assert_eq!(recent().len(), 4);
    (0..60).for_each(|_| drop(client.get("/json").send()));
    assert_eq!(recent().len(), 50);
    client.get("/__lback/toolbar/requests/0000000000000000").send().assert_status(404);
    for path in ["/text", "/json"] {
        client.get(path).send().assert_not_contains("__lback");
    }
}

#[test]
fn the_error_page_shows_the_queries_and_the_call_stack() {
    let client = client("");
    let page = client.get("/fails").header("accept", "text/html").send();
    let page = page.assert_status(500).assert_contains("Call stack").assert_contains("SELECT 1 FROM nowhere").text();
    let stack = page.split_once("Call stack").unwrap().1;
    let own = stack.find("toolbar.rs").unwrap_or(usize::MAX);
    assert!(own < stack.find("of Lback and other libraries").unwrap(), "{stack}");
    assert!(stack.contains("<h2>SQL <small>1 in "), "{stack}");
    let panics = client.get("/panics").header("accept", "text/html").send();
    let stack = panics.assert_status(500).text().split_once("Call stack").unwrap().1;
    assert!(stack.contains("toolbar::urls") && stack.contains("of Lback and other libraries"), "{stack}");
}

#[test]
fn there_is_no_toolbar_without_debug_or_for_another_host() {
    let paths = ["/__lback/toolbar", "/__lback/toolbar/toolbar.js", "/__lback/toolbar/requests"];
    let public = prepared(Client::with_settings(app(), "SESSION_TIMEOUT_MINUTES = 30"));
    public.get("/").send().assert_status(200).assert_not_contains("__lback");
    let developer = client("");
    for path in paths {
        public.get(path).send().assert_status(404);
        developer.get(path).send().assert_status(200);
        let answer = developer.get(path).header("host", "evil.example").send();
        assert!(answer.status().is_client_error() && !answer.text().contains("lback-toolbar"), "{answer:?}");
    }
    developer.get("/").header("host", "evil.example").send().assert_not_contains("__lback");
}

/// What the toolbar's shadow root shows.
fn toolbar(browser: &Browser) -> String {
    browser.run("return document.querySelector('lback-toolbar')?.shadowRoot.textContent ?? ''")
}

fn wait_for(browser: &Browser, what: &str, is_there: bool) {
    browser.waits(&format!(
        "return (document.querySelector('lback-toolbar')?.shadowRoot.textContent ?? '').includes({what:?}) === {is_there}"
    ));
}

fn press(browser: &Browser, label: &str) {
    browser.run(&format!(
        "const named = (button) => button.textContent.includes({label:?}) || button.ariaLabel === {label:?};
         [...document.querySelector('lback-toolbar').shadowRoot.querySelectorAll('button')].find(named).click(); return ''"
    ));
}

#[test]
fn the_bar_opens_hides_and_remembers_it_under_a_strict_policy() {
    let Some(browser) = Browser::start() else { return };
    let client = prepared(Client::over_socket_with_settings(app(), DEBUG));
    for path in ["/", "/policy"] {
        browser.open(&format!("{}{path}", client.url()));
        wait_for(&browser, "4 in ", true);
        assert!(!toolbar(&browser).contains("sends the same statement"));
        press(&browser, "SQL");
        wait_for(&browser, "sends the same statement 3 times", true);
        press(&browser, "EXPLAIN");
        wait_for(&browser, "SCAN notes", true);
        press(&browser, "SQL");
        wait_for(&browser, "sends the same statement", false);
        press(&browser, "Requests");
        wait_for(&browser, "Recent requests", true);
        press(&browser, "Hide the developer toolbar");
        wait_for(&browser, "Requests", false);

        browser.open(&format!("{}{path}", client.url()));
        wait_for(&browser, "‹", true);
        assert!(!toolbar(&browser).contains("SQL"), "it stays hidden");
        press(&browser, "Show the developer toolbar");
        wait_for(&browser, "4 in ", true);
        let complaints: Vec<String> = browser.complaints().into_iter().filter(|complaint| !complaint.contains("favicon")).collect();
        assert_eq!(complaints, Vec::<String>::new(), "{path}");
    }
    browser.open(&format!("{}/__lback/toolbar", client.url()));
    wait_for(&browser, "GET /policy", true);
    if env::var_os("SCREENSHOTS").is_some() {
        photograph(&browser, &client.url());
    }
}

fn photograph(browser: &Browser, url: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("target/screenshots");
    fs::create_dir_all(&folder).unwrap();
    for dark in [false, true] {
        browser.prefers_dark(dark);
        let name = |page: &str| folder.join(format!("toolbar-{page}{}.png", if dark { "-dark" } else { "" }));
        for (width, size) in [(1000, ""), (390, "-phone")] {
            browser.resize(width, 600);
            browser.open(url);
            wait_for(browser, "4 in ", true);
            assert!(!browser.overflows());
            browser.screenshot(&name(&format!("closed{size}")));
            for panel in ["SQL", "Middleware", "Requests", "200"] {
                press(browser, panel);
                browser.waits("return !!document.querySelector('lback-toolbar').shadowRoot.querySelector('.panel')");
                browser.screenshot(&name(&format!("{}{size}", panel.to_lowercase())));
            }
            browser.open(&format!("{url}/__lback/toolbar"));
            wait_for(browser, "GET /", true);
            browser.screenshot(&name(&format!("page{size}")));
            browser.resize(width, 1600);
            browser.open(&format!("{url}/fails"));
            wait_for(browser, "1 in ", true);
            browser.screenshot(&name(&format!("error{size}")));
        }
    }
    browser.prefers_dark(false);
    browser.resize(1000, 460);
    browser.open(url);
    wait_for(browser, "4 in ", true);
    press(browser, "SQL");
    wait_for(browser, "sends the same statement", true);
    browser.screenshot(&root.join("docs/src/images/toolbar.png"));
}
