//! Rate limits of an application's own views.

use std::net::IpAddr;

use super::*;
use lback::auth::RateLimit;

suite!(
    databases: too_many_attempts_are_answered_with_429,
    visitors_are_limited_by_address_and_by_network,
    a_key_is_limited_whoever_uses_it,
    counts_hold_across_a_restart_and_expire,
    attempts_count_even_if_the_request_fails
);

const SEARCHES: RateLimit = RateLimit::new("searches").free(2).first_delay(Duration::from_secs(4)).max_delay(Duration::from_secs(60));
const INVITATIONS: RateLimit =
    RateLimit::new("invitations").free(0).first_delay(Duration::from_secs(90)).max_delay(Duration::from_secs(90));

fn limited() -> App {
    let urls = Router::new()
        .get("/search", |req: &mut Request| -> Result<&'static str> {
            SEARCHES.check(req)??;
            Ok("results")
        })
        .post("/fail", |req: &mut Request| -> Result<&'static str> {
            diesel::sql_query("SELECT 1").execute(req.db()?)?;
            SEARCHES.check(req)??;
            Err(Error::bad_request("after the attempt"))
        })
        .post("/invite/{address}", |req: &mut Request| -> Result<Response> {
            let address: String = req.param("address")?;
            Ok(match INVITATIONS.check_key(req, &address)? {
                Ok(()) => Response::text("invited"),
                Err(throttled) => throttled.answer(Response::html(format!("<p>{throttled}</p>"))),
            })
        });
    App::new(urls).auth()
}

fn open(store: &Store) -> Client {
    store.open(limited(), SETTINGS)
}

fn search(client: &Client, address: &str) -> u16 {
    client.get("/search").from_addr(address.parse::<IpAddr>().unwrap()).send().status().as_u16()
}

fn too_many_attempts_are_answered_with_429(store: &Store) {
    let client = open(store);
    for delay in [0, 0, 4, 8, 16, 32, 60, 60] {
        client.clock().advance(delay * SECOND);
        client.get("/search").send().assert_status(200).assert_contains("results");
    }
    // Refused attempts do not make it worse.
    for _ in 0..3 {
        let refused = client.get("/search").send();
        refused.assert_status(429).assert_contains("There were too many attempts. Try again in 60 seconds.");
        assert_eq!(refused.header("retry-after"), Some("60"));
    }
    client.clock().advance(59 * SECOND);
    assert_eq!(client.get("/search").send().assert_status(429).header("retry-after"), Some("1"));
    client.clock().advance(SECOND);
    client.get("/search").send().assert_status(200);
}

fn visitors_are_limited_by_address_and_by_network(store: &Store) {
    let client = open(store);
    for address in ["192.0.2.1", "2001:db8::1"] {
        assert_eq!([(); 4].map(|()| search(&client, address)), [200, 200, 200, 429], "{address}");
    }
    // An IPv6 visitor has the whole /64.
    assert_eq!(search(&client, "2001:db8::ffff"), 429);
    assert_eq!((search(&client, "192.0.2.2"), search(&client, "2001:db8:0:1::1")), (200, 200));
    // The network has 16 times as many attempts.
    let admitted = (3..=60).filter(|host| search(&client, &format!("192.0.2.{host}")) == 200).count();
    assert_eq!(admitted, 2 * 16 + 1 - 4);
    assert_eq!(search(&client, "198.51.100.1"), 200);
}

fn a_key_is_limited_whoever_uses_it(store: &Store) {
    let client = open(store);
    let invite = |address: &str, from: &str| client.post(&format!("/invite/{address}")).from_addr(from.parse::<IpAddr>().unwrap()).send();
    invite("alice@example.com", "192.0.2.1").assert_status(200);
    let refused = invite("alice@example.com", "198.51.100.1");
    refused.assert_status(429).assert_contains("<p>There were too many attempts. Try again in 2 minutes.</p>");
    assert_eq!(refused.header("retry-after"), Some("90"));
    invite("bob@example.com", "192.0.2.1").assert_status(200);
}

fn counts_hold_across_a_restart_and_expire(store: &Store) {
    let client = open(store);
    for _ in 0..3 {
        client.get("/search").send().assert_status(200);
    }
    let again = client.restart(limited());
    again.get("/search").send().assert_status(429);
    // Half of the three are dropped after an hour.
    again.clock().advance(3600 * SECOND);
    again.get("/search").send().assert_status(200);
    again.get("/search").send().assert_status(200);
    again.get("/search").send().assert_status(429);
    again.clock().advance(2 * DAY);
    again.db(|db| lback::auth::clean_attempts(db, again.clock().now()));
    assert_eq!(crate::number(&again, "SELECT count(*) FROM auth_attempts"), 0);
}

fn attempts_count_even_if_the_request_fails(store: &Store) {
    let client = open(store);
    for _ in 0..3 {
        client.post("/fail").send().assert_status(400);
    }
    client.post("/fail").send().assert_status(429);
    client.get("/search").send().assert_status(429);
}

#[test]
fn a_rate_limit_without_users_says_what_is_missing() {
    let urls = Router::new().get("/", |req: &mut Request| -> Result<()> { Ok(SEARCHES.check(req)??) });
    let client = Client::with_settings(App::new(urls), "DEBUG = true\nSESSION_TIMEOUT_MINUTES = 30");
    client.get("/").send().assert_status(500).assert_contains("write App::new(urls).auth()");
}
