//! Logging in and out, and what belongs to an account.

use super::*;

suite!(databases: a_visitor_logs_in_and_comes_back, a_login_leads_nowhere_else, a_wrong_login_shows_what_was_typed_and_no_password,
    logging_out_takes_a_post, a_password_is_changed_by_who_knows_it, an_address_is_changed_by_who_knows_the_password,
    a_new_address_counts_once_it_is_verified, an_address_of_another_is_not_told_from_a_free_one, a_wish_for_another_address_can_be_withdrawn,
    changes_are_told_to_the_address_that_counts, a_notice_that_cannot_be_sent_undoes_nothing,
    devices_are_listed_and_logged_out, devices_can_be_told_apart, every_page_comes_with_the_crate, pages_stand_in_the_applications_dress, an_error_page_knows_who_asked, password_managers_are_told_whose_password_it_is, a_page_without_a_token_is_refused,
    the_pages_work_under_a_strict_content_security_policy);

fn a_visitor_logs_in_and_comes_back(store: &Store) {
    let client = open(store);
    client.get("/members?page=2").send().assert_redirect("/account/login?next=/members%3Fpage%3D2");
    let page = client.get("/account/login?next=/members%3Fpage%3D2").send();
    page.assert_status(200).assert_contains("<h1>Log in</h1>").assert_contains("autocomplete=\"current-password\"");
    page.assert_contains("href=\"/account/register\"").assert_contains("href=\"/account/style.css\"");
    assert!(page.header("cache-control").is_some_and(|value| value.contains("no-store")));
    let form = [("username", "alice"), ("password", PASSWORD)];
    post(&client, "/account/login?next=/members%3Fpage%3D2", &form).assert_redirect("/members?page=2");
    client.get("/members").send().assert_status(200);
    // Who is logged in has no business there.
    client.get("/account/login?next=/members").send().assert_redirect("/members");
    client.get("/account/style.css").send().assert_status(200).assert_contains(".field");

    let remembered = client.fork();
    post(&remembered, "/account/login", &[("username", "alice"), ("password", PASSWORD), ("remember", "true")]).assert_redirect("/");
    client.clock().advance(DAY);
    assert_who(&remembered, "alice");
    assert_who(&client, "nobody");
}

fn a_login_leads_nowhere_else(store: &Store) {
    let client = open(store);
    for next in [
        "//evil",
        "https:evil",
        "https://evil",
        "/\\evil",
        "%2F%2Fevil",
        "/%09/evil",
        "/%0d%0aset-cookie:x=1",
        "javascript:alert(1)",
        "%ff",
        "",
        "a&next=/members",
    ] {
        let browser = client.fork();
        let path = format!("/account/login?next={next}");
        post(&browser, &path, &[("username", "alice"), ("password", PASSWORD)]).assert_redirect("/");
        client.fork().get(&path).send().assert_status(200);
    }
}

fn a_wrong_login_shows_what_was_typed_and_no_password(store: &Store) {
    let client = open(store);
    let page = log_in(&client, "<b>alice", "wrong \"secret\"");
    page.assert_status(200).assert_contains("value=\"&lt;b&gt;alice\"").assert_contains("not the right user name and password");
    assert!(!page.text().contains("secret"), "{}", page.text());
    log_in(&client, "", "").assert_status(200).assert_contains("Fill in this field.");
    log_in(&client, &"a".repeat(300), "x").assert_status(200).assert_contains("error-summary");
    log_in(&client, "alice\0", PASSWORD).assert_status(200);
    for _ in 0..6 {
        log_in(&client, "alice", "wrong");
    }
    let page = log_in(&client, "alice", PASSWORD);
    page.assert_status(429).assert_contains("too many attempts");
    assert_eq!(page.header("retry-after"), Some("1"));
    assert_who(&client, "nobody");
}

fn logging_out_takes_a_post(store: &Store) {
    let client = open(store);
    enter(&client, "alice");
    client.get("/account/logout").send().assert_status(405);
    assert_who(&client, "alice");
    post(&client, "/account/logout", &[]).assert_redirect("/");
    assert_who(&client, "nobody");
    client.get("/account/login").send().assert_contains("You have been logged out.");
}

