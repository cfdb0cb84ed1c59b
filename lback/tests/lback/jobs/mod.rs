//! Jobs of an application: what is committed runs, what is rolled back does not, and what a job writes is written once.

mod batches;
mod commands;
mod faults;
mod keys;
mod many;
#[cfg(feature = "admin")]
mod pages;
mod processes;
mod retries;
mod schedules;
mod worker;

use lback::chrono::TimeDelta;
use lback::jobs::{JobState, Jobs};
use lback::prelude::*;
use lback::testing::{AssertQueries, Client};
use serde::{Deserialize, Serialize};

use crate::unit_of_work::on_each_database;
use crate::{number, sql, start_error};

on_each_database!(
    what_is_committed_runs_and_what_fails_does_not,
    a_job_commits_with_its_end,
    a_job_enqueues_another_in_its_transaction,
    a_view_that_commits_by_itself_enqueues_afterwards,
    jobs_run_by_priority_and_at_their_time,
    many_jobs_are_enqueued_with_few_statements,
    a_job_is_kept_if_its_type_says_so,
    what_cannot_be_stored_is_refused,
    the_metrics_count_jobs,
);

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nJOBS_THREADS = 0";

/// Writes a number into the table `notes`, and then does what its text says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    number: i64,
    then: String,
}

impl Note {
    fn new(number: i64) -> Self {
        Note::then(number, "")
    }

    fn then(number: i64, then: &str) -> Self {
        Note { number, then: then.to_owned() }
    }
}

impl Job for Note {
    const NAME: &'static str = "note";
    const MAX_ATTEMPTS: u32 = 3;

    fn run(self, job: &mut JobContext) -> Result<()> {
        write(job.db()?, self.number)?;
        match self.then.as_str() {
            "fail" => Err(Error::internal("on purpose")),
            "fail once" if job.attempt() == 1 => Err(Error::internal("on purpose")),
            "panic" => panic!("in a job, on purpose"),
            "give up" => Err(job.give_up("it makes no sense")),
            "enqueue" => job.enqueue(Note::new(self.number + 1)).map(drop),
            "enqueue and fail" => {
                job.enqueue(Note::new(self.number + 1))?;
                Err(Error::internal("on purpose"))
            }
            _ => Ok(()),
        }
    }
}

/// A job that is kept after its end.
#[derive(Serialize, Deserialize)]
struct Kept;

impl Job for Kept {
    const NAME: &'static str = "kept";
    const KEEP: std::time::Duration = std::time::Duration::from_secs(3600);

    fn run(self, _: &mut JobContext) -> Result<()> {
        Ok(())
    }
}

fn write(db: &mut Db, number: i64) -> Result<()> {
    diesel::sql_query(format!("INSERT INTO notes VALUES ({number})")).execute(db)?;
    Ok(())
}

fn urls() -> Router {
    Router::new()
        .post("/note/{number:int}/{then}", |req: &mut Request| -> Result<()> {
            let note = Note::then(req.param("number")?, &req.param::<String>("then")?);
            req.enqueue(note).map(drop)
        })
        .get("/note/{number:int}", |req: &mut Request| -> Result<()> {
            // Reads first, so that SQLite's transaction is one that only reads.
            diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM notes)")).get_result::<i64>(req.db()?)?;
            req.enqueue(Note::new(req.param("number")?)).map(drop)
        })
        .post("/async/{number:int}", async |req: &mut Request| req.enqueue(Note::new(req.param("number")?)).map(drop))
        .post("/error", |req: &mut Request| -> Result<()> {
            req.enqueue(Note::new(1))?;
            Err(Error::not_found("no"))
        })
        .post("/status", |req: &mut Request| req.enqueue(Note::new(1)).map(|_| StatusCode::BAD_GATEWAY))
        .post("/panic", |req: &mut Request| -> Result<()> {
            req.enqueue(Note::new(1))?;
            panic!("on purpose")
        })
        .post("/early", async |req: &mut Request| -> Result<()> {
            req.commit_db().await?;
            req.enqueue(Note::new(7)).map(drop)
        })
}

fn app() -> App {
    App::new(urls()).jobs(jobs![Note, Kept])
}

fn client(on: &str) -> Client {
    client_of(app(), on)
}

fn client_of(app: App, on: &str) -> Client {
    let client = Client::with_settings(app, &format!("{SETTINGS}\n{on}"));
    sql(&client, "CREATE TABLE notes (number BIGINT NOT NULL)");
    client
}

