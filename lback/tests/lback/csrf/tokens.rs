//! Tokens: right, missing, wrong, in the wrong place.

use super::*;

#[test]
fn the_form_of_a_page_can_be_sent() {
    let client = client();
    let token = token(&client);
    assert!(accepts(&client, &token));
    assert!(accepts(&client, &token), "and sent again");
    client.post("/do").header("x-csrf-token", &token).send().assert_status(200);
    client.post("/do").header("X-CSRF-Token", &token).json(&[1, 2]).send().assert_status(200);
    client.post("/do").multipart().field("csrf_token", &token).file("photo", "a.png", "image/png", "x").send().assert_status(200);
    with_token(&client, "/echo", &token).send().assert_contains("1");
}

#[test]
fn every_method_that_changes_something_needs_one() {
    let client = client();
    let token = token(&client);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        client.request(method.clone(), "/do").send().assert_status(403);
        client.request(method, "/do").header("x-csrf-token", &token).send().assert_status(200);
    }
    client.get("/plain").send().assert_status(200);
    client.head("/plain").send().assert_status(200);
    client.options("/do").send().assert_status(204);
}

#[test]
fn tokens_differ_and_all_are_good() {
    let client = client();
    let tokens: Vec<String> = (0..3).map(|_| token(&client)).collect();
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    assert!(tokens.iter().all(|token| accepts(&client, token)));
}

#[test]
fn nothing_is_not_enough() {
    let client = client();
    let fresh = client.fork();
    fresh.post("/do").send().assert_status(403);
    token(&client);
    client.post("/do").send().assert_status(403);
    client.post("/do").form(&[("other", "x")]).send().assert_status(403);
    client.post("/do").json(&[("csrf_token", "x")]).send().assert_status(403);
    client.post("/do").multipart().field("other", "x").send().assert_status(403);
}

#[test]
fn what_is_no_token_is_refused() {
    let client = client();
    let good = token(&client);
    let flipped = format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]);
    let enormous = "A".repeat(1_000_000);
    let wrong = ["", " ", "x", &good[1..], &format!("{good}A"), &format!(" {good}"), &flipped, &good.replace(['-', '_'], "/"), &enormous];
    for token in wrong.into_iter().filter(|token| **token != good) {
        assert!(!accepts(&client, token), "{}", &token[..token.len().min(100)]);
    }
    let zero = "A".repeat(good.len());
    assert!(!accepts(&client, &zero));
    client.post("/do").header("x-csrf-token", "x".repeat(8000)).send().assert_status(403);
    client.post("/do").header("x-csrf-token", b"\xff\xfe").send().assert_status(403);
    assert!(accepts(&client, &good));
}

