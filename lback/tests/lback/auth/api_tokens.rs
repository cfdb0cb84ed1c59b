//! API tokens: programs that act in the name of a user.

use super::*;
use lback::auth::{NewToken, Token};
use lback::chrono::TimeDelta;
use lback::serde_json::Value;

use crate::{logs, number, start_error};

suite!(databases: a_token_stands_for_its_user, text_that_is_no_token_is_refused_without_a_query, a_token_that_has_ended_is_refused,
    a_new_password_keeps_the_tokens, a_token_needs_the_scope_of_the_route, the_token_decides_and_not_the_cookie,
    nothing_of_the_session_is_seen_or_kept, a_request_with_a_token_needs_no_csrf_token, a_token_is_not_a_login,
    a_visitor_is_told_how_to_log_in, the_last_use_is_written_rarely, a_token_is_stored_and_logged_nowhere,
    a_rotated_token_takes_the_place_of_the_old_one, a_new_token_is_validated, the_commands_create_list_and_revoke_tokens);

#[rustfmt::skip] // one route a line
fn api_urls() -> Router {
    let api = Router::new()
        .get("/who", who)
        .post("/who", who)
        .get("/may/{permission}", may)
        .get("/members", who).login_required()
        .get("/write", who).permission_required("blog.add_post")
        .get("/own", who).own_login_required()
        .post("/confirm", confirm)
        .post("/login", log_in)
        .get("/stock", who).accept_tokens("stock:write")
        .get("/token", |req: &mut Request| -> Result<String> { Ok(req.token()?.map_or("none".to_owned(), |token| token.name.clone())) })
        .get("/cart", |req: &mut Request| req.session()["cart"].to_string())
        .post("/cart/{item}", put_into_cart)
        .get("/cookies", |req: &mut Request| format!("{} {:?}", req.headers().contains_key("cookie"), req.cookies().get("session_id")));
    let page = Router::new().get("/page", who).accept_tokens("stock:read").get("/hidden", who).login_required().accept_tokens("stock:read");
    urls().include("/api", api).json().accept_tokens("stock:read").include("/", page)
}

fn api_app() -> App {
    App::new(api_urls()).auth().tokens().permissions([
        ("blog.add_post", "Write posts"),
        ("blog.change_post", "Change posts"),
        ("office.open_safe", "Open the safe"),
    ])
}

fn api_client(store: &Store) -> Client {
    let client = store.open(api_app(), SETTINGS);
    add_user(&client, "alice");
    client
}

fn insert(client: &Client, name: &str, new: NewToken) -> (Token, String) {
    let (user, now) = (user(client, name), client.clock().now());
    client.db(|db| new.insert(db, &user, now))
}

/// A token of alice that may read the stock.
fn alices(client: &Client) -> (Token, String) {
    insert(client, "alice", NewToken::new("ci").scope("stock:read"))
}

fn ask(client: &Client, path: &str, token: &str) -> TestResponse {
    client.get(path).bearer(token).send()
}

