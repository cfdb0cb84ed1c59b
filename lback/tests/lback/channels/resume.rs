//! Clients that connect again receive exactly what they have missed, or are told that something may be missing.

use lback::realtime::{Received, Subscription};
use lback::testing::Client;

use super::{app, assert_quiet, channels, client, client_with, next, say, subscribe, texts};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_client_receives_what_it_has_missed,
    a_new_process_continues_from_the_table,
    a_page_misses_nothing_before_its_stream,
    too_old_and_unknown_ids_are_gaps,
    a_slow_reader_gets_a_gap,
    a_replaced_database_is_a_gap,
    messages_that_were_deleted_are_a_gap,
    large_messages_are_not_all_read_from_the_table,
);

/// Subscribes after this id.
fn after(client: &Client, names: &[&str], id: &str) -> Subscription {
    channels(client).subscribe(names, Some(id)).unwrap()
}

fn id(received: &Received) -> String {
    received.id().to_owned()
}

fn a_client_receives_what_it_has_missed(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    let ids: Vec<String> = (0..10)
        .map(|n| {
            say(&client, "news", &n.to_string());
            say(&client, "other", "x");
            id(&next(&mut news))
        })
        .collect();
    drop(news);
    for (n, id) in ids.iter().enumerate() {
        let missed: Vec<String> = (n + 1..10).map(|n| n.to_string()).collect();
        assert_eq!(texts(&mut after(&client, &["news"], id), missed.len()), missed);
    }
    assert_eq!(texts(&mut after(&client, &["news", "other"], &ids[8]), 3), ["x", "9", "x"]);
    let mut again = after(&client, &["news"], &ids[9]);
    assert_quiet(&client, &mut again, "news");
}

fn a_new_process_continues_from_the_table(on: &str) {
    let old = client(on);
    let mut news = subscribe(&old, "news");
    for n in 0..6 {
        say(&old, "news", &n.to_string());
        say(&old, "other", "x");
    }
    let ids: Vec<String> = (0..6).map(|_| id(&next(&mut news))).collect();
    let new = old.restart(app());
    for first in [5, 0, 3, 0] {
        let mut again = after(&new, &["news"], &ids[first]);
        let missed: Vec<String> = (first + 1..6).map(|n| n.to_string()).collect();
        assert_eq!(texts(&mut again, missed.len()), missed);
        assert!(again.id() >= ids[5].as_str());
    }
    // In the middle of what it has missed.
    let mut again = after(&new, &["news"], &ids[0]);
    let second = id(&next(&mut again));
    let mut again = after(&old.restart(app()), &["news"], &second);
    assert_eq!(texts(&mut again, 4), ["2", "3", "4", "5"]);
    say(&old, "news", "live");
    assert_eq!(texts(&mut again, 1), ["live"]);
}

fn a_page_misses_nothing_before_its_stream(on: &str) {
    let client = client(on);
    let position = client.get("/position").send().text().to_owned();
    say(&client, "news", "between");
    let mut news = after(&client, &["news"], &position);
    assert_eq!(texts(&mut news, 1), ["between"]);
    let mut again = after(&client.restart(app()), &["news"], &position);
    assert_eq!(texts(&mut again, 1), ["between"]);
}

fn too_old_and_unknown_ids_are_gaps(on: &str) {
    let client = client_with(on, "CHANNEL_HISTORY = 3");
    let mut news = subscribe(&client, "news");
    let mut ids = Vec::new();
    for n in 0..6 {
        say(&client, "news", &n.to_string());
        ids.push(id(&next(&mut news)));
    }
    assert_eq!(texts(&mut after(&client, &["news"], &ids[2]), 3), ["3", "4", "5"]);
    let new = client.restart(app());
    for client in [&client, &new] {
        for unknown in [ids[1].as_str(), "0", "999999999", "-1", "x", "?", "7-", "5-9", "99999999999999999999", "1-2-3", "é"] {
            let mut again = after(client, &["news"], unknown);
            let gap = next(&mut again);
            assert!(gap.message().is_none(), "{unknown}: {gap:?}");
            assert_eq!(gap.id(), ids[5], "a client can continue after it");
        }
    }
    let mut again = after(&new, &["news"], "0");
    say(&client, "news", "new");
    assert_eq!(texts(&mut again, 2), ["gap", "new"]);
    assert!(format!("{:?}", next(&mut after(&new, &["news"], "0")).event().unwrap()).contains("event: gap"));
}

