//! One measurement: makes the sessions, sends requests, counts what survived, reports.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::answer::Answer;
use crate::options::{Mode, Options};
use crate::pool::{Pool, Work};
use crate::sessions::{Random, Session, request};
use crate::{Result, process};

/// How long answers that are outstanding may take when the time is over.
const GRACE: Duration = Duration::from_secs(30);

/// How often it is looked whether the process of `--while-pid` has ended.
const LOOK: Duration = Duration::from_millis(50);

pub fn run(options: &Options, pool: &mut Pool) -> Result {
    let path = |name: &str| format!("/{name}{}", options.suffix);
    let mut sessions = Vec::new();
    if options.mode != Mode::Plain {
        sessions = make_sessions(options, pool, &path("count"))?;
    }
    let mut load = Load::new(options, sessions, path(["plain", "read", "count"][options.mode as usize]));
    let deadline = load.end + GRACE;
    pool.run(&mut load, deadline)?;
    load.finish();
    load.report();
    if options.mode == Mode::Count {
        report_survivors(&mut load.sessions, pool, &path("read"))?;
    }
    match load.last_error {
        Some(why) => Err(format!("{} requests failed; the last: {why}", load.errors).into()),
        None => Ok(()),
    }
}

/// The requests that are measured.
struct Load<'a> {
    options: &'a Options,
    path: String,
    plain: Vec<u8>,
    sessions: Vec<Session>,
    random: Random,
    begin: Instant,
    end: Instant,
    /// When to look again whether the process of `--while-pid` has ended.
    look: Instant,
    took: Histogram<u64>,
    errors: u64,
    last_error: Option<String>,
    /// CPU time of the server and the database, at the begin and at the end of what is measured.
    at_begin: Option<Cpu>,
    at_end: Option<Cpu>,
}

impl<'a> Load<'a> {
    fn new(options: &'a Options, mut sessions: Vec<Session>, path: String) -> Self {
        for session in &mut sessions {
            session.prepare(&path);
        }
        let begin = Instant::now() + options.warmup;
        Load {
            options,
            plain: request(&path, b""),
            path,
            sessions,
            random: Random::new(),
            begin,
            end: begin + options.measured,
            look: begin,
            took: Histogram::new_with_bounds(1, 60_000_000, 3).unwrap_or_else(|error| unreachable!("these bounds are right: {error}")),
            errors: 0,
            last_error: None,
            at_begin: None,
            at_end: None,
        }
    }

    fn finish(&mut self) {
        self.at_end.get_or_insert_with(|| Cpu::of(self.options));
    }

    fn error(&mut self, why: &str) {
        self.errors += 1;
        self.last_error = Some(why.to_owned());
    }

    fn report(&self) {
        let requests = self.took.len();
        let seconds = (self.end - self.begin).as_secs_f64();
        println!("requests={requests}");
        println!("seconds={seconds:.1}");
        println!("rps={:.0}", requests as f64 / seconds);
        for (name, quantile) in [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("max_us", 1.0)] {
            println!("{name}={}", self.took.value_at_quantile(quantile));
        }
        println!("errors={}", self.errors);
        if let (Some(begin), Some(end)) = (&self.at_begin, &self.at_end) {
            let each = |begin: Option<f64>, end: Option<f64>| Some((end? - begin?) * 1e6 / requests.max(1) as f64);
            if let Some(cpu) = each(begin.server, end.server) {
                println!("cpu_us={cpu:.1}");
            }
            if let Some(cpu) = each(begin.database, end.database) {
                println!("database_cpu_us={cpu:.1}");
            }
        }
        if let Some(resident) = self.options.pid.and_then(process::resident_kib) {
            println!("rss_kib={resident}");
        }
    }
}