#[track_caller]
fn assert_refused(response: &TestResponse) {
    response.assert_status(401);
    assert_eq!(response.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(response.json::<Value>()["code"], "invalid_token");
}

fn stored(client: &Client, token: &Token) -> Token {
    client.db(|db| Token::find(db, token.id)).expect("the token")
}

fn a_token_stands_for_its_user(store: &Store) {
    let client = api_client(store);
    let bob = add_user(&client, "bob");
    let (token, text) = alices(&client);
    assert_eq!((token.name.as_str(), token.scopes().collect::<Vec<_>>(), text.len()), ("ci", vec!["stock:read"], 55));
    assert!(text.starts_with("lback_") && text.ends_with(&token.hint));
    let (_, other) = insert(&client, "alice", NewToken::new("laptop").scope("stock"));
    let (_, bobs) = insert(&client, "bob", NewToken::new("ci").scope("stock"));
    for (text, name) in [(&text, "alice"), (&other, "alice"), (&bobs, "bob")] {
        for path in ["/api/who", "/api/members", "/page", "/hidden"] {
            assert_eq!(ask(&client, path, text).assert_status(200).text(), name, "{path}");
        }
    }
    assert_eq!(ask(&client, "/api/token", &other).text(), "laptop");
    assert_eq!(client.get("/api/token").send().text(), "none");
    assert_eq!(client.get("/api/who").header("authorization", format!("bEARER  {text}")).send().text(), "alice");
    assert!(ask(&client, "/page", &text).header("cache-control").is_some_and(|value| value.contains("private")));
    // The permissions are those of the user.
    ask(&client, "/api/write", &bobs).assert_status(403);
    client.db(|db| bob.grant(db, "blog.add_post"));
    ask(&client, "/api/write", &bobs).assert_status(200);
    assert_eq!(ask(&client, "/api/may/blog.add_post", &bobs).text(), "true");
    assert_eq!(ask(&client, "/api/may/blog.add_post", &text).text(), "false");
    // Other routes ignore the header, whatever it says.
    for text in [text.as_str(), "lback_forged"] {
        assert_eq!(ask(&client, "/who", text).assert_status(200).text(), "nobody");
        ask(&client, "/members", text).assert_redirect("/login?next=/members");
        ask(&client, "/nowhere", text).assert_status(404);
    }
    // Another scheme is for a proxy in front of the application.
    assert_eq!(client.get("/api/who").header("authorization", "Basic YTpi").send().assert_status(200).text(), "nobody");
    let both = client.get("/api/who").header("authorization", "Basic YTpi").bearer(&text).send();
    assert_eq!(both.assert_status(200).text(), "alice");
}

fn text_that_is_no_token_is_refused_without_a_query(store: &Store) {
    let client = api_client(store);
    let (_, text) = alices(&client);
    sql(&client, "DROP TABLE auth_tokens");
    ask(&client, "/api/who", &text).assert_status(500);
    let long = "x".repeat(5000);
    let changed = format!("{}{}", &text[..text.len() - 1], if text.ends_with('0') { '1' } else { '0' });
    for text in ["", "x", "lback_", "null", &text[6..], &text[..54], &changed, &text.to_lowercase(), &format!("{text}0"), &long] {
        for path in ["/api/who", "/page", "/hidden"] {
            assert_refused(&ask(&client, path, text));
        }
    }
    assert_refused(&client.get("/api/who").header("authorization", "Bearer").send());
    assert_refused(&client.get("/api/who").header("authorization", b"Bearer \xff\xfe").send());
    // Of two, none is chosen.
    assert_refused(&client.get("/api/who").bearer(&text).bearer(&text).send());
}

fn a_token_that_has_ended_is_refused(store: &Store) {
    let client = api_client(store);
    let mut alice = user(&client, "alice");
    let now = client.clock().now();
    let (_, expiring) = insert(&client, "alice", NewToken::new("a").scope("stock").expires_at(now + TimeDelta::days(1)));
    let (_, lasting) = insert(&client, "alice", NewToken::new("b").scope("stock"));
    client.clock().advance(DAY - SECOND);
    ask(&client, "/api/who", &expiring).assert_status(200);
    client.clock().advance(SECOND);
    let expired = ask(&client, "/api/who", &expiring);
    assert_refused(&expired);
    expired.assert_contains("The token has expired.");
    client.clock().advance(1000 * DAY);
    ask(&client, "/api/who", &lasting).assert_status(200);

    let (revoked, text) = alices(&client);
    ask(&client, "/api/who", &text).assert_status(200);
    client.db(|db| revoked.revoke(db));
    assert_refused(&ask(&client, "/api/who", &text));
    client.db(|db| revoked.revoke(db));

    client.db(|db| alice.set_active(db, false));
    assert_refused(&ask(&client, "/api/who", &lasting));
    client.db(|db| alice.set_active(db, true));
    ask(&client, "/api/who", &lasting).assert_status(200);
    sql(&client, "DELETE FROM auth_users");
    assert_refused(&ask(&client, "/api/who", &lasting));
    assert_eq!(number(&client, "SELECT count(*) FROM auth_tokens"), 0);
}

fn a_new_password_keeps_the_tokens(store: &Store) {
    let client = api_client(store);
    let (_, text) = alices(&client);
    login(&client, "alice");
    client.post("/password").form(&[("password", "through the looking glass")]).send().assert_status(204);
    ask(&client.fork(), "/api/who", &text).assert_status(200);
}

fn a_token_needs_the_scope_of_the_route(store: &Store) {
    let client = api_client(store);
    let scopes: Vec<&str> = auth(&client).token_scopes().collect();
    assert_eq!(scopes, ["stock", "stock:read", "stock:write"]);
    let with = |scopes: &[&str]| insert(&client, "alice", scopes.iter().fold(NewToken::new("t"), |new, scope| new.scope(scope))).1;
    let may = |text: &str| [ask(&client, "/api/who", text), ask(&client, "/api/stock", text)].map(|response| response.status().as_u16());
    for (scopes, expected) in [
        (&["stock:read"][..], [200, 403]),
        (&["stock:write"], [403, 200]),
        (&["stock:write", "stock:read"], [200, 200]),
        (&["stock"], [200, 200]),
        (&["stocks", "stock:read:x", "other"], [403, 403]),
        (&[], [403, 403]),
    ] {
        assert_eq!(may(&with(scopes)), expected, "{scopes:?}");
    }
    let refused = ask(&client, "/api/stock", &with(&["stock:read"]));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\", scope=\"stock:write\""));
    let problem = refused.json::<Value>();
    assert_eq!(problem["code"], "insufficient_scope");
    assert_eq!(problem["detail"], "The token lacks the scope stock:write.");
    // A login has no scopes.
    login(&client, "alice");
    client.get("/api/stock").send().assert_status(200);
}