fn a_password_is_changed_by_who_knows_it(store: &Store) {
    let client = open(store);
    let other = client.fork();
    client.get("/account/password").send().assert_redirect("/account/login?next=/account/password");
    enter(&client, "alice");
    enter(&other, "alice");
    client.get("/account/password").send().assert_contains("A password must be:").assert_contains("at least 8 characters long");
    let change = |old: &str, new: &str, again: &str| {
        post(&client, "/account/password", &[("password", old), ("new_password", new), ("new_password_again", again)])
    };
    change("wrong", NEW_PASSWORD, NEW_PASSWORD).assert_status(200).assert_contains("That is not your password.");
    change(PASSWORD, "pw", "pw").assert_status(200).assert_contains("too short");
    change(PASSWORD, "alice@example", "alice@example").assert_status(200).assert_contains("too similar");
    change(PASSWORD, NEW_PASSWORD, "other words").assert_status(200).assert_contains("The passwords differ.");
    assert_who(&other, "alice");
    change(PASSWORD, NEW_PASSWORD, NEW_PASSWORD).assert_redirect("/account");
    client.get("/account").send().assert_status(200).assert_contains("Your password has been changed.");
    assert_who(&other, "nobody");
    log_in(&other, "alice", NEW_PASSWORD).assert_redirect("/");
}

fn an_address_is_changed_by_who_knows_the_password(store: &Store) {
    let client = open(store);
    add_user(&client, "bob");
    enter(&client, "alice");
    client.get("/account").send().assert_contains("value=\"alice@example.com\"").assert_contains("not confirmed yet");
    let change = |email: &str, password: &str| post(&client, "/account", &[("email", email), ("password", password)]);
    change("new@example.com", "wrong").assert_status(200).assert_contains("That is not your password.");
    for nonsense in ["nonsense", ".a@example.com", "a..b@example.com", "a.@example.com", "jürgen@example.com"] {
        change(nonsense, PASSWORD).assert_status(200).assert_contains("Enter an e-mail address");
    }
    assert!(client.mail().is_empty());
    change("new@example.com", PASSWORD).assert_redirect("/account");
    let link = link_in_mail(&client, "new@example.com");
    post(&client, &link, &[]).assert_redirect("/account");
    let alice = user(&client, "alice");
    assert!(alice.email.as_deref() == Some("new@example.com") && alice.email_verified, "{:?}", alice.email);
    client.get("/account").send().assert_contains("Your e-mail address has been confirmed.");
    // A sender who goes from address to address reaches few.
    for email in ["bob@example.com", "third@example.com"] {
        change(email, PASSWORD).assert_redirect("/account");
    }
    change("fourth@example.com", PASSWORD).assert_status(429).assert_contains("too many attempts");
    // A wrong password is answered likewise.
    for _ in 0..6 {
        change("new@example.com", "wrong").assert_status(200);
    }
    change("new@example.com", "wrong").assert_status(429).assert_contains("too many attempts");
    let form = [("password", "wrong"), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
    assert!(post(&client, "/account/password", &form).assert_status(429).header("retry-after").is_some());
}

/// Alice with an address that is verified, logged in.
fn verified_alice(store: &Store) -> Client {
    let client = open(store);
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email_verified(db));
    enter(&client, "alice");
    client
}

fn ask_for_address(client: &Client, email: &str) {
    post(client, "/account", &[("email", email), ("password", PASSWORD)]).assert_redirect("/account");
}

fn a_new_address_counts_once_it_is_verified(store: &Store) {
    let client = verified_alice(store);
    ask_for_address(&client, "new@example.com");
    let page = client.get("/account").send();
    page.assert_contains("<strong>new@example.com</strong> is not confirmed yet").assert_contains("<strong>alice@example.com</strong>");
    let alice = user(&client, "alice");
    assert_eq!((alice.email.as_deref(), alice.email_verified), (Some("alice@example.com"), true));
    log_in(&client.fork(), "alice@example.com", PASSWORD).assert_redirect("/");
    log_in(&client.fork(), "new@example.com", PASSWORD).assert_contains("not the right user name and password");
    // A second wish takes the place of the first, whose link is dead.
    let first = link_in_mail(&client, "new@example.com");
    ask_for_address(&client, "newer@example.com");
    let second = link_in_mail(&client, "newer@example.com");
    client.get(&first).send().assert_status(404);
    client.get(&second).send().assert_contains("newer@example.com");
    // Nor does it take somebody who is logged in.
    post(&client.fork(), &second, &[]).assert_redirect("/account");
    let alice = user(&client, "alice");
    assert_eq!((alice.email.as_deref(), alice.email_verified, alice.pending_email), (Some("newer@example.com"), true, None));
    log_in(&client.fork(), "NEWER@example.com", PASSWORD).assert_redirect("/");
    log_in(&client.fork(), "alice@example.com", PASSWORD).assert_contains("not the right user name and password");
    // The same address in another case is no other one.
    let mails = client.mail().len();
    ask_for_address(&client, "Newer@Example.com");
    assert!(user(&client, "alice").email_verified);
    assert_eq!((user(&client, "alice").email.as_deref(), client.mail().len()), (Some("Newer@Example.com"), mails));
}

