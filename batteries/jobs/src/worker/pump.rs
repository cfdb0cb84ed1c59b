//! The loop of a worker.
//!
//! One transaction records the attempts that have ended since the last one and claims new jobs, so that under load many short jobs share
//! it. If there is nothing to do, the loop waits until it is woken by a commit of this process or another one, until the next job or
//! schedule is due, or until it is time to look, in case a notice was lost. On SQLite, any commit may be that of a job, so the loop
//! looks first, without writing.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lback_core::Result;
use lback_db::is_unavailable;
use tokio::sync::{mpsc, watch};

use super::heartbeat::{self, Running};
use super::plan::{Counts, Plan, add};
use super::{Control, Outcome, Worker, attempt};
use crate::store::{self, Claimed, End};

/// The interval at which an idle worker looks for jobs about which it has received no notice.
const LOOK: Duration = Duration::from_secs(5);

/// The amount of work that is claimed in advance, and the maximum number of jobs per thread.
const AHEAD: Duration = Duration::from_millis(50);
const MAX_AHEAD: usize = 64;
/// If no thread becomes free for this time, the jobs that were claimed in advance are handed back.
const MOST_WAIT: Duration = Duration::from_secs(1);
/// The pause before jobs are looked at again that another process was deciding about.
const CONTENDED_PAUSE: Duration = Duration::from_millis(20);
/// The number of threads that are replaced because their job does not end.
const MOST_OVERDUE: usize = 32;

/// The pause after the first failure of the database; it grows with each further one.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);
/// How long running jobs may go on when the program stops.
const LAST_JOBS: Duration = Duration::from_secs(10);
/// The number of attempts to record the last ends.
const LAST_STEPS: u32 = 5;

/// Work that is done now and then.
struct Regular {
    every: Duration,
    done_at: Option<Instant>,
}

impl Regular {
    fn every(every: Duration) -> Self {
        Regular { every, done_at: None }
    }

    fn is_due(&self) -> bool {
        self.done_at.is_none_or(|at| at.elapsed() >= self.every)
    }

    fn done(&mut self) {
        self.done_at = Some(Instant::now());
    }

    fn require(&mut self) {
        self.done_at = None;
    }
}

type Ended = (Claimed, Outcome, Duration);

pub(super) struct Pump {
    worker: Arc<Worker>,
    running: Running,
    /// Jobs that have been claimed and wait for a thread.
    claimed: VecDeque<Claimed>,
    /// The time when a job was last claimed or started.
    moved_at: Instant,
    /// The number of claims.
    turn: usize,
    ended: mpsc::UnboundedReceiver<Ended>,
    send_ended: mpsc::UnboundedSender<Ended>,
    /// Ends that are to be recorded.
    ends: Arc<Vec<(Claimed, End)>>,
    counts: Counts,
    /// The number of threads whose job has not returned after its time limit.
    overdue: Arc<AtomicUsize>,
    /// The average time of a job.
    average: Duration,
    /// Whether there may be jobs to claim.
    may_claim: bool,
    next_due: Option<DateTime<Utc>>,
    /// The next time of each schedule.
    next_scheduled: Vec<Option<DateTime<Utc>>>,
    /// Looks for jobs while there is nothing else to do.
    look: Regular,
    /// Writes the counts, unless there is something else to write.
    count: Regular,
    /// Looks for jobs of workers that are considered dead.
    find_lost: Regular,
    /// Looks for due jobs while there is other work.
    find_due: Regular,
    /// Deletes old rows.
    delete_old: Regular,
}

impl Pump {
    pub(super) fn new(worker: Arc<Worker>) -> Self {
        let (send_ended, ended) = mpsc::unbounded_channel();
        let now = worker.app.clock().now();
        Pump {
            // At first, each is looked at: it may have been missed.
            next_scheduled: worker.jobs.schedules().iter().map(|_| Some(now)).collect(),
            running: Running::default(),
            claimed: VecDeque::new(),
            moved_at: Instant::now(),
            turn: 0,
            ended,
            send_ended,
            ends: Arc::default(),
            counts: Counts::new(),
            overdue: Arc::default(),
            average: AHEAD,
            may_claim: true,
            next_due: None,
            look: Regular::every(LOOK),
            count: Regular::every(Duration::from_secs(10)),
            find_lost: Regular::every(worker.lease() / 4),
            find_due: Regular::every(Duration::from_millis(200)),
            delete_old: Regular::every(Duration::from_secs(3600)),
            worker,
        }
    }

    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let heartbeat = tokio::spawn(heartbeat::beat(self.worker.clone(), self.running.clone()));
        let mut failures = 0;
        while !*stopping.borrow() {
            let Err(error) = self.turn(&mut stopping).await else {
                failures = 0;
                continue;
            };
            failures += 1;
            // On SQLite, the transaction of a job may keep this one waiting.
            if !is_unavailable(&error) || failures > 20 {
                tracing::error!(target: "lback::jobs", %error, "the jobs cannot be read or recorded");
            }
            tokio::select! {
                () = tokio::time::sleep(FAILURE_PAUSE * failures.min(50)) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        }
        self.stop().await;
        heartbeat.abort();
    }

