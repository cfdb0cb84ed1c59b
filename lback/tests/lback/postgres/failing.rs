//! Statements, connections and commits that fail on a server which runs on.

use std::thread;

use lback_test_servers::Postgres;

use super::proxy::Proxy;
use super::{assert_all_well, assert_fails_quietly, assert_unavailable, client, client_at};
use crate::{number, sql};

#[test]
fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "DATABASE_STATEMENT_TIMEOUT_MS = 100");
    client.post("/visit").send();
    assert_unavailable(&client.post("/sql").body("SELECT pg_sleep(60)").send());
    assert_all_well(&client, 1);
}

#[test]
fn a_lock_that_somebody_holds_is_not_waited_for_forever() {
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "DATABASE_BUSY_TIMEOUT_MS = 600");
    client.post("/visit").send();
    let other = client.fork();
    other.post("/visit").send();
    let mut holder = client.database().connect().unwrap();
    use lback::diesel::connection::SimpleConnection;
    let held = client.session().unwrap().id.to_string().replace('-', "");
    holder.batch_execute(&format!("BEGIN; SELECT * FROM sessions WHERE id = '\\x{held}' FOR UPDATE")).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.post("/visit").send());
        // Others do not wait along, also where they share a batch.
        for visits in 2..20 {
            other.post("/visit").send().assert_status(200).assert_contains(&visits.to_string());
        }
        assert_unavailable(&waiting.join().unwrap());
    });
    client.get("/visits").send().assert_status(200).assert_contains("1");
    holder.batch_execute("COMMIT").unwrap();
    assert_all_well(&client, 1);
}

#[test]
fn a_transaction_in_which_a_statement_failed_is_no_success() {
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "");
    client.post("/visit").send();
    let response = client.post("/careless").send();
    response.assert_status(500);
    assert_fails_quietly(&response);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 0);
    assert_all_well(&client, 1);
}

#[test]
fn two_transactions_that_wait_for_each_other_are_parted() {
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "DATABASE_POOL_SIZE = 4");
    client.post("/visit").send();
    sql(&client, "INSERT INTO notes (text) VALUES ('a'), ('b')");
    let both = |first: &str, second: &str| {
        // In one statement each lock waits for the other, however the two are timed.
        format!(
            "DO $$ BEGIN PERFORM FROM notes WHERE text = '{first}' FOR UPDATE; PERFORM pg_sleep(0.3); PERFORM FROM notes WHERE text = '{second}' FOR UPDATE; END $$"
        )
    };
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let one = scope.spawn(|| client.post("/sql").body(both("a", "b")).send().status().as_u16());
        let two = scope.spawn(|| client.post("/sql").body(both("b", "a")).send().status().as_u16());
        vec![one.join().unwrap(), two.join().unwrap()]
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 503]);
    assert_all_well(&client, 1);
}

#[test]
fn a_connection_that_is_killed_at_the_commit_is_an_error() {
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "");
    client.post("/visit").send();
    // Runs within the COMMIT.
    sql(
        &client,
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER die AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
         CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
    );
    for path in ["/visit", "/visit-and-note", "/notes/a"] {
        assert_unavailable(&client.post(path).send());
    }
    sql(&client, "DROP FUNCTION die CASCADE");
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 0);
    assert_all_well(&client, 1);
}

#[test]
fn a_commit_whose_answer_is_lost_is_an_error_though_it_took_place() {
    let Some(server) = Postgres::shared() else { return };
    let proxy = Proxy::before(server.port());
    let client = client_at(&proxy.url(server, "postgres"), "");
    client.post("/visit").send();

    proxy.lose_the_next_answer_to(b"COMMIT\0");
    assert_unavailable(&client.post("/notes/a").send());
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 1, "it was saved, and nobody could know");

    proxy.lose_the_next_answer_to(b"COMMIT\0");
    assert_unavailable(&client.fork().post("/visit").send());
    assert_eq!(number(&client, "SELECT count(*) FROM sessions"), 2, "another browser's session");

    // A save is a transaction by itself where the connection has just been used, and is tried again here where it had idled.
    let mut visits = 1;
    let saved = (0..50).any(|_| {
        visits += 1;
        client.post("/visit").send().assert_status(200).assert_contains(&visits.to_string());
        proxy.lose_the_next_answer_to(b"{\"visits\":");
        assert_unavailable(&client.post("/visit").send());
        client.session().unwrap().data["visits"] == visits + 1
    });
    assert!(saved, "done once, not again");
    assert_all_well(&client, visits + 1);
}

