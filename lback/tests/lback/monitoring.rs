//! The pages for the machines that watch an application.

use std::net::IpAddr;

use lback::app::{Battery, Health, MetricKind, Setup};
use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use crate::start_error;

const SETTINGS: &str = "ALLOWED_HOSTS = ['shop.example']\nSESSION_TIMEOUT_MINUTES = 30";
const PAGES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

fn urls() -> Router {
    Router::new()
        .get("/posts/{id:int}", |req: &mut Request| -> Result<String> { Ok(req.param::<i64>("id")?.to_string()) })
        .get("/fail", |_: &mut Request| Err::<String, _>(Error::internal("it fails")))
}

fn client(networks: &str) -> Client {
    Client::with_settings(App::new(urls()), &format!("{SETTINGS}\nMONITORING_NETWORKS = [{networks}]"))
}

fn from(client: &Client, address: &str, path: &str) -> TestResponse {
    client.get(path).header("host", "shop.example").from_addr(address.parse::<IpAddr>().unwrap()).send()
}

/// Returns the value of a metric, with its labels, as the page shows it.
#[track_caller]
fn value<'a>(page: &'a TestResponse, name: &str) -> &'a str {
    page.assert_status(200);
    let found = page.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{name} is missing in\n{}", page.text()))
}

#[test]
fn the_pages_exist_for_nobody_by_default() {
    let client = Client::with_settings(App::new(urls()), SETTINGS);
    for page in PAGES {
        from(&client, "127.0.0.1", page).assert_status(404);
    }
}

#[test]
fn only_the_networks_in_the_settings_may_read_them() {
    let client = client("'10.1.0.0/16', '203.0.113.9'");
    for page in PAGES {
        let answer = from(&client, "10.1.2.3", page);
        assert_eq!(answer.assert_status(200).header("cache-control"), Some("no-store"));
        from(&client, "203.0.113.9", page).assert_status(200);
        for stranger in ["10.2.0.1", "127.0.0.1", "203.0.113.8"] {
            from(&client, stranger, page).assert_status(404);
        }
        // A prober names the machine by its address.
        let prober: IpAddr = [10, 1, 2, 3].into();
        client.get(page).header("host", "10.1.9.9:8000").from_addr(prober).send().assert_status(200);
        client.post(page).header("host", "shop.example").from_addr(prober).send().assert_status(404);
    }
    let error = start_error(App::new(urls()), &format!("{SETTINGS}\nMONITORING_NETWORKS = ['10.1.0.0/99']"));
    assert!(error.contains("MONITORING_NETWORKS") && error.contains("neither an address nor a network"), "{error}");
}

#[test]
fn a_visitor_whom_an_unknown_proxy_forwards_is_a_stranger() {
    let client = client("'loopback'");
    let send = |header: &str| client.get("/metrics").header("host", "shop.example").header(header, "203.0.113.9").send();
    send("x-forwarded-for").assert_status(404);
    send("forwarded").assert_status(404);
    send("accept").assert_status(200);
}

#[test]
fn a_page_of_the_application_itself_takes_precedence() {
    let urls = urls().get("/metrics", |_: &mut Request| "our own");
    let client = Client::with_settings(App::new(urls), &format!("{SETTINGS}\nMONITORING_NETWORKS = ['loopback']"));
    from(&client, "127.0.0.1", "/metrics").assert_contains("our own");
    from(&client, "127.0.0.1", "/healthz").assert_contains("ok");
}