/// Enqueues outside of a request.
#[track_caller]
fn enqueue(client: &Client, job: impl Into<lback::jobs::NewJob>) -> lback::jobs::Enqueued {
    let jobs: &Jobs = client.app().state().unwrap();
    client.db(|db| jobs.enqueue(db, job))
}

fn notes(client: &Client) -> Vec<i64> {
    diesel::table! { notes (number) { number -> BigInt, } }
    client.db(|db| notes::table.select(notes::number).order(diesel::dsl::sql::<diesel::sql_types::BigInt>("number")).load(db))
}

fn states(client: &Client) -> Vec<JobState> {
    client.jobs().iter().map(|job| job.state).collect()
}

fn what_is_committed_runs_and_what_fails_does_not(on: &str) {
    let client = client(on);
    for failing in ["/error", "/status", "/panic"] {
        client.post(failing).send();
        assert_eq!(client.jobs(), [], "{failing}");
    }
    client.post("/note/1/-").send().assert_status(204);
    client.get("/note/2").send().assert_status(204);
    client.post("/async/3").send().assert_status(204);
    assert_eq!(states(&client), [JobState::Ready; 3]);
    assert_eq!(notes(&client), [0_i64; 0]);
    assert_eq!(client.run_jobs(), 3);
    assert_eq!((notes(&client), client.jobs().len()), (vec![1, 2, 3], 0));
}

fn a_job_commits_with_its_end(on: &str) {
    let client = client(on);
    // The mark cannot be written, so the work is undone.
    let failing = match on.is_empty() {
        true => "CREATE TRIGGER refuse BEFORE DELETE ON job_queue BEGIN SELECT RAISE(ABORT, 'refused'); END",
        false => {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
             CREATE TRIGGER refuse BEFORE DELETE ON job_queue FOR EACH ROW EXECUTE FUNCTION refuse()"
        }
    };
    sql(&client, failing);
    client.post("/note/1/-").send().assert_status(204);
    let runs = client.try_run_jobs();
    assert!(runs[0].error.as_ref().is_some_and(|error| error.contains("refused")), "{runs:?}");
    assert_eq!((notes(&client), states(&client)), (vec![], vec![JobState::Waiting]));
    sql(&client, if on.is_empty() { "DROP TRIGGER refuse" } else { "DROP TRIGGER refuse ON job_queue" });
    client.clock().advance(std::time::Duration::from_secs(60));
    assert_eq!(client.run_jobs(), 1);
    assert_eq!((notes(&client), client.jobs().len()), (vec![1], 0));
}

fn a_job_enqueues_another_in_its_transaction(on: &str) {
    let client = client(on);
    enqueue(&client, Note::then(1, "enqueue"));
    assert_eq!(client.run_jobs(), 2);
    assert_eq!(notes(&client), [1, 2]);
    enqueue(&client, Note::then(5, "enqueue and fail"));
    assert!(client.try_run_jobs()[0].error.is_some());
    assert_eq!((notes(&client), client.jobs().len()), (vec![1, 2], 1));
}

fn a_view_that_commits_by_itself_enqueues_afterwards(on: &str) {
    let client = client(on);
    client.post("/early").send().assert_status(204);
    assert_eq!(client.run_jobs(), 1);
    assert_eq!(notes(&client), [7]);
}

