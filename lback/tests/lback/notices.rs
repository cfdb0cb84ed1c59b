//! Notices: a commit in one process calls the functions that listen in the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use lback::db::{Heard, Listening};
use lback::prelude::*;
use lback::testing::Client;

use crate::server_process::eventually;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_commit_is_heard_and_a_rollback_is_not,
    a_function_that_fails_is_called_again,
    nothing_is_called_after_the_end,
    topics_and_payloads_are_checked,
);

fn app() -> App {
    App::new(Router::new())
}

fn client(on: &str) -> Client {
    Client::with_settings(app(), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"))
}

/// Returns what is heard, and waits until the first call has been made.
fn listen(client: &Client, topic: &'static str) -> (Listening, Receiver<String>) {
    let (sender, heard) = channel();
    let function = move |_: &mut Db, heard: Heard<'_>| -> Result<()> {
        match heard {
            Heard::Look => sender.send("look".to_owned())?,
            Heard::Notices(payloads) => payloads.iter().try_for_each(|payload| sender.send(payload.clone()))?,
        }
        Ok(())
    };
    let listening = client.database().listen(topic, function).unwrap();
    assert_eq!(next(&heard), "look");
    (listening, heard)
}

#[track_caller]
fn next(heard: &Receiver<String>) -> String {
    heard.recv_timeout(Duration::from_secs(60)).expect("nothing is heard")
}

fn a_commit_is_heard_and_a_rollback_is_not(on: &str) {
    let client = client(on);
    sql(&client, "CREATE TABLE orders (id BIGINT PRIMARY KEY)");
    let other = client.restart(app());
    let (_orders, orders) = listen(&client, "orders");
    let (_invoices, invoices) = listen(&client, "invoices");
    let commit = |topic: &str, id: i64, fails: bool| {
        other.database().write(|db| {
            diesel::sql_query(format!("INSERT INTO orders VALUES ({id})")).execute(db)?;
            db.notify(topic, &id.to_string())?;
            if fails { Err(Error::internal("on purpose")) } else { Ok(()) }
        })
    };
    // On SQLite, each commit is heard, whatever its topic.
    let heard = |payload: &str| if on.is_empty() { "look".to_owned() } else { payload.to_owned() };
    assert!(commit("orders", 1, true).is_err());
    commit("orders", 2, false).unwrap();
    assert_eq!(next(&orders), heard("2"));
    commit("invoices", 3, false).unwrap();
    assert_eq!(next(&invoices), heard("3"));
    if !on.is_empty() {
        commit("orders", 4, false).unwrap();
        assert_eq!(next(&orders), "4");
    }
}

fn a_function_that_fails_is_called_again(on: &str) {
    let client = client(on);
    let (sender, calls) = channel();
    let count = AtomicUsize::new(0);
    let function = move |_: &mut Db, _: Heard<'_>| -> Result<()> {
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::internal("on purpose")),
            1 => panic!("on purpose"),
            call => Ok(sender.send(call.to_string())?),
        }
    };
    let _listening = client.database().listen("orders", function).unwrap();
    assert_eq!(next(&calls), "2");
    // The others are not affected.
    let (_others, _) = listen(&client, "others");
}

fn nothing_is_called_after_the_end(on: &str) {
    let client = client(on);
    let owned = Arc::new(());
    let kept = owned.clone();
    let function = move |_: &mut Db, _: Heard<'_>| -> Result<()> {
        let _kept = &kept;
        Ok(())
    };
    let listening = client.database().listen("orders", function).unwrap();
    eventually("it listens", || client.database().is_listening());
    drop(listening);
    eventually("the thread has ended", || !client.database().is_listening() && Arc::strong_count(&owned) == 1);
    let (_again, _) = listen(&client, "orders");
}

fn topics_and_payloads_are_checked(on: &str) {
    let client = client(on);
    for topic in ["", "Orders", "orders 7", "orders; --", "a_topic_of_more_than_forty_letters_is_too_long"] {
        assert!(client.database().listen(topic, |_, _| Ok(())).unwrap_err().message().contains("is invalid"), "{topic}");
        assert!(client.database().write(|db| db.notify(topic, "")).is_err(), "{topic}");
    }
    let notify = |length| client.database().write(|db| db.notify("orders", &"x".repeat(length)));
    assert!(notify(2000).is_ok());
    assert!(notify(2001).unwrap_err().message().contains("2001 bytes; the maximum is 2000"));
}
