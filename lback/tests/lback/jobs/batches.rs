//! Batches of jobs, and the job that runs after them.

use std::time::Duration;

use lback::jobs::{Batch, Jobs};
use lback::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Note, app, client_of, notes};
use crate::unit_of_work::on_each_database;

on_each_database!(the_last_job_runs_once_all_have_ended, an_empty_batch_runs_its_last_job_at_once, a_cancelled_job_ends_its_batch,);

/// Notes what it knows of its batch: a thousand times the number of jobs, and the number of failed ones.
#[derive(Serialize, Deserialize)]
struct Summary;

impl Job for Summary {
    const NAME: &'static str = "summary";

    fn run(self, job: &mut JobContext) -> Result<()> {
        let batch = job.batch()?.or_404()?;
        assert_eq!(batch.pending, 0);
        super::write(job.db()?, i64::from(batch.total) * 1000 + i64::from(batch.failed))
    }
}

fn client(on: &str) -> lback::testing::Client {
    client_of(app().jobs(lback::jobs::jobs![Summary]), on)
}

fn the_last_job_runs_once_all_have_ended(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    let batch = Batch::new().jobs([Note::new(1), Note::new(2)]).job(Note::then(3, "give up")).job(Note::then(4, "fail once")).then(Summary);
    let id = client.db(|db| jobs.enqueue_batch(db, batch));
    assert_eq!(client.try_run_jobs().len(), 4);
    let found = client.db(|db| jobs.find_batch(db, id)).unwrap();
    assert_eq!((found.total, found.pending, found.failed), (4, 1, 1));
    assert_eq!(notes(&client), [1, 2]);
    client.clock().advance(Duration::from_secs(60));
    assert_eq!(client.run_jobs(), 2);
    assert_eq!(notes(&client), [1, 2, 4, 4001]);
    assert_eq!(client.db(|db| jobs.find_batch(db, id)), None);
}

fn an_empty_batch_runs_its_last_job_at_once(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| jobs.enqueue_batch(db, Batch::new().then(Summary)));
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(notes(&client), [0]);
}

fn a_cancelled_job_ends_its_batch(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| jobs.enqueue_batch(db, Batch::new().jobs([Note::new(1), Note::new(2)]).then(Summary)));
    let id = client.jobs()[1].id;
    assert!(client.db(|db| jobs.cancel(db, id)));
    assert_eq!(client.run_jobs(), 2);
    assert_eq!(notes(&client), [1, 2001]);
}
