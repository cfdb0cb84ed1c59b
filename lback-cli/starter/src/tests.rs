//! The site, as a browser sees it. Each client has a database of its own.

use lback::testing::Client;

#[test]
fn the_front_page_counts_the_visits_of_each_browser() {
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