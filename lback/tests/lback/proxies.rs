//! Forwarding headers that are not believed.

use std::net::IpAddr;

use lback::prelude::*;
use lback::testing::Client;

use crate::logs;

fn client(proxies: &str) -> Client {
    logs::start();
    let urls = Router::new().get("/", |req: &mut Request| req.client_addr().map(|address| address.to_string()).unwrap_or_default());
    Client::with_settings(App::new(urls).without_sessions().without_database(), &format!("DEBUG = true\nTRUSTED_PROXIES = [{proxies}]"))
}

fn send(client: &Client, peer: &str, header: &str, value: &str) -> String {
    client.get("/").from_addr(peer.parse::<IpAddr>().unwrap()).header(header, value).send().text().to_owned()
}

#[test]
fn a_forwarded_header_from_a_stranger_is_warned_of_once() {
    for (peer, header) in [("172.18.77.1", "x-forwarded-for"), ("172.18.77.2", "x-forwarded-proto"), ("172.18.77.3", "forwarded")] {
        let client = client("'127.0.0.1'");
        for _ in 0..3 {
            assert_eq!(send(&client, peer, header, "203.0.113.9"), peer);
        }
        send(&client, "172.18.77.9", header, "203.0.113.9");
        let warnings = logs::lines_with(&format!("{peer} sent forwarding headers"));
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
        assert!(warnings[0].contains("WARN") && warnings[0].contains(&format!("TRUSTED_PROXIES = [\"{peer}\"]")), "{warnings:#?}");
    }
    assert!(logs::lines_with("172.18.77.9 sent forwarding headers").is_empty());
}

#[test]
fn a_trusted_proxy_that_sends_only_the_standard_header_is_warned_of_once() {
    let client = client("'172.18.78.0/24'");
    assert_eq!(send(&client, "172.18.78.1", "x-forwarded-for", "203.0.113.9"), "203.0.113.9");
    for _ in 0..3 {
        assert_eq!(send(&client, "172.18.78.2", "forwarded", "for=203.0.113.9"), "172.18.78.2");
    }
    assert_eq!(logs::lines_with("the proxy 172.18.78.2 sends Forwarded but not X-Forwarded-For").len(), 1);
    assert!(logs::lines_with("172.18.78.1 sent forwarding").is_empty());
}
