//! Tests of the whole site. Each client has its own database.

use lback::testing::Client;

#[test]
fn the_front_page_counts_visits_per_browser() {
    let client = Client::new(crate::app());
    client.get("/").send().assert_status(200).assert_contains("for the first time");
    client.get("/").send().assert_contains("2 times");
    client.fork().get("/").send().assert_contains("for the first time");
}

#[test]
fn static_files_are_served() {
    let client = Client::new(crate::app());
    client.get("/static/style.css").send().assert_status(200);
}
__USERS_TEST__