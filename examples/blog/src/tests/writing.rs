//! Reading and writing.

use super::*;

#[test]
fn a_visitor_becomes_an_author_and_publishes_a_post() {
    let visitor = client();
    visitor.get("/").send().assert_status(200).assert_contains("No posts yet").assert_contains("Come back later.");
    let moderator = browser_of(&visitor, "queen", &["Moderators"]);

    let alice = visitor.fork();
    let form = [("username", "alice"), ("email", "alice@example.com"), ("password", PASSWORD), ("password_again", PASSWORD)];
    post(&alice, "/account/register", &form).assert_contains("Check your inbox");
    wait_for_mails(&visitor, 2);
    let to_moderator = visitor.mail().into_iter().find(|mail| mail.to == ["queen@example.com"]).expect("a mail to the moderator");
    assert!(to_moderator.text.contains("alice has registered") && to_moderator.text.contains("/moderate/members"), "{}", to_moderator.text);

    let to_alice = visitor.mail().into_iter().find(|mail| mail.to == ["alice@example.com"]).expect("a mail to alice");
    let link = to_alice.text.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let link = &link[link.find("/account/verify/").unwrap()..];
    log_in(&alice, "alice");
    alice.get(link).send().assert_contains("alice@example.com");
    post(&alice, link, &[]).assert_redirect("/account");

    // A logged-in user is not an author yet.
    alice.get("/write/new").send().assert_status(403);
    moderator.get("/moderate/members").send().assert_contains("alice");
    let id = visitor.db(|db| User::named(db, "alice")).unwrap().id;
    post(&moderator, &format!("/moderate/members/{id}/admit"), &[]).assert_redirect("/moderate/members");
    moderator.get("/moderate/members").send().assert_contains("alice is an author now.");

    alice.get("/write").send().assert_contains("You have not written anything yet.");
    let post_id = write(&alice, "Down the Rabbit-Hole");
    alice.get("/posts/down-the-rabbit-hole").send().assert_contains("Your draft was saved.").assert_contains("Submit for publication");
    visitor.get("/posts/down-the-rabbit-hole").send().assert_status(404);
    post(&alice, &format!("/write/{post_id}/submit"), &[]).assert_redirect("/posts/down-the-rabbit-hole");
    post(&alice, &format!("/write/{post_id}/submit"), &[]).assert_redirect("/posts/down-the-rabbit-hole");
    alice.get("/write").send().assert_contains("This post was already submitted.").assert_contains("submitted");
    moderator.get("/moderate").send().assert_contains("Down the Rabbit-Hole").assert_contains("by alice");
    moderator.get("/posts/down-the-rabbit-hole").send().assert_contains("Publish");

    let version = version(&visitor, post_id);
    post(&moderator, &format!("/moderate/{post_id}/publish"), &[("version", &version)]).assert_redirect("/moderate");
    visitor.get("/").send().assert_contains("Down the Rabbit-Hole").assert_contains("Alice was beginning");
    let page = visitor.get("/posts/down-the-rabbit-hole").send();
    page.assert_status(200).assert_contains("<p>Alice was beginning to get very tired.</p>");
    assert_excludes(&page, "Edit");
    let mail = visitor.mail().pop().unwrap();
    assert_eq!(mail.to, ["alice <alice@example.com>"]);
    assert_eq!(mail.subject, "Your post was published");
    assert!(mail.html.is_some_and(|html| html.contains("/posts/down-the-rabbit-hole")));
}

