//! The log as JSON, and traces across services.

use std::fs;

use lback::prelude::*;
use lback::testing::Client;
use tempfile::TempDir;

use crate::logs;
use crate::server_process::{Process, eventually, send};

fn urls() -> Router {
    Router::new()
        .get("/{name}", |req: &mut Request| req.traceparent())
        .get("/fail/now", |_: &mut Request| -> Result<()> { Err(Error::internal("a \"quoted\"\nmessage")) })
}

#[test]
fn a_trace_is_logged_and_goes_on() {
    logs::start();
    let client = Client::with_settings(App::new(urls()).without_sessions().without_database(), "ALLOWED_HOSTS = ['*']");
    let trace = "8a3c60f7d188f8fa79d48a391a778fa6";
    let response = client.get("/traced").header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")).send();
    let id = response.header("x-request-id").unwrap();
    assert_eq!(response.text(), format!("00-{trace}-{id}-01"));
    assert!(logs::lines_with(trace).iter().any(|line| line.contains("GET /traced 200") && line.ends_with(&format!("{id} trace {trace}"))));

    for wrong in ["00-8a3c60f7d188f8fa79d48a391a778fa6\u{e9}-00f067aa0ba902b7-01", "nonsense", ""] {
        let response = client.get("/new").header("traceparent", wrong).send();
        let id = response.header("x-request-id").unwrap();
        assert!(response.text().ends_with(&format!("{id}-{id}-00")) && !response.text().contains(trace), "{}", response.text());
    }
    let again = client.get("/new").send();
    assert_ne!(again.text(), client.get("/new").send().text());
}

/// Another process.
#[test]
#[ignore = "run by the other tests"]
fn the_server() {
    Process::run(App::new(urls()));
}

#[test]
fn a_line_of_the_log_is_an_object() {
    let project = TempDir::with_prefix("lback-test-").unwrap();
    let settings = "DEBUG = true\nSECRET_KEY = 'a key that only tests use, and that is long enough'\nSESSION_TIMEOUT_MINUTES = 30\nLOG_FORMAT = 'json'";
    fs::write(project.path().join("settings.toml"), settings).unwrap();
    let process = Process::start("traces::the_server", project.path(), "serve 127.0.0.1:0");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
    assert!(send(&process.address, "GET", "/a%22b", &traceparent).unwrap().starts_with("HTTP/1.1 200"));
    assert!(send(&process.address, "GET", "/fail/now", "").unwrap().starts_with("HTTP/1.1 500"));
    let objects = || -> Vec<serde_json::Value> {
        // Before the log, the test program itself says what it runs.
        process.log().iter().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let request = |path: &str| objects().into_iter().find(|line| line["message"] == "request" && line["path"] == path);
    eventually("both requests are logged", || request("/a%22b").is_some() && request("/fail/now").is_some());
    let line = request("/a%22b").unwrap();
    assert_eq!((&line["level"], &line["target"], &line["method"]), (&"INFO".into(), &"lback::request".into(), &"GET".into()));
    assert_eq!((&line["status"], &line["trace"]), (&200.into(), &trace.into()));
    assert!(line["duration_ms"].is_f64() && line["timestamp"].is_string());
    let failed = request("/fail/now").unwrap();
    assert_eq!((&failed["status"], failed.get("trace")), (&500.into(), None));
    let error = objects().into_iter().find(|line| line["target"] == "lback::error").unwrap();
    assert_eq!((&error["message"], &error["id"]), (&"a \"quoted\"\nmessage".into(), &failed["id"]));
}
