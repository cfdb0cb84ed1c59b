//! Sockets of users, who may log out or lose a permission while the socket is open.

#![cfg(feature = "auth")]

use lback::prelude::*;
use lback::testing::Client;

use super::{SETTINGS, echo, wait_for_open};
use crate::sql;

fn client(settings: &str) -> Client {
    let hello = |req: &mut Request| {
        let user = req.require_login()?;
        req.websocket(async move |mut socket| {
            socket.send(format!("hello {}", user.username)).await?;
            while let Some(message) = socket.recv().await {
                let name = message.text()?.to_owned();
                let may = socket.look(move |req| req.has_perm(&name)).await?;
                socket.send(may.to_string()).await?;
            }
            Ok(())
        })
    };
    let urls = Router::new()
        .ws("/hello", hello)
        .ws("/guarded", echo)
        .login_required()
        .ws("/open", echo)
        .get("/login", |_: &mut Request| "login")
        .name("login")
        .post("/logout", |req: &mut Request| req.logout());
    Client::with_settings(App::new(urls).auth().websockets(), &format!("{SETTINGS}\n{settings}"))
}

#[test]
fn visitors_are_refused_and_users_are_known() {
    let client = client("");
    client.get("/guarded").websocket().unwrap_err().assert_redirect("/login?next=/guarded");
    client.get("/hello").header("sec-fetch-dest", "websocket").websocket().unwrap_err().assert_status(401);
    client.login(&client.add_user("alice"));
    assert_eq!(client.websocket("/hello").text(), "hello alice");
    client.websocket("/guarded");
}

#[test]
fn sockets_of_a_user_are_counted_over_all_sessions() {
    let client = client("WEBSOCKET_MAX_CONNECTIONS_PER_VISITOR = 2");
    let (alice, bob) = (client.add_user("alice"), client.add_user("bob"));
    client.login(&alice);
    let other = client.fork();
    other.login(&alice);
    let (_one, two) = (client.websocket("/hello"), other.websocket("/hello"));
    client.get("/hello").websocket().unwrap_err().assert_status(429);
    client.fork().login(&bob).get("/hello").websocket().unwrap();
    drop(two);
    wait_for_open(&client, 1);
    client.websocket("/hello");
}

#[test]
fn a_logout_closes_the_sockets_of_the_session() {
    let client = client("WEBSOCKET_CHECK_SECONDS = 1");
    client.login(&client.add_user("alice"));
    let mut hello = client.websocket("/hello");
    let mut guarded = client.websocket("/guarded");
    let mut open = client.websocket("/open");
    assert_eq!(hello.text(), "hello alice");
    client.post("/logout").send().assert_status(204);
    assert_eq!(hello.closed(), (1008, "You have logged out.".to_owned()));
    assert_eq!(guarded.closed().0, 1008);
    // It does not depend on the user.
    open.send("hello");
    assert_eq!(open.text(), "hello");
}

#[test]
fn a_user_who_is_deactivated_loses_the_sockets_that_need_a_login() {
    let client = client("WEBSOCKET_CHECK_SECONDS = 1");
    client.login(&client.add_user("alice"));
    let mut guarded = client.websocket("/guarded");
    guarded.send("hello");
    assert_eq!(guarded.text(), "hello");
    sql(&client, "UPDATE auth_users SET is_active = FALSE");
    assert_eq!(guarded.closed(), (1008, "You are no longer allowed to use this connection.".to_owned()));
}

#[test]
fn a_view_can_ask_for_the_permissions_of_now() {
    let client = client("");
    client.login(&client.add_user("alice"));
    let mut hello = client.websocket("/hello");
    hello.text();
    hello.send("chat.write");
    assert_eq!(hello.text(), "false");
    sql(&client, "UPDATE auth_users SET is_superuser = TRUE");
    hello.send("chat.write");
    assert_eq!(hello.text(), "true");
}
