//! Registering, and verifying an e-mail address.

use super::*;

suite!(databases: a_visitor_registers_and_verifies_the_address, signals_tell_of_new_users_and_new_passwords, what_is_wrong_is_said, nothing_that_is_left_behind_tells_whether_an_address_was_known,
    the_same_is_done_for_known_and_unknown_addresses, of_two_who_claim_an_address_the_first_to_prove_it_has_it, a_name_that_is_like_another_is_refused, nobody_writes_to_others_by_their_name,
    a_verification_is_for_a_person_and_once, who_registers_without_end_must_wait, who_comes_second_is_told_in_the_form,
    a_site_of_its_own_people_registers_nobody);

fn register(client: &Client, name: &str, email: &str, password: &str) -> TestResponse {
    post(client, "/account/register", &[("username", name), ("email", email), ("password", password), ("password_again", password)])
}

fn a_visitor_registers_and_verifies_the_address(store: &Store) {
    let client = open(store);
    client.get("/account/register").send().assert_status(200).assert_contains("autocomplete=\"new-password\"");
    register(&client, " carol ", "Carol@example.com", NEW_PASSWORD).assert_status(200).assert_contains("Check your inbox");
    let carol = user(&client, "carol");
    assert!(carol.is_active && !carol.is_staff && !carol.is_superuser && !carol.email_verified);
    assert_eq!((carol.email, carol.pending_email.as_deref()), (None, Some("Carol@example.com")));
    let link = link_in_mail(&client, "Carol@example.com");
    // A look changes nothing, such as that of a program which checks links.
    client.get(&link).send().assert_status(200).assert_contains("Carol@example.com").assert_contains("<strong>carol</strong>");
    assert!(!user(&client, "carol").email_verified);
    // Until then the address is nobody's.
    log_in(&client, "carol@example.com", NEW_PASSWORD).assert_contains("not the right user name and password");
    post(&client, &link, &[]).assert_redirect("/account");
    let carol = user(&client, "carol");
    assert_eq!((carol.email.as_deref(), carol.email_verified, carol.pending_email), (Some("Carol@example.com"), true, None));
    log_in(&client.fork(), "carol@example.com", NEW_PASSWORD).assert_redirect("/");
    log_in(&client, "carol", NEW_PASSWORD).assert_redirect("/");
    assert_who(&client, "carol");
}

