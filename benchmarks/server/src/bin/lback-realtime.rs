//! Lback's channels on the database in `DATABASE_URL`, for `benchmarks/realtime/run`:
//!
//! - `serve ADDRESS` serves streams at `/events`, and broadcasts at `/say/NUMBER`,
//! - `receive STREAMS MESSAGES ADDRESS ADDRESS` opens streams at both servers in turn, broadcasts at the first one every 100 ms, and prints
//!   p50, p99 and the maximum of the times from the commit to the receipt by a client, in milliseconds,
//! - `idle STREAMS PATH ADDRESS PID` opens connections that stay open, and prints by how many bytes the server has grown for each.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lback::prelude::*;

type Outcome<T> = std::result::Result<T, Box<dyn StdError>>;

fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0))
}

/// When each message was committed.
#[derive(Clone, Default)]
struct Commits(Arc<Mutex<HashMap<u64, u64>>>);

impl Commits {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<u64, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn app() -> App {
    let say = |req: &mut Request| -> Result<()> {
        let number: u64 = req.param("number")?;
        let commits: Commits = req.state::<Commits>()?.clone();
        // Registered before the hook of the channels, which wakes the subscribers.
        req.on_commit(move || {
            commits.all().insert(number, micros());
        })?;
        req.broadcast("news", &number)
    };
    let commits = |req: &mut Request| -> Result<String> {
        let all = req.state::<Commits>()?.all().clone();
        Ok(all.into_iter().map(|(number, time)| format!("{number} {time}\n")).collect())
    };
    let urls = Router::new()
        .get("/events", |req: &mut Request| -> Result<Response> { Ok(Response::events(req.subscribe("news")?.events())) })
        .get("/hello", |_: &mut Request| "hello")
        .post("/say/{number:int}", say)
        .csrf_exempt()
        .get("/commits", commits);
    App::new(urls).state(Commits::default()).realtime()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["receive", streams, messages, servers @ ..] => receive(streams, messages, servers),
        ["idle", streams, path, server, pid] => idle(streams, path, server, pid),
        _ => return app().main(),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn get(server: &str, path: &str) -> Outcome<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {server}\r\n\r\n")?;
    Ok(BufReader::with_capacity(1024, stream))
}

fn whole(server: &str, method: &str, path: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(server)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

/// Reads lines until one begins like this.
fn read_until(stream: &mut BufReader<TcpStream>, begin: &str) -> Outcome<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err("the server has closed a stream".into());
        }
        if line.starts_with(begin) {
            return Ok(line);
        }
    }
}

fn receive(streams: &str, messages: &str, servers: &[&str]) -> Outcome<()> {
    let (streams, messages): (usize, u64) = (streams.parse()?, messages.parse()?);
    let open = Arc::new(AtomicU64::new(0));
    let mut readers = Vec::new();
    for number in 0..streams {
        let mut stream = get(servers[number % servers.len()], "/events")?;
        let open = open.clone();
        let read = move || {
            // The id with which each stream begins.
            let begun = read_until(&mut stream, "id: ").map_err(|error| error.to_string());
            open.fetch_add(1, Ordering::AcqRel);
            begun?;
            let mut received = Vec::new();
            while received.len() < usize::try_from(messages).unwrap_or(0) {
                let line = read_until(&mut stream, "data: ").map_err(|error| error.to_string())?;
                let time = micros();
                let number: u64 = line.trim_start_matches("data: ").trim().parse().map_err(|_| format!("received {line}"))?;
                received.push((number, time));
            }
            Ok::<_, String>(received)
        };
        readers.push(thread::Builder::new().stack_size(64 * 1024).spawn(read)?);
    }
    while open.load(Ordering::Acquire) < streams as u64 {
        thread::sleep(Duration::from_millis(10));
    }
    for number in 0..messages {
        whole(servers[0], "POST", &format!("/say/{number}"))?;
        thread::sleep(Duration::from_millis(100));
    }
    let commits = whole(servers[0], "GET", "/commits")?;
    let commits: HashMap<u64, u64> =
        commits.lines().filter_map(|line| line.split_once(' ')).filter_map(|(n, t)| Some((n.parse().ok()?, t.parse().ok()?))).collect();
    let mut times = Vec::new();
    for reader in readers {
        for (number, time) in reader.join().map_err(|_| "a reader has panicked")?? {
            times.push(time.saturating_sub(*commits.get(&number).ok_or("a message was not committed")?));
        }
    }
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize] as f64 / 1000.0;
    println!("{:.1} {:.1} {:.1}", at(0.5), at(0.99), at(1.0));
    Ok(())
}

fn memory(pid: &str) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|text| text.trim().strip_suffix(" kB"));
    Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
}

fn idle(streams: &str, path: &str, server: &str, pid: &str) -> Outcome<()> {
    let streams: usize = streams.parse()?;
    let end = if path == "/events" { "id: " } else { "content-length" };
    read_until(&mut get(server, path)?, end)?;
    let before = memory(pid)?;
    let mut open = Vec::with_capacity(streams);
    for _ in 0..streams {
        let mut stream = get(server, path)?;
        read_until(&mut stream, end)?;
        open.push(stream.into_inner());
    }
    thread::sleep(Duration::from_secs(1));
    println!("{}", memory(pid)?.saturating_sub(before) / streams as u64);
    Ok(())
}
