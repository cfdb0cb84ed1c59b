//! A live page on the database in `DATABASE_URL`, for `benchmarks/realtime/live`:
//!
//! - `createtickets` creates the table, after `migrate`,
//! - `serve ADDRESS` serves a list of 20 tickets with a live fragment at `/tickets`, and changes one of them at `/change/NUMBER`,
//! - `view VIEWERS MESSAGES ADDRESS ADDRESS` logs viewers in, opens the page and its stream at both servers in turn, changes a ticket
//!   when all have received the change before, and prints p50, p99 and the maximum of the times from the commit to the receipt of the
//!   difference, and p99 of a plain page that is requested at the same time, in milliseconds.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lback::prelude::*;

type Outcome<T> = std::result::Result<T, Box<dyn StdError>>;

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Tickets</title></head><body><h1>Tickets of {{ name }}</h1>
{{ live(template=\"list.html\", on=\"tickets\") }}</body></html>";
const LIST: &str = "<p>{{ name }}</p><ul>{% for ticket in tickets %}<li id=\"t{{ ticket[0] }}\"><a href=\"/tickets/{{ ticket[0] }}\">\
{{ ticket[1] }}</a></li>{% endfor %}</ul>";

diesel::table! {
    tickets (id) {
        id -> Integer,
        title -> Text,
    }
}

fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0))
}

/// When each change was committed.
#[derive(Clone, Default)]
struct Commits(Arc<Mutex<HashMap<usize, u64>>>);

fn show(req: &mut Request) -> Result<Response> {
    let name: String = req.session().get("name")?.unwrap_or_default();
    let tickets: Vec<(i32, String)> = tickets::table.order(tickets::id).limit(20).load(req.db()?)?;
    req.render("page.html", context! { name, tickets })
}

fn change(req: &mut Request) -> Result<()> {
    let number: usize = req.param("number")?;
    let commits = req.state::<Commits>()?.clone();
    req.on_commit(move || {
        commits.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, micros());
    })?;
    let title = format!("Ticket that was changed {number} times");
    diesel::update(tickets::table.find(10)).set(tickets::title.eq(title)).execute(req.db()?)?;
    req.broadcast("tickets", &number)
}

fn app() -> App {
    let commits = |req: &mut Request| -> Result<String> {
        let all = req.state::<Commits>()?.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(all.into_iter().map(|(number, time)| format!("{number} {time}\n")).collect())
    };
    let login = |req: &mut Request| -> Result<()> {
        let name: String = req.param("name")?;
        req.session().insert("name", name)
    };
    let urls = Router::new()
        .get("/tickets", show)
        .get("/hello", |_: &mut Request| "hello")
        .post("/login/{name}", login)
        .csrf_exempt()
        .post("/change/{number:int}", change)
        .csrf_exempt()
        .get("/commits", commits);
    App::new(urls).state(Commits::default()).realtime().command("createtickets", "creates the table of the tickets", create_tickets)
}

fn create_tickets(command: &mut Command) -> ProgramResult {
    let db = command.db()?;
    diesel::sql_query("CREATE TABLE tickets (id INTEGER PRIMARY KEY, title TEXT NOT NULL)").execute(db)?;
    for id in 1..=20 {
        diesel::insert_into(tickets::table).values((tickets::id.eq(id), tickets::title.eq(format!("Ticket {id}")))).execute(db)?;
    }
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["templates", folder] => templates(folder),
        ["view", viewers, messages, servers @ ..] => view(viewers, messages, servers),
        _ => return app().main(),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn templates(folder: &str) -> Outcome<()> {
    std::fs::write(format!("{folder}/page.html"), PAGE)?;
    std::fs::write(format!("{folder}/list.html"), LIST)?;
    Ok(())
}

fn send(server: &str, method: &str, path: &str, cookie: &str, connection: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {server}\r\ncookie: {cookie}\r\nconnection: {connection}\r\ncontent-length: 0\r\n\r\n"
    )?;
    Ok(stream)
}

