//! Cookies in and out.

use std::sync::Mutex;

use lback_core::testing::Client;
use lback_core::{Cookie, Error, Request, Response, Result, Router, SameSite, StatusCode};

use crate::{app, app_with, client};

#[test]
fn added_cookies_are_sent_carefully() {
    let add = |req: &mut Request| {
        let cookies = req.cookies();
        cookies.add(("plain", "a b;c,\"é%"));
        cookies.add(Cookie::build(("own", "1")).path("/own").http_only(false).same_site(SameSite::Strict));
        cookies.add(("plain", "last wins"));
        cookies.get("plain").unwrap_or("none").to_owned()
    };
    let client = client(Router::new().get("/", add));
    let response = client.get("/").send();
    assert_eq!(response.text(), "last wins");
    let cookies = response.headers_all("set-cookie");
    assert_eq!(cookies, ["own=1; SameSite=Strict; Path=/own", "plain=last%20wins; HttpOnly; SameSite=Lax; Path=/"]);
    assert_eq!(response.cookie("plain").unwrap().value(), "last wins");
}

#[test]
fn a_view_sees_what_came_and_what_it_changed() {
    let change = |req: &mut Request| {
        let cookies = req.cookies();
        let before = cookies.get("a").unwrap_or("none").to_owned();
        cookies.remove("a");
        let removed = cookies.get("a").unwrap_or("none").to_owned();
        cookies.add(("b", "2"));
        format!("{before} {removed} {} {}", cookies.get("b").unwrap_or("none"), cookies.get("c").unwrap_or("none"))
    };
    let client = client(Router::new().get("/", change));
    let response = client.get("/").cookie("a", "1").cookie("c", "x y").send();
    assert_eq!(response.text(), "1 none 2 x y");
    let removal = response.cookie("a").unwrap();
    assert!(removal.max_age().unwrap().is_zero() && removal.path() == Some("/"));
}

#[test]
fn several_cookies_with_one_name_are_all_received() {
    let all = |req: &mut Request| req.cookies().received("a").collect::<Vec<_>>().join("|");
    let client = client(Router::new().get("/", all));
    client.get("/").header("cookie", "a=1; b=2; a=3").header("cookie", "a=4").send().assert_contains("1|3|4");
}

#[test]
fn what_is_not_text_does_not_hide_the_rest() {
    let show = |req: &mut Request| req.cookies().get("good").unwrap_or("none").to_owned();
    let client = client(Router::new().get("/", show));
    for header in [&b"bad=\xff\xfe; good=1"[..], b"good=1; \xc3=2", b"; ;=;=x;novalue;bad=%ff;good=1", b"good=1;;;"] {
        assert_eq!(client.get("/").header("cookie", header).send().text(), "1");
    }
    assert_eq!(client.get("/").send().text(), "none");
}

#[test]
fn a_flood_of_cookies_is_cut_off() {
    let show = |req: &mut Request| {
        let cookies = req.cookies();
        format!("{:?} {:?}", cookies.get("c127"), cookies.get("c128"))
    };
    let client = client(Router::new().get("/", show));
    let header = (0..1000).map(|n| format!("c{n}=x")).collect::<Vec<_>>().join("; ");
    assert_eq!(client.get("/").header("cookie", header).send().text(), "Some(\"x\") None");
}

#[test]
fn an_encoded_name_is_not_decoded() {
    // A browser keeps other sites from setting `__Host-id`, and knows nothing of `__%48ost-id`.
    let show = |req: &mut Request| req.cookies().get("__Host-id").unwrap_or("none").to_owned();
    let client = client(Router::new().get("/", show));
    assert_eq!(client.get("/").header("cookie", "__%48ost-id=evil").send().text(), "none");
    assert_eq!(client.get("/").header("cookie", "__%48ost-id=evil; __Host-id=good").send().text(), "good");
}

fn sealed_urls() -> Router {
    let add = |req: &mut Request| {
        req.cookies().signed().add(("s", "signed value"));
        req.cookies().private().add(("p", "private value"));
    };
    let show = |req: &mut Request| {
        let signed = req.cookies().signed().get("s").unwrap_or_default();
        let private = req.cookies().private().get("p").unwrap_or_default();
        format!("[{signed}] [{private}]")
    };
    let other = |req: &mut Request| {
        let mut cookies = Vec::new();
        for name in ["s2", "p2"] {
            cookies.extend(req.cookies().signed().get(name));
            cookies.extend(req.cookies().private().get(name));
        }
        format!("{cookies:?}")
    };
    Router::new().get("/add", add).get("/show", show).get("/other", other)
}

#[test]
fn sealed_cookies_come_back() {
    let client = client(sealed_urls());
    let response = client.get("/add").send();
    assert!(!response.headers_all("set-cookie").iter().any(|cookie| cookie.contains("private")));
    client.get("/show").send().assert_contains("[signed value] [private value]");
}

