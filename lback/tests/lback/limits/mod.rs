//! Rate limits of routes.

mod shared;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lback::http::Visitor;
use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use crate::start_error;

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

fn hello(_: &mut Request) -> &'static str {
    "hello"
}

fn client(urls: Router) -> Client {
    Client::with_settings(App::new(urls).limits(), SETTINGS)
}

/// Sends requests until one is refused, and returns the number of those before.
fn allowed(send: impl Fn() -> TestResponse) -> usize {
    (0..1000).take_while(|_| send().status() != 429).count()
}

fn from(client: &Client, path: &str, address: &str) -> TestResponse {
    client.get(path).from_addr(address.parse::<IpAddr>().unwrap()).send()
}

#[test]
fn a_burst_is_let_through_and_then_one_request_per_interval() {
    let client = client(Router::new().get("/", hello).limit(Limit::per_minute(60).burst(3)));
    for (remaining, reset) in [(2, 1), (1, 2), (0, 1)] {
        let response = client.get("/").send();
        assert_eq!(response.assert_status(200).header("ratelimit-policy"), Some("\"address\";q=60;w=60"));
        assert_eq!(response.header("ratelimit"), Some(format!("\"address\";r={remaining};t={reset}").as_str()));
        assert_eq!(response.header("retry-after"), None);
    }
    let refused = client.get("/").send();
    assert_eq!(refused.assert_status(429).header("retry-after"), Some("1"));
    assert_eq!(refused.header("ratelimit"), Some("\"address\";r=0;t=1"));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"address\";q=60;w=60"));

    client.clock().advance(Duration::from_millis(999));
    client.get("/").send().assert_status(429);
    client.clock().advance(Duration::from_millis(1));
    client.get("/").send().assert_status(200);
    client.get("/").send().assert_status(429);
    client.clock().advance(Duration::from_secs(3600));
    assert_eq!(allowed(|| client.get("/").send()), 3);
}

#[test]
fn a_refusal_is_a_page_or_problem_details() {
    let api = Router::new().get("/stock", hello);
    let limit = || Limit::per_hour(1);
    let client = client(Router::new().get("/", hello).limit(limit()).include("/api", api).json().limit(limit()));
    let refused = |path| {
        client.get(path).send().assert_status(200);
        client.get(path).header("accept", "text/html").send()
    };
    let page = refused("/");
    assert_eq!(page.assert_status(429).header("content-type"), Some("text/html; charset=utf-8"));
    page.assert_contains("Try again in 60 minutes.");
    let problem = refused("/api/stock");
    assert_eq!(problem.assert_status(429).header("content-type"), Some("application/problem+json"));
    let json: serde_json::Value = problem.json();
    assert_eq!(json["code"], "too_many_requests");
    assert_eq!(json["detail"], "There were too many requests. Try again in 60 minutes.");
    assert_eq!(problem.header("retry-after"), Some("3600"));
}

#[test]
fn addresses_count_separately_and_ipv6_by_network() {
    let client = client(Router::new().get("/", hello).limit(Limit::per_hour(2)));
    let allowed = |address| allowed(|| from(&client, "/", address));
    assert_eq!((allowed("192.0.2.1"), allowed("192.0.2.2"), allowed("::ffff:192.0.2.2")), (2, 2, 0));
    assert_eq!((allowed("2001:db8:1:1::1"), allowed("2001:db8:1:1:ffff::2"), allowed("2001:db8:1:2::1")), (2, 0, 2));
}

#[test]
fn users_count_wherever_they_are_and_visitors_by_address() {
    let login = |req: &mut Request| -> Result<()> {
        let user: i64 = req.param("id")?;
        req.session().insert("user_id", user)
    };
    let urls = Router::new().get("/login/{id:int}", login).get("/", hello).limit(Limit::per_hour(2).by_user());
    let client = client(urls);
    let [anna, anna_again, ben] = [1, 1, 2].map(|user| {
        let client = client.fork();
        client.get(&format!("/login/{user}")).send().assert_status(204);
        client
    });
    let allowed = |client: &Client, address| allowed(|| from(client, "/", address));
    assert_eq!((allowed(&anna, "192.0.2.1"), allowed(&anna_again, "192.0.2.2"), allowed(&ben, "192.0.2.1")), (2, 0, 2));
    assert_eq!((allowed(&client, "192.0.2.1"), allowed(&client.fork(), "192.0.2.1")), (2, 0));
    assert_eq!(from(&anna, "/", "192.0.2.1").header("ratelimit-policy"), Some("\"user\";q=2;w=3600"));
}

#[test]
fn a_function_chooses_the_key_or_none() {
    let key = |req: &mut Request| Ok(req.header("x-key").map(str::to_owned));
    let client = client(Router::new().get("/", hello).limit(Limit::per_hour(2).by(key)));
    let allowed = |key: &str| allowed(|| client.get("/").header("x-key", key).send());
    assert_eq!((allowed("one"), allowed("two"), allowed(&"long".repeat(4000))), (2, 2, 2));
    for _ in 0..5 {
        assert_eq!(client.get("/").send().assert_status(200).header("ratelimit"), None);
    }
}