#[test]
fn wrong_encodings_are_refused() {
    let client = client();
    let token = token(&client);
    let form = "application/x-www-form-urlencoded";
    let send = |body: Vec<u8>, kind: &str| client.post("/do").header("content-type", kind).body(body).send().status().as_u16();
    assert_eq!(send([b"csrf_token=\xff\xff&x=", token.as_bytes()].concat(), form), 403);
    assert_eq!(send(b"csrf_token=%ff%00%zz".to_vec(), form), 403);
    assert_eq!(send(b"\x00\xff\xfe&&&===".to_vec(), form), 403);
    assert_eq!(send(format!("csrf_token={token}").into_bytes(), "text/plain"), 403);
    assert_eq!(send(format!("csrf_token={token}").into_bytes(), "application/json"), 403);
    let utf16: Vec<u8> = format!("csrf_token={token}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(send(utf16, form), 403);
    assert_eq!(send(format!("csrf_token={token}").into_bytes(), "Application/X-WWW-Form-urlencoded; charset=utf-8"), 200);
    let escaped: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(send(format!("a=%ff&csrf%5Ftoken={escaped}").into_bytes(), form), 200);
    assert_eq!(send(b"no multipart".to_vec(), "multipart/form-data; boundary=x"), 400);
    assert_eq!(send(b"no multipart".to_vec(), "multipart/form-data"), 400);
}

#[test]
fn a_token_that_comes_twice_is_refused() {
    let client = client();
    let (one, two) = (token(&client), token(&client));
    for other in [&one, &two, "x"] {
        client.post("/do").form(&[("csrf_token", one.as_str()), ("csrf_token", other)]).send().assert_status(403);
        client.post("/do").header("x-csrf-token", &one).header("x-csrf-token", other).send().assert_status(403);
        client.post("/do").multipart().field("csrf_token", &one).field("csrf_token", other).send().assert_status(403);
    }
    // A script may send the form of a page, with the header beside the field: the header counts.
    client.post("/do").header("x-csrf-token", &one).form(&[("csrf_token", &two)]).send().assert_status(200);
    client.post("/do").header("x-csrf-token", "x").form(&[("csrf_token", &two)]).send().assert_status(403);
}

#[test]
fn a_token_in_the_wrong_place_does_not_count() {
    let client = client();
    let token = token(&client);
    client.post("/do").query(&[("csrf_token", &token)]).send().assert_status(403);
    client.post("/do").query(&[("csrf_token", &token)]).form(&[("x", "y")]).send().assert_status(403);
    client.post("/do").cookie("csrf_token", &token).send().assert_status(403);
    client.post("/do").header("csrf_token", &token).send().assert_status(403);
    client.post("/do").json(&[("csrf_token", &token)]).send().assert_status(403);
    client.post("/do").multipart().file("csrf_token", "token", "text/plain", &token).send().assert_status(403);
    client.get("/plain").query(&[("csrf_token", "wrong")]).header("x-csrf-token", "wrong").send().assert_status(200);
}

#[test]
fn a_token_of_another_browser_is_refused() {
    let mine = client();
    let other = mine.fork();
    let (my_token, foreign) = (token(&mine), token(&other));
    assert!(!accepts(&mine, &foreign) && accepts(&mine, &my_token) && accepts(&other, &foreign));
}

#[test]
fn a_token_needs_its_cookie() {
    let client = client();
    let stale = token(&client);
    client.clear_cookies();
    assert!(!accepts(&client, &stale));
    let fresh = token(&client);
    assert!(!accepts(&client, &stale) && accepts(&client, &fresh));
}

#[test]
fn a_forged_cookie_is_refused() {
    let client = client();
    let token = token(&client);
    let good = client.cookie("csrf").unwrap();
    let forged = ["", "x", &good[1..], &"A".repeat(good.len()), &good[..43], &format!("{good}x"), &"A".repeat(5000)];
    for forged in forged {
        client.set_cookie("csrf", forged);
        assert!(!accepts(&client, &token), "{forged}");
    }
    client.set_cookie("csrf", &good);
    assert!(accepts(&client, &token));
}

#[test]
fn a_new_secret_key_ends_tokens_unless_the_old_one_is_kept() {
    let client = client();
    let (token, cookie) = (token(&client), client.cookie("csrf").unwrap());
    let other = Client::with_settings(App::new(urls()), SETTINGS);
    other.enforce_csrf();
    other.set_cookie("csrf", &cookie);
    // The client's key is always the same: so the same cookie is good before another instance of the application.
    assert!(accepts(&other, &token));
    let keys = |key: &str| lback::http::Keys::derive("csrf", [key]);
    let secret = keys("a key that only tests use, and that is long enough").verify(&cookie).unwrap().to_owned();
    other.set_cookie("csrf", &keys("another key, which is long enough as well").sign(&secret));
    assert!(!accepts(&other, &token));
}

#[test]
fn exempt_routes_are_left_alone() {
    let client = client();
    client.post("/hook").send().assert_status(200);
    client.post("/hooks/a").header("origin", "https://evil.example").send().assert_status(200);
    client.delete("/hooks/b").send().assert_status(200);
    client.post("/do").send().assert_status(403);
}

#[test]
fn what_no_route_answers_is_not_found_rather_than_refused() {
    let client = client();
    client.post("/nowhere").send().assert_status(404);
    client.post("/plain").send().assert_status(405);
}

#[test]
fn a_route_that_reads_its_body_itself_wants_the_header() {
    let client = client();
    let token = token(&client);
    with_token(&client, "/stream", &token).send().assert_status(403);
    client.post("/stream").multipart().field("csrf_token", &token).send().assert_status(403);
    client.post("/stream").header("x-csrf-token", &token).body("x").send().assert_status(200);
}

#[test]
fn the_test_client_brings_tokens_unless_it_is_told_not_to() {
    for client in [Client::with_settings(App::new(urls()), SETTINGS), Client::over_socket_with_settings(App::new(urls()), SETTINGS)] {
        client.post("/do").send().assert_status(200);
        client.delete("/do").send().assert_status(200);
        client.post("/stream").body("x").send().assert_status(200);
        client.post("/do").header("x-forwarded-proto", "https").header("host", "example.com").send().assert_status(200);
        assert!(client.cookies().is_empty());
        client.post("/login/1").send().assert_status(204);
        client.post("/do").send().assert_status(200);
        client.post("/do").header("x-csrf-token", "x").send().assert_status(403);
        client.enforce_csrf();
        client.post("/do").send().assert_status(403);
        client.fork().post("/do").send().assert_status(403);
    }
}
