//! Who is in a channel.

use lback::prelude::*;
use lback::realtime::{Member, Received, Subscription};
use lback::testing::{Client, block_on};

use super::{app, assert_quiet, channels, client, next, subscribe};
use crate::server_process::eventually;
use crate::unit_of_work::on_each_database;

on_each_database!(
    members_join_and_leave,
    a_member_with_several_streams_is_one,
    members_of_a_dead_process_leave,
    a_dead_process_may_have_had_many_members,
);

/// Subscribes with a member, in a runtime.
fn present(client: &Client, id: &str) -> Subscription {
    block_on(async { channels(client).subscribe(["page"], None).unwrap().present_in("page", Member::new(id, format!("User {id}"))) })
}

fn members(client: &Client) -> Vec<String> {
    let members = client.database().read(|db| channels(client).members(db, "page")).unwrap();
    members.into_iter().map(|member| member.id).collect()
}

fn change(received: &Received) -> (String, String) {
    let message = received.message().unwrap();
    (message.name().unwrap().to_owned(), message.data::<Member>().unwrap().id)
}

fn members_join_and_leave(on: &str) {
    let client = client(on);
    let mut page = subscribe(&client, "page");
    let alice = present(&client, "alice");
    assert_eq!(change(&next(&mut page)), ("joined".to_owned(), "alice".to_owned()));
    let _bob = present(&client, "bob");
    assert_eq!(change(&next(&mut page)), ("joined".to_owned(), "bob".to_owned()));
    assert_eq!(members(&client).len(), 2);
    // A page that is loaded again.
    drop(alice);
    let alice = present(&client, "alice");
    drop(alice);
    assert_eq!(change(&next(&mut page)), ("left".to_owned(), "alice".to_owned()));
    assert_eq!(members(&client), ["bob"]);
    assert_eq!(client.broadcasts().len(), 3);
}

fn a_member_with_several_streams_is_one(on: &str) {
    let one = client(on);
    let other = one.restart(app());
    let mut page = subscribe(&one, "page");
    let (first, second, third) = (present(&one, "alice"), present(&one, "alice"), present(&other, "alice"));
    eventually("both processes have stored it", || crate::number(&one, "SELECT count(*) FROM channel_members") == 2);
    assert_eq!(members(&one), ["alice"]);
    drop((first, second));
    eventually("one process has left", || crate::number(&one, "SELECT count(*) FROM channel_members") == 1);
    assert_eq!(members(&one), ["alice"]);
    drop(third);
    let joined = change(&next(&mut page));
    let left = change(&next(&mut page));
    // Both processes may have noticed that it joined.
    let left = if left.0 == "joined" { change(&next(&mut page)) } else { left };
    assert_eq!((joined.0.as_str(), left.0.as_str()), ("joined", "left"));
    assert_eq!(members(&one), [""; 0]);
}

fn members_of_a_dead_process_leave(on: &str) {
    let client = client(on);
    crate::sql(
        &client,
        "INSERT INTO channel_processes VALUES ('dead', '2000-01-01 00:00:00');
         INSERT INTO channel_members VALUES ('dead', 'page', 'alice', 'Alice', '2000-01-01 00:00:00')",
    );
    assert_eq!(members(&client), [""; 0]);
    let mut page = subscribe(&client, "page");
    let _bob = present(&client, "bob");
    let mut changes = [change(&next(&mut page)), change(&next(&mut page))];
    changes.sort();
    assert_eq!(changes.map(|(name, id)| format!("{id} {name}")), ["bob joined", "alice left"]);
    assert_eq!(crate::number(&client, "SELECT count(*) FROM channel_processes"), 1);
}

fn a_dead_process_may_have_had_many_members(on: &str) {
    let client = client(on);
    let rows: Vec<String> = (0..450).map(|n| format!("('dead', 'page', '{n}', 'Alice', '2000-01-01 00:00:00')")).collect();
    crate::sql(&client, &format!("INSERT INTO channel_members VALUES {}", rows.join(", ")));
    crate::sql(&client, "INSERT INTO channel_processes VALUES ('dead', '2000-01-01 00:00:00')");
    let mut other = subscribe(&client, "other");
    let _bob = present(&client, "bob");
    eventually("they leave", || crate::number(&client, "SELECT count(*) FROM channel_members WHERE process = 'dead'") == 0);
    assert_eq!(crate::number(&client, "SELECT count(*) FROM channel_messages WHERE name = 'left'"), 450);
    assert_eq!(members(&client), ["bob"]);
    assert_quiet(&client, &mut other, "other");
}