impl Work for Load<'_> {
    fn next(&mut self, now: Instant) -> Option<(usize, &[u8])> {
        if now >= self.begin && self.at_begin.is_none() {
            self.at_begin = Some(Cpu::of(self.options));
        }
        if let Some(pid) = self.options.while_pid
            && now >= self.look
        {
            self.look = now + LOOK;
            if !process::runs(pid) {
                self.end = self.end.min(now);
            }
        }
        if now >= self.end {
            self.finish();
            return None;
        }
        if self.options.mode == Mode::Plain {
            return Some((0, &self.plain));
        }
        let drawn = self.random.below(self.sessions.len());
        Some((drawn, self.sessions[drawn].request()))
    }

    fn answered(&mut self, request: usize, answer: &Answer, took: Duration, now: Instant) {
        if answer.status != 200 {
            return self.error(&format!("status {}: {}", answer.status, String::from_utf8_lossy(answer.body)));
        }
        let right = match self.options.mode {
            Mode::Plain => answer.body == b"Hello, World!",
            Mode::Read => answer.number() == Some(1),
            _ => answer.number().is_some(),
        };
        if !right {
            return self.error(&format!("a wrong answer: {}", String::from_utf8_lossy(answer.body)));
        }
        if let Some(session) = self.sessions.get_mut(request) {
            session.acknowledged += u64::from(self.options.mode == Mode::Count);
            session.keep_cookie(answer, &self.path);
        }
        // What began in the warm-up, or was answered after the end, is checked but not measured.
        if now - took >= self.begin && now <= self.end {
            self.took.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    fn failed(&mut self, _: usize, why: &str) {
        self.error(why);
    }
}

struct Cpu {
    server: Option<f64>,
    database: Option<f64>,
}

impl Cpu {
    fn of(options: &Options) -> Self {
        Cpu { server: options.pid.and_then(process::cpu_seconds), database: options.database_pid.and_then(process::cpu_seconds_of_family) }
    }
}

/// One request for each session, in turn.
struct Each<'a> {
    sessions: &'a mut [Session],
    path: &'a str,
    next: usize,
    /// Takes each answer: what is wrong with it?
    take: fn(&mut Session, &Answer, &str) -> std::result::Result<(), String>,
    failed: Option<String>,
}

impl Each<'_> {
    fn run(mut self, pool: &mut Pool) -> Result {
        pool.run(&mut self, Instant::now() + GRACE + GRACE)?;
        self.failed.map_or(Ok(()), |why| Err(format!("{}: {why}", self.path).into()))
    }
}

impl Work for Each<'_> {
    fn next(&mut self, _: Instant) -> Option<(usize, &[u8])> {
        let session = self.sessions.get(self.next)?;
        self.next += 1;
        Some((self.next - 1, session.request()))
    }

    fn answered(&mut self, request: usize, answer: &Answer, _: Duration, _: Instant) {
        let taken = match answer.status {
            200 => (self.take)(&mut self.sessions[request], answer, self.path),
            status => Err(format!("status {status}: {}", String::from_utf8_lossy(answer.body))),
        };
        self.failed = self.failed.take().or(taken.err());
    }

    fn failed(&mut self, _: usize, why: &str) {
        self.failed.get_or_insert_with(|| why.to_owned());
    }
}

fn make_sessions(options: &Options, pool: &mut Pool, path: &str) -> Result<Vec<Session>> {
    let mut sessions: Vec<Session> = (0..options.sessions).map(|_| Session::default()).collect();
    for session in &mut sessions {
        session.prepare(path);
    }
    let take = |session: &mut Session, answer: &Answer, path: &str| {
        session.keep_cookie(answer, path);
        session.acknowledged = 1;
        match (session.has_cookie(), answer.number()) {
            (true, Some(1)) => Ok(()),
            (false, _) => Err("no cookie for a new session".to_owned()),
            (_, number) => Err(format!("a new session counts {number:?}")),
        }
    };
    Each { sessions: &mut sessions, path, next: 0, take, failed: None }.run(pool)?;
    Ok(sessions)
}

/// Reads every session and compares it with what the server acknowledged.
///
/// A request that failed may have counted, so more may be there than was acknowledged.
fn report_survivors(sessions: &mut [Session], pool: &mut Pool, path: &str) -> Result {
    for session in &mut *sessions {
        session.prepare(path);
    }
    let take = |session: &mut Session, answer: &Answer, _: &str| {
        session.counted = answer.number().ok_or("not a number")?;
        Ok(())
    };
    Each { sessions, path, next: 0, take, failed: None }.run(pool)?;
    let acknowledged: u64 = sessions.iter().map(|session| session.acknowledged).sum();
    let lost: u64 = sessions.iter().map(|session| session.acknowledged.saturating_sub(session.counted)).sum();
    let beyond: u64 = sessions.iter().map(|session| session.counted.saturating_sub(session.acknowledged)).sum();
    println!("acknowledged={acknowledged}\nlost={lost}\nbeyond={beyond}");
    println!("survived={:.4}", 100.0 * (1.0 - lost as f64 / acknowledged.max(1) as f64));
    Ok(())
}
