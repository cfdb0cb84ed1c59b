//! Middleware.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lback_core::middleware::{AllowedHosts, Errors, RequestLog, SecurityHeaders, Stack, Timeout};
use lback_core::testing::Client;
use lback_core::{Error, Middleware, Next, Request, Response, Result, Router};

use crate::{app, assemble, client, start_error};

/// Records when it runs, on the way in and out.
struct Note(&'static str, Arc<Mutex<Vec<String>>>);

impl Middleware for Note {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        self.1.lock().unwrap().push(format!("{} in", self.0));
        let result = next.run(req).await;
        self.1.lock().unwrap().push(format!("{} out", self.0));
        result
    }

    fn name(&self) -> &'static str {
        self.0
    }
}

struct Needs(&'static [&'static str]);

impl Middleware for Needs {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        next.run(req).await
    }

    fn requires(&self) -> &'static [&'static str] {
        self.0
    }
}

fn hello(_: &mut Request) -> &'static str {
    "hello"
}

#[test]
fn layers_run_from_outside_in_and_back() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let note = |name| Note(name, notes.clone());
    let shop = Router::new().get("/item", hello).middleware(note("route1")).middleware(note("route2")).get("/bare", hello);
    let urls = Router::new().include("/shop", shop).middleware(note("include")).get("/", hello);
    let app = assemble(urls, "", |stack| stack.push(note("outer")).push(note("inner"))).unwrap();
    let client = Client::new(app.clone());
    let seen = |path: &str| {
        client.get(path).send();
        let seen: Vec<String> = notes.lock().unwrap().drain(..).filter_map(|note| note.strip_suffix(" in").map(str::to_owned)).collect();
        seen.join(" ")
    };
    client.get("/shop/item").send().assert_contains("hello");
    let all: Vec<String> = notes.lock().unwrap().drain(..).collect();
    let names = ["outer", "inner", "include", "route1", "route2"];
    let expected: Vec<String> =
        names.iter().map(|name| format!("{name} in")).chain(names.iter().rev().map(|name| format!("{name} out"))).collect();
    assert_eq!(all, expected);
    assert_eq!(seen("/shop/bare"), "outer inner include");
    assert_eq!(seen("/"), "outer inner");
    assert_eq!(seen("/nothing"), "outer inner");
    assert_eq!(app.middleware().collect::<Vec<_>>(), ["outer", "inner"]);
    assert_eq!(app.routes()[0].middleware().collect::<Vec<_>>(), ["include", "route1", "route2"]);
}

#[test]
fn the_stack_can_be_rearranged_by_name() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let note = |name| Note(name, notes.clone());
    let mut stack = Stack::new();
    stack.push(note("a")).push(note("b")).push(note("c"));
    stack.insert_before("b", note("before")).unwrap().insert_after("b", note("after")).unwrap();
    stack.replace("c", note("z")).unwrap().remove("a").unwrap();
    assert_eq!(stack.names().collect::<Vec<_>>(), ["before", "b", "after", "z"]);
    assert!(stack.contains("b") && !stack.contains("a"));
    for error in [
        stack.remove("a").err(),
        stack.insert_before("a", note("x")).err(),
        stack.insert_after("a", note("x")).err(),
        stack.replace("a", note("x")).err(),
    ] {
        let error = error.unwrap().to_string();
        assert!(error.contains("no middleware called a") && error.contains("before, b, after, z"), "{error}");
    }
}

#[test]
fn a_wrong_order_is_an_error_at_startup() {
    let wrong = assemble(Router::new().get("/", hello), "", |stack| stack.push(Needs(&["Errors"])).push(Errors));
    let error = wrong.err().unwrap().to_string();
    assert!(error.contains("Needs needs Errors outside it") && error.contains("Needs → Errors"), "{error}");
    assert!(assemble(Router::new().get("/", hello), "", |stack| stack.push(Errors).push(Needs(&["Errors"]))).is_ok());

    // On a route, with its location; the application's own stack counts as outside.
    let error = start_error(Router::new().get("/", hello).middleware(Needs(&["Errors"])));
    assert!(error.contains("middleware.rs:") && error.contains("Needs needs Errors"), "{error}");
    let around = Router::new().get("/", hello).middleware(Needs(&["Errors"]));
    assert!(assemble(around, "", |stack| stack.push(Errors)).is_ok());
}

