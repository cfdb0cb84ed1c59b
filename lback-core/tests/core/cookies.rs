//! Received and sent cookies.

use std::sync::Mutex;
use std::time::Duration;

use lback_core::middleware::Errors;
use lback_core::testing::Client;
use lback_core::{
    Assembly, Clock, Cookie, CookieDuration, Error, Keys, OrNotFound, Request, Response, Result, Router, SameSite, StatusCode,
};

use crate::{SECRET, app, app_with, client, settings};

#[test]
fn added_cookies_are_sent_with_safe_defaults() {
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
fn a_view_sees_received_and_changed_cookies() {
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
fn cookies_that_are_not_text_do_not_hide_others() {
    let show = |req: &mut Request| req.cookies().get("good").unwrap_or("none").to_owned();
    let client = client(Router::new().get("/", show));
    for header in [&b"bad=\xff\xfe; good=1"[..], b"good=1; \xc3=2", b"; ;=;=x;novalue;bad=%ff;good=1", b"good=1;;;"] {
        assert_eq!(client.get("/").header("cookie", header).send().text(), "1");
    }
    assert_eq!(client.get("/").send().text(), "none");
}

#[test]
fn a_cookie_is_found_after_any_number_of_others() {
    let show = |req: &mut Request| {
        let cookies = req.cookies();
        let count = cookies.received("dup").count();
        format!("{:?} {:?} {count} {:?}", cookies.get("c0"), cookies.get("mine"), cookies.get("missing"))
    };
    let client = client(Router::new().get("/", show));
    let others = (0..4000).map(|n| format!("c{n}={n}")).collect::<Vec<_>>().join("; ");
    let found = "Some(\"0\") Some(\"here\") 0 None";
    assert_eq!(client.get("/").header("cookie", format!("{others}; mine=here")).send().text(), found);
    // HTTP/2 may split the header.
    assert_eq!(client.get("/").header("cookie", &others).header("cookie", "mine=here").send().text(), found);
    let same = "dup=x;".repeat(5000);
    assert_eq!(client.get("/").header("cookie", format!("{same}mine=here")).send().text(), "None Some(\"here\") 5000 None");
}

#[test]
fn values_may_have_quotes_and_spaces_around_them() {
    let show = |req: &mut Request| format!("{:?}", req.cookies().get("a"));
    let client = client(Router::new().get("/", show));
    for (header, value) in [
        ("a=\"x y\"", "x y"),
        (" \ta =\t x ;", "x"),
        ("a=\"\"", ""),
        ("a=\"", "\""),
        ("a=\"x", "\"x"),
        ("a=x\"y\"", "x\"y\""),
        ("a==x=", "=x="),
        ("b=\"1; a=2; c=3\"", "2"),
        ("=1; ;;a=2", "2"),
    ] {
        assert_eq!(client.get("/").header("cookie", header).send().text(), format!("{:?}", Some(value)), "{header}");
    }
    // A quote that the application has sent belongs to the value.
    let urls = Router::new().get("/", show).get("/set", |req: &mut Request| req.cookies().add(("a", "\"x\"")));
    let client = crate::client(urls);
    client.get("/set").send();
    assert_eq!(client.get("/").send().text(), "Some(\"\\\"x\\\"\")");
}

#[test]
fn a_name_with_other_spaces_around_it_is_another_name() {
    // Browsers let any page of the domain set these, and protect `__Host-id`.
    let show = |req: &mut Request| req.cookies().get("__Host-id").unwrap_or("none").to_owned();
    let client = client(Router::new().get("/", show));
    for space in ["\u{a0}", "\u{2000}", "\u{85}", "\u{3000}"] {
        let header = format!("{space}__Host-id=evil; __Host-id{space}=evil; {space}__Host-id{space}=evil");
        assert_eq!(client.get("/").header("cookie", header).send().text(), "none", "{space:?}");
    }
}

#[test]
fn an_encoded_name_is_not_decoded() {
    // A browser prevents other sites from setting `__Host-id`, but does not protect `__%48ost-id`.
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
fn sealed_cookies_round_trip() {
    let client = client(sealed_urls());
    let response = client.get("/add").send();
    assert!(!response.headers_all("set-cookie").iter().any(|cookie| cookie.contains("private")));
    client.get("/show").send().assert_contains("[signed value] [private value]");
}

#[test]
fn sealed_cookies_that_were_modified_are_refused() {
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
    let (signed, private) = (first.cookie("s").unwrap(), first.cookie("p").unwrap());
    let planted = format!("s={0}x; p={0}y; ", "A".repeat(60)).repeat(300);
    let show = first.fork().get("/show").header("cookie", format!("{planted}; s={signed}; p={private}")).send();
    assert_eq!(show.text(), "[signed value] [private value]");
}

/// Returns a client of an application that sets the cookies `s` and `p` for one hour and shows them, with a fixed clock.
fn expiring() -> Client {
    let add = |req: &mut Request| {
        let value: String = req.param("value")?;
        let cookie = |name: &'static str| Cookie::build((name, value.clone())).max_age(CookieDuration::hours(1));
        req.cookies().signed().add(cookie("s"));
        req.cookies().private().add(cookie("p"));
        req.cookies().signed().get("s").or_404()
    };
    let mut assembly = Assembly::new(sealed_urls().get("/ending/{value}", add).get("/expires", expires), settings(""));
    assembly.clock(Clock::fixed("2026-01-01T00:00:00.5Z".parse().unwrap()));
    assembly.stack_mut().push(Errors);
    Client::new(assembly.build().unwrap())
}

/// Sets them until one o'clock on New Year's Day, with an attribute that only old browsers need.
fn expires(req: &mut Request) {
    let cookie = |name: &'static str| Cookie::parse(format!("{name}=x; Expires=Thu, 01 Jan 2026 01:00:00 GMT")).unwrap();
    req.cookies().signed().add(cookie("s"));
    req.cookies().private().add(cookie("p"));
}

/// Returns what the application shows another browser, which never deletes these cookies.
fn shown(client: &Client, cookies: &[(&str, &str)]) -> String {
    let header = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    client.fork().get("/show").header("cookie", header).send().text().to_owned()
}

#[test]
fn a_sealed_cookie_is_refused_after_its_max_age_even_if_it_is_sent() {
    let client = expiring();
    let response = client.get("/ending/x").send();
    assert_eq!(response.text(), "x", "the view sees what it has set");
    assert_eq!(response.cookie("s").unwrap().max_age().unwrap().whole_seconds(), 3600);
    let (signed, private) = (client.cookie("s").unwrap(), client.cookie("p").unwrap());
    let cookies = [("s", signed.as_str()), ("p", private.as_str())];
    client.clock().advance(Duration::from_millis(3_599_999));
    assert_eq!(shown(&client, &cookies), "[x] [x]");
    client.clock().advance(Duration::from_millis(1));
    assert_eq!(shown(&client, &cookies), "[] []");
    // An expired cookie does not hide a valid one.
    client.get("/ending/y").send();
    let (later, later_private) = (client.cookie("s").unwrap(), client.cookie("p").unwrap());
    assert_eq!(shown(&client, &[cookies[0], cookies[1], ("s", &later), ("p", &later_private)]), "[y] [y]");
}

#[test]
fn a_sealed_cookie_is_refused_after_it_expires() {
    let client = expiring();
    client.get("/expires").send();
    let (signed, private) = (client.cookie("s").unwrap(), client.cookie("p").unwrap());
    let cookies = [("s", signed.as_str()), ("p", private.as_str())];
    assert_eq!(shown(&client, &cookies), "[x] [x]");
    client.clock().advance(Duration::from_secs(3600));
    assert_eq!(shown(&client, &cookies), "[] []");
}

#[test]
fn the_expiry_of_a_sealed_cookie_cannot_be_changed() {
    let client = expiring();
    client.get("/ending/x").send();
    let (signed, private) = (client.cookie("s").unwrap(), client.cookie("p").unwrap());
    client.clock().advance(Duration::from_secs(7200));
    let (signature, rest) = signed.split_at(44);
    let (end, named) = rest.split_once(':').unwrap();
    let later: i64 = end.parse::<i64>().unwrap() + 86_400_000;
    for forged in [
        format!("{signature}{later}:{named}"),
        format!("{signature}{named}"),
        format!("{signature}:{named}"),
        format!("{signature}9{rest}"),
        format!("{signature}{end}0:{named}"),
    ] {
        assert_eq!(shown(&client, &[("s", &forged)]), "[] []", "{forged}");
    }
    for at in 0..private.len() {
        let mut forged = private.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(shown(&client, &[("p", &String::from_utf8(forged).unwrap())]), "[] []", "{at}");
    }
}

#[test]
fn a_sealed_cookie_that_expires_cannot_be_moved_to_another_name_or_kind() {
    let client = expiring();
    client.get("/ending/x").send();
    let (signed, private) = (client.cookie("s").unwrap(), client.cookie("p").unwrap());
    assert_eq!(shown(&client, &[("s", &private), ("p", &signed)]), "[] []");
    for (name, value) in [("s2", &signed), ("p2", &private), ("s2", &private), ("p2", &signed)] {
        assert_eq!(client.fork().get("/other").header("cookie", format!("{name}={value}")).send().text(), "[]");
    }
}

#[test]
fn a_value_and_an_expiry_are_never_confused() {
    // The visitor chooses values that look like the other form.
    let urls = Router::new()
        .get("/set", |req: &mut Request| {
            let value: String = req.query::<Vec<(String, String)>>().unwrap_or_default().remove(0).1;
            req.cookies().signed().add(("s", value.clone()));
            req.cookies().private().add(("p", value));
        })
        .get("/show", |req: &mut Request| {
            let signed = req.cookies().signed().get("s");
            format!("{signed:?} {:?}", req.cookies().private().get("p"))
        });
    let client = client(urls);
    for value in ["9999999999999:s=admin", "9999999999999:admin", ":", "s=admin", "1:s=x"] {
        client.get(&format!("/set?value={value}")).send();
        assert_eq!(client.get("/show").send().text(), format!("{0:?} {0:?}", Some(value)), "{value}");
    }
}

#[test]
fn values_from_earlier_versions_are_still_valid() {
    // Sealed as in earlier versions, in which cookies could not expire, with the key of these tests.
    let keys = Keys::derive("cookies", [SECRET]);
    let client = client(sealed_urls());
    let (signed, private) = (keys.sign("s=old"), keys.encrypt("p", "old".to_owned()));
    assert_eq!(shown(&client, &[("s", &signed), ("p", &private)]), "[old] [old]");
}

#[test]
fn an_expiry_beyond_the_range_of_the_clock_is_accepted() {
    let urls = Router::new().get("/show", |req: &mut Request| req.cookies().signed().get("s").unwrap_or_default()).get(
        "/set/{seconds}",
        |req: &mut Request| {
            let seconds: i64 = req.param("seconds")?;
            req.cookies().signed().add(Cookie::build(("s", "x")).max_age(CookieDuration::seconds(seconds)));
            Ok::<_, Error>(req.cookies().signed().get("s").unwrap_or_default())
        },
    );
    let client = client(urls);
    assert_eq!(client.get(&format!("/set/{}", i64::MAX)).send().text(), "x");
    for ended in [i64::MIN, -1] {
        assert_eq!(client.get(&format!("/set/{ended}")).send().text(), "");
    }
}

#[test]
fn a_response_with_a_sealed_cookie_stays_out_of_shared_caches() {
    let page = |path: &str| {
        let with = |req: &mut Request| Response::text("").with_header("cache-control", req.param::<String>("control")?);
        let urls = Router::new()
            .get("/plain/{control}", move |req: &mut Request| {
                req.cookies().add(("a", "1"));
                with(req)
            })
            .get("/signed/{control}", move |req: &mut Request| {
                req.cookies().signed().add(("a", "1"));
                with(req)
            })
            .get("/private", |req: &mut Request| req.cookies().private().add(("a", "1")))
            .get("/failed", |req: &mut Request| {
                req.cookies().signed().add(("a", "1"));
                StatusCode::BAD_GATEWAY
            });
        let response = client(urls).get(path).send();
        (response.header("cache-control").unwrap_or_default().to_owned(), response.header("vary").unwrap_or_default().to_owned())
    };
    let (with, vary) = (|control: &str| control.to_owned(), "Cookie".to_owned());
    assert_eq!(page("/signed/public, max-age=600"), (with("private, max-age=600"), vary.clone()));
    assert_eq!(page("/signed/max-age=600"), (with("private, max-age=600"), vary.clone()));
    assert_eq!(page("/private"), (with("private, no-cache"), vary));
    // Plain cookies do not affect caching, as they may be the same for all visitors, nor do cookies that are not sent.
    assert_eq!(page("/plain/public, max-age=600"), (with("public, max-age=600"), String::new()));
    assert_eq!(page("/failed"), (String::new(), String::new()));
}

#[test]
fn retired_keys_still_open_cookies_that_they_sealed() {
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
    // New cookies are signed with the new key.
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
fn a_cookie_that_is_not_valid_in_a_header_is_left_out() {
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
fn a_response_can_have_its_own_cookies() {
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
