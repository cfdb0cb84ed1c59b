//! The pages on which users manage their API tokens.

use lback::auth::{NewToken, Token};

use super::*;

suite!(databases: a_token_is_created_and_shown_once, a_form_that_is_not_valid_creates_no_token,
    a_token_is_replaced_by_who_knows_the_password, a_token_is_revoked, the_tokens_of_others_are_out_of_reach,
    a_superuser_who_acts_as_the_user_creates_no_token, without_tokens_there_are_no_such_pages);

fn open_with_tokens(store: &Store) -> Client {
    let urls = Router::new()
        .get("/", |_: &mut Request| "front page")
        .name("index")
        .get("/stock", who)
        .accept_tokens("stock:read")
        .post("/act-as/{name}", act_as);
    let client = store.open(App::new(urls).auth().tokens().accounts().mail(), SETTINGS);
    add_user(&client, "alice");
    client
}

fn create(client: &Client, name: &str, scopes: &[&str], days: &str, password: &str) -> TestResponse {
    let scopes = scopes.iter().map(|scope| ("scopes", *scope));
    let form: Vec<(&str, &str)> = [("name", name), ("days", days), ("password", password)].into_iter().chain(scopes).collect();
    post(client, "/account/tokens", &form)
}

/// The token on a page that shows one.
#[track_caller]
fn shown(page: &TestResponse) -> String {
    let at = page.assert_status(200).text().find("<code>lback_").expect("a token");
    page.text()[at + 6..].split('<').next().unwrap_or_default().to_owned()
}

fn tokens(client: &Client) -> Vec<Token> {
    let alice = user(client, "alice");
    client.db(|db| Token::of_user(db, alice.id))
}

fn a_token_is_created_and_shown_once(store: &Store) {
    let client = open_with_tokens(store);
    client.get("/account/tokens").send().assert_redirect("/account/login?next=/account/tokens");
    enter(&client, "alice");
    client.get("/account").send().assert_contains("href=\"/account/tokens\"");
    let page = client.get("/account/tokens").send();
    page.assert_status(200).assert_contains("value=\"stock\"").assert_contains("value=\"stock:read\"").assert_contains("in 90 days");
    let page = create(&client, "<b>ci", &["stock:read"], "90", PASSWORD);
    page.assert_contains("&lt;b&gt;ci").assert_contains("It is not shown again.");
    assert!(page.header("cache-control").is_some_and(|value| value.contains("no-store")));
    let text = shown(&page);
    assert_eq!(client.fork().get("/stock").bearer(&text).send().text(), "alice");
    let list = client.get("/account/tokens").send();
    list.assert_contains("&lt;b&gt;ci").assert_contains(&format!("…{}", &text[text.len() - 4..])).assert_contains("Never used.");
    list.assert_not_contains(&text).assert_not_contains("lback_");
    let token = tokens(&client).remove(0);
    assert_eq!(token.expires_at.map(|end| (end - token.created_at).num_days()), Some(90));

    shown(&create(&client, "forever", &["stock", "stock:read"], "never", PASSWORD));
    client.clock().advance(91 * DAY);
    enter(&client, "alice");
    client.get("/account/tokens").send().assert_contains("It expired on").assert_contains("It does not expire.");
    assert_eq!(tokens(&client)[0].expires_at, None);
}

fn a_form_that_is_not_valid_creates_no_token(store: &Store) {
    let client = open_with_tokens(store);
    enter(&client, "alice");
    create(&client, "", &["stock"], "90", PASSWORD).assert_status(200).assert_contains("Fill in this field.");
    create(&client, "ci", &[], "90", PASSWORD).assert_status(200).assert_contains("aria-invalid");
    create(&client, "ci", &["admin"], "90", PASSWORD).assert_status(200).assert_contains("Choose from the available options.");
    create(&client, "ci", &["stock"], "9999999", PASSWORD).assert_status(200).assert_contains("Choose one of the available options.");
    create(&client, "ci", &["stock"], "90", "wrong").assert_status(200).assert_contains("That is not your password.");
    create(&client, "a\u{7}b", &["stock"], "90", PASSWORD).assert_status(200);
    assert!(tokens(&client).is_empty());
    // Wrong passwords count as failed logins.
    for _ in 0..8 {
        create(&client, "ci", &["stock"], "90", "wrong");
    }
    create(&client, "ci", &["stock"], "90", PASSWORD).assert_status(429).assert_contains("too many attempts");
    assert!(tokens(&client).is_empty());
}

fn a_token_is_replaced_by_who_knows_the_password(store: &Store) {
    let client = open_with_tokens(store);
    enter(&client, "alice");
    let old = shown(&create(&client, "ci", &["stock"], "90", PASSWORD));
    let path = format!("/account/tokens/{}/replace", tokens(&client)[0].id);
    client.get("/account/tokens").send().assert_contains(&path);
    client.get(&path).send().assert_status(200).assert_contains("<strong>ci</strong>");
    post(&client, &path, &[("password", "wrong")]).assert_status(200).assert_contains("That is not your password.");
    client.get("/stock").bearer(&old).send().assert_status(200);
    let new = shown(&post(&client, &path, &[("password", PASSWORD)]));
    client.get("/stock").bearer(&old).send().assert_status(401);
    client.get("/stock").bearer(&new).send().assert_status(200);
    assert_eq!(tokens(&client).len(), 1);
}

fn a_token_is_revoked(store: &Store) {
    let client = open_with_tokens(store);
    enter(&client, "alice");
    let text = shown(&create(&client, "ci", &["stock"], "90", PASSWORD));
    let path = format!("/account/tokens/{}/revoke", tokens(&client)[0].id);
    client.get(&path).send().assert_status(405);
    post(&client, &path, &[]).assert_redirect("/account/tokens");
    client.get("/account/tokens").send().assert_contains("The token has been revoked.");
    client.get("/stock").bearer(&text).send().assert_status(401);
    post(&client, &path, &[]).assert_status(404);
}

fn the_tokens_of_others_are_out_of_reach(store: &Store) {
    let client = open_with_tokens(store);
    let (alice, now) = (user(&client, "alice"), client.clock().now());
    let (token, text) = client.db(|db| NewToken::new("alice's secret project").scope("stock").insert(db, &alice, now));
    add_user(&client, "bob");
    enter(&client, "bob");
    client.get("/account/tokens").send().assert_not_contains("secret project");
    client.get(&format!("/account/tokens/{}/replace", token.id)).send().assert_status(404);
    for what in ["replace", "revoke"] {
        post(&client, &format!("/account/tokens/{}/{what}", token.id), &[("password", PASSWORD)]).assert_status(404);
    }
    client.get("/stock").bearer(&text).send().assert_status(200);
    // The pages do not accept tokens.
    client.fork().get("/account/tokens").bearer(&text).send().assert_redirect("/account/login?next=/account/tokens");
}

fn a_superuser_who_acts_as_the_user_creates_no_token(store: &Store) {
    let client = open_with_tokens(store);
    client.add_user(NewUser::new("root", &client.hash(PASSWORD)).superuser(true));
    enter(&client, "root");
    client.post("/act-as/alice").send().assert_status(204);
    client.get("/account/tokens").send().assert_status(200);
    create(&client, "ci", &["stock"], "90", PASSWORD).assert_status(403);
    assert!(tokens(&client).is_empty());
}

fn without_tokens_there_are_no_such_pages(store: &Store) {
    let client = open(store);
    enter(&client, "alice");
    client.get("/account").send().assert_status(200).assert_not_contains("/account/tokens");
    client.get("/account/tokens").send().assert_status(404);
}
