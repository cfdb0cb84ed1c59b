//! Changing a password.

use super::*;

suite!(
    another_password_ends_the_users_other_sessions,
    a_password_that_is_changed_elsewhere_makes_nobody_of_them,
    a_session_that_is_nobodys_is_not_revived,
);

fn another_password_ends_the_users_other_sessions(store: &Store) {
    let client = client(store);
    let (other, bob) = (client.fork(), client.fork());
    add_user(&client, "bob");
    login(&client, "alice");
    login(&other, "alice");
    login(&bob, "bob");
    let before = client.session().unwrap().id;
    client.post("/password").form(&[("password", "through the looking glass")]).send().assert_status(204);
    assert_who(&client, "alice");
    assert_ne!(client.session().unwrap().id, before);
    assert_who(&other, "nobody");
    assert_who(&bob, "bob");
    if !client.sessions().is_in_cookies() {
        assert!(other.session().is_none());
    }
    assert_eq!(try_login(&other, "alice", PASSWORD).text(), WRONG);
    assert_eq!(try_login(&other, "alice", "through the looking glass").text(), "welcome");
}

fn a_password_that_is_changed_elsewhere_makes_nobody_of_them(store: &Store) {
    let client = client(store);
    login(&client, "alice");
    let hash = auth(&client).passwords().hash("through the looking glass").unwrap();
    sql(&client, &format!("UPDATE auth_users SET password = '{hash}'"));
    assert_who(&client, "nobody");
}

/// Such as that of a view by which a link in a mail changes the password.
fn a_session_that_is_nobodys_is_not_revived(store: &Store) {
    let change = |req: &mut Request| -> Result<()> {
        let mut alice = User::named(req.db()?, "alice")?.expect("alice");
        req.set_password(&mut alice, "through the looking glass")
    };
    let client = store.open(App::new(urls().post("/change", change)).auth(), SETTINGS);
    add_user(&client, "alice");
    login(&client, "alice");
    let hash = auth(&client).passwords().hash("what somebody else has chosen").unwrap();
    sql(&client, &format!("UPDATE auth_users SET password = '{hash}'"));
    assert_who(&client, "nobody");
    client.post("/change").send().assert_status(204);
    assert_who(&client, "nobody");
}