fn jobs_run_by_priority_and_at_their_time(on: &str) {
    let client = client(on);
    let now = client.clock().now();
    enqueue(&client, Note::new(1));
    enqueue(&client, Note::new(2).priority(5));
    enqueue(&client, Note::new(3).after(TimeDelta::days(1)).priority(9));
    enqueue(&client, Note::new(4).at(now + TimeDelta::hours(1)));
    enqueue(&client, Note::new(5).at(now - TimeDelta::hours(1)).priority(-1));
    enqueue(&client, Note::new(6).after(TimeDelta::days(-1)));
    let order = |runs: Vec<lback::testing::JobRun>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(order(client.try_run_jobs()), [2, 1, 6, 5]);
    client.clock().advance(std::time::Duration::from_secs(3600));
    assert_eq!(order(client.try_run_jobs()), [4]);
    client.clock().advance(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(order(client.try_run_jobs()), [3]);
    assert_eq!(notes(&client), [1, 2, 3, 4, 5, 6]);
}

fn many_jobs_are_enqueued_with_few_statements(on: &str) {
    let urls = Router::new().post("/many", |req: &mut Request| -> Result<String> {
        let ids = req.enqueue_all((0..1000).map(Note::new))?;
        Ok(ids.len().to_string())
    });
    let client = client_of(App::new(urls).jobs(jobs![Note]), on);
    client.post("/many").send().assert_status(200).assert_contains("1000").assert_queries(5);
    assert_eq!(client.run_jobs(), 1000);
    assert_eq!(number(&client, "SELECT count(DISTINCT number) FROM notes"), 1000);
}

fn a_job_is_kept_if_its_type_says_so(on: &str) {
    let client = client(on);
    let id = enqueue(&client, Kept).id;
    assert_eq!(client.run_jobs(), 1);
    let jobs: &Jobs = client.app().state().unwrap();
    let found = client.db(|db| jobs.find(db, id)).unwrap();
    assert_eq!((found.state, found.attempts, found.ended_at.is_some()), (JobState::Done, 1, true));
    assert_eq!(client.run_jobs(), 0);
}

fn what_cannot_be_stored_is_refused(on: &str) {
    let client = client(on);
    let jobs: &Jobs = client.app().state().unwrap();
    #[derive(Serialize, Deserialize)]
    struct Unknown;
    impl Job for Unknown {
        const NAME: &'static str = "unknown";
        fn run(self, _: &mut JobContext) -> Result<()> {
            Ok(())
        }
    }
    let refusal = |job: lback::jobs::NewJob| client.db(|db| Ok::<_, Error>(jobs.enqueue(db, job).unwrap_err().message().to_owned()));
    assert!(refusal(Unknown.into()).contains("Name their type in App::jobs(jobs![…])"));
    assert!(refusal(Note::new(1).queue("mail")).contains("JOBS_QUEUES = { mail = 2 }"));
    assert!(refusal(Note::then(1, &"x".repeat(300_000)).into()).contains("Store it in a table"));
    assert!(refusal(Note::new(1).unique("")).contains("should have 1 to 200 bytes"));
    assert!(refusal(Note::new(1).one_at_a_time(&"k".repeat(201))).contains("should have 1 to 200 bytes"));
    assert_eq!(client.jobs(), []);
    // HTML, SQL and other alphabets are data.
    let id = enqueue(&client, Note::then(1, "'); DROP TABLE notes; -- <b> \u{202e}日本").unique("'\"%_")).id;
    assert!(client.db(|db| jobs.find(db, id)).unwrap().payload.contains("日本"));
    assert_eq!(client.run_jobs(), 1);
}

#[test]
fn mistakes_are_found_at_the_start() {
    let error = start_error(app().jobs(jobs![Note]), SETTINGS);
    assert!(error.contains("two types of jobs are named \"note\""), "{error}");
    let error = start_error(app(), &format!("{SETTINGS}\nJOBS_QUEUES = {{ mail = 0 }}"));
    assert!(error.contains("JOBS_QUEUES"), "{error}");
    let error = start_error(app().without_database().without_sessions(), SETTINGS);
    assert!(error.contains("jobs need a database"), "{error}");
    for (expression, part) in [("0 3 * *", "Write five fields"), ("0 25 * * *", "Write five fields"), ("", "Write five fields")] {
        let error = start_error(app().schedule(expression, Note::new(1)), SETTINGS);
        assert!(error.contains(part) && error.contains("the schedule \"note\" is invalid"), "{error}");
    }
    let error = start_error(app().schedule("0 3 * * *", Note::new(1)).schedule("0 4 * * *", Note::new(2)), SETTINGS);
    assert!(error.contains("two schedules are named \"note\""), "{error}");
}

fn the_metrics_count_jobs(on: &str) {
    let client = client_of(app(), &format!("{on}\nMONITORING_NETWORKS = ['loopback']\nJOBS_QUEUES = {{ mail = 2 }}"));
    enqueue(&client, Note::new(1).after(TimeDelta::days(1)));
    enqueue(&client, Note::then(2, "give up"));
    enqueue(&client, Note::new(3).after(TimeDelta::days(1)).queue("mail"));
    client.try_run_jobs();
    let page = client.get("/metrics").send();
    for (queue, state) in [("default", "waiting"), ("default", "failed"), ("mail", "waiting")] {
        page.assert_contains(&format!("lback_jobs{{queue=\"{queue}\",state=\"{state}\"}} 1\n"));
    }
}
