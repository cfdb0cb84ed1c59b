//! A server that does not answer, and keeps its connections.

use std::time::{Duration, Instant};

use lback_test_servers::{Disk, Postgres};

use super::{assert_all_well, assert_unavailable, client};

#[test]
fn a_server_that_hangs_is_answered_for_in_bounded_time() {
    let Some(server) = Postgres::start(Disk::Fast) else { return };
    let settings = "DATABASE_WAIT_SECONDS = 1
        DATABASE_BUSY_TIMEOUT_MS = 500
        DATABASE_STATEMENT_TIMEOUT_MS = 1000
        DATABASE_CONNECT_TIMEOUT_SECONDS = 2
        REQUEST_TIMEOUT_SECONDS = 2";
    let client = client(&server, settings);
    client.post("/visit").send().assert_status(200);
    server.freeze().unwrap();
    let asked = Instant::now();
    assert_unavailable(&client.get("/visits").send());
    assert_unavailable(&client.post("/visit").send());
    assert_unavailable(&client.get("/notes").send());
    assert_unavailable(&client.post("/visit-and-note").send());
    client.get("/plain").send().assert_status(200);
    let took = asked.elapsed();
    server.thaw().unwrap();
    assert!(took < Duration::from_secs(30), "{took:?}");
    // What was given up is not done later, or is done now: each at most once.
    let visits = loop {
        let response = client.get("/visits").send();
        if response.status().is_success() {
            break response.text().parse::<u64>().unwrap();
        }
        assert!(asked.elapsed() < Duration::from_secs(60), "{response:?}");
    };
    assert!((1..=3).contains(&visits), "{visits}");
    assert_all_well(&client, visits);
}