fn a_slow_reader_gets_a_gap(on: &str) {
    let client = client_with(on, "CHANNEL_HISTORY = 10");
    let (mut slow, mut fast) = (subscribe(&client, "news"), subscribe(&client, "news"));
    for n in 0..25 {
        say(&client, "news", &n.to_string());
        assert_eq!(texts(&mut fast, 1), [n.to_string()]);
    }
    assert_eq!(texts(&mut slow, 1), ["gap"]);
    assert_quiet(&client, &mut slow, "news");
}

fn a_replaced_database_is_a_gap(on: &str) {
    let client = client(on);
    for n in 0..3 {
        say(&client, "news", &n.to_string());
    }
    let mut news = after(&client, &["news"], "1000");
    assert_eq!(texts(&mut news, 1), ["gap"]);
}

fn messages_that_were_deleted_are_a_gap(on: &str) {
    let old = client(on);
    let mut news = subscribe(&old, "news");
    for n in 0..5 {
        say(&old, "news", &n.to_string());
    }
    let ids: Vec<String> = (0..5).map(|_| id(&next(&mut news))).collect();
    sql(&old, "DELETE FROM channel_messages WHERE payload IN ('\"0\"', '\"1\"', '\"2\"')");
    let new = old.restart(app());
    assert_eq!(texts(&mut after(&new, &["news"], &ids[2]), 2), ["3", "4"]);
    assert_eq!(texts(&mut after(&new, &["news"], &ids[1]), 1), ["gap"]);
    // This process has them in memory.
    assert_eq!(texts(&mut after(&old, &["news"], &ids[0]), 4), ["1", "2", "3", "4"]);
}

fn large_messages_are_not_all_read_from_the_table(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    let ids: Vec<String> = (0..30)
        .map(|n: u32| {
            let text = n.to_string() + &"x".repeat(60_000);
            client.database().write(|db| channels(&client).broadcast(db, "news", &text)).unwrap();
            id(&next(&mut news))
        })
        .collect();
    let new = client.restart(app());
    assert_eq!(texts(&mut after(&new, &["news"], &ids[2]), 1), ["gap"]);
    let last = texts(&mut after(&new, &["news"], &ids[24]), 5);
    assert!(last.iter().zip(25..).all(|(text, n)| text.starts_with(&n.to_string())));
}

/// The ids are taken in another order than that of the commits.
#[cfg(feature = "postgres")]
#[test]
fn transactions_that_commit_out_of_order_are_not_missed() {
    use lback::diesel::connection::SimpleConnection;
    let Some(url) = crate::postgres::url() else { return };
    let client = client(&url);
    let mut news = subscribe(&client, "news");
    let begin = |text: &str| {
        let mut db = client.database().connect().unwrap();
        db.batch_execute("BEGIN").unwrap();
        channels(&client).broadcast(&mut db, "news", text).unwrap();
        db
    };
    let commit = |mut db: lback::db::Db| db.batch_execute("COMMIT").unwrap();
    let (first, second, third, lost) = (begin("1"), begin("2"), begin("3"), begin("lost"));
    say(&client, "news", "4");
    let four = next(&mut news);
    commit(third);
    let three = next(&mut news);
    let new = client.restart(app());
    let mut after_four = [after(&client, &["news"], four.id()), after(&new, &["news"], four.id())];
    let mut after_three = [after(&client, &["news"], three.id()), after(&new, &["news"], three.id())];
    commit(first);
    drop(lost);
    commit(second);
    assert_eq!(texts(&mut news, 2), ["1", "2"]);
    for again in &mut after_four {
        assert_eq!(texts(again, 3), ["3", "1", "2"]);
    }
    for again in &mut after_three {
        assert_eq!(texts(again, 2), ["1", "2"]);
    }
    let newest = client.restart(app());
    let mut again = after(&newest, &["news"], three.id());
    assert_eq!(texts(&mut again, 2), ["1", "2"]);
    assert_quiet(&newest, &mut again, "news");
}
