//! Routes whose responses are cached: for whom they are stored, and for whom they are not.

use std::time::Duration;

use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use super::{Meeting, Post, SETTINGS, client_of, computed, posts};
use crate::start_error;
use crate::unit_of_work::on_each_database;

on_each_database!(a_page_is_made_again_after_a_commit);

const MINUTE: Duration = Duration::from_secs(60);

fn number(req: &mut Request) -> Result<String> {
    Ok(format!("page {}", computed(req)?))
}

fn vary(req: &mut Request) -> Result<Response> {
    let name: String = req.param("name")?;
    Response::text(number(req)?).with_header("vary", name)
}

fn urls() -> Router {
    let minute = || Cached::for_time(MINUTE);
    let per_user = |req: &mut Request| -> Result<String> {
        let name: String = req.session().get("name")?.unwrap_or_default();
        Ok(format!("{name} {}", computed(req)?))
    };
    Router::new()
        .get("/plain", number)
        .cached(minute())
        .get("/async", async |req: &mut Request| number(req))
        .cached(minute())
        .route([Method::GET, Method::POST], "/both", number)
        .cached(minute())
        .csrf_exempt()
        .get("/posts", number)
        .cached(Cached::until_changed().depends_on::<Post>())
        .get("/stale", number)
        .cached(minute().stale_for(MINUTE))
        .get("/query", |req: &mut Request| -> Result<String> { Ok(format!("{} {}", req.path_and_query(), computed(req)?)) })
        .cached(minute().by_query(["page", "sort"]).ignoring_query(["utm"]))
        .get("/language", number)
        .cached(minute().per_language(["en", "de"]))
        .get("/by/{name}", number)
        .cached(minute().by(|req| Ok(req.header("x-part").unwrap_or_default().to_owned())))
        .get("/vary/{name}", vary)
        .cached(minute().per_language(["en", "de"]))
        .get("/vary-by/{name}", vary)
        .cached(minute().by(|req| Ok(req.header("x-part").unwrap_or_default().to_owned())))
        .get("/team", number)
        .cached(minute().per_user())
        .get("/mine", per_user)
        .cached(minute().per_user())
        .get("/careless", per_user)
        .cached(minute())
        .get("/flash", |req: &mut Request| -> Result<String> {
            let flashes = req.session().take_flashes();
            Ok(format!("{} messages {}", flashes.len(), computed(req)?))
        })
        .cached(minute().per_user())
        .get("/form", |req: &mut Request| -> Result<String> { Ok(format!("{} {}", req.csrf_token()?.len(), computed(req)?)) })
        .cached(minute().per_user())
        .get("/nonce", |req: &mut Request| -> Result<String> { Ok(format!("{} {}", req.csp_nonce()?.len(), computed(req)?)) })
        .cached(minute())
        .get("/cookie", |req: &mut Request| -> Result<String> {
            req.cookies().add(Cookie::new("theme", "dark"));
            number(req)
        })
        .cached(minute())
        .get("/set-cookie", |req: &mut Request| -> Result<Response> {
            Response::text(number(req)?).with_cookie(Cookie::new("theme", "dark"))
        })
        .cached(minute())
        .get("/header/{value}", |req: &mut Request| -> Result<Response> {
            let value: String = req.param("value")?;
            Response::text(number(req)?).with_header("cache-control", value)
        })
        .cached(minute())
        .get("/status/{code:int}", |req: &mut Request| -> Result<Response> {
            let code = StatusCode::from_u16(req.param("code")?).unwrap_or_default();
            Ok(Response::text(number(req)?).with_status(code))
        })
        .cached(minute())
        .get("/error", |req: &mut Request| -> Result<String> {
            number(req)?;
            Err(Error::not_found("none"))
        })
        .cached(minute())
        .get("/stream", |req: &mut Request| -> Result<Response> {
            let text = number(req)?;
            Ok(Response::stream([Ok::<_, std::convert::Infallible>(text)]))
        })
        .cached(minute())
        .get("/tagged", |req: &mut Request| -> Result<Response> { Response::text(number(req)?).with_header("etag", "\"own\"") })
        .cached(minute())
        .post("/log-in/{id:int}", |req: &mut Request| -> Result<()> {
            let id: i64 = req.param("id")?;
            req.session().insert("user_id", id)?;
            req.session().insert("name", format!("user {id}"))
        })
        .post("/name/{name}", |req: &mut Request| -> Result<()> {
            let name: String = req.param("name")?;
            req.session().insert("name", name)
        })
        .post("/flash", |req: &mut Request| {
            req.session().flash("info", "saved");
        })
}

fn client() -> (Client, Meeting) {
    client_of("", urls())
}

#[track_caller]
fn text(response: &TestResponse) -> String {
    response.assert_status(200);
    response.text().to_owned()
}

