//! Forms of many fields and rows, and tables that are missing.

use std::collections::BTreeSet;

use super::lists::statements;
use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_form_has_as_many_fields_as_a_table,
    an_inline_of_a_thousand_rows_is_bounded,
    a_missing_table_is_explained,
    a_page_is_small_and_loads_nothing_from_other_hosts,
);

macro_rules! wide {
    ($($field:ident)*) => {
        /// A model with as many fields as Diesel allows.
        #[derive(Model, Clone, Debug, PartialEq)]
        pub struct Wide {
            pub id: i64,
            #[model(references = Agent, on_delete = cascade)]
            pub agent_id: i64,
            $(#[model(blank)] pub $field: String,)*
        }

        const FIELDS: &[&str] = &[$(stringify!($field)),*];
    };
}

wide!(f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 f25 f26 f27 f28 f29 f30);

fn ready(on: &str) -> (Client, Client) {
    let admin = Admin::new().model::<Agent>(|agent| agent.inline::<Wide>());
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app = App::new(urls).models(models![Agent, Wide]).auth().admin_with(admin);
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Agent, Wide]));
    let root = root(&client);
    agent(&client, "Ada");
    (client, root)
}

fn a_form_has_as_many_fields_as_a_table(on: &str) {
    let (client, root) = ready(on);
    assert_eq!(FIELDS.len() + 2, 32);
    let form = PageForm::open(&root, "/admin/wides/add").set("agent_id", "1");
    let form = FIELDS.iter().fold(form, |form, name| form.set(name, &format!("text of {name}")));
    form.send(&root).assert_redirect("/admin/wides");
    let saved = client.db(|db| Wide::find(db, 1));
    assert_eq!((saved.f01.as_str(), saved.f30.as_str()), ("text of f01", "text of f30"));
    let page = root.get(&format!("/admin/wides?columns={}", FIELDS.join(","))).send();
    page.assert_status(200).assert_contains("text of f30");
    edit(&root, "/admin/wides/row/1", &[("f30", "other")]).assert_status(303);
    assert_eq!(client.db(|db| Wide::find(db, 1)).f30, "other");
    root.get("/admin/wides/row/1/history").send().assert_contains("text of f30");
}

fn an_inline_of_a_thousand_rows_is_bounded(on: &str) {
    let (client, root) = ready(on);
    let add = |from: u32, to: u32| {
        let numbers = format!("WITH RECURSIVE numbers(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {to})");
        let (columns, empty) = (FIELDS[1..].join(", "), vec!["''"; FIELDS.len() - 1].join(", "));
        sql(&client, &format!("INSERT INTO wides (agent_id, f01, {columns}) {numbers} SELECT 1, 'Row ' || n, {empty} FROM numbers"));
    };
    const PATH: &str = "/admin/agents/row/1";
    add(1, 10);
    let few = statements(&root, PATH);
    add(11, 1000);
    assert_eq!(statements(&root, PATH), few);
    let page = root.get(PATH).send();
    // A form has at most 800 fields of other rows, so 1,000 rows of 32 fields are not on one page, and a link leads to them.
    let shown = page.text().matches("<tr data-row>").count();
    assert!((10..40).contains(&shown), "{shown} rows");
    page.assert_contains("More wides are not shown here.").assert_contains("/admin/wides?agent_id.key=1");
    assert!(page.text().len() < 1_000_000, "{} bytes", page.text().len());
    // The rows of the page are saved, and the others stay.
    edit(&root, PATH, &[("wides:1:f02", "changed")]).assert_status(303);
    assert_eq!(client.db(|db| Wide::find(db, 1)).f02, "changed");
    assert_eq!(client.db(|db| Wide::query().row_count(db)), 1000);
}

fn a_missing_table_is_explained(on: &str) {
    let (client, root) = ready(on);
    sql(&client, "DROP TABLE wides");
    let reader = staff(&client, "reader", &["wides.view"]);
    for path in ["/admin/wides", "/admin/wides?q=x", "/admin/wides/row/1", "/admin/wides/export?format=csv"] {
        for browser in [&root, &reader] {
            let page = browser.get(path).send();
            page.assert_status(503).assert_contains("The database lacks a table or a column").assert_contains("run the command migrate");
        }
    }
    // Other pages of the admin stay.
    root.get("/admin").send().assert_status(200).assert_contains("Wides");
    root.get("/admin/agents").send().assert_status(200).assert_contains("Ada");
    root.get("/admin/-/find?q=Ada").send().assert_status(200).assert_contains("Ada");
    reader.get("/admin/agents").send().assert_status(403);
}

fn a_page_is_small_and_loads_nothing_from_other_hosts(on: &str) {
    let client = super::client(on);
    let (ada, root) = (agent(&client, "Ada"), root(&client));
    for number in 0..50 {
        ticket(&client, &ada, &format!("The printer on floor {number} does not print"));
    }
    for path in ["/admin", "/admin/tickets", "/admin/tickets/row/1"] {
        let page = root.get(path).send();
        let text = page.assert_status(200).text().to_owned();
        let head = text.split("</head>").next().unwrap();
        let files = head.split(['"', ' ']).filter(|part| part.starts_with("/admin/-/")).collect::<BTreeSet<_>>();
        assert!(files.len() >= 3, "{head}");
        let size: usize = files.iter().map(|file| root.get(file).send().assert_status(200).text().len()).sum();
        assert!(text.len() + size < 100_000, "{path} has {} bytes, and its files {size}", text.len());
        for element in ["<script src=\"http", "<link rel=\"stylesheet\" href=\"http", "<img src=\"http", "<iframe"] {
            page.assert_not_contains(element);
        }
    }
}
