//! Several processes of one application on one database.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use lback::prelude::*;
use lback::realtime::{Member, channel_messages};
use tempfile::TempDir;

use crate::server_process::{Process, eventually, send};
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_broadcast_reaches_the_streams_of_all_processes,
    clients_continue_in_another_process,
    members_leave_a_process_that_is_killed,
    a_live_page_shows_what_another_process_has_committed,
    a_client_that_does_not_read_costs_no_memory,
);

/// Another process.
#[test]
#[ignore = "run by the other tests"]
fn the_process() {
    let events = |req: &mut Request| -> Result<Response> { Ok(Response::events(req.subscribe("news")?.events())) };
    let present = |req: &mut Request| -> Result<Response> {
        let member = Member::new(req.param::<String>("id")?, "somebody");
        Ok(Response::events(req.subscribe("news")?.present_in("news", member).events()))
    };
    let members = |req: &mut Request| -> Result<String> {
        let members = req.channel_members("news")?;
        Ok(members.into_iter().map(|member| member.id).collect::<Vec<_>>().join(" "))
    };
    let say = |req: &mut Request| -> Result<&'static str> {
        let text: String = req.param("text")?;
        req.broadcast("news", &text)?;
        match text.as_str() {
            "fail" => Err(Error::internal("on purpose")),
            "large" => req.broadcast("news", &"x".repeat(60_000)).map(|()| "said"),
            _ => Ok("said"),
        }
    };
    let live = |req: &mut Request| -> Result<Response> {
        let messages: i64 = channel_messages::table.count().get_result(req.db()?)?;
        req.render("live.html", context! { messages })
    };
    let urls = Router::new().get("/events", events).get("/present/{id}", present).get("/members", members).get("/live", live);
    Process::run(App::new(urls.post("/say/{text}", say).csrf_exempt()).realtime());
}

struct Project {
    folder: TempDir,
}

impl Project {
    fn new(database_url: &str, settings: &str) -> Self {
        let folder = TempDir::with_prefix("lback-test-").unwrap();
        let settings = format!(
            "DEBUG = true\nSECRET_KEY = 'a key that only tests use, and that is long enough'\nSESSION_TIMEOUT_MINUTES = 30\n\
             DATABASE_URL = '{database_url}'\nCHANNEL_LEASE_SECONDS = 3\n{settings}"
        );
        fs::write(folder.path().join("settings.toml"), settings).unwrap();
        let templates = folder.path().join("templates");
        fs::create_dir(&templates).unwrap();
        fs::write(templates.join("live.html"), "{{ live(template='count.html', on='news') }}").unwrap();
        fs::write(templates.join("count.html"), "{{ messages }} so far").unwrap();
        Project { folder }
    }

    /// Returns a project on a SQLite file, or on a database of its own on the server that tests share.
    fn on(on: &str, settings: &str) -> Self {
        #[cfg(feature = "postgres")]
        if !on.is_empty() {
            use std::sync::atomic::{AtomicUsize, Ordering};
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            let name = format!("channels-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
            return Project::new(&lback_test_servers::Postgres::shared().unwrap().create(&name), settings);
        }
        assert_eq!(on, "");
        Project::new("sqlite:db.sqlite", settings)
    }

    fn server(&self) -> Process {
        Process::start("channels::processes::the_process", self.folder.path(), "serve 127.0.0.1:0")
    }
}

fn say(server: &Process, text: &str) -> bool {
    send(&server.address, "POST", &format!("/say/{text}"), "").is_some_and(|response| response.starts_with("HTTP/1.1 200"))
}

fn members(server: &Process) -> String {
    let response = send(&server.address, "GET", "/members", "").unwrap();
    response.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// A browser that reads events.
struct Stream {
    lines: BufReader<TcpStream>,
    last_id: String,
}

impl Stream {
    /// Opens a stream of a channel, which begins with an id.
    fn open(server: &Process, path: &str, last_id: &str) -> Self {
        let mut stream = Self::connect(server, path, last_id);
        while stream.last_id.is_empty() {
            assert!(stream.line().is_some());
        }
        stream
    }

    fn connect(server: &Process, path: &str, last_id: &str) -> Self {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let id = if last_id.is_empty() { String::new() } else { format!("last-event-id: {last_id}\r\n") };
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n{id}\r\n", server.address).unwrap();
        let mut stream = Stream { lines: BufReader::new(stream), last_id: last_id.to_owned() };
        while !stream.line().unwrap().is_empty() {}
        stream
    }

    /// Returns the next line, or `None` at the end of the response.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if let Some(id) = line.strip_prefix("id: ") {
            self.last_id = id.to_owned();
        }
        Some(line)
    }

    /// Returns the name and the data of the next event, or `None` at the end.
    fn event(&mut self) -> Option<(String, String)> {
        let (mut name, mut data) = (String::new(), None);
        loop {
            let line = self.line()?;
            if let Some(text) = line.strip_prefix("data: ") {
                data = Some(text.to_owned());
            } else if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if line.is_empty()
                && let Some(data) = data.take()
            {
                return Some((name, data));
            }
        }
    }