#[test]
fn a_response_is_stored_for_its_time() {
    let (client, _) = client();
    for path in ["/plain", "/async"] {
        let first = text(&client.get(path).send());
        assert_eq!(text(&client.fork().get(path).send()), first, "{path}");
        assert_eq!(client.get(path).send().header("content-type"), Some("text/plain; charset=utf-8"));
        client.clock().advance(MINUTE);
        assert_ne!(text(&client.get(path).send()), first, "{path}");
    }
}

#[test]
fn only_get_is_stored_and_head_is_answered_from_it() {
    let (client, meeting) = client();
    let head = |path: &str| client.request(Method::HEAD, path).send();
    head("/plain").assert_status(200);
    assert_eq!(text(&client.get("/plain").send()), "page 2");
    let response = head("/plain");
    assert_eq!((meeting.count(), response.text(), response.header("content-length")), (2, "", Some("6")));
    assert_eq!(text(&client.post("/both").send()), "page 3");
    assert_eq!(text(&client.get("/both").send()), "page 4");
    assert_eq!(text(&client.post("/both").send()), "page 5");
    assert_eq!(text(&client.get("/both").send()), "page 4");
}

#[test]
fn a_client_that_has_the_page_gets_304() {
    let (client, meeting) = client();
    let first = client.get("/plain").send();
    let tag = first.header("etag").unwrap().to_owned();
    let again = |value: &str| client.get("/plain").header("if-none-match", value).send();
    for known in [tag.as_str(), &format!("\"other\", W/{tag}"), "*"] {
        let response = again(known);
        response.assert_status(304);
        assert_eq!((response.text(), response.header("etag"), response.header("content-type")), ("", Some(tag.as_str()), None));
    }
    assert_eq!(text(&again("\"other\"")), "page 1");
    assert_eq!(meeting.count(), 1);
    // Also the one that computes.
    client.clock().advance(MINUTE);
    client.get("/tagged").header("if-none-match", "\"own\"").send().assert_status(304);
    assert_eq!(client.get("/tagged").send().header("etag"), Some("\"own\""));
}

#[test]
fn parameters_of_the_query_that_are_not_named_are_not_stored() {
    let (client, meeting) = client();
    let get = |query: &str| text(&client.get(&format!("/query{query}")).send());
    assert_eq!(get("?page=2&sort=a"), "/query?page=2&sort=a 1");
    assert_eq!(get("?sort=a&page=2&utm=mail"), "/query?page=2&sort=a 1");
    assert_eq!(get("?page=3"), "/query?page=3 2");
    assert_eq!(get("?page=2&page=3"), "/query?page=2&page=3 3");
    assert_eq!(get("?page=3&page=2"), "/query?page=3&page=2 4");
    assert_eq!(get(""), "/query 5");
    for number in 6..9 {
        assert_eq!(get("?page=2&sort=a&evil=1"), format!("/query?page=2&sort=a&evil=1 {number}"));
    }
    assert_eq!(get("?page=2&sort=a"), "/query?page=2&sort=a 1");
    assert_eq!(meeting.count(), 8);
}

#[test]
fn responses_differ_by_path_language_host_and_what_the_route_says() {
    let (client, _) = client();
    let language = |language: &str| text(&client.get("/language").header("accept-language", language).send());
    assert_eq!([language("en"), language("de"), language("de-CH, en;q=0.3"), language("fr")], ["page 1", "page 2", "page 2", "page 1"]);
    let by = |path: &str, part: &str| text(&client.get(path).header("x-part", part).send());
    assert_eq!([by("/by/a", "1"), by("/by/a", "2"), by("/by/b", "1"), by("/by/a", "1")], ["page 3", "page 4", "page 5", "page 3"]);
    let host = |host: &str| text(&client.get("/plain").header("host", host).send());
    assert_eq!([host("one.example"), host("two.example"), host("One.Example")], ["page 6", "page 7", "page 6"]);
    // A page may contain the port in its links.
    assert_eq!([host("one.example:81"), host("one.example")], ["page 8", "page 6"]);
}

#[test]
fn a_page_of_a_user_reaches_nobody_else() {
    let (client, _) = client();
    let (one, other, visitor) = (client.fork(), client.fork(), client.fork());
    one.post("/log-in/1").send().assert_status(204);
    other.post("/log-in/2").send().assert_status(204);
    visitor.post("/name/visitor").send().assert_status(204);
    assert_eq!(text(&one.get("/mine").send()), "user 1 1");
    let again = one.get("/mine").send();
    assert_eq!(text(&again), "user 1 1");
    assert!(again.header("cache-control").is_some_and(|value| value.contains("private")), "{again:?}");
    assert_eq!(text(&other.get("/mine").send()), "user 2 2");
    // The page of a visitor depends on the session, so it is not stored.
    assert_eq!([text(&visitor.get("/mine").send()), text(&visitor.get("/mine").send())], ["visitor 3", "visitor 4"]);
    assert_eq!([text(&client.get("/mine").send()), text(&client.get("/mine").send())], [" 5", " 6"]);
    assert_eq!(text(&one.get("/mine").send()), "user 1 1");
    // Without `per_user`, nothing that depends on a session is stored.
    assert_eq!([text(&one.get("/careless").send()), text(&other.get("/careless").send())], ["user 1 7", "user 2 8"]);
    assert_eq!(text(&one.get("/careless").send()), "user 1 9");
    let leaving = one.fork();
    assert_eq!(text(&leaving.get("/mine").send()), " 10");
}