fn an_address_of_another_is_not_told_from_a_free_one(store: &Store) {
    let client = verified_alice(store);
    let bob = add_user(&client, "bob");
    for email in ["bob@example.com", "free@example.com"] {
        ask_for_address(&client, email);
        let page = client.get("/account").send();
        page.assert_contains(&format!("<strong>{email}</strong> is not confirmed yet"))
            .assert_contains("We have sent a mail to your new address.");
        assert_eq!(user(&client, "alice").email.as_deref(), Some("alice@example.com"));
    }
    let subject = |to: &str| client.mail().into_iter().rfind(|mail| mail.to == [to]).expect("a mail").subject;
    assert_eq!(subject("bob@example.com"), "You already have an account");
    assert_eq!(subject("free@example.com"), "Confirm your e-mail address");
    assert_eq!(client.db(|db| User::with_email(db, "bob@example.com")).map(|user| user.id), Some(bob.id));
}

fn a_wish_for_another_address_can_be_withdrawn(store: &Store) {
    let client = verified_alice(store);
    ask_for_address(&client, "new@example.com");
    let link = link_in_mail(&client, "new@example.com");
    client.get("/account").send().assert_contains("value=\"new@example.com\"");
    ask_for_address(&client, "ALICE@example.com");
    client.get("/account").send().assert_contains("Your e-mail address has been saved.");
    let alice = user(&client, "alice");
    assert_eq!((alice.email.as_deref(), alice.email_verified, alice.pending_email), (Some("ALICE@example.com"), true, None));
    post(&client, &link, &[]).assert_status(404);
}

fn changes_are_told_to_the_address_that_counts(store: &Store) {
    let client = verified_alice(store);
    let told = || client.mail().into_iter().filter(|mail| mail.to == ["alice@example.com"]).collect::<Vec<_>>();
    ask_for_address(&client, "new@example.com");
    let asked = told().pop().expect("a mail");
    assert_eq!(asked.subject, "Your e-mail address is about to change");
    assert!(asked.text.starts_with("Hello alice,\n") && asked.text.contains("new@example.com"), "{}", asked.text);
    assert!(asked.text.contains("https://example.com/account/reset"), "{}", asked.text);
    let change = |old: &str, new: &str| {
        let form = [("password", old), ("new_password", new), ("new_password_again", new)];
        post(&client, "/account/password", &form).assert_redirect("/account");
    };
    change(PASSWORD, NEW_PASSWORD);
    assert_eq!(told().pop().expect("a mail").subject, "Your password was changed");
    post(&client, "/account/verify", &[]).assert_redirect("/account");
    let link = link_in_mail(&client, "new@example.com");
    post(&client, &link, &[]).assert_redirect("/account");
    let done = told().pop().expect("a mail");
    assert_eq!(done.subject, "Your e-mail address was changed");
    assert!(done.text.contains("new@example.com"), "{}", done.text);
    assert_eq!(told().len(), 3);
    // From now on the new one is told. Mails that strangers ask for do not keep notices from being sent.
    client.clock().advance(DAY);
    log_in(&client, "alice", NEW_PASSWORD).assert_redirect("/");
    for _ in 0..5 {
        post(&client.fork(), "/account/reset", &[("email", "new@example.com")]).assert_contains("Check your inbox");
    }
    change(NEW_PASSWORD, PASSWORD);
    let last = client.mail().pop().expect("a mail");
    assert!(last.to == ["new@example.com"] && last.subject == "Your password was changed", "{last:?}");
    // One that was reset by a mail is told, too; nobody's mailbox is filled by it.
    client.clock().advance(DAY);
    post(&client, "/account/reset", &[("email", "new@example.com")]).assert_contains("Check your inbox");
    let link = link_in_mail(&client, "new@example.com");
    post(&client, &link, &[("password", NEW_PASSWORD), ("password_again", NEW_PASSWORD)]).assert_redirect("/account/login");
    assert_eq!(client.mail().pop().expect("a mail").subject, "Your password was changed");
    log_in(&client, "alice", NEW_PASSWORD).assert_redirect("/");
    let mails = client.mail().len();
    for (old, new) in [(NEW_PASSWORD, PASSWORD), (PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD), (PASSWORD, NEW_PASSWORD)] {
        change(old, new);
    }
    assert_eq!(client.mail().len(), mails + 2);
}

