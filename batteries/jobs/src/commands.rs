//! The commands `worker` and `jobs`.

use lback_app::{Command, CommandSpec, stop_signal};
use lback_core::{ProgramError, ProgramResult};
use tokio::sync::watch;

use crate::worker::Worker;
use crate::{JobState, Jobs};

/// The number of jobs that `jobs` lists.
const MOST: u32 = 100;

pub(crate) fn worker() -> CommandSpec {
    let about = "[--queues NAME,NAME] [--threads NUMBER]  runs jobs, without serving requests
By default, it runs the jobs of all queues, as many at the same time as JOBS_THREADS says, and at least one. Ctrl-C and SIGTERM stop it: running jobs
may end within ten seconds, and the others are given back. Any number of workers can run at the same time.";
    CommandSpec::new("worker", about, run_worker).arguments(|arguments| Options::parse(arguments).map(drop))
}

struct Options<'a> {
    queues: Option<Vec<&'a str>>,
    threads: Option<usize>,
}

impl<'a> Options<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self, String> {
        let mut options = Options { queues: None, threads: None };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match (*word, words.next()) {
                ("--queues", Some(names)) => options.queues = Some(names.split(',').collect()),
                ("--threads", Some(number)) => {
                    let threads = number.parse().ok().filter(|threads| (1..=256).contains(threads));
                    options.threads = Some(threads.ok_or("--threads takes a number from 1 to 256")?);
                }
                ("--queues", None) => return Err("--queues takes the names of queues: --queues mail,imports".to_owned()),
                ("--threads", None) => return Err("--threads takes a number: --threads 4".to_owned()),
                _ => return Err(String::new()),
            }
        }
        Ok(options)
    }
}

fn run_worker(command: &mut Command) -> ProgramResult {
    command.require_migrations()?;
    let arguments: Vec<&str> = command.arguments().iter().map(String::as_str).collect();
    let options = Options::parse(&arguments).map_err(ProgramError::new)?;
    let jobs = command.state::<Jobs>()?;
    let threads = options.threads.unwrap_or_else(|| jobs.settings().jobs_threads.max(1));
    let mut worker = Worker::new(command.app(), jobs, threads);
    if let Some(queues) = &options.queues {
        worker = worker.only(queues)?;
    }
    tracing::info!(target: "lback::jobs", "running jobs, {threads} at the same time");
    command.block_on(async move {
        let (stop, stopping) = watch::channel(false);
        let working = tokio::spawn(worker.work(stopping));
        stop_signal("running jobs may end").await;
        let _ = stop.send(true);
        let _ = working.await;
    })
}

pub(crate) fn jobs() -> CommandSpec {
    let about = "[STATE | retry ID | retry all | cancel ID]  lists jobs, and retries or cancels them
STATE is waiting, ready, blocked, running, done or failed. At most 100 jobs are listed, oldest first. `retry all` retries all failed jobs.";
    CommandSpec::new("jobs", about, run_jobs).arguments(|arguments| match arguments {
        [] | ["retry", "all"] => Ok(()),
        ["retry" | "cancel", id] => id.parse::<i64>().map(drop).map_err(|_| format!("\"{id}\" is not the id of a job")),
        [state] => state.parse::<JobState>().map(drop),
        _ => Err(String::new()),
    })
}

fn run_jobs(command: &mut Command) -> ProgramResult {
    let arguments = command.arguments().to_vec();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let jobs = command.state::<Jobs>()?.clone();
    match arguments.as_slice() {
        ["retry", "all"] => {
            let retried = jobs.retry_failed(command.db()?)?;
            command.print(format!("{retried} jobs are retried"));
        }
        ["retry", id] => match jobs.retry(command.db()?, id.parse()?)? {
            true => command.print(format!("job {id} is retried")),
            false => return Err(ProgramError::new(format!("there is no job {id} that failed or waits"))),
        },
        ["cancel", id] => match jobs.cancel(command.db()?, id.parse()?)? {
            true => command.print(format!("job {id} is cancelled")),
            false => return Err(ProgramError::new(format!("there is no job {id} that waits or runs"))),
        },
        state => {
            let state = state.first().map(|state| state.parse::<JobState>()).transpose().map_err(ProgramError::new)?;
            let zone = command.app().time_zone();
            for job in jobs.list(command.db()?, state, MOST)? {
                let error = job.last_error.map(|error| format!("  {}", error.lines().next().unwrap_or_default())).unwrap_or_default();
                let due = zone.local(job.due_at).format("%Y-%m-%d %H:%M:%S");
                command.print(format!("{:>8}  {:<8}  {}  {}  {} attempts{error}", job.id, job.state, due, job.name, job.attempts));
            }
        }
    }
    Ok(())
}
