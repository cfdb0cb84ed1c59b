//! Malformed and malicious requests.

use super::*;

/// Every field of the form, with a valid value.
const VALID: [(&str, &str); 4] = [("title", "A Mad Tea-Party"), ("slug", "tea"), ("body", "No room!"), ("version", "0")];

fn with(name: &str, values: &[&str]) -> Vec<(String, String)> {
    let others = VALID.iter().filter(|(other, _)| *other != name).map(|(name, value)| (name.to_string(), value.to_string()));
    others.chain(values.iter().map(|value| (name.to_owned(), value.to_string()))).collect()
}

fn count(client: &Client) -> i64 {
    client.db(|db| posts::table.count().get_result(db))
}

#[test]
fn invalid_values_are_reported_and_not_saved() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let long = "x".repeat(50_001);
    for (name, _) in VALID {
        let send = |values: &[&str]| alice.post("/write/new").form(&with(name, values)).send();
        // The address may be missing, because it is derived from the title.
        if name != "slug" {
            send(&[]).assert_status(200).assert_contains("error-summary");
            send(&[" "]).assert_status(200).assert_contains("error-summary");
        }
        send(&["1", "2"]).assert_status(200).assert_contains("error-summary");
        send(&["nul\0nul"]).assert_status(200).assert_contains("error-summary");
        send(&[&long]).assert_status(200).assert_contains("error-summary");
    }
    for line_break in ["a\nb", "a\r\nBcc: x"] {
        alice.post("/write/new").form(&with("title", &[line_break])).send().assert_status(200).assert_contains("error-summary");
    }
    for version in ["x", "1.5", "99999999999999999999", "' OR 1=1 --"] {
        alice.post("/write/new").form(&with("version", &[version])).send().assert_status(200).assert_contains("error-summary");
    }
    assert_eq!(count(&client), 0);
}

#[test]
fn markup_and_code_are_stored_as_text() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let queen = browser_of(&client, "queen", &["Moderators"]);
    for (number, text) in
        ["<script>alert(1)</script>", "'; DROP TABLE posts; --", "{{ 7 * 7 }}{% raw %}", "\u{202e}\u{0}".trim_end_matches('\0')]
            .iter()
            .enumerate()
    {
        let slug = format!("post-{number}");
        let form = [("title", *text), ("slug", &slug), ("body", *text), ("version", "0")];
        post(&alice, "/write/new", &form).assert_redirect(&format!("/posts/{slug}"));
        let id: i64 = client.db(|db| posts::table.filter(posts::slug.eq(&slug)).select(posts::id).first(db));
        publish(&alice, &queen, id);
        queen.get("/moderate").send().assert_status(200);
        let title: String = client.db(|db| posts::table.find(id).select(posts::title).first(db));
        assert_eq!(title, *text);
    }
    for page in ["/", "/posts/post-0"] {
        let page = client.get(page).send();
        page.assert_contains("&lt;script&gt;");
        assert_excludes(&page, "<script");
    }
    client.get("/posts/post-2").send().assert_contains("{{ 7 * 7 }}");
    assert_eq!(count(&client), 4);
}

#[test]
fn invalid_request_bodies_are_rejected() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let send = |content_type: &str, body: Vec<u8>| alice.post("/write/new").header("content-type", content_type).body(body).send();
    let form = "application/x-www-form-urlencoded";
    send(form, b"title=%ff%fe&slug=tea&body=x&version=0".to_vec()).assert_status(400);
    send("text/plain", b"title=x".to_vec()).assert_status(415);
    send("application/xml", b"<title>x</title>".to_vec()).assert_status(415);
    send("multipart/form-data; boundary=x", b"--y--".to_vec()).assert_status(400);
    send(form, [b"body=".to_vec(), vec![b'x'; 3_000_000]].concat()).assert_status(413);
    assert_eq!(count(&client), 0);
}

#[test]
fn unknown_paths_are_404() {
    let client = client();
    let queen = browser_of(&client, "queen", &["Moderators"]);
    for path in
        ["/posts/none", "/posts/..%2fwrite", "/posts/a%20b", "/write/1", "/write/99999999999999999999", "/write/-1", "/moderate/x/return"]
    {
        queen.get(path).send().assert_status(404);
    }
    queen.get("/posts/%00").send().assert_status(400);
    for path in ["/write/1/submit", "/write/1/delete", "/moderate/1/publish", "/moderate/1/return", "/moderate/members/0/admit"] {
        post(&queen, path, &[("version", "1")]).assert_status(404);
    }
}

#[test]
fn forms_without_a_current_csrf_token_are_rejected() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    alice.enforce_csrf();
    let token = |path: &str| {
        let page = alice.get(path).send().text().to_owned();
        assert_eq!(page.matches("method=\"post\"").count(), page.matches("name=\"csrf_token\"").count(), "{path}");
        page.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let send =
        |token: &str| alice.post("/write/new").form(&VALID.iter().copied().chain([("csrf_token", token)]).collect::<Vec<_>>()).send();
    post(&alice, "/write/new", &VALID).assert_status(403);
    send("nonsense").assert_status(403);
    let stale = token("/write/new");
    alice.post("/account/logout").form(&[("csrf_token", token("/write"))]).send().assert_redirect("/");
    let before = token("/account/login");
    post(&alice, "/account/login", &[("username", "alice"), ("password", PASSWORD), ("csrf_token", &before)]).assert_redirect("/");
    send(&stale).assert_status(403);
    send(&before).assert_status(403);
    assert_eq!(count(&client), 0);
    send(&token("/write/new")).assert_redirect("/posts/tea");
    for page in ["/posts/tea", "/write", "/write/1"] {
        token(page);
    }
}
