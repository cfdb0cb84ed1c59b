//! The start page: numbers and charts of the application.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(numbers_and_charts_are_for_those_who_may_see_them, charts_draw_what_can_be_drawn, models_have_the_number_of_their_rows,);

fn client_of(on: &str, bars: fn() -> Vec<(String, f64)>) -> Client {
    let admin = admin()
        .number("Open tickets", "/admin/tickets?state=open", |req| {
            req.require_permission("tickets.view")?;
            Ok(Ticket::query().row_count(req.db()?)?.to_string())
        })
        .chart("Per agent", "/admin/agents", move |req| {
            req.require_permission("agents.view")?;
            Ok(bars())
        });
    client_with(on, admin)
}

fn numbers_and_charts_are_for_those_who_may_see_them(on: &str) {
    let client = client_of(on, || vec![("Zebedee".to_owned(), 7.0), ("<Florence>".to_owned(), 3.5)]);
    let page = root(&client).get("/admin").send();
    page.assert_contains("<b>0</b> Open tickets").assert_contains("<title>Zebedee: 7</title>");
    page.assert_contains("&lt;Florence&gt;: 3.5").assert_not_contains("<Florence>");
    let clerk = staff(&client, "clerk", &["agents.view"]).get("/admin").send();
    clerk.assert_status(200).assert_contains("Per agent").assert_not_contains("Open tickets");
    let reader = staff(&client, "reader", &["tickets.view"]).get("/admin").send();
    reader.assert_status(200).assert_contains("Open tickets").assert_not_contains("Zebedee");
}

/// The places and heights of the bars.
fn drawn(page: &TestResponse) -> Vec<(f64, f64)> {
    let number = |rest: &str, name: &str| rest.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    page.text().split("<rect x=").skip(1).map(|rest| (number(rest, " y"), number(rest, "height"))).collect()
}

fn charts_draw_what_can_be_drawn(on: &str) {
    let page = |bars| root(&client_of(on, bars)).get("/admin").send();
    page(Vec::new).assert_status(200).assert_contains("No data");
    assert_eq!(drawn(&page(|| vec![("a".to_owned(), 30.0), ("b".to_owned(), -10.0)])), [(0.0, 75.0), (75.0, 25.0)]);
    assert_eq!(drawn(&page(|| vec![("a".to_owned(), 0.0); 2])), [(0.0, 0.0); 2]);
    let odd = page(|| [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN].map(|value| ("odd".to_owned(), value)).into());
    assert_eq!(drawn(&odd), [(50.0, 0.0), (50.0, 0.0), (0.0, 50.0), (50.0, 50.0)]);
    assert_eq!(drawn(&page(|| vec![("many".to_owned(), 1.0); 1000])).len(), 100);
}

fn models_have_the_number_of_their_rows(on: &str) {
    let own = Admin::new().model::<Label>(|label| label.rows(|_| Label::query()));
    let client = client_with(on, own);
    let row = |page: &TestResponse, table: &str| {
        let rest = page.text().split(&format!("<li><a href=\"/admin/{table}\">")).nth(1).unwrap().to_owned();
        browser::text_of(&format!("<a>{}", rest.split("</li>").next().unwrap()))
    };
    let reader = staff(&client, "reader", &["agents.view", "labels.view"]);
    assert_eq!(row(&reader.get("/admin").send(), "agents"), "Agents 0");
    for name in ["Ada", "Bob"] {
        agent(&client, name);
        label(&client, name);
    }
    let page = reader.get("/admin").send();
    assert_eq!(row(&page, "agents"), "Agents 2");
    // Counting rows that a query narrows could take long.
    assert_eq!(row(&page, "labels"), "Labels");
    page.assert_not_contains("/admin/tickets");
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)";
    crate::sql(&client, &format!("INSERT INTO agents (name, secret) {numbers} SELECT 'agent ' || n, '' FROM numbers"));
    assert_eq!(row(&reader.get("/admin").send(), "agents"), "Agents 1,000+");
}