    /// Does the work that is due, or waits until there is some.
    async fn turn(&mut self, stopping: &mut watch::Receiver<bool>) -> Result<()> {
        while let Ok(ended) = self.ended.try_recv() {
            self.note(ended);
        }
        if !self.claimed.is_empty() && self.moved_at.elapsed() >= MOST_WAIT {
            let back = self.claimed.drain(..).map(|job| (job, End::HandedBack));
            Arc::make_mut(&mut self.ends).extend(back);
        }
        let now = self.worker.app.clock().now();
        let due = self.next_scheduled.iter().flatten().chain(&self.next_due).min().copied();
        let has_ends = !self.ends.is_empty() || (!self.counts.is_empty() && self.count.is_due());
        if has_ends || due.is_some_and(|due| due <= now) || (self.may_claim && self.room() > 0) {
            return self.step(now).await;
        }
        if self.look.is_due() && self.room() > 0 {
            return self.look().await;
        }
        let until_due = due.map_or(self.look.every, |due| (due - now).to_std().unwrap_or_default());
        let longest = if self.claimed.is_empty() { self.look.every } else { MOST_WAIT };
        let jobs = self.worker.jobs.clone();
        tokio::select! {
            Some(ended) = self.ended.recv() => self.note(ended),
            () = jobs.woken() => self.may_claim = true,
            () = jobs.changed() => self.look.require(),
            () = tokio::time::sleep(longest.min(until_due)) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        Ok(())
    }

    /// Returns the number of jobs that may be claimed.
    fn room(&self) -> usize {
        let ahead = usize::try_from(AHEAD.as_nanos() / self.average.as_nanos().max(1)).unwrap_or(MAX_AHEAD);
        // Threads that run short jobs are soon free, too, unless none has been for a while.
        let is_moving = self.moved_at.elapsed() < MOST_WAIT;
        let soon = if is_moving { self.threads() * (ahead.clamp(1, MAX_AHEAD) - 1) } else { 0 };
        (self.free() + soon).saturating_sub(self.claimed.len())
    }

    /// Returns the number of threads. Up to a limit, those whose job does not end are replaced.
    fn threads(&self) -> usize {
        let overdue = self.overdue.load(Ordering::Acquire).saturating_sub(MOST_OVERDUE);
        self.worker.threads.saturating_sub(overdue)
    }

    /// Returns the number of jobs that may begin.
    fn free(&self) -> usize {
        self.threads().saturating_sub(self.running.all().len())
    }

    fn note(&mut self, (job, outcome, time): Ended) {
        self.running.all().remove(&job.id);
        self.average = (self.average * 7 + time) / 8;
        let (done, failed) = match &outcome {
            Outcome::Recorded | Outcome::Ended(End::Done(_)) => (1, 0),
            Outcome::Ended(End::Retry { .. } | End::Failed { .. }) => (0, 1),
            Outcome::Ended(End::Cancelled | End::HandedBack) => (0, 0),
        };
        add(&mut self.counts, &job.name, (done, failed));
        if let Outcome::Ended(end) = outcome {
            Arc::make_mut(&mut self.ends).push((job, end));
        }
        // Another job may have waited for the end of this one.
        self.may_claim = true;
        self.start();
    }

    /// Begins as many of the claimed jobs as there are threads.
    fn start(&mut self) {
        while self.free() > 0
            && let Some(job) = self.claimed.pop_front()
        {
            self.moved_at = Instant::now();
            let limit = self.worker.jobs.registry().find(&job.name).map_or(AHEAD, |of_type| of_type.timeout);
            let control = Arc::new(Control::new(limit));
            self.running.all().insert(job.id, (job.clone(), control.clone()));
            let (worker, overdue, send) = (self.worker.clone(), self.overdue.clone(), self.send_ended.clone());
            tokio::spawn(async move {
                let begin = Instant::now();
                let outcome = attempt(worker, job.clone(), control, overdue).await;
                // The pump may have stopped.
                let _ = send.send((job, outcome, begin.elapsed()));
            });
        }
    }

    /// Looks for work that this process was not told of, without writing.
    async fn look(&mut self) -> Result<()> {
        let (worker, own) = (self.worker.clone(), self.own());
        let look = self.worker.jobs.database().run(move |db| store::look(db, &worker.id, &own, &worker.queues)).await?;
        self.look.done();
        self.next_due = look.next_due;
        if look.has_work {
            self.may_claim = true;
            self.find_lost.require();
        }
        Ok(())
    }

    /// Returns the ids of the jobs that this process has claimed, and whose end it has not recorded.
    fn own(&self) -> HashSet<i64> {
        let waiting = self.claimed.iter().chain(self.ends.iter().map(|(job, _)| job)).map(|job| job.id);
        waiting.chain(self.running.all().keys().copied()).collect()
    }

    /// Records ends, and claims jobs.
    async fn step(&mut self, now: DateTime<Utc>) -> Result<()> {
        let writes_counts = !self.ends.is_empty() || self.count.is_due();
        let is_due = |&(_, next): &(usize, &Option<DateTime<Utc>>)| next.is_some_and(|next| next <= now);
        let plan = Plan {
            worker: self.worker.clone(),
            ends: std::mem::take(&mut self.ends),
            counts: if writes_counts { std::mem::take(&mut self.counts) } else { Counts::new() },
            scheduled: self.next_scheduled.iter().enumerate().filter(is_due).map(|(at, _)| at).collect(),
            find_lost: self.find_lost.is_due().then(|| self.own()),
            find_due: self.find_due.is_due() || self.next_due.is_some_and(|due| due <= now),
            delete_old: self.delete_old.is_due(),
            turn: self.turn,
            room: self.room(),
        };
        let plan = Arc::new(plan);
        let planned = plan.clone();
        self.turn = self.turn.wrapping_add(1);
        self.may_claim = false;
        let mut work = std::pin::pin!(self.worker.write(move |db| planned.carry_out(db)));
        // Meanwhile, the threads go on with the jobs that have been claimed.
        let found = loop {
            tokio::select! {
                found = &mut work => break found,
                Some(ended) = self.ended.recv() => self.note(ended),
            }
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                Arc::make_mut(&mut self.ends).extend(plan.ends.iter().cloned());
                plan.counts.iter().for_each(|(name, count)| add(&mut self.counts, name, *count));
                // Jobs may have been claimed if the connection was lost during the commit.
                self.find_lost.require();
                self.may_claim = true;
                return Err(error);
            }
        };
        let regular = [
            (writes_counts, &mut self.count),
            (plan.find_lost.is_some(), &mut self.find_lost),
            (plan.find_due, &mut self.find_due),
            (plan.delete_old, &mut self.delete_old),
        ];
        regular.into_iter().filter(|(is_done, _)| *is_done).for_each(|(_, work)| work.done());
        if found.has_old {
            self.delete_old.require();
        }
        self.may_claim |= found.has_old || found.claims.has_more || found.claims.jobs.len() >= plan.room;
        if found.claims.is_contended {
            let jobs = self.worker.jobs.clone();
            tokio::spawn(async move {
                tokio::time::sleep(CONTENDED_PAUSE).await;
                jobs.wake();
            });
        }
        if let Some(next_due) = found.next_due {
            self.next_due = next_due;
        }
        for (at, next) in found.next_scheduled {
            if let Some(scheduled) = self.next_scheduled.get_mut(at) {
                *scheduled = next;
            }
        }
        if !found.claims.jobs.is_empty() {
            self.moved_at = Instant::now();
        }
        self.claimed.extend(found.claims.jobs);
        self.start();
        Ok(())
    }

