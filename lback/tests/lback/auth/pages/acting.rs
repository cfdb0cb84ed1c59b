//! The account pages while a superuser acts as a user.

use super::*;

suite!(databases: neither_the_password_nor_the_address_nor_the_devices_change);

fn neither_the_password_nor_the_address_nor_the_devices_change(store: &Store) {
    let client = open(store);
    let alice = client.fork();
    enter(&alice, "alice");
    alice.get("/account/devices").send().assert_contains("This device");
    let root = add_user(&client, "root");
    client.db(|db| root.clone().set_roles(db, true, true));
    enter(&client, "root");
    post(&client, "/act-as/alice", &[]).assert_status(204);
    post(&alice, "/account/reset", &[("email", "alice@example.com")]).assert_status(200);
    let reset = link_in_mail(&client, "alice@example.com");
    let before = (user(&client, "alice"), client.mail().len());
    client.get("/account/password").send().assert_status(403);
    let new = [("password", PASSWORD), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
    post(&client, "/account/password", &new).assert_status(403).assert_contains("You are acting as another user.");
    post(&client, "/account", &[("email", "root@example.org"), ("password", PASSWORD)]).assert_status(403);
    post(&client, "/account/verify", &[]).assert_status(403);
    post(&client, "/account/devices/revoke", &[]).assert_status(403);
    // The page shows alice's own device, and not this one.
    let devices = client.get("/account/devices").send();
    devices.assert_status(200).assert_not_contains("This device");
    let revoke =
        devices.text().split("action=\"").map(|part| part.split('"').next().unwrap_or_default()).find(|path| path.ends_with("/revoke"));
    post(&client, revoke.unwrap(), &[]).assert_status(403);
    post(&client, &reset, &[("password", NEW_PASSWORD), ("password_again", NEW_PASSWORD)]).assert_status(403);
    assert_eq!((format!("{:?}", user(&client, "alice")), client.mail().len()), (format!("{:?}", before.0), before.1));
    assert_who(&alice, "alice");
    post(&client, "/account/logout", &[]).assert_redirect("/");
    assert_who(&client, "nobody");
    assert_who(&alice, "alice");
}
