//! Links in mails.

use super::*;

suite!(databases: a_reset_link_works_once_and_for_its_time, a_verification_link_works_once_and_for_its_address,
    an_address_that_was_changed_meanwhile_is_not_verified, what_was_not_made_here_is_no_token,
    what_was_made_for_one_thing_serves_for_no_other);

#[rustfmt::skip] // one route a line
fn token_urls() -> Router {
    urls()
        .get("/reset/{name}", |req: &mut Request| -> Result<String> { let user = named(req)?; req.reset_token(&user) })
        .post("/reset", |req: &mut Request| -> Result<String> { let token = token(req)?; let user = req.check_reset_token(&token)?; Ok(shown(user)) })
        .get("/verify/{name}", |req: &mut Request| -> Result<String> { let user = named(req)?; req.verification_token(&user) })
        .post("/verify", verify)
}

fn named(req: &mut Request) -> Result<User> {
    let name: String = req.param("name")?;
    User::named(req.db()?, &name)?.ok_or_else(|| Error::not_found("nobody"))
}

fn token(req: &Request) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Form {
        token: String,
    }
    Ok(req.form::<Form>()?.token)
}

fn shown(user: Option<User>) -> String {
    user.map_or("nobody".to_owned(), |user| user.username)
}

fn verify(req: &mut Request) -> Result<String> {
    let token = token(req)?;
    let mut user = req.check_verification_token(&token)?;
    if let Some(user) = &mut user {
        user.set_email_verified(req.db()?)?;
    }
    Ok(shown(user))
}

fn token_client(store: &Store) -> Client {
    let client = store.open(App::new(token_urls()).auth(), SETTINGS);
    add_user(&client, "alice");
    client
}

fn get(client: &Client, path: &str) -> String {
    client.get(path).send().text().to_owned()
}

#[track_caller]
fn assert_for(client: &Client, path: &str, token: &str, name: &str) {
    assert_eq!(client.post(path).form(&[("token", token)]).send().text(), name, "{token}");
}

fn a_reset_link_works_once_and_for_its_time(store: &Store) {
    let client = token_client(store);
    let fresh = || get(&client, "/reset/alice");
    let token = fresh();
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
    assert_for(&client, "/reset", &token, "alice");
    // Looking does not use it up; a new password does.
    assert_for(&client, "/reset", &token, "alice");
    let hash = auth(&client).passwords().hash("through the looking glass").unwrap();
    sql(&client, &format!("UPDATE auth_users SET password = '{hash}'"));
    assert_for(&client, "/reset", &token, "nobody");

    let token = fresh();
    client.clock().advance(59 * 60 * SECOND);
    assert_for(&client, "/reset", &token, "alice");
    client.clock().advance(61 * SECOND);
    assert_for(&client, "/reset", &token, "nobody");

    let token = fresh();
    assert_eq!(try_login(&client, "alice", "through the looking glass").text(), "welcome");
    assert_for(&client, "/reset", &token, "nobody");

    let token = fresh();
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, Some("other@example.com")));
    assert_for(&client, "/reset", &token, "nobody");

    let token = fresh();
    client.db(|db| User::named(db, "alice")?.expect("alice").set_active(db, false));
    assert_for(&client, "/reset", &token, "nobody");
}

fn a_verification_link_works_once_and_for_its_address(store: &Store) {
    let client = token_client(store);
    let token = get(&client, "/verify/alice");
    assert_for(&client, "/reset", &token, "nobody");
    assert_for(&client, "/verify", &get(&client, "/reset/alice"), "nobody");
    assert_for(&client, "/verify", &token, "alice");
    assert!(user(&client, "alice").email_verified);
    assert_for(&client, "/verify", &token, "nobody");

    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, Some("other@example.com")));
    assert!(!user(&client, "alice").email_verified);
    let token = get(&client, "/verify/alice");
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, Some("third@example.com")));
    assert_for(&client, "/verify", &token, "nobody");
    let token = get(&client, "/verify/alice");
    client.clock().advance(3 * DAY);
    assert_for(&client, "/verify", &token, "nobody");
    // In another case it is the same address.
    let mut alice = user(&client, "alice");
    client.db(|db| alice.set_email_verified(db));
    client.db(|db| alice.set_email(db, Some("Third@example.com")));
    assert!(user(&client, "alice").email_verified);
}