#[test]
fn a_batch_with_poison_commits_the_others() {
    const OTHERS: usize = 24;
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "");
    let browsers: Vec<_> = (0..=OTHERS).map(|_| client.fork()).collect();
    for browser in &browsers {
        browser.post("/visit").send().assert_status(200);
    }
    let poisoned = browsers[0].session().unwrap().id.to_string().replace('-', "");
    sql(
        &client,
        &format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''poison''; END';
             CREATE TRIGGER refuse BEFORE UPDATE ON sessions FOR EACH ROW WHEN (OLD.id = '\\x{poisoned}') EXECUTE FUNCTION refuse()"
        ),
    );
    thread::scope(|scope| {
        for (number, browser) in browsers.iter().enumerate() {
            scope.spawn(move || {
                for visits in 2..6 {
                    let response = browser.post("/visit").send();
                    if number == 0 {
                        assert_fails_quietly(&response);
                    } else {
                        response.assert_status(200).assert_contains(&visits.to_string());
                    }
                }
            });
        }
    });
    assert_eq!(browsers[0].session().unwrap().data["visits"], 1);
}

#[test]
fn a_renewal_whose_row_somebody_holds_leaves_the_views_work_alone() {
    use lback::diesel::connection::SimpleConnection;
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "DATABASE_BUSY_TIMEOUT_MS = 1000");
    client.post("/visit").send();
    client.clock().advance(std::time::Duration::from_secs(60));
    let before = client.session().unwrap();
    let mut other = client.database().connect().unwrap();
    other.batch_execute("BEGIN; SELECT FROM sessions FOR UPDATE").unwrap();
    for (path, notes) in [("/note-and-read", 1), ("/read-and-note", 2)] {
        let response = client.post(path).send();
        response.assert_status(200).assert_contains("1");
        assert!(response.cookie("session_id").is_none(), "it was not renewed");
        assert_eq!(number(&client, "SELECT count(*) FROM notes"), notes);
    }
    client.get("/visits").send().assert_status(200).assert_contains("1");
    // What must be written waits, and is a 503.
    assert_unavailable(&client.post("/visit").send());
    assert_unavailable(&client.post("/visit-and-note").send());
    assert_eq!(client.session().unwrap(), before);
    other.batch_execute("ROLLBACK").unwrap();
    let response = client.post("/note-and-read").send();
    assert!(response.cookie("session_id").is_some());
    assert_eq!(client.session().unwrap().expires_at, client.clock().now() + chrono::TimeDelta::minutes(30));
}

#[test]
fn a_write_that_is_refused_is_a_500_and_one_that_must_wait_too_long_a_503() {
    use lback::diesel::connection::SimpleConnection;
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "DATABASE_BUSY_TIMEOUT_MS = 300");
    client.post("/visit").send();
    sql(&client, "ALTER TABLE sessions ADD CONSTRAINT small CHECK (length(data) < 14)");
    for path in ["/visit-and-long", "/long"] {
        client.post(path).send().assert_status(500);
        client.fork().post(path).send().assert_status(500);
    }
    let mut other = client.database().connect().unwrap();
    other.batch_execute("BEGIN; LOCK TABLE sessions IN EXCLUSIVE MODE").unwrap();
    for path in ["/visit", "/visit-and-note"] {
        assert_unavailable(&client.post(path).send());
        assert_unavailable(&client.fork().post(path).send());
    }
}

#[test]
fn connections_that_were_killed_are_replaced_before_anybody_notices() {
    let Some(server) = Postgres::shared() else { return };
    let client = client(server, "");
    client.post("/visit-and-note").send().assert_status(200);
    let mut other = client.database().connect().unwrap();
    use lback::diesel::connection::SimpleConnection;
    other
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
    assert_all_well(&client, 1);
}