    /// Waits for the running jobs, and gives back those that do not end.
    async fn stop(&mut self) {
        let waiting: Vec<Claimed> = self.claimed.drain(..).collect();
        self.running.all().values().for_each(|(_, control)| control.stop());
        let cut_off = tokio::time::Instant::now() + LAST_JOBS;
        while !self.running.all().is_empty() {
            match tokio::time::timeout_at(cut_off, self.ended.recv()).await {
                Ok(Some(ended)) => self.note(ended),
                _ => break,
            }
        }
        let running: Vec<Claimed> = self.running.all().drain().map(|(_, (job, _))| job).collect();
        Arc::make_mut(&mut self.ends).extend(waiting.into_iter().chain(running).map(|job| (job, End::HandedBack)));
        let plan = Plan {
            worker: self.worker.clone(),
            ends: self.ends.clone(),
            counts: std::mem::take(&mut self.counts),
            scheduled: Vec::new(),
            find_lost: None,
            find_due: false,
            delete_old: false,
            turn: 0,
            room: 0,
        };
        let plan = Arc::new(plan);
        for _ in 0..LAST_STEPS {
            let plan = plan.clone();
            match self.worker.write(move |db| plan.carry_out(db)).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(target: "lback::jobs", %error, "the ends of jobs cannot be recorded yet"),
            }
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
        tracing::error!(target: "lback::jobs", "the last jobs were not recorded; they run again when their leases have ended");
    }
}
