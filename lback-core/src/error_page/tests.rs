use std::fs;
use std::sync::Arc;

use hyper::StatusCode;
use tempfile::TempDir;

use super::*;
use crate::middleware::Errors;
use crate::request::RequestBody;
use crate::{Application, Assembly, Bytes, Router, Settings};

const KEY: &str = "SECRET_KEY = 'J8Yw1xkT0sGmVYb1QeL6hX3nPzR5uCa9'";
const DEBUG: &str = "SECRET_KEY = 'J8Yw1xkT0sGmVYb1QeL6hX3nPzR5uCa9'\nDEBUG = true\n[mail]\npassword = 'hunter2'\nhost = '<mail>'";

#[derive(Debug)]
struct Cause;

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the <inner> cause")
    }
}

impl std::error::Error for Cause {}

fn fails(_: &mut Request) -> Result<Response> {
    Err(Error::internal("internal <script>alert(1)</script>").with_source(Cause))
}

fn panics(_: &mut Request) -> Result<Response> {
    panic!("plain <panic>")
}

async fn panics_later(_: &mut Request) -> Result<Response> {
    panic!("async <panic>")
}

fn router() -> Router {
    Router::new()
        .get("/fail", fails)
        .name("fail")
        .get("/fail/{reset_token}/{word}", fails)
        .get("/panic", panics)
        .get("/panic-later", panics_later)
        .get("/teapot", |_: &mut Request| Err::<Response, _>(Error::new(StatusCode::IM_A_TEAPOT, "no <coffee>")))
        .get("/gone", |_: &mut Request| Err::<Response, _>(Error::not_found("no such <post>")))
        .get("/away", |_: &mut Request| Err::<Response, _>(Error::redirect("/fail")))
        .get("/down", |_: &mut Request| Err::<Response, _>(Error::unavailable("the database is down")))
        .get("/headers", |_: &mut Request| {
            let cookie = |text| HeaderValue::from_static(text);
            let error =
                Error::forbidden("no").with_header(header::SET_COOKIE, cookie("a=1")).with_header(header::SET_COOKIE, cookie("b=2"));
            Err::<Response, _>(
                error.with_header(header::CONTENT_TYPE, cookie("image/png")).with_header(header::CACHE_CONTROL, cookie("private")),
            )
        })
}

fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("templates")).unwrap();
    for (name, text) in files {
        fs::write(dir.path().join("templates").join(name), text).unwrap();
    }
    dir
}

fn assembly(dir: &TempDir, settings: &str) -> Assembly {
    let mut assembly = Assembly::new(router(), Settings::from_toml(dir.path(), settings).unwrap());
    assembly.stack_mut().push(Errors);
    assembly
}

async fn get(app: &Arc<Application>, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = hyper::Request::builder().uri(path).header("host", "localhost");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    app.clone().handle(parts, RequestBody::from(Bytes::new()), Some(([127, 0, 0, 1], 4711).into())).await
}

fn body(response: &Response) -> String {
    String::from_utf8(response.body().as_bytes().unwrap().to_vec()).unwrap()
}

async fn debug(path: &str) -> (Response, String) {
    let response = get(&assembly(&project(&[]), DEBUG).build().unwrap(), path, &[]).await;
    let page = body(&response);
    (response, page)
}

async fn public(files: &[(&str, &str)], path: &str) -> (Response, String) {
    let response = get(&assembly(&project(files), KEY).build().unwrap(), path, &[]).await;
    let page = body(&response);
    (response, page)
}

fn contains(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

fn lacks(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(!page.contains(part), "{part} is in {page}");
    }
}

#[test]
fn the_frameworks_own_pages_parse() {
    assert!(pages::PAGES.is_some());
}