fn the_token_decides_and_not_the_cookie(store: &Store) {
    let client = api_client(store);
    add_user(&client, "bob");
    let (token, text) = insert(&client, "bob", NewToken::new("ci").scope("stock"));
    login(&client, "alice");
    assert_eq!(client.get("/api/who").send().text(), "alice");
    assert_eq!(ask(&client, "/api/who", &text).text(), "bob");
    assert_eq!(ask(&client, "/who", &text).text(), "alice");
    client.db(|db| token.revoke(db));
    assert_refused(&ask(&client, "/api/who", &text));
    assert_refused(&ask(&client, "/api/members", "lback_forged"));
    assert_eq!(client.get("/api/who").send().text(), "alice");

    // Also if middleware further out has loaded the session of the cookie.
    async fn early(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let _: Option<i64> = req.session().get("user_id")?;
        req.session().insert("cart", "poison")?;
        next.run(req).await
    }
    let client = store.open(api_app().stack(|stack| stack.insert_after("SessionMiddleware", early).map(|_| ())), SETTINGS);
    add_user(&client, "alice");
    let (_, text) = alices(&client);
    login(&client, "alice");
    let before = client.session().expect("a session");
    assert_eq!(ask(&client, "/api/cart", &text).assert_status(200).text(), "null");
    assert_eq!(client.session().expect("a session").data, before.data);
}

fn nothing_of_the_session_is_seen_or_kept(store: &Store) {
    let client = api_client(store);
    let (_, text) = alices(&client);
    login(&client, "alice");
    client.post("/cart/tea").send().assert_status(204);
    assert_eq!(client.get("/api/cart").send().text(), "\"tea\"");
    assert_eq!(ask(&client, "/api/cart", &text).text(), "null");
    assert_eq!(ask(&client, "/api/cookies", &text).text(), "false None");
    let sessions = || number(&client, "SELECT count(*) FROM sessions");
    let before = (sessions(), client.session().expect("a session").data);
    for browser in [&client, &client.fork()] {
        let added = browser.post("/api/cart/cake").bearer(&text).send();
        added.assert_status(204);
        assert!(added.cookies().is_empty());
    }
    assert_eq!((sessions(), client.session().expect("a session").data), before);
}

fn a_request_with_a_token_needs_no_csrf_token(store: &Store) {
    let client = api_client(store);
    let (_, text) = alices(&client);
    client.enforce_csrf();
    client.post("/api/who").send().assert_status(403);
    assert_eq!(client.post("/api/who").bearer(&text).send().assert_status(200).text(), "alice");
    let elsewhere =
        client.post("/api/who").bearer(&text).header("origin", "https://app.example.com").header("sec-fetch-site", "cross-site");
    assert_eq!(elsewhere.json(&"body").send().assert_status(200).text(), "alice");
    assert_refused(&client.post("/api/who").bearer("lback_forged").json(&"body").send());
    // A route that does not accept tokens is as protected as before.
    client.post("/cart/tea").bearer(&text).send().assert_status(403);
    client.login(&user(&client, "alice"));
    client.post("/api/who").send().assert_status(403);
    client.post("/api/who").header("authorization", "Basic YTpi").send().assert_status(403);
    assert_refused(&client.post("/api/who").bearer("lback_forged").send());
}

fn a_token_is_not_a_login(store: &Store) {
    let client = api_client(store);
    let (_, text) = alices(&client);
    let refused = ask(&client, "/api/own", &text);
    refused.assert_status(403).assert_contains("an API token is not enough");
    client.post("/api/confirm").bearer(&text).form(&[("password", PASSWORD)]).send().assert_status(403);
    let refused = client.post("/api/login").bearer(&text).form(&[("username", "alice"), ("password", PASSWORD)]).send();
    refused.assert_status(403).assert_contains("cannot log in");
    assert_who(&client, "nobody");
}