/// A site without mail has passwords all the same.
fn a_notice_that_cannot_be_sent_undoes_nothing(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("account/mail")).unwrap();
    std::fs::write(folder.path().join("account/mail/password.txt"), "{{ nothing_of_that_name }}").unwrap();
    let client = store.open(pages(), &format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display()));
    add_user(&client, "alice");
    enter(&client, "alice");
    let form = [("password", PASSWORD), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
    post(&client, "/account/password", &form).assert_redirect("/account");
    log_in(&client.fork(), "alice", NEW_PASSWORD).assert_redirect("/");
    assert!(client.mail().is_empty());
}

fn devices_are_listed_and_logged_out(store: &Store) {
    let client = open(store);
    let (other, third, bob) = (client.fork(), client.fork(), client.fork());
    add_user(&client, "bob");
    for browser in [&client, &other, &third] {
        enter(browser, "alice");
    }
    enter(&bob, "bob");
    let revoke = |browser: &Client| format!("/account/devices/{}/revoke", browser.session().unwrap().id);
    let page = client.get("/account/devices").send();
    page.assert_status(200).assert_contains("This device").assert_contains(&revoke(&other));
    assert!(!page.text().contains(&revoke(&bob)));
    // Not somebody else's, and not what is no device.
    post(&client, &revoke(&bob), &[]).assert_status(404);
    post(&client, "/account/devices/nonsense/revoke", &[]).assert_status(404);
    post(&client, &revoke(&client), &[]).assert_status(400);
    let of_other = revoke(&other);
    post(&client, &of_other, &[]).assert_redirect("/account/devices");
    assert_who(&other, "nobody");
    post(&client, &of_other, &[]).assert_status(404);
    assert_who(&third, "alice");
    post(&client, "/account/devices/revoke", &[]).assert_redirect("/account/devices");
    client.get("/account/devices").send().assert_contains("One other device has been logged out.");
    assert_who(&third, "nobody");
    assert_who(&client, "alice");
    assert_who(&bob, "bob");
}

fn devices_can_be_told_apart(store: &Store) {
    let client = open(store);
    let phone = client.fork();
    let enter_with = |browser: &Client, agent: &str| {
        let form = [("username", "alice"), ("password", PASSWORD)];
        browser.post("/account/login").header("user-agent", agent).form(&form).send().assert_redirect("/");
    };
    // What was in the session before has nothing to do with when they logged in.
    client.post("/cart/tea").send();
    let visited = client.clock().now();
    client.clock().advance(600 * SECOND);
    enter_with(&client, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let logged_in = client.clock().now();
    client.clock().advance(600 * SECOND);
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1";
    enter_with(&phone, agent);
    let page = client.get("/account/devices").send();
    page.assert_contains("<td>Firefox on Linux</td>").assert_contains("<td>Safari on iPhone</td>");
    let time = |time: lback::chrono::DateTime<lback::chrono::Utc>| format!("<td>{}</td>", time.format("%Y-%m-%d %H:%M"));
    page.assert_contains(&time(logged_in)).assert_contains(&time(client.clock().now()));
    assert!(!page.text().contains(&time(visited)), "{}", page.text());
    // Of a stranger's making.
    enter_with(&phone, &format!("<script>{}", "Chrome Windows".repeat(500)));
    client.get("/account/devices").send().assert_contains("<td>Chrome on Windows</td>");
    enter_with(&phone, "<b>curl</b>");
    client.get("/account/devices").send().assert_contains("<td>Another program</td>");
}

/// Nobody knows of the others there.
#[test]
fn sessions_in_cookies_are_no_list_of_devices() {
    let client = open(&Store::cookie());
    enter(&client, "alice");
    client.get("/account/devices").send().assert_status(200).assert_contains("This site cannot list your devices.");
    let id = client.session().unwrap().id;
    for path in ["/account/devices/revoke", &format!("/account/devices/{id}/revoke")] {
        post(&client, path, &[]).assert_redirect("/account/devices");
    }
}

fn pages_stand_in_the_applications_dress(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("account")).unwrap();
    std::fs::write(
        folder.path().join("account/base.html"),
        "<title>Shop {% block title %}{% endblock %}</title>{% block content %}{% endblock %}",
    )
    .unwrap();
    let settings = format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display());
    let client = store.open(App::new(Router::new()).auth().mail().accounts_at("/me"), &settings);
    client.get("/me/login").send().assert_contains("<title>Shop Log in</title>").assert_contains("href=\"/me/register\"");
    client.get("/me").send().assert_redirect("/me/login?next=/me");
    client.get("/me/reset").send().assert_contains("href=\"/me/login\"");
    let client = store.open(App::new(Router::new()).accounts_at("/").auth().mail(), &settings);
    client.get("/login").send().assert_contains("href=\"/register\"");
    client.get("/").send().assert_redirect("/login");
}