    /// Returns the data of the next events as text.
    fn texts(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.event().unwrap().1.trim_matches('"').to_owned()).collect()
    }
}

fn a_broadcast_reaches_the_streams_of_all_processes(on: &str) {
    let project = Project::on(on, "");
    let (one, two) = (project.server(), project.server());
    let mut streams = [Stream::open(&one, "/events", ""), Stream::open(&two, "/events", ""), Stream::open(&two, "/events", "")];
    let mut said = Vec::new();
    for n in 0..30 {
        assert!(!say(&one, "fail"));
        let text = n.to_string();
        assert!(say(if n % 3 == 0 { &one } else { &two }, &text));
        said.push(text);
    }
    for stream in &mut streams {
        assert_eq!(stream.texts(30), said);
    }
    assert_eq!(streams[0].last_id, streams[1].last_id);
}

fn clients_continue_in_another_process(on: &str) {
    let project = Project::on(on, "");
    let (one, two) = (project.server(), project.server());
    let mut stream = Stream::open(&one, "/events", "");
    assert!(say(&two, "0"));
    assert_eq!(stream.texts(1), ["0"]);
    let mut quiet = Stream::open(&one, "/events", "");
    // The streams end with their server, and nothing keeps it waiting.
    one.stop();
    assert!(stream.event().is_none() && quiet.event().is_none());
    assert!(say(&two, "1") && say(&two, "2"));
    let three = project.server();
    for server in [&two, &three] {
        for last_id in [&stream.last_id, &quiet.last_id] {
            assert_eq!(Stream::open(server, "/events", last_id).texts(2), ["1", "2"]);
        }
    }
    let mut stream = Stream::open(&three, "/events", &stream.last_id);
    assert!(say(&two, "3"));
    assert_eq!(stream.texts(3), ["1", "2", "3"]);
}

fn members_leave_a_process_that_is_killed(on: &str) {
    let project = Project::on(on, "");
    let (mut one, two) = (project.server(), project.server());
    let _alice = Stream::open(&one, "/present/alice", "");
    let mut bob = Stream::open(&two, "/present/bob", "");
    eventually("both are present", || {
        let members = members(&two);
        members.contains("alice") && members.contains("bob")
    });
    one.child.kill().unwrap();
    loop {
        let (name, data) = bob.event().unwrap();
        if name == "left" {
            assert!(data.contains("alice"));
            break;
        }
    }
    assert_eq!(members(&two), "bob");
}

fn a_live_page_shows_what_another_process_has_committed(on: &str) {
    let project = Project::on(on, "");
    let (one, two) = (project.server(), project.server());
    let page = send(&one.address, "GET", "/live", "").unwrap();
    let hash = page.split_once("data-live=\"").unwrap().1.split_once('"').unwrap().0;
    let mut stream = Stream::connect(&one, &format!("/__lback/live?page=/live&have=live-count-news={hash}"), "");
    for count in 1..=3 {
        assert!(say(&two, "something"));
        let (_, data) = stream.event().unwrap();
        assert!(data.contains(&format!("\"html\":\"{count}")), "{data}");
    }
}

fn a_client_that_does_not_read_costs_no_memory(on: &str) {
    let project = Project::on(on, "BODY_TIMEOUT_SECONDS = 60");
    let server = project.server();
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        kib.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap()
    };
    let mut readers = Stream::open(&server, "/events", "");
    let mut stuck: Vec<Stream> = (0..20).map(|_| Stream::open(&server, "/events", "")).collect();
    for _ in 0..20 {
        assert!(say(&server, "large"));
        readers.texts(2);
    }
    let before = memory();
    for _ in 0..300 {
        assert!(say(&server, "large"));
        readers.texts(2);
    }
    // 18 MiB were broadcast, and 20 clients have not read them.
    let grown = memory().saturating_sub(before);
    assert!(grown < 60_000, "{grown} KiB more");
    // When it reads again, it is told.
    loop {
        let (name, _) = stuck[0].event().unwrap();
        if name == "gap" {
            break;
        }
    }
    assert!(say(&server, "end"));
    while stuck[0].event().unwrap().1 != "\"end\"" {}
}

#[cfg(feature = "postgres")]
#[test]
fn a_restart_of_the_database_loses_no_message() {
    use lback_test_servers::{Disk, Postgres};
    let Some(database) = Postgres::start(Disk::Safe) else { return };
    let project = Project::new(&database.url("postgres"), "DATABASE_WAIT_SECONDS = 2");
    let (one, two) = (project.server(), project.server());
    let mut streams = [Stream::open(&one, "/events", ""), Stream::open(&two, "/events", "")];
    for restart in 0..3 {
        if restart == 1 {
            database.crash().unwrap();
            database.run().unwrap();
        } else {
            database.restart().unwrap();
        }
        let text = format!("after-{restart}");
        eventually("the database is back", || say(&two, &text));
        for stream in &mut streams {
            // What was answered with an error may have been committed all the same.
            loop {
                let (name, data) = stream.event().unwrap();
                assert_eq!(name, "");
                if data.contains(&text) {
                    break;
                }
            }
        }
    }
}
