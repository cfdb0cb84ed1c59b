//! Many jobs: the cost of a step does not grow with their number.

use lback::chrono::TimeDelta;
use lback::prelude::*;
use lback::testing::Client;

use super::{Note, client, enqueue, notes};
use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(jobs_behind_many_with_a_busy_key_run);

const MANY: usize = 100_000;

/// Stores many jobs like one that is there already.
fn multiply(client: &Client, id: i64, state: &str) {
    let columns = "name, queue, payload, priority, due_at, attempts, unique_while_waiting, lock_key, is_cancelled, created_at";
    sql(
        client,
        &format!(
            "INSERT INTO job_queue (state, {columns})
             WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {MANY})
             SELECT '{state}', {columns} FROM job_queue, numbers WHERE id = {id}"
        ),
    );
}

fn jobs_behind_many_with_a_busy_key_run(on: &str) {
    let client = client(on);
    let waiting = enqueue(&client, Note::new(1).after(TimeDelta::days(1))).id;
    multiply(&client, waiting, "waiting");
    let running = enqueue(&client, Note::new(2).one_at_a_time("a")).id;
    multiply(&client, running, "ready");
    sql(
        &client,
        &format!(
            "UPDATE job_queue SET state = 'running', worker = 'other', attempts = 1, lease_until = '2100-01-01 00:00:00' WHERE id = {running}"
        ),
    );
    enqueue(&client, Note::new(3));
    let read = || match on.is_empty() {
        true => 0,
        false => {
            number(&client, "SELECT CAST(seq_tup_read + idx_tup_fetch AS BIGINT) FROM pg_stat_user_tables WHERE relname = 'job_queue'")
        }
    };
    sql(&client, "ANALYZE");
    let before = read();
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(notes(&client), [3]);
    let count = |state: &str| number(&client, &format!("SELECT count(*) FROM job_queue WHERE state = '{state}'"));
    assert_eq!((count("waiting"), count("blocked"), count("ready")), (100_001, 100_000, 0));
    // Each is read a few times, and not once for each other one.
    let read = read() - before;
    assert!(read < 20 * 200_000, "{read} rows");
}