#[test]
fn requests_are_counted_by_method_route_and_status() {
    let client = client("'loopback'");
    for id in 0..3 {
        from(&client, "127.0.0.1", &format!("/posts/{id}")).assert_status(200);
    }
    client.get("/fail").header("host", "shop.example").send().assert_status(500);
    client.get("/<script>\"\n").header("host", "shop.example").send().assert_status(404);
    client.request("INVENTED".parse().unwrap(), "/posts/1").header("host", "shop.example").send().assert_status(405);
    client.get("/posts/1").header("host", "elsewhere.example").send().assert_status(400);

    let page = from(&client, "127.0.0.1", "/metrics");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let count = |labels: &str| value(&page, &format!("lback_http_request_duration_seconds_count{{{labels}}}"));
    assert_eq!(count("method=\"GET\",route=\"/posts/{id:int}\",status=\"200\""), "3");
    assert_eq!(count("method=\"GET\",route=\"/posts/{id:int}\",status=\"400\""), "1");
    assert_eq!(count("method=\"GET\",route=\"/fail\",status=\"500\""), "1");
    assert_eq!(count("method=\"GET\",route=\"none\",status=\"404\""), "1");
    assert_eq!(count("method=\"other\",route=\"none\",status=\"405\""), "1");
    let last = "lback_http_request_duration_seconds_bucket{method=\"GET\",route=\"/posts/{id:int}\",status=\"200\",le=\"+Inf\"}";
    assert_eq!(value(&page, last), "3");
    assert_eq!(value(&page, "lback_http_requests_running"), "0");
    assert_eq!(value(&page, "lback_database_connections_max"), "8");
    assert!(value(&page, "process_start_time_seconds").parse::<f64>().unwrap() > 1.7e9);
    // Each line is a comment, or a name and a value.
    for line in page.text().lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with(|c: char| c.is_ascii_lowercase()) && value.parse::<f64>().is_ok(), "{line}");
    }
}

/// A battery with a check and a metric, each of which fails if it is told to.
struct Printer {
    works: bool,
}

impl Battery for Printer {
    fn name(&self) -> &'static str {
        "printer"
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let works = self.works;
        setup.health_check("Printer", move |_| if works { Ok(Health::warning("no paper")) } else { Err(Error::unavailable("on fire")) });
        setup.metrics(move |_, metrics| {
            metrics.family("printer_pages_total", MetricKind::Counter, "Printed pages.").sample(&[("tray", "one")], 12);
            if works { Ok(()) } else { Err(Error::unavailable("on fire")) }
        });
        Ok(())
    }
}

#[test]
fn a_check_that_fails_makes_the_application_unready_and_a_warning_does_not() {
    for (works, status) in [(true, 200), (false, 503)] {
        let settings = format!("{SETTINGS}\nMONITORING_NETWORKS = ['loopback']");
        let client = Client::with_settings(App::new(urls()).with(Printer { works }), &settings);
        let ready = from(&client, "127.0.0.1", "/readyz");
        ready.assert_status(status).assert_contains("Database: OK\n");
        ready.assert_contains(if works { "Printer: Warning\n" } else { "Printer: Failed\n" });
        // It does not tell what exactly is wrong.
        assert!(!ready.text().contains("paper") && !ready.text().contains("fire"), "{}", ready.text());
        from(&client, "127.0.0.1", "/healthz").assert_status(200);

        let page = from(&client, "127.0.0.1", "/metrics");
        assert_eq!(page.text().contains("printer_pages_total{tray=\"one\"} 12"), works);
        assert_eq!(page.text().contains("# TYPE printer_pages_total counter"), works);
        assert_eq!(value(&page, "lback_database_connections_max"), "8");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn an_application_without_its_database_is_alive_and_not_ready() {
    let Some(server) = lback_test_servers::Postgres::start(lback_test_servers::Disk::Fast) else { return };
    let url = server.url("postgres");
    let settings = format!("{SETTINGS}\nMONITORING_NETWORKS = ['loopback']\nDATABASE_URL = '{url}'\nDATABASE_WAIT_SECONDS = 1");
    let client = Client::with_settings(App::new(urls()), &settings);
    from(&client, "127.0.0.1", "/readyz").assert_status(200);
    server.stop().unwrap();
    from(&client, "127.0.0.1", "/readyz").assert_status(503).assert_contains("Database: Failed\n");
    from(&client, "127.0.0.1", "/healthz").assert_status(200);
    from(&client, "127.0.0.1", "/metrics").assert_status(200);
}