#[test]
fn visitors_without_a_login_share_a_page_that_does_not_depend_on_their_session() {
    let (client, _) = client();
    let (user, visitor) = (client.fork(), client.fork());
    user.post("/log-in/1").send().assert_status(204);
    visitor.post("/name/visitor").send().assert_status(204);
    let first = client.fork().get("/team").send();
    assert_eq!((first.text(), first.header("vary")), ("page 1", Some("Cookie")));
    let again = client.fork().get("/team").send();
    assert_eq!((again.text(), again.header("vary")), ("page 1", Some("Cookie")));
    assert_eq!(text(&visitor.get("/team").send()), "page 1");
    assert_eq!([text(&user.get("/team").send()), text(&user.get("/team").send())], ["page 2", "page 2"]);
    assert_eq!(client.fork().request(Method::HEAD, "/team").send().header("vary"), Some("Cookie"));
}

#[test]
fn a_response_that_differs_by_another_header_is_not_stored() {
    let (client, meeting) = client();
    for (path, is_stored) in [
        ("/vary/accept-language", true),
        ("/vary/accept", false),
        ("/vary/Accept-Language,%20Cookie", false),
        ("/vary/*", false),
        ("/vary-by/accept", true),
        ("/vary-by/*", false),
    ] {
        let before = meeting.count();
        client.get(path).send().assert_status(200);
        client.get(path).send().assert_status(200);
        assert_eq!(meeting.count() == before + 1, is_stored, "{path}");
    }
}

#[test]
fn what_belongs_to_one_response_is_not_stored() {
    let (client, meeting) = client();
    client.post("/log-in/1").send().assert_status(204);
    for path in [
        "/form",
        "/nonce",
        "/cookie",
        "/set-cookie",
        "/header/no-store",
        "/header/private",
        "/status/201",
        "/status/404",
        "/status/500",
        "/error",
        "/stream",
    ] {
        let before = meeting.count();
        client.get(path).send();
        client.get(path).send();
        assert_eq!(meeting.count(), before + 2, "{path}");
    }
    client.post("/flash").send().assert_status(204);
    assert_eq!(text(&client.get("/flash").send()).split(' ').next(), Some("1"));
    assert_eq!(text(&client.get("/flash").send()).split(' ').next(), Some("0"));
    let stored = text(&client.get("/flash").send());
    assert_eq!(text(&client.get("/flash").send()), stored);
    assert_eq!(client.get("/cookie").send().cookies().len(), 1);
}

#[test]
fn a_stale_page_is_served_while_one_request_makes_it_again() {
    let (client, _) = client();
    assert_eq!(text(&client.get("/stale").send()), "page 1");
    client.clock().advance(MINUTE + MINUTE / 2);
    assert_eq!([text(&client.get("/stale").send()), text(&client.get("/stale").send())], ["page 2", "page 2"]);
    client.clock().advance(3 * MINUTE);
    assert_eq!(text(&client.get("/stale").send()), "page 3");
}

fn a_page_is_made_again_after_a_commit(on: &str) {
    let (client, _) = client_of(on, urls());
    assert_eq!([text(&client.get("/posts").send()), text(&client.get("/posts").send())], ["page 1", "page 1"]);
    client.db(|db| diesel::update(posts::table.find(1)).set(posts::title.eq("x")).execute(db));
    assert_eq!([text(&client.get("/posts").send()), text(&client.get("/posts").send())], ["page 2", "page 2"]);
}

#[test]
fn a_guard_within_the_cache_is_refused_at_the_start() {
    async fn guard(req: &mut Request, next: Next<'_>) -> Result<Response> {
        next.run(req).await
    }
    let within = Router::new().get("/", number).cached(Cached::for_time(MINUTE)).middleware(guard);
    let message = start_error(App::new(within).cache(), SETTINGS);
    assert!(message.contains("guard") && message.contains(".cached("), "{message}");
    let inner = Router::new().get("/", number).middleware(guard);
    let included = Router::new().include("/a", inner).cached(Cached::for_time(MINUTE));
    assert!(start_error(App::new(included).cache(), SETTINGS).contains("guard"));
    let outside = Router::new().get("/", number).middleware(guard).cached(Cached::for_time(MINUTE));
    let app = App::new(outside).cache().state(Meeting::default());
    assert_eq!(text(&Client::with_settings(app, SETTINGS).get("/").send()), "page 1");
}
