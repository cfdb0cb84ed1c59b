//! Jobs that fail.

use std::time::Duration;

use lback::jobs::{JobState, Jobs};
use lback::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Note, app, client, client_of, enqueue, notes, states};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_job_that_fails_is_retried_after_growing_pauses_and_then_kept,
    a_job_that_gives_up_is_not_retried,
    a_panic_is_an_error,
    a_job_that_does_not_end_in_time_saves_nothing,
    jobs_of_unknown_types_and_unreadable_data_fail_like_others,
    a_failed_job_is_retried_by_hand,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

fn a_job_that_fails_is_retried_after_growing_pauses_and_then_kept(on: &str) {
    let client = client(on);
    let id = enqueue(&client, Note::then(1, "fail")).id;
    let mut pauses = Vec::new();
    for attempt in 1..=3 {
        let runs = client.try_run_jobs();
        assert_eq!(runs.len(), 1);
        assert!(runs[0].error.as_ref().is_some_and(|error| error == "on purpose"), "{runs:?}");
        let job = client.jobs().remove(0);
        assert_eq!((job.id, job.attempts, job.last_error.as_deref()), (id, attempt, Some("on purpose")));
        if attempt < 3 {
            assert_eq!(job.state, JobState::Waiting);
            pauses.push((job.due_at - client.clock().now()).num_milliseconds());
            client.clock().advance(Duration::from_millis(pauses[pauses.len() - 1].unsigned_abs()));
        } else {
            assert_eq!(job.state, JobState::Failed);
        }
    }
    assert!((7_500..=12_500).contains(&pauses[0]) && (15_000..=25_000).contains(&pauses[1]), "{pauses:?}");
    client.clock().advance(DAY);
    assert_eq!((client.try_run_jobs().len(), notes(&client).len()), (0, 0));
}

fn a_job_that_gives_up_is_not_retried(on: &str) {
    let client = client(on);
    enqueue(&client, Note::then(1, "give up"));
    assert_eq!(client.try_run_jobs()[0].error.as_deref(), Some("it makes no sense"));
    assert_eq!((states(&client), notes(&client).len()), (vec![JobState::Failed], 0));
}

fn a_panic_is_an_error(on: &str) {
    let client = client(on);
    enqueue(&client, Note::then(1, "panic"));
    let runs = client.try_run_jobs();
    assert!(runs[0].error.as_ref().is_some_and(|error| error.contains("in a job, on purpose")), "{runs:?}");
    assert_eq!((states(&client), notes(&client).len()), (vec![JobState::Waiting], 0));
}

/// Returns only after its time limit.
#[derive(Serialize, Deserialize)]
struct Slow;

impl Job for Slow {
    const NAME: &'static str = "slow";
    const TIMEOUT: Duration = Duration::from_millis(1);
    const MAX_ATTEMPTS: u32 = 1;

    fn run(self, job: &mut JobContext) -> Result<()> {
        while job.check().is_ok() {
            std::thread::yield_now();
        }
        assert!(job.db().is_err());
        assert!(job.block_on(std::future::pending::<()>()).is_err());
        Ok(())
    }
}

fn a_job_that_does_not_end_in_time_saves_nothing(on: &str) {
    let client = client_of(app().jobs(lback::jobs::jobs![Slow]), on);
    enqueue(&client, Slow);
    // The limit of a test's job is a second at least.
    let runs = client.try_run_jobs();
    assert!(runs[0].error.as_ref().is_some_and(|error| error.contains("the time limit of the job is over")), "{runs:?}");
    assert_eq!(states(&client), [JobState::Failed]);
}

fn jobs_of_unknown_types_and_unreadable_data_fail_like_others(on: &str) {
    let client = client(on);
    let ids = [enqueue(&client, Note::new(1)).id, enqueue(&client, Note::new(2)).id];
    sql(&client, &format!("UPDATE job_queue SET name = 'removed' WHERE id = {}", ids[0]));
    sql(&client, &format!("UPDATE job_queue SET payload = '{{\"number\": \"x\"}}' WHERE id = {}", ids[1]));
    let errors: Vec<String> = client.try_run_jobs().into_iter().filter_map(|run| run.error).collect();
    assert!(errors[0].contains("no jobs named removed"), "{errors:?}");
    assert!(errors[1].contains("cannot be read as") && errors[1].contains("Note: invalid type"), "{errors:?}");
    assert_eq!(states(&client), [JobState::Waiting; 2]);
}

fn a_failed_job_is_retried_by_hand(on: &str) {
    let client = client(on);
    let id = enqueue(&client, Note::then(1, "give up")).id;
    client.try_run_jobs();
    let jobs: &Jobs = client.app().state().unwrap();
    sql(&client, "UPDATE job_queue SET payload = '{\"number\": 4, \"then\": \"\"}'");
    assert!(client.db(|db| jobs.retry(db, id)));
    assert!(!client.db(|db| jobs.retry(db, id + 1)));
    assert_eq!(client.run_jobs(), 1);
    assert_eq!((notes(&client), client.jobs().len()), (vec![4], 0));
}
