//! The test client.

use std::time::Duration;

use lback_core::testing::Client;
use lback_core::{Assembly, Clock, Cookie, Error, Request, Response, Result, Router, StatusCode};

use crate::{app, app_with, client, settings};

fn set(req: &mut Request) -> Result<Response> {
    let text: String = req.headers().get_all("x-set").iter().map(|value| format!("{}\n", value.to_str().unwrap())).collect();
    let mut response = Response::text("set");
    for line in text.lines() {
        response = response.with_cookie(Cookie::parse(line.to_owned()).unwrap())?;
    }
    Ok(response)
}

fn show(req: &mut Request) -> String {
    req.header("cookie").unwrap_or("none").to_owned()
}

fn jar() -> (Client, Clock) {
    let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
    let mut assembly = Assembly::new(Router::new().get("/{x:path}", show).post("/{x:path}", set).get("/", show), settings(""));
    assembly.clock(clock.clone());
    (Client::new(assembly.build().unwrap()), clock)
}

#[test]
fn cookies_are_kept_by_path() {
    let (client, _) = jar();
    client.post("/a/b").header("x-set", "root=1; Path=/").header("x-set", "folder=2").header("x-set", "deep=3; Path=/a/b/c").send();
    assert_eq!(client.get("/").send().text(), "root=1");
    assert_eq!(client.get("/a").send().text(), "folder=2; root=1");
    assert_eq!(client.get("/ab").send().text(), "root=1");
    assert_eq!(client.get("/a/b/c/d").send().text(), "deep=3; folder=2; root=1");
    assert_eq!(client.cookies().len(), 3);
}

#[test]
fn cookies_are_replaced_removed_and_expire() {
    let (client, clock) = jar();
    client.post("/x").header("x-set", "a=1; Path=/").header("x-set", "b=1; Path=/; Max-Age=60").header("x-set", "c=1; Path=/").send();
    client.post("/x").header("x-set", "a=2; Path=/").header("x-set", "c=; Path=/; Max-Age=0").send();
    assert_eq!(client.get("/").send().text(), "b=1; a=2");
    clock.advance(Duration::from_secs(60));
    assert_eq!(client.get("/").send().text(), "a=2");
    client.post("/x").header("x-set", "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT").send();
    assert_eq!(client.get("/").send().text(), "none");
}

#[test]
fn cookies_of_other_domains_and_false_prefixes_are_refused() {
    let (client, _) = jar();
    let post = client
        .post("/x")
        .header("host", "a.example.com")
        .header("x-set", "evil=1; Domain=evil.com")
        .header("x-set", "wide=1; Path=/; Domain=example.com");
    post.header("x-set", "own=1; Path=/").header("x-set", "__Host-a=1; Path=/").header("x-set", "__Host-b=1; Path=/; Secure").send();
    assert_eq!(client.get("/").header("host", "a.example.com").send().text(), "wide=1; own=1; __Host-b=1");
    assert_eq!(client.get("/").header("host", "b.example.com").send().text(), "wide=1");
    assert_eq!(client.get("/").header("host", "notexample.com").send().text(), "none");
}

#[test]
fn a_test_can_set_and_clear_cookies() {
    let (client, _) = jar();
    client.set_cookie("a", "x y");
    client.set_cookie("a", "é");
    assert_eq!(client.cookie("a").as_deref(), Some("é"));
    assert_eq!(client.get("/").cookie("once", "1").send().text(), "once=1; a=%C3%A9");
    assert_eq!(client.get("/").send().text(), "a=%C3%A9");
    assert_eq!(client.fork().get("/").send().text(), "none");
    client.clear_cookies();
    assert_eq!(client.get("/").send().text(), "none");
    assert!(client.cookie("a").is_none());
}

#[test]
fn redirects_are_followed_with_the_right_method() {
    let to = |status: u16| move |_: &mut Request| Response::redirect("end").with_status(StatusCode::from_u16(status).unwrap());
    let end = |req: &mut Request| format!("{} {}", req.method(), String::from_utf8_lossy(req.body()));
    let urls = [301, 302, 303, 307, 308]
        .into_iter()
        .fold(Router::new().any("/end", end), |urls, status| urls.any(&format!("/{status}"), to(status)));
    let client = client(urls);
    for (status, answer) in [(301, "GET "), (302, "GET "), (303, "GET "), (307, "POST x=1"), (308, "POST x=1")] {
        let path = format!("/{status}");
        client.post(&path).form(&[("x", "1")]).send().assert_status(status).assert_redirect("end");
        let response = client.post(&path).form(&[("x", "1")]).follow().send();
        assert_eq!((response.text(), response.path()), (answer, "/end"), "{status}");
    }
    assert!(client.put("/302").body("x").follow().send().text().starts_with("PUT x"));
    assert!(client.put("/303").body("x").follow().send().text().starts_with("GET "));
    let following = client.fork().follow_redirects(true);
    assert_eq!(following.get("/303").send().path(), "/end");
}

