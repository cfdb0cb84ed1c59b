//! A password that was forgotten.

use super::*;

suite!(databases: a_forgotten_password_is_reset, who_is_still_logged_in_can_reset_the_password, nobody_learns_who_has_an_account, the_same_is_done_for_unknown_addresses, a_reset_link_dies,
    a_reset_link_leads_to_no_strange_host, a_reset_link_stands_in_no_log, nobodys_mailbox_is_filled,
    who_has_not_verified_the_address_can_reset_the_password, until_a_new_address_is_verified_links_go_to_the_old_one);

fn ask(client: &Client, email: &str) -> TestResponse {
    post(client, "/account/reset", &[("email", email)])
}

fn choose(client: &Client, link: &str, password: &str, again: &str) -> TestResponse {
    post(client, link, &[("password", password), ("password_again", again)])
}

fn a_forgotten_password_is_reset(store: &Store) {
    let client = open(store);
    let inside = client.fork();
    enter(&inside, "alice");
    ask(&client, "ALICE@example.com").assert_status(200).assert_contains("Check your inbox");
    let link = link_in_mail(&client, "alice@example.com");
    client.get(&link).send().assert_status(200).assert_contains("<strong>alice</strong>");
    choose(&client, &link, "pw", "pw").assert_status(200).assert_contains("too short");
    choose(&client, &link, "alice-example", "alice-example").assert_status(200).assert_contains("too similar");
    choose(&client, &link, NEW_PASSWORD, "other").assert_status(200).assert_contains("The passwords differ.");
    choose(&client, &link, "", "").assert_status(200).assert_contains("Fill in this field.");
    assert_who(&inside, "alice");
    choose(&client, &link, NEW_PASSWORD, NEW_PASSWORD).assert_redirect("/account/login");
    client.get("/account/login").send().assert_contains("Your password has been changed.");
    assert_who(&inside, "nobody");
    assert_who(&client, "nobody");
    // They have read the mail.
    assert!(user(&client, "alice").email_verified);
    log_in(&client, "alice", PASSWORD).assert_status(200);
    log_in(&client, "alice", NEW_PASSWORD).assert_redirect("/");
}

fn who_is_still_logged_in_can_reset_the_password(store: &Store) {
    let client = open(store);
    enter(&client, "alice");
    ask(&client, "alice@example.com").assert_status(200);
    choose(&client, &link_in_mail(&client, "alice@example.com"), NEW_PASSWORD, NEW_PASSWORD).assert_redirect("/account/login");
    // They are told, and the browser is a visitor's whose cart is kept.
    client.get("/account/login").send().assert_contains("Your password has been changed.");
    assert_who(&client, "nobody");
    client.post("/cart/apple").send().assert_status(204);
    log_in(&client, "alice", NEW_PASSWORD).assert_redirect("/");
    assert_eq!(client.session().unwrap().data["cart"], "apple");
}

fn nobody_learns_who_has_an_account(store: &Store) {
    let client = open(store);
    add_user(&client, "gone1");
    client.db(|db| User::named(db, "gone1")?.expect("gone1").set_active(db, false));
    let known = ask(&client, "alice@example.com");
    let unknown = ask(&client, "nobod@example.com");
    let gone = ask(&client, "gone1@example.com");
    assert_eq!(known.text().replace("alice@", "nobod@"), unknown.text());
    assert_eq!(gone.text().replace("gone1@", "nobod@"), unknown.text());
    assert_eq!(client.mail().len(), 1);
    ask(&client, "<b>").assert_status(200).assert_contains("&lt;b&gt;");
}

/// What fails, fails for both; what is written, is written for both.
fn the_same_is_done_for_unknown_addresses(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("{SETTINGS}\nTEMPLATES_DIR = '{0}'\nMAIL_BACKEND = 'file'\nMAIL_DIR = '{0}/mails'", folder.path().display());
    let mails = |client: &Client| number(client, "SELECT count(*) FROM job_queue");
    let counters = |client: &Client| number(client, "SELECT count(*) FROM auth_attempts");
    let client = store.open(pages(), &settings);
    add_user(&client, "alice");
    ask(&client, "nobody@example.com").assert_status(200);
    // Of asking from here and from the network around, and of mails to there.
    assert_eq!(counters(&client), 3);
    ask(&client, "alice@example.com").assert_status(200);
    assert_eq!(counters(&client), 4);
    // It is written beside the answer.
    while mails(&client) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(mails(&client), 1);

    std::fs::create_dir_all(folder.path().join("account/mail")).unwrap();
    std::fs::write(folder.path().join("account/mail/reset.txt"), "{{ nothing_of_that_name }}").unwrap();
    let client = store.open(pages(), &settings);
    add_user(&client, "alice");
    for email in ["alice@example.com", "nobody@example.com"] {
        ask(&client, email).assert_status(500);
    }
}

