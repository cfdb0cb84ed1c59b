//! Forms that another site made a visitor's browser send.

mod origins;
mod pages;
mod planted;
mod sessions;
mod tokens;

use lback::prelude::*;
use lback::testing::{Client, RequestBuilder, TestResponse};

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30\nALLOWED_HOSTS = ['example.com', '.example.com']\nTRUSTED_PROXIES = ['127.0.0.1']";

const FORM: &str = "<form method=\"post\" action=\"/do\">{{ csrf_input() }}<button>Do</button></form>";

/// What the tests ask of an application.
fn urls() -> Router {
    let done = |_: &mut Request| "done";
    let methods = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    Router::new()
        .get("/form", |req: &mut Request| req.render("form.html", context! {}))
        .get("/token", |req: &mut Request| req.csrf_token())
        .get("/plain", |_: &mut Request| "plain")
        .get("/visits", |req: &mut Request| req.session().insert("visits", 1))
        .get("/visits-and-token", |req: &mut Request| {
            req.session().insert("visits", 1)?;
            req.csrf_token()
        })
        .route(methods, "/do", done)
        .post("/echo", |req: &mut Request| -> Result<String> {
            let fields: Vec<(String, String)> = req.form()?;
            Ok(fields.len().to_string())
        })
        .post("/hook", done)
        .csrf_exempt()
        .include("/hooks", Router::new().post("/a", done).delete("/b", done))
        .csrf_exempt()
        .post("/stream", |_: &mut Request| "streamed")
        .streaming()
        .post("/login/{id:int}", |req: &mut Request| {
            let id: i64 = req.param("id")?;
            req.session().insert("user_id", id)
        })
        .post("/login-and-form", |req: &mut Request| {
            req.session().insert("user_id", 7)?;
            req.csrf_token()
        })
        .post("/logout", |req: &mut Request| req.session().delete())
        .post("/cycle", |req: &mut Request| req.session().cycle_id())
}

fn app_with(settings: &str, templates: &[(&str, &str)]) -> Client {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("form.html", FORM)].iter().chain(templates) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    // Outside DEBUG they are read once, so that the folder may go; in DEBUG it has to stay.
    let folder = if settings.contains("DEBUG") { folder.keep() } else { folder.path().to_owned() };
    let client = Client::with_settings(App::new(urls()), &format!("TEMPLATES_DIR = '{}'\n{settings}", folder.display()));
    client.enforce_csrf();
    client
}

/// A browser that brings only the tokens that a test gives it.
fn client() -> Client {
    app_with(SETTINGS, &[])
}

/// The token of a page's form.
#[track_caller]
fn token_in(page: &TestResponse) -> String {
    let value = page.text().split("name=\"csrf_token\" value=\"").nth(1).unwrap_or_else(|| panic!("no token in {page:?}"));
    value.split('"').next().unwrap().to_owned()
}

/// A token from a page that the browser opens now.
#[track_caller]
fn token(client: &Client) -> String {
    token_in(client.get("/form").send().assert_status(200))
}

fn with_token<'a>(client: &'a Client, path: &str, token: &str) -> RequestBuilder<'a> {
    client.post(path).form(&[("csrf_token", token)])
}

/// Sends a form with a token, and says whether it was accepted.
#[track_caller]
fn accepts(client: &Client, token: &str) -> bool {
    let response = with_token(client, "/do", token).send();
    assert!([200, 403].contains(&response.status().as_u16()), "{response:?}");
    response.status() == 200
}

#[track_caller]
fn log_in(client: &Client, id: i64) {
    let token = token(client);
    with_token(client, &format!("/login/{id}"), &token).send().assert_status(204);
}