#[test]
fn redirects_send_cookies_and_stop_at_other_hosts_and_in_loops() {
    let login = |req: &mut Request| {
        req.cookies().add(("user", "alice"));
        Response::redirect("/me")
    };
    let urls = Router::new()
        .post("/login", login)
        .get("/me", show)
        .get("/away", |_: &mut Request| Response::redirect("https://example.com/"))
        .get("/circle", |_: &mut Request| Response::redirect("/circle"));
    let client = client(urls);
    client.post("/login").follow().send().assert_contains("user=alice");
    client.get("/away").follow().send().assert_redirect("https://example.com/");
    assert!(client.get("/circle").follow().try_send().is_err());
}

#[test]
fn responses_over_a_socket_and_in_memory_are_the_same() {
    let urls = Router::new()
        .get("/", |req: &mut Request| format!("{:?}", req.peer_addr().unwrap().ip()))
        .post("/{x}", |req: &mut Request| req.body().len().to_string());
    let app = app(urls);
    let memory = Client::new(app.clone());
    let socket = Client::over_socket(app).unwrap();
    for client in [&memory, &socket] {
        client.get("/").send().assert_status(200).assert_contains("127.0.0.1");
        assert_eq!(client.head("/").send().header("content-length"), Some("9"));
        assert_eq!(client.post("/a b").body(vec![7; 100_000]).send().text(), "100000");
        client.get("/no/thing").send().assert_status(404);
    }
    assert_eq!(socket.url(), format!("http://{}", socket.addr().unwrap()));
    let fork = socket.fork();
    drop(socket);
    fork.get("/").send().assert_status(200);
    let addr = fork.addr().unwrap();
    drop(fork);
    assert!(std::net::TcpStream::connect(addr).is_err(), "the server stops with its last client");
}

#[test]
fn several_threads_can_send_requests_at_the_same_time() {
    let client = client(Router::new().get("/{n:int}", |req: &mut Request| req.param::<i64>("n").map(|n| (n * 2).to_string())));
    std::thread::scope(|scope| {
        for n in 0..8 {
            let client = &client;
            scope.spawn(move || assert_eq!(client.get(&format!("/{n}")).send().text(), (n * 2).to_string()));
        }
    });
}

#[test]
fn a_failed_assertion_shows_the_response() {
    let client = client(Router::new().get("/", |_: &mut Request| "what it really said"));
    let response = client.get("/").send();
    let checks: [&(dyn Fn() + Sync); 5] = [
        &|| _ = response.assert_status(404),
        &|| _ = response.assert_contains("something else"),
        &|| _ = response.assert_not_contains("really"),
        &|| _ = response.assert_redirect("/"),
        &|| _ = response.json::<u8>(),
    ];
    for check in checks {
        let message = std::thread::scope(|scope| scope.spawn(check).join()).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("GET / answered 200") && message.contains("what it really said"), "{message}");
    }
}

/// Returns the text that a failed assertion prints.
fn shown(response: &lback_core::testing::TestResponse) -> String {
    format!("{response:?}")
}

#[test]
fn a_failure_shows_the_message_the_location_and_the_causes_but_no_page() {
    fn fail(_: &mut Request) -> Result<()> {
        let cause = std::io::Error::other("the disk is full");
        Err(Error::internal("the order cannot be saved").with_source(cause))
    }
    let urls = || Router::new().get("/", fail).get("/panic", |_: &mut Request| -> () { panic!("no such hat") });
    for settings in ["DEBUG = true", "DEBUG = false"] {
        let client = Client::new(app_with(urls(), settings));
        let failed = shown(&client.get("/").send());
        let begin = "--- GET / answered 500 Internal Server Error\nthe order cannot be saved\n  at lback-core/tests/core/client.rs:";
        assert!(failed.starts_with(begin) && failed.contains("\n  caused by: the disk is full\n\n"), "{settings}: {failed}");
        assert!(failed.lines().count() < 25 && !failed.contains("{") && !failed.contains("</"), "{settings}: {failed}");
        let panicked = shown(&client.get("/panic").header("accept", "application/json").send());
        assert!(panicked.contains("\npanic: no such hat\n"), "{settings}: {panicked}");
        let missing = shown(&client.get("/none").send());
        assert!(missing.contains("404 Not Found\nThere is no page at this address."), "{settings}: {missing}");
    }
}

#[test]
fn a_failure_over_a_socket_shows_the_text_of_its_page() {
    let fail = |_: &mut Request| -> Result<()> { Err(Error::internal("the order cannot be saved: 1 < 2")) };
    let client = Client::over_socket(app_with(Router::new().get("/", fail), "DEBUG = true")).unwrap();
    let failed = shown(&client.get("/").send());
    assert!(failed.contains("\n500 Internal Server Error\nthe order cannot be saved: 1 < 2\n"), "{failed}");
    // The page shows the lines of this test, so they must not contain the searched text literally.
    let (tag, style) = (format!("<{}>", "h1"), ["color", "scheme"].join("-"));
    assert!(failed.contains("client.rs:") && !failed.contains(&tag) && !failed.contains(&style), "{failed}");
}

#[test]
fn a_page_is_shown_with_its_markup_and_without_its_styles() {
    let page = |_: &mut Request| {
        Response::html("<html><style>\na { color: red }\n</style>\n\n<script>\nlet x;\n</script>\n<p class=\"x\">hello</p>")
    };
    let shown = shown(&client(Router::new().get("/", page)).get("/").send());
    assert!(shown.ends_with("\n<html>\n<p class=\"x\">hello</p>"), "{shown}");
}