#[test]
fn a_middleware_can_answer_itself_and_change_requests_and_responses() {
    async fn guard(req: &mut Request, next: Next<'_>) -> Result<Response> {
        match req.header("x-key") {
            None => Err(Error::forbidden("no key")),
            Some("early") => Ok(Response::text("answered early")),
            Some(_) => {
                req.extensions_mut().insert(7_u32);
                next.run(req).await?.with_header("x-passed", "guard")
            }
        }
    }
    let view = |req: &mut Request| req.extensions().get::<u32>().unwrap().to_string();
    let client = client(Router::new().get("/", view).middleware(guard));
    client.get("/").send().assert_status(403);
    client.get("/").header("x-key", "early").send().assert_status(200).assert_contains("answered early");
    let passed = client.get("/").header("x-key", "right").send();
    assert_eq!((passed.text(), passed.header("x-passed")), ("7", Some("guard")));
}

#[test]
fn a_middleware_sees_the_route_before_the_view_runs() {
    #[derive(Clone)]
    struct Exempt;
    async fn look(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let seen = req.route().map(|route| format!("{} {} {}", route.pattern(), route.option::<Exempt>().is_some(), route.is_streaming()));
        next.run(req).await?.with_header("x-seen", seen.unwrap_or_default())
    }
    let urls = Router::new().get("/a/{x}", hello).option(Exempt).get("/b", hello).streaming();
    let client = Client::new(assemble(urls, "", |stack| stack.push(look).push(Errors)).unwrap());
    assert_eq!(client.get("/a/1").send().header("x-seen"), Some("/a/{x} true false"));
    assert_eq!(client.get("/b").send().header("x-seen"), Some("/b false true"));
    assert_eq!(client.get("/c").send().assert_status(404).header("x-seen"), Some(""));
}

#[test]
fn panics_become_500_and_the_server_keeps_running() {
    async fn panics_before(req: &mut Request, next: Next<'_>) -> Result<Response> {
        assert!(req.header("x-live").is_some(), "on purpose");
        next.run(req).await
    }
    async fn panics_after(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let response = next.run(req).await;
        assert!(req.header("x-live").is_some(), "on purpose");
        response
    }
    let view = |req: &mut Request| -> &'static str { req.header("x-live").map(|_| "alive").expect("on purpose") };
    let later = async |req: &mut Request| -> &'static str {
        tokio::task::yield_now().await;
        req.header("x-live").map(|_| "alive").expect("on purpose")
    };
    let not_text = |_: &mut Request| -> &'static str { std::panic::panic_any(7_u8) };
    let urls = || {
        Router::new()
            .get("/view", view)
            .get("/async", later)
            .get("/before", hello)
            .middleware(panics_before)
            .get("/after", hello)
            .middleware(panics_after)
            .get("/any", not_text)
            .get("/hello", hello)
    };
    for client in [client(urls()), Client::over_socket(app(urls())).unwrap(), Client::new(assemble(urls(), "", |stack| stack).unwrap())] {
        for path in ["/view", "/async", "/before", "/after"] {
            let response = client.get(path).send();
            assert!(!response.assert_status(500).text().contains("on purpose"), "the cause is for the log only");
            client.get(path).header("x-live", "1").send().assert_status(200);
        }
        client.get("/any").send().assert_status(500);
        client.get("/hello").send().assert_status(200);
    }
}

/// Does nothing unless the path is `/office`.
struct Office;

impl Middleware for Office {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        next.run(req).await?.with_header("x-office", req.path())
    }

    fn skips(&self, req: &Request) -> bool {
        assert_ne!(req.path(), "/panic");
        req.path() != "/office"
    }
}

