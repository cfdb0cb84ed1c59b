//! Confirming the password of the current user.

use super::*;

suite!(
    databases: a_login_and_a_confirmation_count_for_some_time,
    wrong_confirmations_count_as_failed_logins,
    nobody_else_is_confirmed
);

fn confirm(client: &Client, password: &str) -> String {
    client.post("/confirm").form(&[("password", password)]).send().text().to_owned()
}

fn is_confirmed(client: &Client, seconds: u32) -> bool {
    client.get(&format!("/confirmed/{seconds}")).send().text() == "true"
}

fn a_login_and_a_confirmation_count_for_some_time(store: &Store) {
    let client = client(store);
    assert!(!is_confirmed(&client, 60));
    client.post("/confirm").form(&[("password", PASSWORD)]).send().assert_redirect("/login");
    login(&client, "alice");
    assert!(is_confirmed(&client, 60));
    client.clock().advance(Duration::from_secs(61));
    assert!(!is_confirmed(&client, 60));
    assert!(is_confirmed(&client, 61));
    assert_eq!(confirm(&client, "wrong"), WRONG);
    assert!(!is_confirmed(&client, 60));
    assert_eq!(confirm(&client, PASSWORD), "confirmed");
    assert!(is_confirmed(&client, 0));
    client.clock().advance(Duration::from_secs(61));
    assert!(!is_confirmed(&client, 60));
}

fn wrong_confirmations_count_as_failed_logins(store: &Store) {
    let client = client(store);
    login(&client, "alice");
    for _ in 0..3 {
        assert_eq!(confirm(&client, "wrong"), WRONG);
        assert_eq!(try_login(&client, "alice", "wrong").text(), WRONG);
    }
    let (work, answer) = hashes(&client, || confirm(&client, PASSWORD));
    assert_eq!((work, answer.as_str()), (0, "There were too many attempts. Try again in 1 second."));
    client.clock().advance(Duration::from_secs(1));
    assert_eq!(confirm(&client, PASSWORD), "confirmed");
    assert_eq!(try_login(&client, "alice", "wrong").text(), WRONG);
}

fn nobody_else_is_confirmed(store: &Store) {
    let client = client(store);
    let bob = client.add_user(NewUser::new("bob", &client.hash("another rabbit hole")));
    login(&client, "alice");
    client.clock().advance(Duration::from_secs(61));
    assert_eq!(confirm(&client, PASSWORD), "confirmed");
    client.post("/logout").send();
    client.login(&bob);
    client.clock().advance(Duration::from_secs(61));
    assert!(!is_confirmed(&client, 60));
    assert_eq!(confirm(&client, PASSWORD), WRONG);
    let id = client.add_user("without");
    client.login(&id);
    assert_eq!(confirm(&client, "!"), "You have no password on this site. Log out and in again instead.");
}
