use std::time::Duration;

use lback::prelude::*;
use lback::testing::Client;

use crate::{app, orders};

fn is_invoiced(client: &Client) -> Vec<bool> {
    client.db(|db| orders::table.select(orders::is_invoiced).load(db))
}

#[test]
fn an_order_is_invoiced_after_its_commit() {
    let client = Client::new(app());
    client.post("/").form(&[("email", "alice@example.com")]).send().assert_redirect("/");
    assert_eq!((is_invoiced(&client), client.mail().len()), (vec![false], 0));
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(is_invoiced(&client), [true]);
    assert_eq!(client.mail()[0].to, ["alice@example.com"]);
    client.get("/").send().assert_contains("alice@example.com, invoiced");
}

#[test]
fn an_invalid_order_is_shown_again_and_enqueues_nothing() {
    let client = Client::new(app());
    client.post("/").form(&[("email", "alice")]).send().assert_status(200);
    assert_eq!((is_invoiced(&client).len(), client.jobs().len()), (0, 0));
}

#[test]
fn the_page_of_a_report_shows_its_end_to_its_visitor_only() {
    let client = Client::new(app());
    client.post("/").form(&[("email", "alice@example.com")]).send();
    client.post("/report").send().assert_redirect("/report");
    client.get("/report").send().assert_contains("The report waits");
    client.run_jobs();
    client.get("/report").send().assert_contains("The report is ready");
    client.fork().get("/report").send().assert_status(404);
}

#[test]
fn a_report_is_made_every_night() {
    let client = Client::new(app());
    client.run_jobs();
    for _ in 0..3 {
        client.clock().advance(Duration::from_secs(24 * 3600));
        assert_eq!(client.run_jobs(), 1);
    }
}
