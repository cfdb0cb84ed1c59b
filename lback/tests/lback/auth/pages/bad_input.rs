//! What no honest browser sends to the pages.

use super::*;

suite!(databases: what_is_no_form_is_refused_by_every_page, what_is_typed_is_escaped_and_changes_nothing);

const URLENCODED: &str = "application/x-www-form-urlencoded";

/// The pages that take a form, with the fields that each asks for. `reset` is a link that resets alice's password.
fn forms(reset: &str) -> [(String, Vec<&'static str>); 6] {
    [
        ("/account/login".to_owned(), vec!["username", "password"]),
        ("/account/register".to_owned(), vec!["username", "email", "password", "password_again"]),
        ("/account/password".to_owned(), vec!["password", "new_password", "new_password_again"]),
        ("/account".to_owned(), vec!["email", "password"]),
        ("/account/reset".to_owned(), vec!["email"]),
        (reset.to_owned(), vec!["password", "password_again"]),
    ]
}

/// Alice's browser, which is logged in, and a link that resets her password.
fn alice(store: &Store) -> (Client, String) {
    let client = open(store);
    enter(&client, "alice");
    post(&client, "/account/reset", &[("email", "alice@example.com")]).assert_status(200);
    let link = link_in_mail(&client, "alice@example.com");
    (client, link)
}

#[track_caller]
fn assert_unchanged(client: &Client, mails: usize) {
    assert_eq!(client.db(User::all).len(), 1);
    let alice = user(client, "alice");
    assert_eq!(alice.email.as_deref(), Some("alice@example.com"));
    assert!(auth(client).passwords().verify(PASSWORD, lback::auth::Account::password_hash(&alice)).unwrap());
    assert_eq!(client.mail().len(), mails);
    assert_who(client, "alice");
}

fn what_is_no_form_is_refused_by_every_page(store: &Store) {
    let (client, link) = alice(store);
    for (path, fields) in forms(&link) {
        let send = |kind: &str, body: Vec<u8>| client.post(&path).header("content-type", kind).body(body).send().status().as_u16();
        for field in &fields {
            assert_eq!(send(URLENCODED, format!("{field}=%FF%FE").into_bytes()), 400, "{path} {field}");
            assert_eq!(send(URLENCODED, [field.as_bytes(), b"=\xff"].concat()), 400, "{path} {field}");
            // Twice, and of two no one knows which.
            assert_eq!(send(URLENCODED, format!("{field}=a&{field}=b").into_bytes()), 200, "{path} {field}");
        }
        assert_eq!(send(URLENCODED, Vec::new()), 200, "{path}");
        assert_eq!(send(URLENCODED, "x=1&".repeat(2000).into_bytes()), 413, "{path}");
        assert_eq!(send(URLENCODED, [b"x=".to_vec(), vec![b'a'; 100_000]].concat()), 413, "{path}");
        assert_eq!(send("text/plain", b"alice".to_vec()), 415, "{path}");
        // A form may come as JSON, and then lacks what it lacks otherwise.
        assert_eq!(send("application/json", b"{\"username\": \"alice\"}".to_vec()), 200, "{path}");
        assert_eq!(send("application/json", b"{\"username\": ".to_vec()), 400, "{path}");
        assert_eq!(send("application/json", b"[\"alice\"]".to_vec()), 400, "{path}");
    }
    assert_unchanged(&client, 1);
}

fn what_is_typed_is_escaped_and_changes_nothing(store: &Store) {
    let enormous = "a".repeat(15_000);
    let texts = [
        "\0",
        "a\0b",
        "",
        " ",
        "<script>alert(1)</script>",
        "\"><b>",
        "{{ 7 * 6 }}",
        "' OR 1=1 --",
        "\r\nBcc: x@example.com",
        "🦀",
        &enormous,
    ];
    let (client, mut link) = alice(store);
    for (mails, text) in (1..).zip(texts) {
        for (path, fields) in forms(&link) {
            // Some would be good passwords.
            let again = format!("{text}again");
            let form: Vec<(&str, &str)> =
                fields.iter().map(|field| (*field, if field.ends_with("_again") { again.as_str() } else { text })).collect();
            let page = post(&client, &path, &form);
            page.assert_status(200);
            let html = page.text();
            assert!(!html.contains("<script>alert") && !html.contains("<b>") && html.len() < 20_000, "{path} {text:?}: {html}");
        }
        assert_unchanged(&client, mails);
        client.clock().advance(DAY);
        enter(&client, "alice");
        post(&client, "/account/reset", &[("email", "alice@example.com")]).assert_status(200);
        link = link_in_mail(&client, "alice@example.com");
    }
}
