//! Rules 3, 17 and 18: what the cookie is, and what goes with it.

use lback::http::{Keys, header};
use lback::prelude::*;
use lback::testing::Client;

use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_removes_cookie, held, holding, id, sent, suite, urls};

/// The `SECRET_KEY` of the test client.
pub const TEST_KEY: &str = "a key that only tests use, and that is long enough";
pub const OLD_KEY: &str = "a key that was retired, and that is long enough";

suite!(
    rule_03_a_cookie_that_was_changed_anywhere_is_refused,
    rule_03_what_is_no_cookie_of_ours_counts_as_none,
    rule_03_the_cookie_can_be_encrypted,
    rule_03_a_value_signed_for_another_purpose_is_refused,
    rule_03_the_first_of_several_cookies_that_is_alive_counts,
    rule_03_other_cookies_never_hide_the_session,
    rule_03_a_dead_cookie_does_not_hide_a_live_one,
    rule_17_the_cookie_has_its_attributes,
    rule_17_each_attribute_has_its_setting,
    rule_17_a_removal_has_the_same_name_path_and_domain,
    rule_17_the_views_own_cookies_survive,
    rule_18_a_touched_response_varies_with_the_cookie,
    rule_18_a_response_that_sets_the_cookie_is_not_kept,
    rule_18_no_middleware_hands_the_cookie_to_a_shared_cache,
    rule_18_an_error_page_that_shows_the_session_is_for_its_visitor;
    server:
    rule_03_a_retired_key_still_verifies,
    rule_03_a_second_cookie_is_looked_up_only_if_the_first_is_dead,
);

fn rule_03_a_cookie_that_was_changed_anywhere_is_refused(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/secret").send();
    let cookie = held(&client);
    holding(&client, &cookie).get("/get/a").send().assert_contains("secret");
    for at in 0..cookie.len() {
        let mut forged = cookie.clone().into_bytes();
        forged[at] = if forged[at] == b'b' { b'c' } else { b'b' };
        let forged = String::from_utf8(forged).unwrap();
        let response = holding(&client, &forged).get("/get/a").send();
        response.assert_status(200).assert_contains("null");
        assert_no_cookie(&response);
        holding(&client, &cookie[..at]).get("/get/a").send().assert_contains("null");
    }
}

fn rule_03_what_is_no_cookie_of_ours_counts_as_none(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/secret").send();
    let (cookie, id, loads) = (held(&client), id(&client), store.loads());
    let mut headers: Vec<Vec<u8>> = vec![
        b"session_id=".to_vec(),
        b"session_id".to_vec(),
        format!("session_id={id}").into_bytes(),
        format!("session_id={}{id}", "A".repeat(44)).into_bytes(),
        format!("session_id={}", "x".repeat(60_000)).into_bytes(),
        format!("session_id={cookie}{}", "=".repeat(1000)).into_bytes(),
        format!("SESSION_ID={cookie}").into_bytes(),
        format!("%73ession_id={cookie}").into_bytes(),
        b"session_id=\xff\xfe\x80; a=b".to_vec(),
        b"session_id=%00%ff%fe".to_vec(),
        b"session_id=\"; drop table sessions".to_vec(),
        "session_id=ünïcödé".as_bytes().to_vec(),
    ];
    headers.push([b"session_id=".as_slice(), cookie.as_bytes(), b"\x80"].concat());
    for value in headers {
        let response = client.fork().get("/get/a").header("cookie", &value).send();
        assert_eq!(response.text(), "null", "{}", String::from_utf8_lossy(&value));
        assert_no_cookie(&response);
    }
    assert_eq!(store.loads(), loads, "refused before any query");
}

fn rule_03_a_retired_key_still_verifies(store: &Store) {
    let signed_by = |client: &Client, key: &str| {
        let mut data = serde_json::Map::new();
        data.insert("a".to_owned(), "kept".into());
        let id = client.sessions().create(data).unwrap().id;
        Keys::derive("session", [key]).sign(&id.to_string())
    };
    let client = store.client(urls());
    holding(&client, &signed_by(&client, TEST_KEY)).get("/get/a").send().assert_contains("kept");
    holding(&client, &signed_by(&client, OLD_KEY)).get("/get/a").send().assert_contains("null");

    let rotated = store.client_with(urls(), &format!("SECRET_KEY_FALLBACKS = ['{OLD_KEY}']"));
    let browser = holding(&rotated, &signed_by(&rotated, OLD_KEY));
    browser.get("/get/a").send().assert_contains("kept");
    // The next renewal carries it over to the new key.
    rotated.clock().advance(MINUTE);
    let renewed = browser.get("/get/a").send().cookie(COOKIE).unwrap();
    assert!(Keys::derive("session", [TEST_KEY]).verify(renewed.value()).is_some());
}