#[test]
fn a_middleware_with_nothing_to_do_is_skipped() {
    let notes = Arc::default();
    let router = Router::new().get("/", hello).get("/office", hello).get("/panic", hello);
    let note = Note("inner", Arc::clone(&notes));
    let client = Client::new(assemble(router, "", |stack| stack.push(Office).push(Errors).push(note).push(Office)).unwrap());
    assert_eq!(client.get("/office").send().header("x-office"), Some("/office"));
    let response = client.get("/").send();
    assert_eq!((response.text(), response.header("x-office")), ("hello", None));
    assert_eq!(*notes.lock().unwrap(), ["inner in", "inner out", "inner in", "inner out"]);
    // A panic in the outermost middleware is answered, too.
    client.get("/panic").send().assert_status(500);
}

#[test]
fn an_outer_middleware_sees_a_panic_as_an_error() {
    async fn look(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let error = next.run(req).await.err().unwrap();
        assert!(error.is_panic() && error.location().unwrap().contains("middleware.rs"));
        Ok(Response::text(format!("{} {:?}", error.message(), req.route().map(|route| route.pattern()))))
    }
    let view = |_: &mut Request| -> &'static str { panic!("number {}", 7) };
    let client = client(Router::new().get("/", view).middleware(look));
    client.get("/").send().assert_contains("number 7").assert_contains("Some(\"/\")");
}

#[test]
fn a_view_that_waits_too_long_is_cut_off() {
    static STOPPED: AtomicBool = AtomicBool::new(false);
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            STOPPED.store(true, Ordering::SeqCst);
        }
    }
    let never = async |req: &mut Request| -> &'static str {
        let _guard = Guard;
        req.cookies().add(("half", "done"));
        std::future::pending().await
    };
    let urls = Router::new().get("/never", never).timeout(Duration::from_millis(1)).get("/hello", hello).timeout(Duration::ZERO);
    let client = client(urls);
    let response = client.get("/never").send();
    assert!(response.assert_status(503).cookies().is_empty(), "{response:?}");
    assert!(STOPPED.load(Ordering::SeqCst), "the view is stopped, not forgotten");
    client.get("/hello").send().assert_status(200);
}

#[test]
fn a_plain_view_that_takes_too_long_keeps_running_after_the_503() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (finish, finished) = std::sync::mpsc::channel();
    let released = Mutex::new(released);
    let slow = move |req: &mut Request| {
        released.lock().unwrap().recv().unwrap();
        finish.send(req.path().to_owned()).unwrap();
    };
    let client = client(Router::new().get("/slow", slow).timeout(Duration::from_millis(1)));
    client.get("/slow").send().assert_status(503);
    release.send(()).unwrap();
    assert_eq!(finished.recv().unwrap(), "/slow");
}

#[test]
fn the_settings_limit_a_view_without_a_limit_of_its_own() {
    let never = async |_: &mut Request| -> &'static str { std::future::pending().await };
    let app = assemble(Router::new().get("/", never), "REQUEST_TIMEOUT_SECONDS = 1", |stack| stack.push(Errors).push(Timeout)).unwrap();
    Client::new(app).get("/").send().assert_status(503);
}

#[test]
fn pages_for_developers_are_shown_to_allowed_hosts_only() {
    let urls = || Router::new().get("/", |_: &mut Request| -> Result<Response> { Err(Error::internal("the secret of the view")) });
    // With the middleware and without it.
    let with: fn(&mut Stack) -> &mut Stack = |stack| stack.push(Errors).push(AllowedHosts);
    let without: fn(&mut Stack) -> &mut Stack = |stack| stack.push(Errors);
    for stack in [with, without] {
        let client = Client::new(assemble(urls(), "DEBUG = true", stack).unwrap());
        for (path, accept) in [("/", "text/html"), ("/", "application/json"), ("/none", "text/html"), ("/none", "application/json")] {
            let answer = |host: &str| client.get(path).header("host", host).header("accept", accept).send().text().to_owned();
            let (ours, other) = (answer("localhost:8000"), answer("evil.example:8000"));
            assert!(ours.contains(".rs") || path == "/none", "{ours}");
            for part in [".rs", "the secret of the view", "SECRET_KEY", "location"] {
                assert!(!other.contains(part), "{part} in {other}");
            }
        }
    }
}