/// Between a look at the link and the note that the address is theirs, another request may have changed it.
fn an_address_that_was_changed_meanwhile_is_not_verified(store: &Store) {
    let client = token_client(store);
    let mut proved = user(&client, "alice");
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, Some("ceo@example.com")));
    assert!(!client.db(|db| proved.set_email_verified(db)));
    assert!(!proved.email_verified && !user(&client, "alice").email_verified);
    // In another case it is the same address.
    let mut proved = user(&client, "alice");
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, Some("CEO@example.com")));
    assert!(client.db(|db| proved.set_email_verified(db)));
    assert!(user(&client, "alice").email_verified);
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, None));
    assert!(!client.db(|db| User::named(db, "alice")?.expect("alice").set_email_verified(db)));
}

fn what_was_not_made_here_is_no_token(store: &Store) {
    let client = token_client(store);
    add_user(&client, "bob");
    let token = get(&client, "/reset/alice");
    let parts: Vec<&str> = token.splitn(3, '-').collect();
    let (id, end, signature) = (parts[0], parts[1], parts[2]);
    let later = end.parse::<i64>().unwrap() + 1;
    let enormous = "9".repeat(100_000);
    let forged = [
        String::new(),
        "-".to_owned(),
        "--".to_owned(),
        format!("2-{end}-{signature}"),
        format!("{id}-{later}-{signature}"),
        format!("0{id}-{end}-{signature}"),
        format!("+{id}-{end}-{signature}"),
        format!("{id}-{end}-"),
        format!("{id}-{end}-{}", &signature[1..]),
        format!("{id}-{end}-{signature}="),
        format!("{id}-{end}-{}A", &signature[..signature.len() - 2]),
        format!("{id}-{end}-{}", "A".repeat(43)),
        format!("{id}-{end}-{signature}\0"),
        format!("{id}-{end}-{signature} "),
        format!("{token}-{token}"),
        format!("99999999999999999999-{end}-{signature}"),
        format!("{id}-99999999999999999999-{signature}"),
        format!("{enormous}-{end}-{signature}"),
        "<script>-1-2".to_owned(),
        "1-1-' OR 1=1 --".to_owned(),
        "ümlaut-1-1".to_owned(),
    ];
    for token in forged {
        assert_for(&client, "/reset", &token, "nobody");
    }
    // Of an application with another key: the same user, the same time.
    let other = store.open(App::new(token_urls()).auth(), SETTINGS);
    let foreign = {
        add_user(&other, "alice");
        get(&other, "/reset/alice")
    };
    assert_for(&client, "/reset", &foreign, "nobody");
    assert_for(&client, "/reset", &token, "alice");
}

/// With Python Lback, what renewed a login passed for a login.
fn what_was_made_for_one_thing_serves_for_no_other(store: &Store) {
    let client = token_client(store);
    login(&client, "alice");
    let cookie = |name: &str| client.cookie(name).expect(name);
    let made = [
        ("session", cookie("session_id")),
        ("device", cookie("auth_device")),
        ("reset", get(&client, "/reset/alice")),
        ("verification", get(&client, "/verify/alice")),
    ];
    for (what, value) in &made {
        let browser = client.fork();
        browser.set_cookie("session_id", value);
        assert_who(&browser, if *what == "session" { "alice" } else { "nobody" });
        assert_for(&client, "/reset", value, if *what == "reset" { "alice" } else { "nobody" });
    }
    // A browser that is known is not held up by the failures of others; what else was signed makes none known.
    for _ in 0..8 {
        try_login(&client.fork(), "alice", "wrong");
    }
    for (what, value) in &made {
        let browser = client.fork();
        browser.set_cookie("auth_device", value);
        let is_known = try_login(&browser, "alice", PASSWORD).text() == "welcome";
        assert_eq!(is_known, *what == "device", "{what}");
    }
    // The last one, as it is used up.
    for (what, value) in &made {
        assert_for(&client, "/verify", value, if *what == "verification" { "alice" } else { "nobody" });
    }
}
