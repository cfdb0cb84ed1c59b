//! The client's address, behind proxies and without them.

use std::net::IpAddr;

use lback_core::testing::Client;
use lback_core::{Request, Router};

use crate::app_with;

fn show(req: &mut Request) -> String {
    format!("{} {}", req.client_addr().map_or("none".to_owned(), |addr| addr.to_string()), req.is_secure())
}

fn ask(toml: &str, peer: &str, forwarded: &[&str]) -> String {
    let client = Client::new(app_with(Router::new().get("/", show), toml));
    let mut request = client.get("/").from_addr(peer.parse::<IpAddr>().unwrap()).header("x-forwarded-proto", "https");
    for value in forwarded {
        request = request.header("x-forwarded-for", value);
    }
    request.send().text().to_owned()
}

#[test]
fn a_client_cannot_choose_its_address() {
    assert_eq!(ask("", "203.0.113.9", &["1.2.3.4"]), "203.0.113.9 false");
    assert_eq!(ask("TRUSTED_PROXIES = ['10.0.0.1']", "203.0.113.9", &["1.2.3.4"]), "203.0.113.9 false");
}

#[test]
fn a_trusted_proxy_provides_the_client_address() {
    let proxies = "TRUSTED_PROXIES = ['10.0.0.1', '10.0.0.2', '::1']";
    assert_eq!(ask(proxies, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9 true");
    // The client may have written everything before the last address that is not a proxy.
    assert_eq!(ask(proxies, "10.0.0.1", &["1.2.3.4, 203.0.113.9"]), "203.0.113.9 true");
    assert_eq!(ask(proxies, "10.0.0.1", &["1.2.3.4, 203.0.113.9 ,10.0.0.2"]), "203.0.113.9 true");
    assert_eq!(ask(proxies, "10.0.0.1", &["1.2.3.4", "203.0.113.9", "10.0.0.2"]), "203.0.113.9 true");
    assert_eq!(ask(proxies, "::1", &["2001:db8::7"]), "2001:db8::7 true");
    assert_eq!(ask(proxies, "10.0.0.1", &[]), "10.0.0.1 true");
    assert_eq!(ask(proxies, "10.0.0.1", &["10.0.0.2"]), "10.0.0.2 true");
}

#[test]
fn an_ipv4_peer_on_an_ipv6_socket_is_the_same_machine() {
    let proxies = "TRUSTED_PROXIES = ['10.0.0.1']";
    assert_eq!(ask(proxies, "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9 true");
    assert_eq!(ask("", "::ffff:203.0.113.9", &[]), "203.0.113.9 false");
    assert_eq!(ask(proxies, "10.0.0.1", &["203.0.113.9, ::ffff:10.0.0.1"]), "203.0.113.9 true");
}

#[test]
fn networks_of_proxies_are_trusted() {
    let private = "TRUSTED_PROXIES = ['private']";
    assert_eq!(ask(private, "172.17.0.1", &["203.0.113.9"]), "203.0.113.9 true");
    assert_eq!(ask(private, "::ffff:172.17.0.1", &["1.2.3.4, 203.0.113.9, 10.7.7.7"]), "203.0.113.9 true");
    assert_eq!(ask(private, "203.0.113.9", &["1.2.3.4"]), "203.0.113.9 false");
    // A visitor in the same network, whose address is also that of a trusted proxy.
    assert_eq!(ask(private, "172.17.0.1", &["1.2.3.4, 192.168.0.7"]), "1.2.3.4 true");
    let networks = "TRUSTED_PROXIES = ['2001:db8::/32', '10.0.0.0/24']";
    assert_eq!(ask(networks, "2001:db8::1", &["203.0.113.9, 10.0.0.255"]), "203.0.113.9 true");
    assert_eq!(ask(networks, "10.0.1.0", &["203.0.113.9"]), "10.0.1.0 false");
}

#[test]
fn only_x_forwarded_headers_are_trusted() {
    let client = Client::new(app_with(Router::new().get("/", show), "TRUSTED_PROXIES = ['10.0.0.1']"));
    let from_proxy = || client.get("/").from_addr("10.0.0.1".parse::<IpAddr>().unwrap());
    from_proxy().header("forwarded", "for=1.2.3.4;proto=https;host=evil.example").send().assert_contains("10.0.0.1 false");
    // The last value comes from the nearest proxy.
    from_proxy().header("x-forwarded-proto", "https, http").send().assert_contains("10.0.0.1 false");
    from_proxy().header("x-forwarded-proto", "http").header("x-forwarded-proto", "HTTPS ").send().assert_contains("10.0.0.1 true");
}

#[test]
fn an_invalid_entry_ends_the_chain() {
    let proxies = "TRUSTED_PROXIES = ['10.0.0.1', '10.0.0.2']";
    assert_eq!(ask(proxies, "10.0.0.1", &["1.2.3.4, unknown"]), "10.0.0.1 true");
    assert_eq!(ask(proxies, "10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"]), "10.0.0.2 true");
    assert_eq!(ask(proxies, "10.0.0.1", &[""]), "10.0.0.1 true");
    // The proxy has added its entry after bytes that are not text.
    let request = |value: &[u8]| {
        let client = Client::new(app_with(Router::new().get("/", show), proxies));
        client.get("/").from_addr("10.0.0.1".parse::<IpAddr>().unwrap()).header("x-forwarded-for", value).send().text().to_owned()
    };
    assert_eq!(request(b"1.2.3.4, \xff, 203.0.113.9"), "203.0.113.9 false");
    assert_eq!(request(b"1.2.3.4, \xff"), "10.0.0.1 false");
    // Empty entries do not count. RFC 9110, 5.6.1.
    assert_eq!(ask(proxies, "10.0.0.1", &["1.2.3.4, 203.0.113.9, ,"]), "203.0.113.9 true");
    assert_eq!(ask(proxies, "10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7 true");
    // Some proxies add the port.
    assert_eq!(ask(proxies, "10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9 true");
    assert_eq!(ask(proxies, "10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7 true");
}