/// It is made when the session is saved already.
fn an_error_page_knows_who_asked(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    let page = "{% if user %}{{ user.username }} {{ perms | length }}{% else %}somebody{% endif %} has not found it{% for flash in flashes %}!{% endfor %}";
    std::fs::write(folder.path().join("404.html"), page).unwrap();
    let urls = Router::new().get("/lost", |req: &mut Request| -> Result<()> {
        diesel::sql_query("SELECT 1").execute(req.db()?)?;
        Err(Error::not_found("lost"))
    });
    let settings = format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display());
    let client = store.open(App::new(urls).auth().accounts().mail(), &settings);
    add_user(&client, "alice");
    for path in ["/lost", "/nowhere"] {
        assert_eq!(client.get(path).send().assert_status(404).text(), "somebody has not found it");
    }
    enter(&client, "alice");
    for path in ["/lost", "/nowhere"] {
        assert_eq!(client.get(path).send().assert_status(404).text(), "alice 0 has not found it");
    }
}

fn password_managers_are_told_whose_password_it_is(store: &Store) {
    let client = open(store);
    post(&client, "/account/reset", &[("email", "alice@example.com")]);
    let link = link_in_mail(&client, "alice@example.com");
    let theirs = "<input type=\"text\" name=\"username\" value=\"alice\" autocomplete=\"username\" hidden>";
    client.get(&link).send().assert_contains(theirs);
    enter(&client, "alice");
    for path in ["/account/password", "/account"] {
        client.get(path).send().assert_contains(theirs);
    }
}

fn a_page_without_a_token_is_refused(store: &Store) {
    let client = open(store);
    client.enforce_csrf();
    for path in ["/account/login", "/account/register", "/account/reset", "/account/logout", "/account/verify/x"] {
        assert_eq!(post(&client, path, &[("username", "alice"), ("password", PASSWORD)]).status(), 403, "{path}");
    }
    for path in ["/account/login", "/account/register", "/account/reset"] {
        client.get(path).send().assert_contains("name=\"csrf_token\"");
    }
    assert!(client.app().templates().unprotected_forms().unwrap().is_empty());
}

/// Python Lback did not ship the templates of its pages, and registering failed until somebody inserted a group by hand.
fn every_page_comes_with_the_crate(store: &Store) {
    let empty = tempfile::tempdir().unwrap();
    let settings = format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", empty.path().display());
    let client = store.open(pages(), &settings);
    assert!(client.db(User::all).is_empty() && client.db(Group::all).is_empty());
    let form = [("username", "alice"), ("email", "a@example.com"), ("password", PASSWORD), ("password_again", PASSWORD)];
    post(&client, "/account/register", &form).assert_status(200);
    let alice = client.fork();
    log_in(&alice, "alice", PASSWORD).assert_redirect("/");
    let mut shown = 0;
    for route in
        client.app().routes().iter().filter(|route| route.pattern().starts_with("/account") && route.methods().contains(&Method::GET))
    {
        let path = route.pattern().replace("{token}", "1-1-x");
        for browser in [&client, &alice] {
            let page = browser.get(&path).send();
            // That of a link which does not work is one of them.
            assert!([200, 303].contains(&page.status().as_u16()) || page.text().contains("This link does not work"), "{path}: {page:?}");
            shown += usize::from(page.status() != 303);
        }
    }
    assert!(shown >= 12, "{shown} pages");
}

fn the_pages_work_under_a_strict_content_security_policy(store: &Store) {
    let policy = "CONTENT_SECURITY_POLICY = \"default-src 'none'; style-src {nonce}; form-action 'self'; base-uri 'none'\"";
    let client = store.open(pages(), &format!("{SETTINGS}\nAUTH_SITE_URL = 'https://example.com'\n{policy}"));
    add_user(&client, "alice");
    let check = |path: &str| {
        let page = client.get(path).send();
        let (html, policy) = (page.text(), page.header("content-security-policy").unwrap());
        let nonce = html.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert!(policy.contains(&format!("style-src 'nonce-{nonce}'; form-action 'self'")), "{policy}");
        assert_eq!(html.matches("rel=\"stylesheet\"").count(), html.matches("nonce=\"").count(), "{html}");
        assert!(!["<script", "<style", " style=", " onclick=", "src=\"data:", "<img"].iter().any(|inline| html.contains(inline)), "{html}");
    };
    for path in ["/account/login", "/account/register", "/account/reset", "/account/reset/dead", "/account/verify/dead"] {
        check(path);
    }
    enter(&client, "alice");
    for path in ["/account", "/account/devices", "/account/password"] {
        check(path);
    }
}