#[tokio::test]
async fn debug_shows_all_details_of_a_server_error_escaped() {
    let (response, page) = debug("/fail/swordfish/%3Cscript%3E?x='onload=").await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-store");
    contains(&page, &["internal &lt;script&gt;alert(1)", "the &lt;inner&gt; cause", "error_page/tests.rs:", "with_source(Cause)"]);
    contains(
        &page,
        &[
            "/fail/{reset_token}/{word}",
            "Parameter word",
            "&lt;script&gt;</td>",
            "<td>***</td>",
            "&#39;onload=",
            "Errors",
            "127.0.0.1",
            "mail.host",
            "&lt;mail&gt;",
        ],
    );
    lacks(&page, &["<script", "'onload", "<inner>", "hunter2", "swordfish", "J8Yw1xkT0", "<mail>"]);
}

#[tokio::test]
async fn secrets_are_masked() {
    let headers = [
        ("cookie", "session=swordfish"),
        ("authorization", "Bearer swordfish"),
        ("x-api-key", "swordfish"),
        ("x-csrf-token", "swordfish"),
        ("referer", "http://x/?token=swordfish"),
        ("user-agent", "<b>tester"),
    ];
    let app = assembly(&project(&[]), DEBUG).build().unwrap();
    let page = body(&get(&app, "/fail?password=swordfish&page=2", &headers).await);
    lacks(&page, &["swordfish", "<b>tester"]);
    contains(&page, &["***", "page=2", "&lt;b&gt;tester"]);
}

#[tokio::test]
async fn panics_show_their_location() {
    for (path, message) in [("/panic", "panic: plain &lt;panic&gt;"), ("/panic-later", "panic: async &lt;panic&gt;")] {
        let (response, page) = debug(path).await;
        assert_eq!(response.status(), 500);
        contains(&page, &[message, "the view panicked", "error_page/tests.rs:", "class=\"here\""]);
    }
    let (response, page) = public(&[], "/panic").await;
    assert_eq!(response.status(), 500);
    lacks(&page, &["plain", "tests.rs"]);
}

#[tokio::test]
async fn debug_lists_the_routes_of_a_404() {
    let (response, page) = debug("/nothing/\"onload=").await;
    assert_eq!(response.status(), 404);
    contains(&page, &["There is no page at this address.", "/fail/{reset_token}/{word}", "GET", "tests.rs:", "/nothing/&quot;onload="]);
    lacks(&page, &["<script", "table.rs", "Settings"]);
    let (_, page) = debug("/gone").await;
    contains(&page, &["no such &lt;post&gt;", "at <code>lback-core/src/error_page/tests.rs:"]);
}

#[tokio::test]
async fn debug_is_brief_about_other_client_errors() {
    let (response, page) = debug("/teapot").await;
    assert_eq!(response.status(), 418);
    contains(&page, &["no &lt;coffee&gt;", "error_page/tests.rs:"]);
    lacks(&page, &["Settings", "<h2>Routes"]);
}

#[tokio::test]
async fn sections_of_other_crates_are_shown() {
    let mut assembly = assembly(&project(&[]), DEBUG);
    assembly.debug_section(|_| None).debug_section(|_| panic!("a section panics")).debug_section(|req| {
        let rows = vec![("path".to_owned(), format!("<{}>", req.path()))];
        Some(DebugSection { title: "Session <x>".to_owned(), rows, is_cause: false })
    });
    let page = body(&get(&assembly.build().unwrap(), "/fail", &[]).await);
    contains(&page, &["Session &lt;x&gt;", "&lt;/fail&gt;", "internal"]);
}

#[tokio::test]
async fn a_section_that_may_explain_the_error_is_above_the_request() {
    let mut assembly = assembly(&project(&[]), DEBUG);
    for (title, is_cause) in [("Basket", false), ("Broken", true)] {
        assembly.debug_section(move |_| Some(DebugSection { title: title.to_owned(), rows: Vec::new(), is_cause }));
    }
    let page = body(&get(&assembly.build().unwrap(), "/fail", &[]).await);
    let positions = ["Broken", "<h2>Request", "Basket"].map(|title| page.find(title).unwrap());
    assert!(positions.is_sorted(), "{page}");
    assert_eq!(page.matches("Broken").count(), 1, "{page}");
}