#[test]
fn sealed_cookies_that_were_touched_are_refused() {
    let first = client(sealed_urls());
    first.get("/add").send();
    let (signed, private) = (first.cookie("s").unwrap(), first.cookie("p").unwrap());
    let forged = [
        "signed value".to_owned(),
        String::new(),
        signed[..signed.len() - 1].to_owned(),
        signed[1..].to_owned(),
        format!("{signed}x"),
        signed.replace("signed value", "signed valve"),
        "A".repeat(44),
        "A".repeat(43),
        "é".repeat(30),
    ];
    for value in forged {
        first.get("/show").header("cookie", "x=1").send().assert_contains("[signed value]");
        let browser = first.fork();
        browser.set_cookie("s", &value);
        browser.set_cookie("p", &value);
        assert_eq!(browser.get("/show").send().text(), "[] []", "{value}");
    }
    for value in [&private[..private.len() - 2], &private[2..], &format!("A{}", &private[1..]), ""] {
        let browser = first.fork();
        browser.set_cookie("p", value);
        let changed = value != private;
        assert_eq!(browser.get("/show").send().text() == "[] []", changed, "{value}");
    }
}

#[test]
fn sealed_cookies_cannot_be_moved_to_another_name_or_kind() {
    let first = client(sealed_urls());
    first.get("/add").send();
    let (signed, private) = (first.cookie("s").unwrap(), first.cookie("p").unwrap());
    for (name, value) in [("s2", &signed), ("p2", &private), ("s2", &private), ("p2", &signed)] {
        let browser = first.fork();
        browser.set_cookie(name, value);
        assert_eq!(browser.get("/other").send().text(), "[]");
    }
    let browser = first.fork();
    browser.set_cookie("s", &private);
    browser.set_cookie("p", &signed);
    assert_eq!(browser.get("/show").send().text(), "[] []");
}

#[test]
fn a_planted_cookie_does_not_hide_the_sealed_one() {
    let first = client(sealed_urls());
    first.get("/add").send();
    let show = first.get("/show").cookie("s", "planted").cookie("p", "planted").send();
    assert_eq!(show.text(), "[signed value] [private value]");
}

#[test]
fn retired_keys_still_open_what_they_closed() {
    let old = "the first secret key, which is retired now";
    let new = "the second secret key, which signs from now on";
    let before = Client::new(app_with(sealed_urls(), &format!("SECRET_KEY = '{old}'")));
    before.get("/add").send();
    let carry = |to: &Client| {
        for name in ["s", "p"] {
            to.set_cookie(name, &before.cookie(name).unwrap());
        }
    };
    let rotated = Client::new(app_with(sealed_urls(), &format!("SECRET_KEY = '{new}'\nSECRET_KEY_FALLBACKS = ['{old}']")));
    carry(&rotated);
    assert_eq!(rotated.get("/show").send().text(), "[signed value] [private value]");
    let forgotten = Client::new(app_with(sealed_urls(), &format!("SECRET_KEY = '{new}'")));
    carry(&forgotten);
    assert_eq!(forgotten.get("/show").send().text(), "[] []");
    // What is signed from now on is signed by the new key.
    rotated.clear_cookies();
    rotated.get("/add").send();
    forgotten.set_cookie("s", &rotated.cookie("s").unwrap());
    forgotten.get("/show").send().assert_contains("[signed value]");
}

#[test]
fn a_view_that_fails_sends_no_cookies() {
    fn add(req: &mut Request) {
        req.cookies().add(("a", "1"));
    }
    let urls = Router::new()
        .get("/error", |req: &mut Request| -> Result<()> {
            add(req);
            Err(Error::internal("broken"))
        })
        .get("/status", |req: &mut Request| {
            add(req);
            StatusCode::BAD_GATEWAY
        })
        .get("/panic", |req: &mut Request| {
            add(req);
            if req.method().is_safe() {
                panic!("on purpose");
            }
        })
        .get("/async_panic", async |req: &mut Request| {
            add(req);
            tokio::task::yield_now().await;
            if req.method().is_safe() {
                panic!("on purpose");
            }
        })
        .get("/not_found", |req: &mut Request| -> Result<()> {
            add(req);
            Err(Error::not_found("there is none"))
        });
    let client = client(urls);
    for path in ["/error", "/status", "/panic", "/async_panic"] {
        let response = client.get(path).send();
        assert!(response.status().is_server_error() && response.cookies().is_empty(), "{response:?}");
    }
    assert!(client.get("/not_found").send().assert_status(404).cookie("a").is_some());
}

#[test]
fn a_cookie_that_could_not_stand_in_a_header_is_left_out() {
    let add = |req: &mut Request| {
        req.cookies().add(Cookie::build(("split", "1")).path("/\r\nx-evil: 1"));
        req.cookies().add(("na me\r\n", "1"));
        req.cookies().add(("good", "line\r\nbreak; Path=/evil"));
    };
    let client = client(Router::new().get("/", add));
    let response = client.get("/").send();
    assert_eq!(response.headers_all("set-cookie"), ["good=line%0D%0Abreak%3B%20Path=/evil; HttpOnly; SameSite=Lax; Path=/"]);
    assert!(response.header("x-evil").is_none());
}

#[test]
fn a_response_may_carry_cookies_of_its_own() {
    let seen = Mutex::new(0);
    let add = move |req: &mut Request| -> Result<Response> {
        *seen.lock().unwrap() += 1;
        req.cookies().add(("a", "1"));
        Response::text("x").with_cookie(Cookie::new("b", "2"))?.with_cookie(Cookie::new("c", "3"))
    };
    let client = Client::new(app(Router::new().get("/", add)));
    let response = client.get("/").send();
    let names: Vec<String> = response.cookies().iter().map(|cookie| cookie.name().to_owned()).collect();
    assert_eq!(names, ["b", "c", "a"]);
}
