//! The members of channels.

use lback::prelude::*;
use lback::realtime::{Member, Received, Subscription};
use lback::testing::{Client, block_on};

use super::{app, assert_quiet, channels, client, next, subscribe};
use crate::server_process::eventually;
use crate::unit_of_work::on_each_database;

on_each_database!(
    members_join_and_leave,
    a_member_with_several_streams_is_one,
    members_who_leave_two_processes_at_once_have_left,
    invalid_members_do_not_keep_others_out,
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
    let changes = [change(&next(&mut page)).0, change(&next(&mut page)).0];
    assert_eq!(changes, ["joined", "left"]);
    assert_eq!(members(&one), [""; 0]);
}

fn members_who_leave_two_processes_at_once_have_left(on: &str) {
    let one = client(on);
    let other = one.restart(app());
    let stored = || crate::number(&one, "SELECT count(*) FROM channel_members");
    let all: Vec<_> = (0..50).flat_map(|id| [&one, &other].map(|process| present(process, &id.to_string()))).collect();
    eventually("both processes have stored them", || stored() == 100);
    drop(all);
    eventually("they leave both processes", || stored() == 0);
    for name in ["joined", "left"] {
        assert_eq!(crate::number(&one, &format!("SELECT count(*) FROM channel_messages WHERE name = '{name}'")), 50, "{name}");
    }
}

fn invalid_members_do_not_keep_others_out(on: &str) {
    let client = client(on);
    let mut page = subscribe(&client, "page");
    let alice = Member { id: "ali\0ce".to_owned(), label: "\0".repeat(300) };
    let subscription = channels(&client).subscribe(["page"], None).unwrap();
    let _alice = block_on(async { subscription.present_in("no\nchannel", alice.clone()).present_in("page", alice) });
    assert_eq!(change(&next(&mut page)), ("joined".to_owned(), "alice".to_owned()));
    let _bob = present(&client, "bob");
    assert_eq!(change(&next(&mut page)), ("joined".to_owned(), "bob".to_owned()));
    assert_eq!(members(&client), ["alice", "bob"]);
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