#[tokio::test]
async fn the_public_page_reveals_nothing_internal() {
    let (response, page) = public(&[], "/fail").await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["cache-control"], "no-store");
    contains(&page, &["500", "Internal Server Error"]);
    lacks(&page, &["script", "cause", "tests.rs"]);
    let (response, page) = public(&[], "/teapot").await;
    assert_eq!(response.status(), 418);
    assert!(!response.headers().contains_key("cache-control"));
    contains(&page, &["no &lt;coffee&gt;"]);
    lacks(&page, &["tests.rs"]);
}

#[tokio::test]
async fn the_applications_own_pages_are_used() {
    let template = "{{ status }}|{{ reason }}|{{ message }}|{{ request_id }}";
    let (response, page) = public(&[("404.html", template), ("500.html", template)], "/gone").await;
    assert_eq!(response.status(), 404);
    assert!(page.starts_with("404|Not Found|no such &lt;post&gt;|"), "{page}");
    let (_, page) = public(&[("404.html", template), ("500.html", template)], "/fail").await;
    assert!(page.starts_with("500|Internal Server Error||"), "{page}");
    let (_, page) = public(&[("404.html", template)], "/nothing").await;
    assert!(page.starts_with("404|Not Found|There is no page"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_plain_page_replaces_an_own_page_that_fails() {
    let fails = |template: &'static str| async move {
        let folder = project(&[("500.html", template)]);
        let mut assembly = assembly(&folder, KEY);
        assembly.template_global("user", |_| Err::<(), _>(Error::unavailable("no database")));
        assembly.template_global("bad", |_| -> Result<()> { panic!("a global panics") });
        let response = get(&assembly.build().unwrap(), "/fail", &[]).await;
        assert_eq!(response.status(), 500);
        contains(&body(&response), &["Internal Server Error", "Request <code>"]);
        lacks(&body(&response), &["OWN", "database", "cause"]);
    };
    fails("OWN {{ missing }}").await;
    fails("OWN {{ bad }}").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn globals_that_fail_are_none_on_an_own_page() {
    let page = "OWN {% if user %}{{ user }}{% else %}nobody{% endif %}{{ unread() }}{% if perms and \"x\" in perms %}X{% endif %}";
    let folder = project(&[("500.html", page), ("404.html", page)]);
    let mut assembly = assembly(&folder, KEY);
    assembly.template_global("user", |_| Err::<(), _>(Error::unavailable("no database")));
    assembly.template_global("perms", |_| Err::<(), _>(Error::forbidden("not you")));
    assembly.template_function("unread", |_, _| Err::<(), _>(Error::not_found("no such folder")));
    let app = assembly.build().unwrap();
    for (path, status) in [("/fail", 500), ("/nothing", 404), ("/gone", 404), ("/panic", 500)] {
        let response = get(&app, path, &[]).await;
        assert_eq!((response.status().as_u16(), body(&response).as_str()), (status, "OWN nobody"), "{path}");
    }
}

#[tokio::test]
async fn errors_are_json_on_request() {
    let app = assembly(&project(&[]), KEY).build().unwrap();
    let json = [("accept", "application/json")];
    let response = get(&app, "/teapot", &json).await;
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["vary"], "accept");
    let value: serde_json::Value = serde_json::from_str(&body(&response)).unwrap();
    assert_eq!(value["title"], "I'm a teapot");
    assert_eq!(value["status"], 418);
    assert_eq!(value["code"], "im_a_teapot");
    assert_eq!(value["detail"], "no <coffee>");
    assert_eq!(value["request_id"].as_str().unwrap().len(), 16);
    assert!(value.get("debug").is_none());

    let value: serde_json::Value = serde_json::from_str(&body(&get(&app, "/fail", &json).await)).unwrap();
    assert_eq!(value["detail"], "Internal Server Error");
    lacks(&value.to_string(), &["cause", "tests.rs", "script"]);

    let app = assembly(&project(&[]), DEBUG).build().unwrap();
    let value: serde_json::Value = serde_json::from_str(&body(&get(&app, "/fail", &json).await)).unwrap();
    assert_eq!(value["debug"]["causes"][0], "the <inner> cause");
    contains(value["debug"]["location"].as_str().unwrap(), &["tests.rs:"]);
}

#[tokio::test]
async fn an_include_can_answer_all_errors_as_json() {
    fn order(_: &mut Request) -> Result<Response> {
        let invalid = Error::invalid("The order is not valid.").with_code("bad_order");
        Err(invalid.with_field("/lines/0/price", "Enter at least 1.").with_field("", "The order is too large."))
    }
    let away = |_: &mut Request| Err::<Response, _>(Error::redirect("/elsewhere"));
    let api = Router::new().get("/fail", fails).get("/panic", panics).get("/away", away).post("/orders/{id:int}", order);
    let teams = Router::new().get("/", fails);
    let urls = router().include("/api", api).json().include("/teams/{team}", teams).json().get("/one", fails).json();
    let mut assembly = Assembly::new(urls, Settings::from_toml(project(&[]).path(), KEY).unwrap());
    assembly.stack_mut().push(Errors);
    let app = assembly.build().unwrap();
    let html = [("accept", "text/html")];
    let cases = [
        ("/api/fail", 500),
        ("/api/panic", 500),
        ("/api/nowhere", 404),
        ("/api/a/b/c", 404),
        ("/api", 404),
        ("/api/", 404),
        ("/api/orders/7", 405),
        ("/api/%FF", 400),
        ("/teams/red", 500),
        ("/teams/red/blue", 404),
        ("/one", 500),
    ];
    for (path, status) in cases {
        let response = get(&app, path, &html).await;
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (status, &problem_json()), "{path}");
        let value: serde_json::Value = serde_json::from_str(&body(&response)).unwrap();
        assert_eq!(value["status"], status, "{path}");
    }
    assert_eq!(get(&app, "/api/away", &html).await.headers()["location"], "/elsewhere");
    for path in ["/fail", "/nowhere", "/apis", "/ones", "/one/two", "/teams"] {
        assert_ne!(get(&app, path, &html).await.headers()["content-type"], problem_json(), "{path}");
    }

    let (parts, ()) = hyper::Request::post("/api/orders/7").body(()).unwrap().into_parts();
    let response = app.clone().handle(parts, RequestBody::from(Bytes::new()), None).await;
    assert_eq!(response.status(), 422);
    let value: serde_json::Value = serde_json::from_str(&body(&response)).unwrap();
    assert_eq!((&value["code"], &value["detail"]), (&"bad_order".into(), &"The order is not valid.".into()));
    let errors = serde_json::json!([
        { "pointer": "/lines/0/price", "detail": "Enter at least 1." },
        { "pointer": "", "detail": "The order is too large." },
    ]);
    assert_eq!(value["errors"], errors);
}

fn problem_json() -> HeaderValue {
    HeaderValue::from_static("application/problem+json")
}

#[tokio::test]
async fn clients_that_prefer_json_get_json() {
    let app = assembly(&project(&[]), KEY).build().unwrap();
    let cases: [(&[(&str, &str)], bool); 10] = [
        (&[], false),
        (&[("accept", "*/*")], false),
        (&[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], false),
        (&[("accept", "text/html;q=0.5, application/json")], true),
        (&[("accept", "text/html"), ("accept", "application/json;q=0.9")], false),
        (&[("accept", "application/problem+json")], true),
        (&[("x-requested-with", "XMLHttpRequest")], true),
        (&[("content-type", "application/json")], true),
        (&[("content-type", "application/json"), ("accept", "*/*")], true),
        (&[("content-type", "application/json"), ("accept", "text/html")], false),
    ];
    for (headers, is_json) in cases {
        let response = get(&app, "/gone", headers).await;
        assert_eq!(response.headers()["content-type"] == problem_json(), is_json, "{headers:?}");
    }
}

#[tokio::test]
async fn a_redirect_has_no_body() {
    for settings in [KEY, DEBUG] {
        let response = get(&assembly(&project(&[]), settings).build().unwrap(), "/away", &[]).await;
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()["location"], "/fail");
        assert_eq!(body(&response), "");
    }
}

#[tokio::test]
async fn headers_of_the_error_are_kept() {
    let (response, _) = public(&[], "/headers").await;
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "private");
    let (response, _) = public(&[], "/down").await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
}