#[test]
fn an_include_counts_together_unless_each_route_counts_by_itself() {
    let pair = || Router::new().get("/a", hello).get("/b", hello);
    let urls = Router::new()
        .include("/together", pair())
        .limit(Limit::per_hour(2))
        .include("/separate", pair())
        .limit(Limit::per_hour(2).per_route())
        .get("/one", hello)
        .limit(Limit::per_hour(2).name("shared"))
        .get("/other", hello)
        .limit(Limit::per_hour(2).name("shared"))
        .get("/free", hello);
    let client = client(urls);
    let allowed = |path: &str| allowed(|| client.get(path).send());
    assert_eq!((allowed("/together/a"), allowed("/together/b")), (2, 0));
    assert_eq!((allowed("/separate/a"), allowed("/separate/b")), (2, 2));
    assert_eq!((allowed("/one"), allowed("/other")), (2, 0));
    assert_eq!(allowed("/free"), 1000);
    let routes = client.command("routes", &[]);
    assert!(routes.contains("at most 2 per hour by address") && routes.contains("at most 2 per hour by shared"), "{routes}");
}

#[test]
fn limits_combine_and_errors_count() {
    let fail = |_: &mut Request| -> Result<()> { Err(Error::not_found("there is no such thing")) };
    let urls = Router::new().get("/", fail).limit(Limit::per_second(1).name("short")).limit(Limit::per_hour(2).name("long"));
    let client = client(urls);
    let response = client.get("/").send();
    let headers = |name| response.headers_all(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
    response.assert_status(404);
    assert_eq!(headers("ratelimit"), ["\"long\";r=1;t=1800", "\"short\";r=0;t=1"]);
    assert_eq!(headers("ratelimit-policy"), ["\"long\";q=2;w=3600", "\"short\";q=1;w=1"]);
    client.get("/").send().assert_status(429);
    client.clock().advance(Duration::from_secs(1));
    client.get("/").send().assert_status(404);
    client.clock().advance(Duration::from_secs(1));
    assert_eq!(client.get("/").send().assert_status(429).header("retry-after"), Some("1798"));
}

#[test]
fn a_refused_body_is_not_read() {
    let client = client(Router::new().post("/", hello).body_limit(10).limit(Limit::per_hour(1)));
    let post = |length| client.post("/").body(vec![b'x'; length]).send();
    post(5).assert_status(200);
    // A body that was read would be answered with 413.
    let refused = post(50);
    assert_eq!(refused.assert_status(429).header("retry-after"), Some("3600"));
    assert_eq!(refused.headers_all("ratelimit"), ["\"address\";r=0;t=3600"]);
}

#[test]
fn what_the_application_does_for_a_visitor_is_not_counted() {
    #[derive(Clone, Default)]
    struct Last(Arc<Mutex<Option<Visitor>>>);

    let visit = |req: &mut Request| -> Result<()> {
        let visitor = req.visitor();
        *req.state::<Last>()?.0.lock().unwrap() = Some(visitor);
        Ok(())
    };
    async fn look(req: &mut Request) -> Result<String> {
        let visitor = req.state::<Last>()?.0.lock().unwrap().clone().or_404()?;
        for _ in 0..3 {
            visitor
                .look(|req| {
                    assert!(req.is_repeated());
                    Ok(())
                })
                .await?;
        }
        Ok("seen".to_owned())
    }
    let urls = Router::new().get("/visit", visit).limit(Limit::per_hour(1)).get("/look", look);
    let client = Client::with_settings(App::new(urls).limits().state(Last::default()), SETTINGS);
    client.get("/visit").send().assert_status(204);
    assert_eq!(client.get("/look").send().assert_status(200).text(), "seen");
    client.get("/visit").send().assert_status(429);
}

#[test]
fn limits_that_cannot_work_do_not_start() {
    for (limit, why) in [
        (Limit::per_minute(0), "lets no request through"),
        (Limit::per_minute(5).burst(0), "lets no request through"),
        (Limit::new(5, Duration::ZERO), "longer period"),
        (Limit::per_minute(5).name("two words"), "invalid name"),
    ] {
        let error = start_error(App::new(Router::new().get("/", hello).limit(limit)).limits(), SETTINGS);
        assert!(error.contains("the rate limit at ") && error.contains("limits/mod.rs:") && error.contains(why), "{error}");
    }
    let app = || App::new(Router::new()).without_sessions().without_database().limits();
    let error = start_error(app(), "LIMITS_URL = 'database:'");
    assert!(error.contains("LIMITS_URL = \"memory:\""), "{error}");
    drop(Client::with_settings(app(), ""));
}

#[test]
fn a_limit_without_the_battery_says_what_to_write() {
    let client =
        Client::with_settings(App::new(Router::new().get("/", hello).limit(Limit::per_hour(1))), &format!("DEBUG = true\n{SETTINGS}"));
    client.get("/").send().assert_status(500).assert_contains("App::new(urls).limits()");
}
