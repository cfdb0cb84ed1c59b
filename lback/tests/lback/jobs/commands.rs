//! The command `jobs`.

use lback::prelude::*;

use super::{Note, client, enqueue, notes};
use crate::unit_of_work::on_each_database;

on_each_database!(jobs_are_listed_retried_and_cancelled);

fn jobs_are_listed_retried_and_cancelled(on: &str) {
    let client = client(on);
    enqueue(&client, Note::then(1, "give up"));
    enqueue(&client, Note::then(2, "give up"));
    client.try_run_jobs();
    enqueue(&client, Note::new(3));
    let listed = client.command("jobs", &[]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let failed = client.command("jobs", &["failed"]);
    assert!(failed.lines().count() == 2 && failed.contains("note  1 attempts  it makes no sense"), "{failed}");
    assert_eq!(client.command("jobs", &["cancel", "3"]), "job 3 is cancelled\n");
    assert!(client.try_command("jobs", &["cancel", "3"]).unwrap_err().to_string().contains("there is no job 3 that waits or runs"));
    assert_eq!(client.command("jobs", &["retry", "1"]), "job 1 is retried\n");
    assert_eq!(client.command("jobs", &["retry", "all"]), "1 jobs are retried\n");
    crate::sql(&client, "UPDATE job_queue SET payload = '{\"number\": 4, \"then\": \"\"}'");
    assert_eq!(client.run_jobs(), 2);
    assert_eq!(notes(&client), [4, 4]);
}
