//! Requests from pages of other sites.

use std::time::Duration;

use lback::prelude::*;
use lback::testing::{Client, TestResponse};
use lback_test_servers::Browser;

use crate::{logs, start_error};

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";
const APP: &str = "https://app.example.com";

fn hello(_: &mut Request) -> &'static str {
    "hello"
}

async fn guard(_: &mut Request, _: Next<'_>) -> Result<Response> {
    Err(Error::forbidden("not you"))
}

fn client(urls: Router) -> Client {
    logs::start();
    Client::with_settings(App::new(urls), SETTINGS)
}

fn api() -> Router {
    Router::new()
        .get("/tickets", hello)
        .post("/tickets", hello)
        .delete("/tickets/{id:int}", hello)
        .any("/any", hello)
        .get("/secret", hello)
        .middleware(guard)
        .get("/broken", |_: &mut Request| -> Result<()> { panic!("on purpose") })
}

fn preflight(client: &Client, path: &str, origin: &str, method: &str, headers: &str) -> TestResponse {
    let request = client.options(path).header("origin", origin).header("access-control-request-method", method);
    if headers.is_empty() { request.send() } else { request.header("access-control-request-headers", headers).send() }
}

fn get(client: &Client, path: &str, origin: &str) -> TestResponse {
    client.get(path).header("origin", origin).send()
}

fn allowed(response: &TestResponse) -> Option<String> {
    response.header("access-control-allow-origin").map(str::to_owned)
}

/// Returns whether caches keep the response by this header of the request.
fn varies_by(response: &TestResponse, name: &str) -> bool {
    response.headers_all("vary").iter().flat_map(|line| line.split(',')).any(|part| part.trim().eq_ignore_ascii_case(name))
}

#[test]
fn listed_origins_may_read_all_responses_and_others_none() {
    let client = client(Router::new().include("/api", api()).cors(Cors::new([APP, "https://*.example.org"])).get("/page", hello));
    for (path, status) in
        [("/api/tickets", 200), ("/api/secret", 403), ("/api/broken", 500), ("/api/missing", 404), ("/api/tickets/7", 405)]
    {
        for origin in [APP, "https://a.b.example.org"] {
            let response = get(&client, path, origin);
            response.assert_status(status);
            assert_eq!(allowed(&response).as_deref(), Some(origin), "{path}");
            assert!(varies_by(&response, "origin"), "{path}");
            assert!(response.header("access-control-expose-headers").unwrap().contains("x-request-id"), "{path}");
            assert_eq!(response.header("access-control-allow-credentials"), None);
        }
        for origin in
            ["https://app.example.com.evil.example", "http://app.example.com", "https://app.example.com:444", "https://example.org", "null"]
        {
            let response = get(&client, path, origin);
            assert_eq!(allowed(response.assert_status(status)), None, "{path} {origin}");
            assert!(varies_by(&response, "origin"), "{path}");
        }
    }
    let without = client.get("/api/tickets").send();
    assert!(allowed(&without).is_none() && varies_by(&without, "origin"), "a cache must not serve it to a page of another site");
    let page = get(&client, "/page", APP);
    assert!(allowed(&page).is_none() && !varies_by(&page, "origin"));
}