fn a_visitor_is_told_how_to_log_in(store: &Store) {
    let client = api_client(store);
    assert_eq!(client.get("/api/members").send().assert_status(401).headers_all("www-authenticate"), ["Session", "Bearer"]);
    client.get("/hidden").send().assert_redirect("/login?next=/hidden");
    let elsewhere = client.get("/members").header("accept", "application/json").send();
    assert_eq!(elsewhere.assert_status(401).headers_all("www-authenticate"), ["Session"]);
}

fn the_last_use_is_written_rarely(store: &Store) {
    let client = api_client(store);
    let (token, text) = alices(&client);
    let save = || client.db(|db| auth(&client).save_token_uses(db));
    let begin = client.clock().now();
    let minute = 60 * SECOND;
    assert_eq!(save(), 0);
    ask(&client, "/api/who", &text).assert_status(200);
    ask(&client, "/api/who", &text).assert_status(200);
    assert_eq!(stored(&client, &token).last_used_at, None);
    assert_eq!((save(), save()), (1, 0));
    let first = stored(&client, &token).last_used_at.expect("a use");
    assert!((first - begin).abs() < TimeDelta::milliseconds(1), "{first} {begin}");
    client.clock().advance(9 * minute);
    ask(&client, "/api/who", &text).assert_status(200);
    assert_eq!(save(), 0);
    client.clock().advance(2 * minute);
    // A token that is refused is not used.
    ask(&client, "/api/stock", &text).assert_status(403);
    assert_eq!(save(), 0);
    ask(&client, "/api/who", &text).assert_status(200);
    assert_eq!(save(), 1);
    assert!(stored(&client, &token).last_used_at.expect("a use") - first >= TimeDelta::minutes(10));
    // A token that is revoked before that is left out.
    client.clock().advance(11 * minute);
    ask(&client, "/api/who", &text).assert_status(200);
    client.db(|db| token.revoke(db));
    save();
}

fn a_token_is_stored_and_logged_nowhere(store: &Store) {
    logs::start();
    let client = api_client(store);
    let (token, text) = alices(&client);
    ask(&client, "/api/who", &text).assert_status(200);
    ask(&client, "/api/stock", &text).assert_status(403);
    client.db(|db| token.revoke(db));
    assert_refused(&ask(&client, "/api/who", &text));
    let (other, again) = alices(&client);
    let random = &again[6..49];
    for column in ["name", "digest", "hint", "scopes"] {
        let found = format!("SELECT count(*) FROM auth_tokens WHERE CAST({column} AS TEXT) LIKE '%{}%'", &random[..20]);
        assert_eq!(number(&client, &found), 0, "{column}");
    }
    assert!(!format!("{token:?} {other:?}").contains("digest"));
    let written = logs::written();
    assert!(written.contains("/api/who") && !written.contains(&text[6..30]), "the log has the token");
}

fn a_rotated_token_takes_the_place_of_the_old_one(store: &Store) {
    let client = api_client(store);
    let now = client.clock().now();
    let (token, old) = insert(&client, "alice", NewToken::new("ci").scope("stock").expires_at(now + TimeDelta::days(10)));
    client.clock().advance(9 * DAY);
    let now = client.clock().now();
    let (mut first, mut late) = (token.clone(), token);
    let new = client.db(|db| first.rotate(db, now));
    assert_refused(&ask(&client, "/api/who", &old));
    assert_eq!(ask(&client, "/api/who", &new).text(), "alice");
    let kept = stored(&client, &first);
    assert_eq!((kept.name.as_str(), kept.scopes().collect::<Vec<_>>(), &kept.hint), ("ci", vec!["stock"], &first.hint));
    assert!(new.ends_with(&kept.hint));
    client.clock().advance(9 * DAY);
    ask(&client, "/api/who", &new).assert_status(200);
    client.clock().advance(DAY);
    assert_refused(&ask(&client, "/api/who", &new));
    // Another request has rotated it in the meantime.
    let error = client.database().get().and_then(|mut db| late.rotate(&mut db, now)).unwrap_err();
    assert_eq!(error.status(), 404);
}

