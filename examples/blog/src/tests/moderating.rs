//! Moderating posts, and appointing moderators.

use super::*;

#[test]
fn a_moderator_can_send_a_post_back_with_a_reason() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let queen = browser_of(&client, "queen", &["Moderators"]);
    let id = write(&alice, "Advice");
    let back = format!("/moderate/{id}/return");

    // A draft cannot be published or sent back.
    queen.get(&back).send().assert_redirect("/moderate");
    post(&queen, &format!("/moderate/{id}/publish"), &[("version", "1")]).assert_redirect("/moderate");
    queen.get("/moderate").send().assert_contains("is not waiting for publication").assert_contains("No posts are waiting");
    assert_eq!(state(&client, id), "draft");

    post(&alice, &format!("/write/{id}/submit"), &[]);
    queen.get(&back).send().assert_status(200).assert_contains("Send back");
    post(&queen, &back, &[("reason", "  ")]).assert_status(200).assert_contains("Fill in this field.");
    assert_eq!(state(&client, id), "submitted");
    post(&queen, &back, &[("reason", "Who are <you>?\n\nExplain yourself!")]).assert_redirect("/moderate");
    assert_eq!(state(&client, id), "draft");
    let mail = client.mail().pop().unwrap();
    assert_eq!(mail.subject, "Your post was sent back");
    assert!(mail.text.contains("Who are <you>?"), "{}", mail.text);
    assert!(mail.html.is_some_and(|html| html.contains("Who are &lt;you&gt;?")));
    alice.get("/posts/advice").send().assert_contains("<p>Explain yourself!</p>").assert_contains("Who are &lt;you&gt;?");

    // Submitted again, published, and hidden again.
    publish(&alice, &queen, id);
    client.get("/posts/advice").send().assert_status(200);
    post(&queen, &back, &[("reason", "On second thoughts")]).assert_redirect("/moderate");
    client.get("/posts/advice").send().assert_status(404);
    assert_eq!(client.mail().len(), 3);
}

#[test]
fn a_moderator_publishes_only_the_version_they_have_read() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let queen = browser_of(&client, "queen", &["Moderators"]);
    let id = write(&alice, "Harmless");
    post(&alice, &format!("/write/{id}/submit"), &[]).assert_status(303);
    let read = version(&client, id);
    queen.get("/posts/harmless").send().assert_contains(&format!("name=\"version\" value=\"{read}\""));

    let form = [("title", "Not harmless"), ("slug", "harmless"), ("body", "Buy my pills"), ("version", &read)];
    post(&alice, &format!("/write/{id}"), &form).assert_redirect("/posts/harmless");
    let publish = |version: &str| post(&queen, &format!("/moderate/{id}/publish"), &[("version", version)]);
    publish(&read).assert_redirect("/moderate");
    queen.get("/moderate").send().assert_contains("alice has changed").assert_contains("since you read it.");
    assert_eq!(state(&client, id), "submitted");
    for nonsense in ["", "x", "1.0", "99999999999"] {
        publish(nonsense).assert_status(400);
    }
    post(&queen, &format!("/moderate/{id}/publish"), &[]).assert_status(400);
    publish(&version(&client, id)).assert_redirect("/moderate");
    assert_eq!(state(&client, id), "published");
    assert_eq!(client.mail().len(), 1);
}

#[test]
fn only_a_superuser_can_appoint_moderators() {
    let client = client();
    let mut king = add_user(&client, "king", &[]);
    client.db(|db| king.set_roles(db, true, true));
    let king = {
        let browser = client.fork();
        log_in(&browser, "king");
        browser
    };
    let queen = browser_of(&client, "queen", &["Moderators"]);
    let alice = add_user(&client, "alice", &[]);
    let change = |browser: &Client, what: &str| post(browser, &format!("/moderate/members/{}/{what}", alice.id), &[]);
    let groups = || client.db(|db| alice.groups(db)).into_iter().map(|group| group.name).collect::<Vec<_>>();

    change(&queen, "appoint").assert_status(403);
    assert_excludes(&queen.get("/moderate/members").send(), "Make moderator");
    king.get("/moderate/members").send().assert_contains("Make moderator");
    change(&king, "appoint").assert_redirect("/moderate/members");
    change(&queen, "admit").assert_redirect("/moderate/members");
    assert_eq!(groups(), ["Authors", "Moderators"]);
    change(&queen, "depose").assert_status(403);
    change(&king, "depose").assert_redirect("/moderate/members");
    change(&queen, "dismiss").assert_redirect("/moderate/members");
    change(&queen, "dismiss").assert_redirect("/moderate/members");
    assert!(groups().is_empty());
    post(&king, "/moderate/members/4711/admit", &[]).assert_status(404);
}

#[test]
fn deactivation_and_dismissal_take_effect_with_the_next_request() {
    let client = client();
    let alice = browser_of(&client, "alice", &["Authors"]);
    let id = write(&alice, "The Rabbit");
    let mut user = client.db(|db| User::named(db, "alice")).unwrap();
    client.db(|db| Group::named(db, "Authors")?.unwrap().remove(db, &user));
    alice.get("/write").send().assert_status(403);
    client.db(|db| Group::named(db, "Authors")?.unwrap().add(db, &user));
    alice.get("/write").send().assert_status(200);

    client.db(|db| user.set_active(db, false));
    alice.get("/write").send().assert_redirect("/account/login?next=/write");
    post(&alice, &format!("/write/{id}"), &[("title", "Mine"), ("body", "Still mine"), ("version", "1")]).assert_redirect("/account/login");
    alice.get("/posts/the-rabbit").send().assert_status(404);
    post(&alice, "/account/login", &[("username", "alice"), ("password", PASSWORD)]).assert_contains("That is not the right user name");
}