fn a_reset_link_dies(store: &Store) {
    let client = open(store);
    let fresh = || {
        ask(&client, "alice@example.com");
        link_in_mail(&client, "alice@example.com")
    };
    // Used.
    let link = fresh();
    choose(&client, &link, NEW_PASSWORD, NEW_PASSWORD).assert_redirect("/account/login");
    client.get(&link).send().assert_status(404).assert_contains("This link does not work");
    choose(&client, &link, PASSWORD, PASSWORD).assert_status(404);
    // Late.
    let link = fresh();
    client.clock().advance(61 * 60 * SECOND);
    choose(&client, &link, PASSWORD, PASSWORD).assert_status(404);
    // Not needed any more.
    let link = fresh();
    log_in(&client, "alice", NEW_PASSWORD).assert_redirect("/");
    choose(&client.fork(), &link, PASSWORD, PASSWORD).assert_status(404);
    // Two that follow the same link at once: one gets through.
    let link = fresh();
    let passwords = ["one white rabbit runs", "two white rabbits run"];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let follow = passwords.map(|password| {
            let (client, link) = (client.fork(), &link);
            scope.spawn(move || choose(&client, link, password, password).status().as_u16())
        });
        follow.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 1, "{statuses:?}");
}

fn a_reset_link_leads_to_no_strange_host(store: &Store) {
    let client = store.open(pages(), &format!("{SETTINGS}\nALLOWED_HOSTS = ['.example.com']"));
    add_user(&client, "alice");
    let ask = |host: &str| client.post("/account/reset").header("host", host).form(&[("email", "alice@example.com")]).send();
    for host in ["evil.test?.example.com", "evil.test#.example.com", "evil.test/.example.com", "evil.test\\.example.com"] {
        ask(host).assert_status(400);
    }
    assert!(client.mail().is_empty());
    ask("www.example.com").assert_status(200);
    assert!(client.mail()[0].text.contains("http://www.example.com/account/reset/"), "{}", client.mail()[0].text);
}

/// It works until it is used, and whoever reads the log could use it.
fn a_reset_link_stands_in_no_log(store: &Store) {
    crate::logs::start();
    let client = open(store);
    ask(&client, "alice@example.com");
    let link = link_in_mail(&client, "alice@example.com");
    post(&client, "/account/verify/1-2-not.of.this.test", &[]).assert_status(404);
    client.get(&link).send().assert_status(200);
    choose(&client, &link, "pw", "pw").assert_status(200);
    client.get(&format!("{link}/")).send().assert_status(308);
    client.delete(&link).send().assert_status(405);
    client.enforce_csrf();
    choose(&client, &link, NEW_PASSWORD, NEW_PASSWORD).assert_status(403);
    let token = link.rsplit('/').next().unwrap();
    assert_eq!(crate::logs::lines_with(token), Vec::<String>::new());
    assert_eq!(crate::logs::lines_with("not.of.this.test"), Vec::<String>::new());
    assert!(!crate::logs::lines_with("POST /account/reset/{token} 403").is_empty());
}

fn nobodys_mailbox_is_filled(store: &Store) {
    let client = open(store);
    for attempt in 0..60 {
        let browser = client.fork();
        let form = [("email", "alice@example.com")];
        let address: std::net::IpAddr = format!("192.0.2.{attempt}").parse().unwrap();
        browser.post("/account/reset").form(&form).from_addr(address).send().assert_contains("Check your inbox");
    }
    assert_eq!(client.mail().len(), 3);
    // After an hour there may be another.
    client.clock().advance(3600 * SECOND);
    ask(&client, "Alice@Example.com").assert_contains("Check your inbox");
    assert_eq!(client.mail().len(), 4);
}

fn who_has_not_verified_the_address_can_reset_the_password(store: &Store) {
    let client = open(store);
    for (name, email) in [("carol", "carol@example.com"), ("dora", "alice@example.com")] {
        let form = [("username", name), ("email", email), ("password", PASSWORD), ("password_again", PASSWORD)];
        post(&client, "/account/register", &form).assert_contains("Check your inbox");
    }
    ask(&client, "CAROL@example.com").assert_status(200);
    let link = link_in_mail(&client, "carol@example.com");
    client.get(&link).send().assert_contains("<strong>carol</strong>");
    choose(&client, &link, NEW_PASSWORD, NEW_PASSWORD).assert_redirect("/account/login");
    let carol = user(&client, "carol");
    assert_eq!((carol.email.as_deref(), carol.email_verified, carol.pending_email), (Some("carol@example.com"), true, None));
    log_in(&client.fork(), "carol@example.com", NEW_PASSWORD).assert_redirect("/");
    // An address that somebody has is theirs.
    ask(&client, "alice@example.com").assert_status(200);
    let link = link_in_mail(&client, "alice@example.com");
    client.get(&link).send().assert_contains("<strong>alice</strong>");
}

fn until_a_new_address_is_verified_links_go_to_the_old_one(store: &Store) {
    let client = open(store);
    enter(&client, "alice");
    post(&client, "/account", &[("email", "new@example.com"), ("password", PASSWORD)]).assert_redirect("/account");
    let verify = link_in_mail(&client, "new@example.com");
    let mails = client.mail().len();
    ask(&client, "new@example.com").assert_status(200);
    assert_eq!(client.mail().len(), mails);
    ask(&client, "alice@example.com").assert_status(200);
    let reset = link_in_mail(&client, "alice@example.com");
    // The owner of the old mailbox can withdraw a change that somebody else has begun.
    choose(&client.fork(), &reset, NEW_PASSWORD, NEW_PASSWORD).assert_redirect("/account/login");
    post(&client.fork(), &verify, &[]).assert_status(404);
    let alice = user(&client, "alice");
    assert_eq!((alice.email.as_deref(), alice.pending_email), (Some("alice@example.com"), None));
}