fn rule_03_the_cookie_can_be_encrypted(store: &Store) {
    let client = store.client_with(urls(), "SESSION_COOKIE_ENCRYPTED = true");
    client.post("/set/a/secret").send();
    client.get("/get/a").send().assert_contains("secret");
    let (cookie, id) = (held(&client), id(&client));
    assert!(!cookie.contains(&id.to_string()));
    // A signed cookie does not open an encrypted one's door.
    let signed = Keys::derive("session", [TEST_KEY]).sign(&id.to_string());
    holding(&client, &signed).get("/get/a").send().assert_contains("null");
    let mut forged = cookie.clone();
    forged.replace_range(5..6, if &cookie[5..6] == "b" { "c" } else { "b" });
    holding(&client, &forged).get("/get/a").send().assert_contains("null");
    holding(&client, &cookie).get("/get/a").send().assert_contains("secret");
}

fn rule_03_a_value_signed_for_another_purpose_is_refused(store: &Store) {
    // A view that signs whatever the visitor wants, under whatever name.
    fn oracle(req: &mut Request) -> Result<()> {
        let id: String = req.param("id")?;
        match req.param::<String>("how")?.as_str() {
            "signed" => req.cookies().signed().add((COOKIE, id)),
            _ => req.cookies().private().add((COOKIE, id)),
        }
        Ok(())
    }
    for (how, settings) in [("signed", ""), ("private", "SESSION_COOKIE_ENCRYPTED = true")] {
        let client = store.client_with(urls().get("/oracle/{how}/{id}", oracle), settings);
        client.post("/set/a/secret").send();
        let planted = client.fork();
        let response = planted.get(&format!("/oracle/{how}/{}", id(&client))).send();
        assert!(response.cookie(COOKIE).is_some());
        planted.get("/get/a").send().assert_contains("null");
    }
}

fn rule_03_the_first_of_several_cookies_that_is_alive_counts(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/first").send();
    let first = held(&client);
    client.clear_cookies();
    client.post("/set/a/second").send();
    let second = held(&client);
    let ask = |values: &[&str]| {
        let header = values.iter().map(|value| format!("session_id={value}")).collect::<Vec<_>>().join("; ");
        client.fork().get("/get/a").header("cookie", header).send().text().to_owned()
    };
    assert_eq!(ask(&[&first, &second]), "\"first\"");
    assert_eq!(ask(&["bad", &second, &first]), "\"second\"");
    assert_eq!(ask(&["bad", "bad", "bad", &first]), "\"first\"");
    assert_eq!(ask(&["bad", "bad", "bad", "bad", &first]), "\"first\"");
}

fn rule_03_other_cookies_never_hide_the_session(store: &Store) {
    let client = store.client(urls());
    client.post("/set/a/mine").send();
    let cookie = held(&client);
    let ask = |before: &str| {
        let header = format!("{before}session_id={cookie}");
        client.fork().get("/get/a").header("cookie", header).send().text().to_owned()
    };
    let others: String = (0..180).map(|n| format!("other{n}=value; ")).collect();
    assert_eq!(ask(&others), "\"mine\"");
    assert_eq!(ask(&"=; x; ;;a\u{e4}=%ff; ".repeat(500)), "\"mine\"");
    assert_eq!(ask(&"session_id=planted; session_id; session_id=; ".repeat(300)), "\"mine\"");
    assert_eq!(ask("theme=\"a; \tsession_id=\"; "), "\"mine\"");
    // As HTTP/2 may send them, and with quotes, as some clients do.
    let (browser, quoted) = (client.fork(), format!("session_id=\"{cookie}\""));
    let split = browser.get("/get/a").header("cookie", &others).header("cookie", quoted);
    assert_eq!(split.send().text(), "\"mine\"");
}