fn signals_tell_of_new_users_and_new_passwords(store: &Store) {
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = told.clone();
    let listening = pages().on_name("user.*", move |signal, _| note.lock().unwrap().push(format!("{signal:?}")));
    let client = store.open(listening, &format!("{SETTINGS}\nAUTH_SITE_URL = 'https://example.com'"));
    register(&client, "carol", "carol@example.com", "pw").assert_contains("too short");
    register(&client, "carol", "carol@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
    let link = link_in_mail(&client, "carol@example.com");
    post(&client, &link, &[]).assert_redirect("/account");
    // Whether the address is known makes no difference.
    register(&client, "dora", "carol@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
    post(&client, "/account/reset", &[("email", "carol@example.com")]).assert_contains("Check your inbox");
    let link = link_in_mail(&client, "carol@example.com");
    post(&client, &link, &[("password", PASSWORD), ("password_again", PASSWORD)]).assert_redirect("/account/login");
    log_in(&client, "carol", PASSWORD).assert_redirect("/");
    let form = [("password", PASSWORD), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
    post(&client, "/account/password", &form).assert_redirect("/account");
    assert_eq!(
        *told.lock().unwrap(),
        [
            "UserRegistered { user_id: 1 }",
            "UserRegistered { user_id: 2 }",
            "UserPasswordChanged { user_id: 1 }",
            "UserLoggedIn { user_id: 1 }",
            "UserPasswordChanged { user_id: 1 }",
        ]
    );
}

fn what_is_wrong_is_said(store: &Store) {
    let client = open(store);
    let (users, enormous) = (|| client.db(User::all).len(), "a".repeat(20_000));
    for (name, email, password, why) in [
        ("", "c@example.com", NEW_PASSWORD, "Fill in this field."),
        ("a b", "c@example.com", NEW_PASSWORD, "only letters, digits"),
        ("<script>", "c@example.com", NEW_PASSWORD, "value=\"&lt;script&gt;\""),
        ("carol@example.com", "c@example.com", NEW_PASSWORD, "only letters, digits"),
        ("carol\0", "c@example.com", NEW_PASSWORD, "error-summary"),
        (&enormous, "c@example.com", NEW_PASSWORD, "error-summary"),
        ("ALICE", "c@example.com", NEW_PASSWORD, "This name is taken."),
        ("carol", "nonsense", NEW_PASSWORD, "error-summary"),
        // No mail could go there.
        ("carol", ".c@example.com", NEW_PASSWORD, "Enter an e-mail address"),
        ("carol", "c..d@example.com", NEW_PASSWORD, "Enter an e-mail address"),
        ("carol", "c@example.com\r\nBcc: x@example.com", NEW_PASSWORD, "error-summary"),
        ("carol", "c@example.com", "pw", "too short"),
        ("carol", "c@example.com", "password1", "too common"),
        ("carol", "c@example.com", "19283746501", "digits only"),
        ("wonderland", "c@example.com", "wonderland7", "too similar"),
        ("carol", "c@example.com", &enormous, "error-summary"),
    ] {
        let page = register(&client, name, email, password);
        page.assert_status(200).assert_contains(why);
        assert!(!page.text().contains("Check your inbox"), "{why}");
    }
    let differing = [("username", "carol"), ("email", "c@example.com"), ("password", NEW_PASSWORD), ("password_again", "other")];
    post(&client, "/account/register", &differing).assert_contains("The passwords differ.");
    post(&client, "/account/register", &[("username", "carol"), ("username", "dora")]).assert_status(200);
    // Anybody may send it, so it is not even read.
    register(&client, &"a".repeat(100_000), "c@example.com", NEW_PASSWORD).assert_status(413);
    assert_eq!(users(), 1);
    assert!(client.mail().is_empty());
}

/// Somebody who registers with the address of another and looks at what came of it.
fn nothing_that_is_left_behind_tells_whether_an_address_was_known(store: &Store) {
    let client = open(store);
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email_verified(db));
    let seen = |name: &str, email: &str| {
        let browser = client.fork();
        let mut seen = Vec::new();
        let mut look = |page: TestResponse| {
            let text = page.text().replace(email, "ADDRESS").replace(name, "NAME");
            seen.push((page.status().as_u16(), page.location().map(str::to_owned), without_tokens(&text)));
        };
        look(register(&browser, name, email, NEW_PASSWORD));
        // The same name again, with this address and with another.
        look(register(&browser, name, email, NEW_PASSWORD));
        look(register(&browser, name, "fresh@example.com", NEW_PASSWORD));
        look(log_in(&browser, email, NEW_PASSWORD));
        look(log_in(&browser, name, NEW_PASSWORD));
        look(browser.get("/who").send());
        look(browser.get("/account").send());
        look(post(&browser, "/account/verify", &[]));
        look(browser.get("/account").send());
        look(post(&browser, "/account", &[("email", email), ("password", NEW_PASSWORD)]));
        look(browser.get("/account").send());
        look(post(&browser, "/account/reset", &[("email", email)]));
        look(browser.get("/account/devices").send());
        look(post(&browser, "/account/verify", &[]));
        look(browser.get("/account").send());
        seen
    };
    let unknown = seen("carolina", "nobod@example.com");
    let to_nobody = client.mail().len();
    let known = seen("dorothea", "alice@example.com");
    assert_eq!(known.len(), unknown.len());
    for (step, (known, unknown)) in known.iter().zip(&unknown).enumerate() {
        assert_eq!(known, unknown, "step {step}");
    }
    assert!(known[1].2.contains("This name is taken."), "{}", known[1].2);
    assert_eq!(known[4], (303, Some("/".to_owned()), known[4].2.clone()));
    // Only the owner of the mailbox learns more, and by as many mails.
    let mails = client.mail();
    assert_eq!(mails.len(), 2 * to_nobody);
    let to_alice: Vec<&str> = mails.iter().filter(|mail| mail.to == ["alice@example.com"]).map(|mail| mail.subject.as_str()).collect();
    assert!(to_alice.contains(&"You already have an account") && !to_alice.contains(&"Confirm your e-mail address"), "{to_alice:?}");
    let alice = user(&client, "alice");
    assert_eq!((alice.email.as_deref(), alice.email_verified), (Some("alice@example.com"), true));
    assert_eq!(user(&client, "dorothea").pending_email.as_deref(), Some("alice@example.com"));
}

/// A page without what is random in it.
fn without_tokens(page: &str) -> String {
    let mut parts = page.split("name=\"csrf_token\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|part| part.split_once('"')).fold(first, |page, (_, rest)| page + rest)
}

/// What fails, fails for both.
fn the_same_is_done_for_known_and_unknown_addresses(store: &Store) {
    for broken in ["exists", "verify"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("account/mail")).unwrap();
        std::fs::write(folder.path().join(format!("account/mail/{broken}.txt")), "{{ nothing_of_that_name }}").unwrap();
        let client = store.open(pages(), &format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display()));
        add_user(&client, "alice");
        for email in ["alice@example.com", "nobody@example.com"] {
            let (work, page) = hashes(&client, || register(&client, "carol", email, NEW_PASSWORD));
            assert_eq!((work, page.status().as_u16()), (1, 500), "{broken} {email}");
            assert_eq!(client.db(User::all).len(), 1);
        }
    }
}

fn of_two_who_claim_an_address_the_first_to_prove_it_has_it(store: &Store) {
    let client = open(store);
    let names = ["carol", "dora"];
    let links = names.map(|name| {
        register(&client, name, "shared@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
        link_in_mail(&client, "shared@example.com")
    });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let follow = links.each_ref().map(|link| {
            let client = client.fork();
            scope.spawn(move || post(&client, link, &[]).status().as_u16())
        });
        follow.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses == [303, 404] || statuses == [404, 303], "{statuses:?}");
    let (first, second) = if statuses[0] == 303 { (0, 1) } else { (1, 0) };
    let has = client.db(|db| User::with_email(db, "shared@example.com")).expect("an owner");
    assert_eq!((has.username.as_str(), has.email_verified), (names[first], true));
    assert_eq!(user(&client, names[second]).email, None);
    for link in &links {
        post(&client, link, &[]).assert_status(404);
    }
    // The other may have another address.
    let browser = client.fork();
    log_in(&browser, names[second], NEW_PASSWORD).assert_redirect("/");
    post(&browser, "/account", &[("email", "own@example.com"), ("password", NEW_PASSWORD)]).assert_redirect("/account");
    let link = link_in_mail(&client, "own@example.com");
    post(&browser, &link, &[]).assert_redirect("/account");
    assert_eq!(user(&client, names[second]).email.as_deref(), Some("own@example.com"));
}

fn a_name_that_is_like_another_is_refused(store: &Store) {
    let client = open(store);
    client.add_user("modern");
    for (name, why) in [
        ("ALICE", "This name is taken."),
        ("ａｌｉｃｅ", "This name is taken."),
        ("modem", "This name looks too much like one that is taken."),
        ("a1ice", "This name looks too much like one that is taken."),
        ("аlice", "A user name cannot mix letters of different alphabets"),
        ("alice\u{200b}", "A user name can contain only letters, digits"),
        ("\u{3164}", "A user name can contain only letters, digits"),
    ] {
        let (work, page) = hashes(&client, || register(&client, name, "c@example.com", NEW_PASSWORD));
        page.assert_status(200).assert_contains(why);
        assert_eq!(work, 0, "{name}");
    }
    for name in ["हिन्दी", "ที่รัก"] {
        register(&client, name, "c@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
        log_in(&client.fork(), name, NEW_PASSWORD).assert_redirect("/");
    }
    // Its length is that of the normal form: 150 syllables of Korean, as macOS types them.
    register(&client, &"\u{1112}\u{1161}\u{11ab}".repeat(150), "d@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
    register(&client, &"\u{1112}\u{1161}\u{11ab}".repeat(151), "d@example.com", NEW_PASSWORD).assert_contains("at most 150 characters");
}

/// Mail programs make a link of much that has a dot in it.
fn nobody_writes_to_others_by_their_name(store: &Store) {
    let client = open(store);
    register(&client, "You-won.Collect-at.evil.example", "victim@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
    register(&client, "other", "victim@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
    post(&client, "/account/reset", &[("email", "victim@example.com")]).assert_contains("Check your inbox");
    let mails = client.mail();
    assert_eq!(mails.len(), 3);
    for mail in mails {
        assert!(mail.text.starts_with("Hello,\n") && !mail.text.contains("evil.example"), "{}", mail.text);
    }
    // Whose address is theirs is called by name.
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email_verified(db));
    post(&client, "/account/reset", &[("email", "alice@example.com")]).assert_contains("Check your inbox");
    assert!(client.mail().pop().unwrap().text.starts_with("Hello alice,\n"));
}

fn a_verification_is_for_a_person_and_once(store: &Store) {
    let client = open(store);
    enter(&client, "alice");
    post(&client, "/account/verify", &[]).assert_redirect("/account");
    let link = link_in_mail(&client, "alice@example.com");
    for dead in ["/account/verify/x", "/account/verify/1-1-x", &format!("{link}x"), &link.replace("/verify/", "/reset/")] {
        client.get(dead).send().assert_status(404).assert_contains("This link does not work");
        post(&client, dead, &[]).assert_status(404);
    }
    post(&client, &link, &[]).assert_redirect("/account");
    post(&client, &link, &[]).assert_status(404);
    client.get(&link).send().assert_status(404);
    // Not more than a few, and they are told.
    enter(&client, "alice");
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email(db, Some("other@example.com")));
    for message in ["sent you another mail", "sent you another mail", "sent you another mail", "already sent several mails"] {
        post(&client, "/account/verify", &[]).assert_redirect("/account");
        client.get("/account").send().assert_contains(message);
    }
    client.db(|db| User::named(db, "alice")?.expect("alice").set_email_verified(db));
    // There is nothing left to verify.
    let mails = client.mail().len();
    post(&client, "/account/verify", &[]).assert_redirect("/account");
    assert_eq!(client.mail().len(), mails);
}

fn who_registers_without_end_must_wait(store: &Store) {
    // What is allowed to those who mistype a password has nothing to do with it.
    let client = store.open(pages(), &format!("{SETTINGS}\nAUTH_FREE_ATTEMPTS = 1\nAUTH_SITE_URL = 'https://example.com'"));
    for attempt in 0..21 {
        register(&client, &format!("name{attempt}"), &format!("name{attempt}@example.com"), NEW_PASSWORD)
            .assert_contains("Check your inbox");
    }
    let page = register(&client, "more", "more@example.com", NEW_PASSWORD);
    page.assert_status(429).assert_contains("too many attempts");
    assert_eq!(page.header("retry-after"), Some("1"));
    client.clock().advance(SECOND);
    register(&client, "more", "more@example.com", NEW_PASSWORD).assert_contains("Check your inbox");
    // One a few minutes, for days.
    for attempt in 0..100 {
        client.clock().advance(600 * SECOND);
        let name = format!("later{attempt}");
        register(&client, &name, &format!("{name}@example.com"), NEW_PASSWORD).assert_contains("Check your inbox");
    }
}

fn a_site_of_its_own_people_registers_nobody(store: &Store) {
    let client = store.open(pages(), &format!("{SETTINGS}\nAUTH_REGISTRATION = false"));
    add_user(&client, "alice");
    client.get("/account/register").send().assert_status(404);
    register(&client, "carol", "carol@example.com", NEW_PASSWORD).assert_status(404);
    assert!(client.db(|db| User::named(db, "carol")).is_none());
    let page = client.get("/account/login").send();
    page.assert_status(200).assert_contains("Forgot your password?");
    assert!(!page.text().contains("egister"), "{}", page.text());
    // The other pages are there.
    enter(&client, "alice");
    client.get("/account").send().assert_status(200);
}

/// Two at once have looked, and one has the name.
fn who_comes_second_is_told_in_the_form(store: &Store) {
    // Slow enough that the other surely comes while the password is hashed.
    let client = store.open(pages(), "AUTH_ARGON2_MEMORY_KIB = 65536\nAUTH_ARGON2_PASSES = 6");
    let beside = |name: &str, email: &str| {
        let before = auth(&client).passwords().computed();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| register(&client, "carol", "carol@example.com", NEW_PASSWORD));
            while auth(&client).passwords().computed() == before {
                std::thread::yield_now();
            }
            let now = client.clock().now();
            client.db(|db| NewUser::without_password(name).email(email).insert(db, now));
            second.join().unwrap()
        })
    };
    beside("Carol", "first@example.com").assert_status(200).assert_contains("This name is taken.");
    sql(&client, "DELETE FROM auth_users");
    // Nobody learns that this address is known, not even so.
    beside("first", "CAROL@example.com").assert_status(200).assert_contains("Check your inbox");
    assert!(client.mail().pop().unwrap().text.contains("you already have one"));
    assert_eq!(user(&client, "first").email.as_deref(), Some("CAROL@example.com"));
    assert_eq!(user(&client, "carol").email, None);
}
