//! What templates can reach.

use std::collections::BTreeSet;

use lback::prelude::*;
use lback::serde_json::Value;
use lback::testing::Client;

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30\nALLOWED_HOSTS = ['127.0.0.1']\nTRUSTED_PROXIES = ['127.0.0.1']\nTEMPLATES_DIR";

fn client(template: &str) -> Client {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), template).unwrap();
    let view = |req: &mut Request| {
        req.session().insert("secret", "in the session")?;
        req.render("page.html", context! {})
    };
    let urls = Router::new().get("/a/{id:int}", view).name("page");
    let app = App::new(urls).template_filter("json", |value: Value, _| Ok(lback::serde_json::to_string(&value)?));
    Client::with_settings(app, &format!("{SETTINGS} = '{}'", folder.path().display()))
}

fn ask(client: &Client) -> lback::testing::TestResponse {
    client.get("/a/7").send();
    let request =
        client.get("/a/7?x=1&y=%3Cb%3E&x=2").header("authorization", "Bearer secret-in-a-header").header("x-api-key", "secret-key");
    request.cookie("mine", "secret-in-a-cookie").header("x-forwarded-proto", "https").send()
}

#[test]
fn the_request_shows_what_the_address_says_and_nothing_else() {
    let client = client("{{ request | json }}");
    let page = ask(&client);
    let seen: Value =
        lback::serde_json::from_str(&page.text().replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
            .unwrap();
    let keys: BTreeSet<&str> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["full_path", "host", "is_secure", "method", "path", "query", "route"]));
    assert_eq!((&seen["path"], &seen["full_path"]), (&Value::from("/a/7"), &Value::from("/a/7?x=1&y=%3Cb%3E&x=2")));
    assert_eq!((&seen["query"]["x"], &seen["query"]["y"]), (&Value::from("2"), &Value::from("<b>")));
    assert_eq!((&seen["route"], &seen["host"], &seen["is_secure"]), (&Value::from("page"), &Value::from("127.0.0.1"), &Value::from(true)));
}

/// Everything that is there without the view's doing, written out.
#[test]
fn nothing_secret_can_be_reached() {
    let client = client("{{ __tera_context }}{{ request | json }}{{ flashes | json }}{{ now }}{{ csrf_token() }}");
    let page = ask(&client);
    page.assert_status(200);
    let session = client.cookie("session_id").unwrap();
    let id = client.session().unwrap().id.to_string();
    for secret in
        ["secret-in-a-header", "secret-key", "secret-in-a-cookie", "in the session", "a key that only tests use", "Bearer", &session, &id]
    {
        assert!(!page.text().contains(secret), "{secret} in {page:?}");
    }
    for name in ["settings", "config", "session", "cookies", "headers", "app", "state", "req", "env", "db", "self"] {
        let client = self::client(&format!("{{{{ {name} }}}}"));
        assert_eq!(ask(&client).status(), 500, "{name}");
    }
    for name in ["settings", "config", "get_env", "env", "session", "cookie", "header"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page.html"), format!("{{{{ {name}() }}}}")).unwrap();
        let error = crate::start_error(App::new(Router::new()), &format!("{SETTINGS} = '{}'", folder.path().display()));
        assert!(error.contains(&format!("there is no function \"{name}\"")), "{error}");
    }
}

#[test]
fn a_query_that_is_no_text_shows_no_parameters() {
    let client = client("{{ request.query | length }}");
    assert_eq!(client.get("/a/7?x=%ff").send().assert_status(200).text(), "0");
    assert_eq!(client.get("/a/7?x&=&&y=1").send().assert_status(200).text(), "3");
}