/// Cookies of sessions that have ended in one way or another, and then one of a session that is alive.
fn dead_and_live(client: &Client) -> (Vec<String>, String) {
    let mut dead = Vec::new();
    client.post("/set/a/expired").send();
    dead.push(held(client));
    client.clock().advance(31 * MINUTE);
    client.clear_cookies();
    if !client.sessions().is_in_cookies() {
        client.post("/set/a/deleted").send();
        dead.push(held(client));
        client.post("/logout").send();
        dead.push(Keys::derive("session", [TEST_KEY]).sign(&lback::session::SessionId::random().to_string()));
    }
    client.clear_cookies();
    client.post("/set/a/alive").send();
    (dead, held(client))
}

fn rule_03_a_dead_cookie_does_not_hide_a_live_one(store: &Store) {
    let slowly = async |req: &mut Request| req.load_session().await["a"].to_string();
    let in_transaction = |req: &mut Request| -> Result<String> {
        diesel::sql_query("SELECT 1").execute(req.db()?)?;
        Ok(req.session()["a"].to_string())
    };
    let client = store.client(urls().get("/slowly", slowly).get("/in-transaction", in_transaction));
    let (dead, live) = dead_and_live(&client);
    for dead in &dead {
        let header = format!("session_id={dead}; session_id={live}");
        for path in ["/get/a", "/slowly", "/in-transaction"] {
            assert_eq!(client.fork().get(path).header("cookie", &header).send().text(), "\"alive\"", "{path}");
        }
    }
    let all = format!("session_id={}; session_id={live}", dead.join("; session_id="));
    client.fork().get("/get/a").header("cookie", &all).send().assert_contains("alive");
    // A login sticks to the session that counts, and gives it another id.
    let login = client.fork().post("/login/7").header("cookie", &all).send();
    let fresh = login.assert_status(204).cookie(COOKIE).unwrap().value().to_owned();
    let after = format!("session_id={}; session_id={fresh}", dead[0]);
    client.fork().get("/get/user_id").header("cookie", &after).send().assert_contains("7");
    // If none is alive, there is a new session, and no cookie before it holds anything.
    let nobody = client.fork().get("/get/a").header("cookie", format!("session_id={}", dead.join("; session_id="))).send();
    assert_eq!(nobody.text(), "null");
    assert_no_cookie(&nobody);
}

fn rule_03_a_second_cookie_is_looked_up_only_if_the_first_is_dead(store: &Store) {
    let client = store.client(urls());
    let (dead, live) = dead_and_live(&client);
    let loads = |cookies: &[&str]| {
        let before = store.loads();
        client.fork().get("/touch").header("cookie", format!("session_id={}", cookies.join("; session_id="))).send().assert_status(200);
        store.loads().zip(before).map(|(after, before)| after - before)
    };
    let Some(one) = loads(&[&live]) else { return };
    assert_eq!(one, 1);
    assert_eq!(loads(&[&live, &dead[0]]), Some(1));
    assert_eq!(loads(&[&dead[0], &live]), Some(2));
    assert_eq!(loads(&[&dead[0], &dead[0], &dead[0], &dead[0], &dead[0]]), Some(1), "the same one is asked for once");
    assert_eq!(loads(&[&dead[0], &dead[0], &dead[0], &dead[0], &live]), Some(2));
    assert_eq!(loads(&["bad", &dead[0], "bad", &dead[1], "bad", &dead[2], &live]), Some(4));
    let strangers: Vec<String> =
        (0..20).map(|_| Keys::derive("session", [TEST_KEY]).sign(&lback::session::SessionId::random().to_string())).collect();
    assert_eq!(loads(&strangers.iter().map(String::as_str).collect::<Vec<_>>()), Some(4), "no more than four");
}

/// What a browser is told for a session that this makes.
fn first_cookie(store: &Store, settings: &str) -> String {
    let client = store.client_with(urls(), settings);
    let response = client.post("/set/a/1").send();
    let cookies = response.headers_all("set-cookie");
    assert_eq!(cookies.len(), 1);
    cookies[0].to_owned()
}

/// The attributes after the value, sorted.
fn attributes(cookie: &str) -> Vec<String> {
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).map(str::to_owned).collect();
    attributes.sort();
    attributes
}

