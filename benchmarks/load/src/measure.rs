//! A measurement: creates sessions, sends requests, counts surviving updates, and reports.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use memchr::memmem;

use crate::answer::Answer;
use crate::options::{INSERTED, Mode, Options, QUERIES, UPDATES};
use crate::pool::{Pool, Work};
use crate::sessions::{Random, Session, request};
use crate::{Result, process, tfb};

/// How long outstanding responses may take after the measured time.
const GRACE: Duration = Duration::from_secs(30);

/// The interval at which the process of `--while-pid` is checked.
const CHECK: Duration = Duration::from_millis(50);

pub fn run(options: &Options, pool: &mut Pool) -> Result {
    let path = |name: &str| format!("/{name}{}", options.suffix);
    let sessions = match options.mode {
        Mode::Plain | Mode::Idle | Mode::Hostile => Vec::new(),
        Mode::Db | Mode::Queries | Mode::Fortunes | Mode::Updates | Mode::Insert => Vec::new(),
        Mode::Read | Mode::Count => create_sessions(options, pool, &path("count"))?,
        Mode::Login => (0..options.sessions).map(|user| Session::sending(format!("username=user{user}&password={PASSWORD}"))).collect(),
        Mode::User | Mode::Form => logged_in_sessions(options, pool)?,
        Mode::Errors => {
            let mut sessions = logged_in_sessions(options, pool)?;
            fetch_tokens(&mut sessions, pool)?;
            sessions
        }
    };
    let mut load = Load::new(options, sessions, path(options.mode.path()) + &options.mode.query());
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

/// The URL-encoded password of every user.
const PASSWORD: &str = "down+the+rabbit+hole";

/// The measured requests.
struct Load<'a> {
    options: &'a Options,
    path: String,
    /// The request without a session.
    plain: Vec<u8>,
    sessions: Vec<Session>,
    random: Random,
    begin: Instant,
    end: Instant,
    /// The time of the next check whether the process of `--while-pid` has ended.
    next_check: Instant,
    took: Histogram<u64>,
    errors: u64,
    last_error: Option<String>,
    /// The CPU time of the server and the database, at the beginning and at the end of the measured time.
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
            plain: request(&path, b"", options.mode.form()),
            path,
            sessions,
            random: Random::new(),
            begin,
            end: begin + options.measured,
            next_check: begin,
            took: Histogram::new_with_bounds(1, 60_000_000, 3).unwrap_or_else(|error| unreachable!("the bounds are valid: {error}")),
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
            && now >= self.next_check
        {
            self.next_check = now + CHECK;
            if !process::runs(pid) {
                self.end = self.end.min(now);
            }
        }
        if now >= self.end {
            self.finish();
            return None;
        }
        if self.sessions.is_empty() {
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
            Mode::Login => answer.body == b"in",
            Mode::User => answer.body == b"user1",
            Mode::Form => has(answer, b"name=\"title\"") && !has(answer, b"invalid"),
            Mode::Errors => has(answer, b"&lt;b&gt;") && has(answer, b"invalid"),
            Mode::Db => tfb::is_world(answer.body),
            Mode::Queries => tfb::are_worlds(answer.body, QUERIES),
            Mode::Updates => tfb::are_worlds(answer.body, UPDATES),
            Mode::Fortunes => tfb::are_fortunes(answer.body),
            Mode::Insert => answer.number() == Some(INSERTED),
            _ => answer.number().is_some(),
        };
        if !right {
            return self.error(&format!("wrong response: {}", String::from_utf8_lossy(answer.body)));
        }
        if let Some(session) = self.sessions.get_mut(request) {
            session.acknowledged += u64::from(self.options.mode == Mode::Count);
            // Each login comes from a new client without cookies.
            if self.options.mode != Mode::Login {
                session.keep_cookies(answer, &self.path);
            }
        }
        // Requests that began in the warm-up or got their response after the end are checked but not measured.
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

/// Sends one request for each session.
struct Each<'a> {
    sessions: &'a mut [Session],
    path: &'a str,
    next: usize,
    /// Handles a response, and returns an error if it is wrong.
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

fn create_sessions(options: &Options, pool: &mut Pool, path: &str) -> Result<Vec<Session>> {
    first_requests((0..options.sessions).map(|_| Session::default()).collect(), pool, path)
}

/// Creates sessions of a logged-in user. Their later requests send no form.
fn logged_in_sessions(options: &Options, pool: &mut Pool) -> Result<Vec<Session>> {
    let mut sessions = first_requests((0..options.sessions).map(|_| Session::sending(String::new())).collect(), pool, "/enter")?;
    sessions.iter_mut().for_each(Session::send_nothing);
    Ok(sessions)
}

/// Sends the first request of each session. The response must have a cookie and the number 1.
fn first_requests(mut sessions: Vec<Session>, pool: &mut Pool, path: &str) -> Result<Vec<Session>> {
    for session in &mut sessions {
        session.prepare(path);
    }
    let take = |session: &mut Session, answer: &Answer, path: &str| {
        session.keep_cookies(answer, path);
        session.acknowledged = 1;
        match (session.has_cookie(), answer.number()) {
            (true, Some(1)) => Ok(()),
            (false, _) => Err("a new session got no cookie".to_owned()),
            (_, number) => Err(format!("a new session has the count {number:?}")),
        }
    };
    Each { sessions: &mut sessions, path, next: 0, take, failed: None }.run(pool)?;
    Ok(sessions)
}

/// Loads a form in each session, and fills it with invalid values.
fn fetch_tokens(sessions: &mut [Session], pool: &mut Pool) -> Result {
    const PATH: &str = "/form";
    const FIELD: &[u8] = b"name=\"csrf_token\" value=\"";
    for session in &mut *sessions {
        session.prepare(PATH);
    }
    let take = |session: &mut Session, answer: &Answer, path: &str| {
        let begin = memmem::find(answer.body, FIELD).ok_or("a form without a token")? + FIELD.len();
        let token = answer.body[begin..].split(|byte| *byte == b'"').next().unwrap_or_default();
        let token = str::from_utf8(token).map_err(|error| error.to_string())?;
        // The only characters of a token that need encoding.
        let token = token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        session.send(format!("csrf_token={token}&title=%3Cb%3E&email=nowhere&count=100&text="));
        session.keep_cookies(answer, path);
        session.prepare(path);
        Ok(())
    };
    Each { sessions, path: PATH, next: 0, take, failed: None }.run(pool)
}

fn has(answer: &Answer, text: &[u8]) -> bool {
    memmem::find(answer.body, text).is_some()
}

/// Reads every session and compares it with what the server acknowledged.
///
/// A failed request may have been counted, so a session may have more updates than were acknowledged.
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