#[test]
fn a_preflight_is_answered_before_guards_with_the_methods_of_the_routes() {
    let client = client(Router::new().include("/api", api()).cors(Cors::new([APP]).max_age(Duration::from_secs(60))));
    client.enforce_csrf();
    for (path, asked, methods) in [
        ("/api/tickets", "POST", "GET, HEAD, POST"),
        ("/api/tickets/7", "DELETE", "DELETE"),
        ("/api/secret", "GET", "GET, HEAD"),
        ("/api/any", "PATCH", "PATCH"),
        ("/api/tickets/", "POST", "POST"),
    ] {
        let response = preflight(&client, path, APP, asked, "content-type,x-csrf-token");
        assert_eq!(allowed(response.assert_status(204)).as_deref(), Some(APP), "{path}");
        assert_eq!(response.header("access-control-allow-methods"), Some(methods), "{path}");
        assert!(response.header("access-control-allow-headers").unwrap().contains("x-csrf-token"));
        assert_eq!(response.header("access-control-max-age"), Some("60"));
        assert!(response.header("x-request-id").is_some() && response.cookies().is_empty());
    }
    for (origin, path) in [("https://evil.example", "/api/tickets"), (APP, "/elsewhere")] {
        let response = preflight(&client, path, origin, "POST", "");
        assert_eq!((allowed(&response), response.header("access-control-allow-methods")), (None, None), "{path}");
    }
    // Without the question, it is an ordinary request.
    let plain = client.options("/api/tickets").header("origin", APP).send();
    assert_eq!(plain.assert_status(204).header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    assert_eq!(allowed(&plain).as_deref(), Some(APP));
}

#[test]
fn any_origin_is_a_star_that_caches_may_keep() {
    let client = client(Router::new().get("/data", hello).cors(Cors::any_origin().any_header().expose(["x-total"])));
    for origin in [APP, "null", "nonsense"] {
        let response = get(&client, "/data", origin);
        assert_eq!(allowed(&response).as_deref(), Some("*"));
        assert!(!varies_by(&response, "origin"));
        assert_eq!(response.header("access-control-expose-headers"), Some("x-total"));
    }
    let response = preflight(&client, "/data", APP, "GET", "x-one, x-two");
    assert_eq!(response.header("access-control-allow-headers"), Some("x-one, x-two"));
}

#[test]
fn credentials_are_allowed_for_listed_origins_only() {
    let client = client(Router::new().get("/data", hello).cors(Cors::new([APP]).credentials()));
    for response in [get(&client, "/data", APP), preflight(&client, "/data", APP, "GET", "")] {
        assert_eq!((allowed(&response).as_deref(), response.header("access-control-allow-credentials")), (Some(APP), Some("true")));
    }
    for response in [get(&client, "/data", "null"), preflight(&client, "/data", "https://evil.example", "GET", "")] {
        assert_eq!((allowed(&response), response.header("access-control-allow-credentials")), (None, None));
    }
}

#[test]
fn the_innermost_cors_decides() {
    let public = Router::new().get("/feed", hello);
    let inner = Router::new().get("/tickets", hello).include("/public", public).cors(Cors::any_origin());
    let client = client(Router::new().include("/api", inner).cors(Cors::new([APP])));
    let of = |path: &str| allowed(&get(&client, path, "https://other.example"));
    assert_eq!((of("/api/tickets"), of("/api/missing")), (None, None));
    assert_eq!((of("/api/public/feed").as_deref(), of("/api/public/missing").as_deref()), (Some("*"), Some("*")));
}

#[test]
fn a_cors_that_cannot_work_does_not_start() {
    for (cors, why) in [
        (Cors::any_origin().credentials(), "List the origins: Cors::new("),
        (Cors::new(["*"]), "Cors::any_origin()"),
        (Cors::new(Vec::<String>::new()), "has no origin"),
        (Cors::new(["app.example.com"]), "\"app.example.com\"]): this is not an origin"),
        (Cors::new(["https://app.example.com/path"]), "this is not an origin"),
        (Cors::new([APP]).headers(["x y"]), "\"x y\" is not the name of a header"),
    ] {
        let error = start_error(App::new(Router::new().get("/", hello).cors(cors)), SETTINGS);
        assert!(error.contains("cors.rs:") && error.contains(why), "{error}");
    }
}

#[test]
fn the_log_says_what_to_write() {
    let client = client(Router::new().include("/api", api()).cors(Cors::new([APP])));
    let warnings = |text: &str| logs::lines_with(text).into_iter().filter(|line| line.contains("WARN")).collect::<Vec<_>>();
    for _ in 0..3 {
        get(&client, "/api/tickets", "https://logged-first.example");
    }
    let first = warnings("logged-first.example");
    assert_eq!(first.len(), 1, "any site could fill the log: {first:#?}");
    assert!(first[0].contains("Cors::new([\"https://logged-first.example\", …])") && first[0].contains("cors.rs:"), "{first:#?}");

    let debug = |urls| Client::with_settings(App::new(urls), &format!("DEBUG = true\n{SETTINGS}"));
    let client = debug(Router::new().include("/api", api()).cors(Cors::new([APP]).methods([Method::GET])));
    preflight(&client, "/api/tickets/7", APP, "DELETE", "");
    preflight(&client, "/api/tickets", APP, "GET", "x-logged-second");
    assert_eq!(warnings("the method DELETE is not allowed. If it should be, add .methods([Method::DELETE, …]) to the Cors at ").len(), 1);
    assert_eq!(warnings(".headers([\"x-logged-second\", …])").len(), 1);
    let client = debug(Router::new().get("/", hello));
    preflight(&client, "/", "http://logged-third.example:5173", "GET", "x-other");
    assert_eq!(warnings("write .cors(Cors::new([\"http://logged-third.example:5173\"]))").len(), 1);
    // Browsers name the origin of the site's own pages, too.
    let client = debug(Router::new().post("/", hello).cors(Cors::new([APP])));
    client.post("/").header("host", "logged-fourth.example").header("origin", "http://logged-fourth.example").send().assert_status(200);
    assert_eq!(warnings("logged-fourth.example"), Vec::<String>::new());
}

#[test]
fn browsers_agree() {
    let Some(browser) = Browser::start() else { return };
    let page = |_: &mut Request| Response::html("<!doctype html><title>App</title><p>page");
    let site = Client::over_socket_with_settings(App::new(Router::new().get("/", page)), SETTINGS);
    let origin = site.url();
    let visits = |req: &mut Request| -> Result<String> { Ok(req.cookies().get("seen").unwrap_or("none").to_owned()) };
    let urls = Router::new()
        .include("/listed", Router::new().get("/", hello).put("/", hello).csrf_exempt().delete("/", hello).csrf_exempt())
        .cors(Cors::new([origin.trim_end_matches('/')]))
        .get("/closed", hello)
        .get("/public", visits)
        .cors(Cors::any_origin())
        .get("/cookies", visits)
        .cors(Cors::new([origin.trim_end_matches('/')]).credentials());
    let api = Client::over_socket_with_settings(App::new(urls), SETTINGS);
    browser.open(&format!("{}/", origin.trim_end_matches('/')));
    let fetch = |path: &str, options: &str| {
        let url = format!("{}{path}", api.url().trim_end_matches('/'));
        browser.run(&format!(
            "window.answer = ''; fetch('{url}', {options}).then(async r => answer = r.status + ' ' + await r.text() + ' ' + (r.headers.get('x-request-id') ? 'id' : 'no id'), () => answer = 'refused'); return ''"
        ));
        browser.waits("return window.answer !== ''");
        browser.run("return window.answer")
    };
    assert_eq!(fetch("/listed", "{}"), "200 hello id");
    assert_eq!(fetch("/listed", "{method: 'PUT', headers: {'content-type': 'application/json'}, body: '{}'}"), "200 hello id");
    assert_eq!(fetch("/listed", "{method: 'DELETE', headers: {authorization: 'Bearer x'}}"), "200 hello id");
    assert!(fetch("/listed/missing", "{}").starts_with("404 "));
    assert_eq!(fetch("/listed", "{headers: {'x-unknown': '1'}}"), "refused");
    assert_eq!(fetch("/closed", "{}"), "refused");
    assert_eq!(fetch("/public", "{}"), "200 none id");
    assert_eq!(fetch("/public", "{credentials: 'include'}"), "refused");
    assert_eq!(fetch("/cookies", "{credentials: 'include'}"), "200 none id");
}