fn rule_17_the_cookie_has_its_attributes(store: &Store) {
    let cookie = first_cookie(store, "");
    assert!(cookie.starts_with("session_id="));
    assert_eq!(attributes(&cookie), ["HttpOnly", "Max-Age=1800", "Path=/", "SameSite=Lax", "Secure"]);
    let cookie = first_cookie(store, "DEBUG = true");
    assert_eq!(attributes(&cookie), ["HttpOnly", "Max-Age=1800", "Path=/", "SameSite=Lax"]);
}

fn rule_17_each_attribute_has_its_setting(store: &Store) {
    let with = |settings: &str| attributes(&first_cookie(store, settings));
    assert_eq!(with("SESSION_COOKIE_SECURE = false"), ["HttpOnly", "Max-Age=1800", "Path=/", "SameSite=Lax"]);
    assert!(with("DEBUG = true\nSESSION_COOKIE_SECURE = true").contains(&"Secure".to_owned()));
    assert_eq!(with("SESSION_COOKIE_HTTPONLY = false"), ["Max-Age=1800", "Path=/", "SameSite=Lax", "Secure"]);
    assert!(with("SESSION_COOKIE_SAMESITE = 'Strict'").contains(&"SameSite=Strict".to_owned()));
    assert!(with("SESSION_COOKIE_SAMESITE = 'none'").contains(&"SameSite=None".to_owned()));
    assert!(with("SESSION_COOKIE_PATH = '/shop'").contains(&"Path=/shop".to_owned()));
    assert!(with("SESSION_COOKIE_DOMAIN = 'example.com'").contains(&"Domain=example.com".to_owned()));
    assert!(with("SESSION_EXPIRY_SECONDS = 90").contains(&"Max-Age=90".to_owned()));
    assert_eq!(with("SESSION_EXPIRE_AT_BROWSER_CLOSE = true"), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    assert!(first_cookie(store, "SESSION_COOKIE_NAME = 'visitor'").starts_with("visitor="));
    assert!(first_cookie(store, "SESSION_COOKIE_NAME = '__Host-id'").starts_with("__Host-id="));
}

fn rule_17_a_removal_has_the_same_name_path_and_domain(store: &Store) {
    let settings = "SESSION_COOKIE_PATH = '/shop'\nSESSION_COOKIE_DOMAIN = 'example.com'";
    let client = store.client_with(Router::new().include("/shop", urls()), settings);
    let made = client.post("/shop/set/a/1").header("host", "example.com").send();
    let removed = client.post("/shop/logout").header("host", "example.com").send();
    assert_removes_cookie(&removed);
    let kept = |cookie: &str| attributes(cookie).into_iter().filter(|part| !part.starts_with("Max-Age") && !part.starts_with("Expires"));
    assert_eq!(kept(sent(&made).unwrap()).collect::<Vec<_>>(), kept(sent(&removed).unwrap()).collect::<Vec<_>>());
    assert!(client.cookies().is_empty());
}

fn rule_17_the_views_own_cookies_survive(store: &Store) {
    let client = store.client(urls().get("/own", |req: &mut Request| -> Result<Response> {
        req.session().insert("a", 1)?;
        req.cookies().add(("theme", "dark"));
        Response::text("").with_cookie(Cookie::new("lang", "de"))
    }));
    let response = client.get("/own").send();
    let mut names: Vec<_> = response.cookies().iter().map(|cookie| cookie.name().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["lang", "session_id", "theme"]);
}

fn rule_18_a_touched_response_varies_with_the_cookie(store: &Store) {
    fn with_vary(req: &mut Request) -> Result<Response> {
        req.session();
        let vary: String = req.param("vary")?;
        Response::text("").with_header("vary", vary)
    }
    let client = store.client(
        urls()
            .get("/vary/{vary}", with_vary)
            .get("/error", |req: &mut Request| -> Result<()> {
                req.session();
                Err(Error::not_found("gone"))
            })
            .get("/failure", |req: &mut Request| {
                req.session();
                StatusCode::INTERNAL_SERVER_ERROR
            }),
    );
    let vary = |path: &str| client.get(path).send().headers_all("vary").join(", ");
    assert_eq!(vary("/touch"), "Cookie");
    assert_eq!(vary("/vary/Accept-Language"), "Accept-Language, Cookie");
    assert_eq!(vary("/vary/accept,cookie"), "accept,cookie");
    assert_eq!(vary("/vary/*"), "*");
    assert!(vary("/error").contains("Cookie"));
    assert!(vary("/failure").contains("Cookie"));
}

fn rule_18_a_response_that_sets_the_cookie_is_not_kept(store: &Store) {
    fn with_cache_control(req: &mut Request) -> Result<Response> {
        req.session().update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
        let value: String = req.param("value")?;
        Response::text("").with_header("cache-control", value)
    }
    fn twice(req: &mut Request) -> Result<Response> {
        let mut response = with_cache_control(req)?;
        response.headers_mut().append(header::CACHE_CONTROL, header::HeaderValue::from_static("public"));
        Ok(response)
    }
    let client = store.client(urls().post("/cache/{value}", with_cache_control).post("/twice/{value}", twice));
    let cache = |path: &str| client.post(path).send().headers_all("cache-control").join(", ");
    assert_eq!(cache("/set/a/1"), "no-store");
    assert_eq!(cache("/logout"), "no-store");
    assert_eq!(cache("/cache/private, max-age=60"), "private, max-age=60");
    assert_eq!(cache("/cache/public, max-age=60"), "private, max-age=60");
    assert_eq!(cache("/cache/max-age=60, PUBLIC"), "max-age=60, private");
    assert_eq!(cache("/twice/max-age=60"), "max-age=60, private");
    assert_eq!(cache("/cache/max-age=600"), "private, max-age=600");
    assert_eq!(cache("/cache/s-maxage=600, max-age=60"), "private, max-age=60");
    assert_eq!(cache("/cache/private=\"set-cookie\", max-age=60"), "private, max-age=60");
    assert_eq!(cache("/cache/no-store"), "no-store");
    assert_eq!(cache("/cache/no-cache"), "private, no-cache");
    // Nothing is said of a response that sets no cookie.
    assert_eq!(client.get("/get/a").send().headers_all("cache-control"), Vec::<&str>::new());
}

fn rule_18_no_middleware_hands_the_cookie_to_a_shared_cache(store: &Store) {
    async fn keep_an_hour(req: &mut Request, next: lback::middleware::Next<'_>) -> Result<Response> {
        let mut response = next.run(req).await?;
        response.headers_mut().remove("vary");
        response.with_header("cache-control", "public, max-age=3600")
    }
    let app = App::new(urls()).stack(|stack| stack.insert_before("RequestLog", keep_an_hour).map(drop));
    let client = store.open(app, "");
    let response = client.post("/set/a/1").send();
    assert_eq!((response.header("cache-control"), response.header("vary")), (Some("private, max-age=3600"), Some("Cookie")));
    let response = client.get("/get/a").send();
    assert_eq!((response.header("cache-control"), response.header("vary")), (Some("public, max-age=3600"), Some("Cookie")));
    let response = client.get("/untouched").send();
    assert_eq!((response.header("cache-control"), response.header("vary")), (Some("public, max-age=3600"), None));
}

fn rule_18_an_error_page_that_shows_the_session_is_for_its_visitor(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("404.html", "lost {{ name }}"), ("403.html", "plain"), ("500.html", "broken {{ name }}")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let router = urls()
        .get("/gone", |_: &mut Request| {
            let error = Error::not_found("gone");
            Err::<(), _>(error.with_header(header::CACHE_CONTROL, header::HeaderValue::from_static("public, max-age=600")))
        })
        .get("/forbidden", |_: &mut Request| Err::<(), _>(Error::forbidden("no")))
        .get("/broken", |_: &mut Request| Err::<(), _>(Error::internal("no")));
    let app = App::new(router).template_global("name", |req| req.session().get::<String>("a"));
    let client = store.open(app, &format!("TEMPLATES_DIR = '{}'", folder.path().display()));
    client.post("/set/a/alice").send();
    let page = |path: &str| {
        let page = client.get(path).send();
        assert!(
            page.headers_all("vary").iter().any(|vary| vary.eq_ignore_ascii_case("cookie")) == page.text().contains("alice"),
            "{page:?}"
        );
        (page.text().to_owned(), page.headers_all("cache-control").join("|"))
    };
    let with = |text: &str, control: &str| (text.to_owned(), control.to_owned());
    assert_eq!(page("/nowhere"), with("lost alice", "private, no-cache"));
    assert_eq!(page("/gone"), with("lost alice", "private, max-age=600"));
    assert_eq!(page("/broken"), with("broken alice", "no-store"));
    assert_eq!(page("/forbidden"), with("plain", ""));
}