fn whole(server: &str, method: &str, path: &str, cookie: &str) -> Outcome<String> {
    let mut response = String::new();
    send(server, method, path, cookie, "close")?.read_to_string(&mut response)?;
    Ok(response)
}

/// Logs a viewer in, and opens the page and its stream.
fn open(server: &str, number: usize) -> Outcome<BufReader<TcpStream>> {
    let login = whole(server, "POST", &format!("/login/viewer-{number}"), "")?;
    let cookie = login.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).ok_or("no cookie")?;
    let page = whole(server, "GET", "/tickets", cookie)?;
    let live = page.split("<div id=\"").nth(1).ok_or("no fragment")?;
    let (id, rest) = live.split_once("\" data-live=\"").ok_or("no hash")?;
    let path = format!("/__lback/live?page=/tickets&have={id}={}", rest.split('"').next().unwrap_or_default());
    let mut stream = BufReader::with_capacity(1024, send(server, "GET", &path, cookie, "keep-alive")?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err("a stream was not opened".into());
        }
    }
    Ok(stream)
}

fn view(viewers: &str, messages: &str, servers: &[&str]) -> Outcome<()> {
    let (viewers, messages): (usize, usize) = (viewers.parse()?, messages.parse()?);
    let received = Arc::new(AtomicUsize::new(0));
    let mut readers = Vec::new();
    for number in 0..viewers {
        let mut stream = open(servers[number % servers.len()], number)?;
        let received = received.clone();
        let read = move || {
            let mut times = Vec::new();
            let mut line = String::new();
            while times.len() < messages {
                line.clear();
                if stream.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
                    return Err("the server has closed a stream".to_owned());
                }
                if line.starts_with("data: ") {
                    times.push(micros());
                    received.fetch_add(1, Ordering::AcqRel);
                }
            }
            Ok(times)
        };
        readers.push(thread::Builder::new().stack_size(64 * 1024).spawn(read)?);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let (over, server) = (is_over.clone(), servers[0].to_owned());
    let plain = thread::spawn(move || {
        let mut times = Vec::new();
        while !over.load(Ordering::Acquire) {
            let begin = Instant::now();
            let answer = whole(&server, "GET", "/hello", "").map_err(|error| error.to_string())?;
            times.push(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
            if !answer.ends_with("hello") {
                return Err(answer);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(times)
    });
    for number in 0..messages {
        thread::sleep(Duration::from_millis(300));
        whole(servers[0], "POST", &format!("/change/{number}"), "")?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while received.load(Ordering::Acquire) < viewers * (number + 1) {
            if Instant::now() > deadline {
                return Err(format!("{} of {} changes have arrived", received.load(Ordering::Acquire), viewers * (number + 1)).into());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    is_over.store(true, Ordering::Release);
    let commits = whole(servers[0], "GET", "/commits", "")?;
    let commits: HashMap<usize, u64> =
        commits.lines().filter_map(|line| line.split_once(' ')).filter_map(|(n, t)| Some((n.parse().ok()?, t.parse().ok()?))).collect();
    let mut times = Vec::new();
    for reader in readers {
        for (number, time) in reader.join().map_err(|_| "a reader has panicked")??.into_iter().enumerate() {
            times.push(time.saturating_sub(*commits.get(&number).ok_or("a change was not committed")?));
        }
    }
    let mut plain = plain.join().map_err(|_| "the reader of the plain page has panicked")??;
    let at = |times: &mut Vec<u64>, part: f64| {
        times.sort_unstable();
        times[((times.len() - 1) as f64 * part) as usize] as f64 / 1000.0
    };
    println!("{:.1} {:.1} {:.1} {:.1}", at(&mut times, 0.5), at(&mut times, 0.99), at(&mut times, 1.0), at(&mut plain, 0.99));
    Ok(())
}
