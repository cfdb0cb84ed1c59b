//! Many jobs: what a step costs does not grow with their number.

use std::collections::BTreeSet;

use lback::chrono::TimeDelta;
use lback::jobs::{Batch, JobState, Jobs};
use lback::prelude::*;
use lback::testing::Client;

use super::worker::{eventually, server};
use super::{Note, app, client, enqueue, notes};
use crate::unit_of_work::on_each_database;
use crate::{logs, number, sql};

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

/// Returns the steps of SQLite's plan.
#[cfg(feature = "sqlite")]
fn plan(client: &Client, statement: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let steps: Vec<Step> = client.db(|db| diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(db));
    steps.into_iter().map(|step| step.detail).collect()
}

#[cfg(feature = "sqlite")]
#[test]
fn all_statements_of_a_worker_use_indexes() {
    logs::start();
    let client = server(app(), "", "JOBS_LEASE_SECONDS = 5\nJOBS_QUEUES = { few = 1 }");
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| {
        jobs.enqueue_all(db, [1, 2, 3].map(|number| Note::new(number).one_at_a_time("a")))?;
        jobs.enqueue_batch(db, Batch::new().job(Note::then(4, "fail once")).then(Note::new(5)))?;
        jobs.enqueue(db, Note::new(6).unique_for("a", TimeDelta::hours(1)))?;
        jobs.enqueue(db, Note::then(7, "give up").queue("few"))
    });
    let waiting = client.db(|db| jobs.enqueue(db, Note::new(8).after(TimeDelta::days(1)))).id;
    let lost = "UPDATE job_queue SET state = 'running', worker = 'dead', attempts = 1, lease_until = '2000-01-01 00:00:00'";
    sql(&client, &format!("{lost} WHERE id = {waiting}"));
    jobs.wake();
    let is_retried = |job: &lback::jobs::JobInfo| job.state == JobState::Waiting && job.attempts == 1;
    eventually(|| client.jobs().iter().filter(|job| is_retried(job)).count() == 2 && notes(&client).len() == 4);
    client.clock().advance(std::time::Duration::from_secs(60));
    jobs.wake();
    eventually(|| notes(&client).len() == 7);
    assert!(!client.db(|db| jobs.cancel(db, 100_000)));
    eventually(|| client.jobs().iter().any(|job| job.state == JobState::Failed));
    assert_eq!(client.db(|db| jobs.retry_failed(db)), 1);
    let statements: BTreeSet<String> = logs::lines_with("lback::sql")
        .iter()
        .filter(|line| line.contains("`job_queue`") && line.contains("jobs/src/"))
        .filter_map(|line| Some(line.split_once("lback::sql: ")?.1.split(" [").next()?.to_owned()))
        .collect();
    assert!(statements.len() >= 15, "{statements:#?}");
    for statement in statements.iter().filter(|statement| !statement.starts_with("INSERT")) {
        let plan = plan(&client, statement);
        assert!(!plan.iter().any(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE")), "{statement}\n{plan:#?}");
    }
}