#[test]
fn only_allowed_hosts_are_answered() {
    let with =
        |toml: &str| Client::new(assemble(Router::new().get("/", hello), toml, |stack| stack.push(Errors).push(AllowedHosts)).unwrap());
    let status = |client: &Client, host: &str| client.get("/").header("host", host).send().status().as_u16();

    let named = with("ALLOWED_HOSTS = ['Example.com', '.shop.test', '[::1]']");
    for host in ["example.com", "EXAMPLE.com:8000", "example.com.", "shop.test", "a.b.shop.test:1", "[::1]:8000", "[::1]"] {
        assert_eq!(status(&named, host), 200, "{host}");
    }
    for host in [
        "",
        "evil.com",
        "sub.example.com",
        "example.com.evil.com",
        "notshop.test",
        "evilexample.com",
        "example.com@evil.com",
        "example.com:80:evil.com",
        "localhost",
        // Hosts that end like an allowed one but would lead elsewhere in a link.
        "evil.com/.shop.test",
        "evil.com?.shop.test",
        "evil.com#.shop.test",
        "evil.com\\.shop.test",
        "evil@a.shop.test",
        "evil com.shop.test",
        "evil\tcom.shop.test",
        "evil.com:80#.shop.test",
        "[evil].shop.test",
        "[::1]evil",
        "[::1",
        "shop.test:80a",
        ":80",
    ] {
        assert_eq!(status(&named, host), 400, "{host}");
    }
    let debug = with("DEBUG = true");
    for host in ["localhost:8000", "127.0.0.1", "[::1]:8000", "app.localhost"] {
        assert_eq!(status(&debug, host), 200, "{host}");
    }
    assert_eq!(status(&debug, "example.com"), 400);
    assert_eq!(status(&with(""), "localhost"), 400);
    let any = with("ALLOWED_HOSTS = ['*']");
    for (host, expected) in [("whatever", 200), ("my_app:8000", 200), ("a/b", 400), ("a?b", 400), ("", 400)] {
        assert_eq!(status(&any, host), expected, "{host}");
    }
    assert_eq!(any.get("/").header("host", "a").header("host", "b").send().status(), 400);
}

#[test]
fn security_headers_are_added_and_do_not_override() {
    let own = |_: &mut Request| Response::text("x").with_header("x-frame-options", "SAMEORIGIN");
    let fails = |_: &mut Request| -> Result<()> { Err(Error::internal("broken")) };
    let urls = Router::new().get("/", hello).get("/own", own).get("/fails", fails);
    let toml = "HSTS_SECONDS = 60\nTRUSTED_PROXIES = ['127.0.0.1']";
    let client = Client::new(assemble(urls, toml, |stack| stack.push(Errors).push(SecurityHeaders)).unwrap());
    for path in ["/", "/fails", "/nothing"] {
        let response = client.get(path).send();
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{response:?}");
        assert_eq!(response.header("x-frame-options"), Some("DENY"));
        assert!(response.header("referrer-policy").is_some() && response.header("cross-origin-opener-policy").is_some());
        assert!(response.header("strict-transport-security").is_none());
    }
    assert_eq!(client.get("/own").send().headers_all("x-frame-options"), ["SAMEORIGIN"]);
    let secure = client.get("/").header("x-forwarded-proto", "https").send();
    assert_eq!(secure.header("strict-transport-security"), Some("max-age=60"));
}

#[test]
fn every_response_carries_the_id_of_its_request() {
    let id = |req: &mut Request| req.id().to_string();
    let fails = |_: &mut Request| -> Result<()> { Err(Error::internal("broken")) };
    let urls = Router::new().get("/", id).get("/fails", fails);
    let client = Client::new(assemble(urls, "", |stack| stack.push(RequestLog).push(Errors)).unwrap());
    let response = client.get("/").send();
    assert_eq!(response.header("x-request-id"), Some(response.text()));
    assert_ne!(client.get("/").send().text(), response.text());
    assert!(client.get("/fails").send().header("x-request-id").is_some());
}
