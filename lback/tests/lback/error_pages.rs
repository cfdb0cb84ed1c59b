//! Custom error pages that mention the user, for requests that were refused before the user was known.

use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use crate::logs;

const PAGE: &str = "OWN {{ status }} {% if user %}{{ user.username }}{% else %}nobody{% endif %}\
    {% if \"blog.add_post\" in perms %} may{% endif %}{% for flash in flashes %} {{ flash.message }}{% endfor %}\
    {% if visits %} {{ visits }} visits{% endif %}{{ seen(key=\"visits\") }}{{ rows() }} {{ csrf_input() }}{{ request.path }}";

struct Site {
    client: Client,
    _folder: tempfile::TempDir,
}

fn site(settings: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    for status in [400, 403, 404, 405, 413, 500, 503] {
        std::fs::write(folder.path().join(format!("{status}.html")), PAGE).unwrap();
    }
    let urls = Router::new()
        .get("/visit", |req: &mut Request| req.session().insert("visits", 1))
        .post("/do", |_: &mut Request| "done")
        .get("/slow", async |_: &mut Request| std::future::pending::<&str>().await)
        .timeout(std::time::Duration::from_millis(1))
        .get("/plain", |_: &mut Request| Err::<(), _>(Error::forbidden("no")))
        .without_session()
        .get("/touches", |req: &mut Request| req.session().get::<u32>("visits").map(|visits| visits.unwrap_or(0).to_string()))
        .get("/login", |_: &mut Request| "log in")
        .name("login");
    let app = App::new(urls)
        .auth()
        .permissions([("blog.add_post", "Write posts")])
        .template_global("visits", |req| req.session().get::<u32>("visits"))
        .template_function("seen", |req, args| {
            let key: String = args.require("key")?;
            Ok(req.user()?.map(|user| format!("{} {key}", user.username)))
        })
        .template_function("rows", |req, _| {
            let rows = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("7")).get_result::<i64>(req.db()?)?;
            Ok(rows)
        });
    let toml = format!(
        "SESSION_TIMEOUT_MINUTES = 30\nMAX_BODY_BYTES = 100\nAUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1\n\
         TEMPLATES_DIR = '{}'\n{settings}",
        folder.path().display()
    );
    let client = Client::with_settings(app, &toml);
    client.enforce_csrf();
    Site { client, _folder: folder }
}

/// What the log says of this request as an error.
fn errors(response: &TestResponse) -> Vec<String> {
    let id = response.header("x-request-id").unwrap();
    logs::lines_with(id).into_iter().filter(|line| line.contains("ERROR")).collect()
}

#[track_caller]
fn assert_own(response: &TestResponse, status: u16, who: &str) {
    let own = format!("OWN {status} {who}");
    assert!(response.status() == status && response.text().starts_with(&own), "{own} is not {response:?}");
    assert!(response.text().contains("name=\"csrf_token\""), "{response:?}");
}

#[test]
fn whoever_is_refused_before_the_session_is_nobody_on_the_page() {
    logs::start();
    let Site { client, _folder } = site("");
    client.get("/visit").send().assert_status(204);
    let refused = [
        (client.post("/do").send(), 403),
        (client.get("/static/none").send(), 404),
        (client.post("/static/none").send(), 405),
        (client.get("/static/%ff").send(), 404),
        (client.get("/").header("host", "evil.example").send(), 400),
        (client.post("/do").body("x".repeat(101)).send(), 413),
        (client.get("/plain").send(), 403),
    ];
    for (response, status) in &refused {
        assert_own(response, *status, "nobody");
        assert_eq!(errors(response), Vec::<String>::new());
    }
    let timeout = client.get("/slow").send();
    assert_own(&timeout, 503, "nobody");
    assert_eq!(errors(&timeout).len(), 1, "the timeout itself: {:?}", errors(&timeout));
    // Behind the session, the page knows it.
    let lost = client.get("/nowhere").send();
    assert_own(&lost, 404, "nobody 1 visits");
    assert_eq!(errors(&lost), Vec::<String>::new());
}

#[test]
fn a_page_whose_database_is_down_is_shown_all_the_same() {
    logs::start();
    let Site { client, _folder } = site("");
    client.get("/visit").send();
    crate::sql(&client, "ALTER TABLE sessions RENAME TO sessions_away");
    for (path, status) in [("/nowhere", 404), ("/touches", 503)] {
        let response = client.get(path).send();
        assert_own(&response, status, "nobody");
        assert!(response.headers_all("vary").iter().any(|vary| vary.contains("Cookie")), "{response:?}");
    }
    // A stranger without a cookie asks for nothing that could fail.
    let stranger = client.fork().get("/nowhere").send();
    assert_own(&stranger, 404, "nobody");
    assert_eq!(errors(&stranger), Vec::<String>::new());
}

#[test]
fn a_page_that_is_broken_is_logged_once() {
    logs::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("404.html"), "{{ no_such_variable_in_this_test }}").unwrap();
    let settings = format!("SESSION_TIMEOUT_MINUTES = 30\nTEMPLATES_DIR = '{}'", folder.path().display());
    let client = Client::with_settings(App::new(Router::new()), &settings);
    for _ in 0..5 {
        client.get("/nowhere").send().assert_status(404).assert_contains("There is no page");
    }
    let told = logs::lines_with("no_such_variable_in_this_test");
    assert_eq!(told.iter().filter(|line| line.contains("ERROR")).count(), 1, "{told:?}");
}