#[test]
fn authors_can_change_their_own_posts_until_they_are_published() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let dodo = browser_of(&client, "dodo", &["Authors"]);
    let queen = browser_of(&client, "queen", &["Moderators"]);
    let id = write(&alice, "The Pool of Tears");
    let path = format!("/write/{id}");

    alice.get(&path).send().assert_contains("value=\"The Pool of Tears\"").assert_contains("value=\"the-pool-of-tears\"");
    let form = [("title", "A Pool"), ("slug", "pool"), ("body", "Curiouser"), ("version", "1")];
    post(&alice, &path, &form).assert_redirect("/posts/pool");
    alice.get("/posts/pool").send().assert_contains("Your changes were saved.").assert_contains("Curiouser");

    // Other authors cannot even read a post before it is published.
    for hidden in ["/posts/pool", "/posts/no-such-post"] {
        dodo.get(hidden).send().assert_status(404).assert_contains("This post does not exist.");
    }
    for path in [path.clone(), format!("{path}/submit"), format!("{path}/delete")] {
        post(&dodo, &path, &form).assert_status(403).assert_contains("This post belongs to another author.");
    }
    dodo.get(&path).send().assert_status(403);

    publish(&alice, &queen, id);
    post(&alice, &path, &form).assert_status(403).assert_contains("Only a moderator can change it.");
    post(&alice, &format!("{path}/delete"), &[]).assert_status(403);
    let version = version(&client, id);
    let form = [("title", "A Pool"), ("slug", "pool"), ("body", "And curiouser!"), ("version", &version)];
    post(&queen, &path, &form).assert_redirect("/posts/pool");
    client.get("/posts/pool").send().assert_contains("And curiouser!");
    assert_eq!(state(&client, id), "published");

    post(&queen, &format!("{path}/delete"), &[]).assert_redirect("/write");
    client.get("/posts/pool").send().assert_status(404);
    queen.get(&path).send().assert_status(404);
}

#[test]
fn concurrent_changes_of_a_post_are_detected() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let queen = browser_of(&client, "queen", &["Moderators"]);
    let path = format!("/write/{}", write(&alice, "A Caucus-Race"));
    let change = |browser: &Client, body: &str| post(browser, &path, &[("title", "A"), ("slug", "a"), ("body", body), ("version", "1")]);
    change(&queen, "Off with their heads").assert_redirect("/posts/a");
    change(&alice, "Everybody has won").assert_status(200).assert_contains("since you opened it").assert_contains("Everybody has won");
    alice.get("/posts/a").send().assert_contains("Off with their heads");
}

#[test]
fn addresses_are_derived_from_titles_and_unique() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let add = |title: &str, slug: &str| post(&alice, "/write/new", &[("title", title), ("slug", slug), ("body", "…"), ("version", "0")]);
    add("  Pig & Pepper!  ", "").assert_redirect("/posts/pig-pepper");
    add("Pig, Pepper", "").assert_status(200).assert_contains("Another post already has this address.").assert_contains("Pig, Pepper");
    add("Other", "Pig-Pepper").assert_status(200).assert_contains("Another post already has this address.");
    add("Свинья и перец", "").assert_status(200).assert_contains("No address can be derived from this title.");
    add("Свинья и перец", "svinya").assert_redirect("/posts/svinya");
    for wrong in ["a b", "a/b", "../etc", "a--b", "-a", "ä", "a%2fb"] {
        add("Other", wrong).assert_status(200).assert_contains("Use letters from a to z");
    }
    let id = write(&alice, "Mine");
    let taken = [("title", "Mine"), ("slug", "svinya"), ("body", "…"), ("version", "1")];
    post(&alice, &format!("/write/{id}"), &taken).assert_status(200).assert_contains("Another post already has this address.");
    assert_eq!(client.db(|db| posts::table.count().get_result::<i64>(db)), 3);
}

#[test]
fn posts_are_paginated_with_the_newest_first() {
    let client = client();
    let queen = browser_of(&client, "queen", &["Moderators"]);
    for number in 1..=6 {
        let id = write(&queen, &format!("Chapter {number}"));
        publish(&queen, &queen, id);
    }
    let first = client.get("/").send();
    first.assert_contains("Chapter 6").assert_contains("Chapter 2").assert_contains("href=\"?page=2\"");
    assert_excludes(&first, "Chapter 1");
    let second = client.get("/?page=2").send();
    second.assert_contains("Chapter 1").assert_contains("href=\"?page=1\"");
    assert_excludes(&second, "Chapter 2");
    for beyond in ["0", "3", "4294967295"] {
        client.get("/").query(&[("page", beyond)]).send().assert_status(404);
    }
    for nonsense in ["-1", "4294967296", "x", "1 OR 1=1"] {
        client.get("/").query(&[("page", nonsense)]).send().assert_status(400);
    }
}

/// Waits for mail. The listener runs concurrently with the request, so its mail may be queued later.
fn wait_for_mails(client: &Client, count: usize) {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while client.mail().len() < count {
        assert!(std::time::Instant::now() < limit, "{:?}", client.mail());
        std::thread::yield_now();
    }
}