fn a_new_token_is_validated(store: &Store) {
    let client = api_client(store);
    let (alice, now) = (user(&client, "alice"), client.clock().now());
    let refusal = |new: NewToken| {
        let result = client.database().get().and_then(|mut db| new.insert(&mut db, &alice, now));
        let error = result.unwrap_err();
        assert_eq!(error.status(), 400);
        error.message().to_owned()
    };
    for name in ["", "  ", "a\nb", "a\0", &"a".repeat(101)] {
        assert!(refusal(NewToken::new(name).scope("stock")).contains("1 to 100 characters"), "{name}");
    }
    for scope in ["", "a b", "a,b", "stock:", "\"", "ä"] {
        assert!(refusal(NewToken::new("ci").scope(scope)).contains("is not a valid scope"), "{scope}");
    }
    assert!(refusal(NewToken::new("ci").expires_at(now)).contains("would have expired"));
    let repeated = NewToken::new(" ci ").scope("stock").scope("other").scope("stock");
    let (token, _) = insert(&client, "alice", repeated);
    assert_eq!((token.name.as_str(), token.scopes().collect::<Vec<_>>()), ("ci", vec!["other", "stock"]));
    for _ in 0..99 {
        alices(&client);
    }
    assert_eq!(client.db(|db| Token::of_user(db, alice.id)).len(), 100);
    assert!(refusal(NewToken::new("ci").scope("stock")).contains("Revoke one"));
    add_user(&client, "bob");
    insert(&client, "bob", NewToken::new("ci").scope("stock"));
}

fn the_commands_create_list_and_revoke_tokens(store: &Store) {
    let client = api_client(store);
    client.clock().set("2026-12-01T12:00:00Z".parse().unwrap());
    assert_eq!(client.command("tokens", &[]), "there are no tokens yet; createtoken creates one\n");
    let printed = client.command("createtoken", &["alice", "ci", "--scopes", "stock:read, stock:write", "--days", "90"]);
    assert!(printed.starts_with("created the token 1 of alice, which expires on 2027-03-01. It is shown only now:\n"), "{printed}");
    let text = printed.lines().last().expect("a token").to_owned();
    assert_eq!(ask(&client, "/api/stock", &text).assert_status(200).text(), "alice");
    add_user(&client, "bob");
    client.command("createtoken", &["bob", "export", "--scopes=stock"]);
    client.db(|db| auth(&client).save_token_uses(db));
    let listed = client.command("tokens", &[]);
    let (first, second) = listed.split_once('\n').expect("two lines");
    let hint = &text[text.len() - 4..];
    let expected = format!("   1  alice  ci      …{hint}  stock:read,stock:write  last used: 2026-12-01 12:00  expires: 2027-03-01 12:00");
    assert_eq!(first, expected);
    assert!(second.starts_with("   2  bob    export  …") && second.ends_with("  stock  last used: never  never expires\n"), "{second}");
    assert!(!listed.contains(&text[6..20]));
    let of_bob = client.command("tokens", &["bob"]);
    assert!(of_bob.contains("export") && !of_bob.contains("alice"), "{of_bob}");
    assert_eq!(client.command("revoketoken", &["1"]), "revoked the token 1, ci of alice\n");
    assert_refused(&ask(&client, "/api/stock", &text));

    for (command, arguments, why) in [
        ("createtoken", &["alice"][..], "createtoken NAME TOKEN"),
        ("createtoken", &["carol", "ci", "--scopes", "stock"], "there is no user called carol"),
        ("createtoken", &["alice", "ci"], "createtoken needs scopes"),
        ("createtoken", &["alice", "ci", "--scopes", "stocks"], "there is no scope stocks; there are stock, stock:read, stock:write"),
        ("createtoken", &["alice", "ci", "--scopes", "stock", "--days", "0"], "--days is a whole number from 1 to 36500"),
        ("createtoken", &["alice", "ci", "--scopes", "stock", "--days", "99999999999999999999"], "--days is a whole number"),
        ("createtoken", &["alice", "", "--scopes", "stock"], "1 to 100 characters"),
        ("tokens", &["carol"], "there is no user called carol"),
        ("revoketoken", &[], "revoketoken ID"),
        ("revoketoken", &["x"], "revoketoken ID"),
        ("revoketoken", &["1"], "there is no token 1"),
    ] {
        let error = client.try_command(command, arguments).unwrap_err().to_string();
        assert!(error.contains(why), "{command} {arguments:?}: {error}");
    }
}

#[test]
fn tokens_that_are_not_set_up_stop_the_start() {
    let settings = "SESSION_TIMEOUT_MINUTES = 30";
    let routes = |scope: &str| Router::new().get("/stock", |_: &mut Request| "3").accept_tokens(scope);
    let error = start_error(App::new(routes("stock")).auth(), settings);
    assert!(error.contains("the route /stock (") && error.contains("Write App::new(urls).auth().tokens()"), "{error}");
    let error = start_error(App::new(routes("stock of tea")).auth().tokens(), settings);
    assert!(error.contains("\"stock of tea\", which is not a valid name") && error.contains("api_tokens.rs:"), "{error}");
    let error = start_error(App::new(Router::new()).tokens(), settings);
    assert!(error.contains("App::tokens() is for applications with users") && error.contains("Write App::new(urls).auth()"), "{error}");
}
