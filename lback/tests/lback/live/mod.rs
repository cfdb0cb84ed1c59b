//! Live pages: what a viewer is sent when a channel receives a message.

mod browser;
#[cfg(all(feature = "cache", feature = "models"))]
mod cached;
mod forms;
mod hostile;
mod stream;
mod viewers;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lback::prelude::*;
use lback::serde_json::{self, Value};
use lback::testing::Client;
use tempfile::TempDir;

use crate::server_process::eventually;
use crate::sql;

/// A time limit that keeps failed tests from hanging.
const LIMIT: Duration = Duration::from_secs(60);
const SETTINGS: &str =
    "SESSION_TIMEOUT_MINUTES = 30\nCONTENT_SECURITY_POLICY = \"default-src 'none'; script-src {nonce}; connect-src 'self'\"";

const TEMPLATES: [(&str, &str); 14] = [
    (
        "tickets.html",
        "<!doctype html><html lang=\"en\"><head><title>Tickets</title></head><body>\
         <ul id=\"flashes\" data-live>{% for flash in flashes %}<li>{{ flash.message }}</li>{% endfor %}</ul>\
         <h1>Tickets</h1>{{ live(template=\"queue.html\", on=\"tickets\") }}</body></html>",
    ),
    (
        "queue.html",
        "<p>{{ name }} sees {{ tickets | length }}</p>\
         <ul>{% for ticket in tickets %}<li id=\"t{{ ticket.id }}\">{{ ticket.title }}</li>{% endfor %}</ul>",
    ),
    (
        "form.html",
        "<!doctype html><html lang=\"en\"><head><title>Form</title></head><body>{{ live(template=\"with_form.html\", on=\"tickets\") }}</body></html>",
    ),
    (
        "with_form.html",
        "<form method=\"post\" action=\"/add\">{{ csrf_input() }}<label for=\"title\">Title</label> <input id=\"title\" name=\"title\" \
         value=\"{{ title }}\"><p>{{ problem }}</p><button>Add</button></form>\
         <ul>{% for ticket in tickets %}<li id=\"t{{ ticket.id }}\">{{ ticket.title }}</li>{% endfor %}</ul>",
    ),
    (
        "two.html",
        "<body><table>{{ live(template=\"rows.html\", on=[\"tickets\", \"people\"], tag=\"tbody\") }}</table>\
         {% for id in [1, 2] %}{{ live(template=\"one.html\", on=\"tickets/\" ~ id, key=id) }}{% endfor %}</body>",
    ),
    ("room.html", "<body>{{ live(template=\"here.html\", on=\"room\", present=name) }}</body>"),
    ("here.html", "{% for member in members(channel=\"room\") %}<b>{{ member.label }}</b>{% endfor %}"),
    ("rows.html", "{% for ticket in tickets %}<tr><td>{{ ticket.title }}</td></tr>{% endfor %}"),
    ("one.html", "<p>{{ id }}: {{ name }}</p>"),
    ("nested.html", "<body>{{ live(template=\"outer.html\", on=\"tickets\") }}</body>"),
    ("outer.html", "<b>{{ tickets | length }}</b><ul>{{ live(template=\"rows.html\", on=\"people\") }}</ul>"),
    ("404.html", "<body>{{ live(template=\"404_part.html\", on=\"tickets\") }}</body>"),
    ("404_part.html", "<p>There is no such page.</p>"),
    ("same.html", "<body>{% for n in [1, 2] %}{{ live(template=\"rows.html\", on=\"tickets\") }}{% endfor %}</body>"),
];

diesel::table! {
    tickets (id) {
        id -> Integer,
        title -> Text,
        is_private -> Bool,
    }
}

/// How often pages were rendered, how many at the same time at most, and how many now.
#[derive(Default)]
struct Counts {
    all: AtomicUsize,
    most: AtomicUsize,
    now: AtomicUsize,
}

fn show(req: &mut Request, template: &str) -> Result<Response> {
    let counts = req.app().state::<Counts>().unwrap();
    counts.all.fetch_add(1, Ordering::SeqCst);
    let now = counts.now.fetch_add(1, Ordering::SeqCst) + 1;
    counts.most.fetch_max(now, Ordering::SeqCst);
    let result = show_counted(req, template, "", "");
    req.app().state::<Counts>().unwrap().now.fetch_sub(1, Ordering::SeqCst);
    result
}

fn show_counted(req: &mut Request, template: &str, title: &str, problem: &str) -> Result<Response> {
    let name: String = req.session().get("name")?.unwrap_or_else(|| "nobody".to_owned());
    let query = tickets::table.order(tickets::id).into_boxed();
    let query = if name == "staff" { query } else { query.filter(tickets::is_private.eq(false)) };
    let tickets: Vec<(i32, String, bool)> = query.load(req.db()?)?;
    if tickets.iter().any(|(_, title, _)| title == "unspeakable") {
        return Err(Error::internal("on purpose"));
    }
    let tickets: Vec<Value> = tickets.into_iter().map(|(id, title, _)| serde_json::json!({ "id": id, "title": title })).collect();
    req.render(template, context! { name, tickets, title, problem })
}

fn insert(req: &mut Request, title: &str, is_private: bool) -> Result<()> {
    let ticket = (tickets::title.eq(title), tickets::is_private.eq(is_private));
    diesel::insert_into(tickets::table).values(ticket).execute(req.db()?)?;
    Ok(())
}

fn urls() -> Router {
    Router::new()
        .get("/tickets", |req: &mut Request| show(req, "tickets.html"))
        .get("/form", |req: &mut Request| show(req, "form.html"))
        .get("/two", |req: &mut Request| show(req, "two.html"))
        .get("/room", |req: &mut Request| show(req, "room.html"))
        .get("/nested", |req: &mut Request| show(req, "nested.html"))
        .get("/leaving", viewers::leaving)
        .get("/same", |req: &mut Request| show(req, "same.html"))
        .post("/tickets/{title}", |req: &mut Request| -> Result<()> {
            let title: String = req.param("title")?;
            insert(req, title.trim_start_matches("private "), title.starts_with("private "))?;
            req.broadcast("tickets", &title)
        })
        .post("/rename/{title}", |req: &mut Request| -> Result<()> {
            let title: String = req.param("title")?;
            diesel::update(tickets::table).set(tickets::title.eq(title)).execute(req.db()?)?;
            req.broadcast("tickets", "renamed")
        })
        .post("/broadcast/{channel}", |req: &mut Request| -> Result<()> {
            let channel: String = req.param("channel")?;
            for n in 0..50 {
                req.broadcast(&channel, &n)?;
            }
            Ok(())
        })
        .post("/login/{name}", |req: &mut Request| -> Result<()> {
            let name: String = req.param("name")?;
            req.session().insert("name", name)
        })
        .post("/logout", |req: &mut Request| req.session().delete())
        .post("/add", forms::add)
        .get("/plain", |_: &mut Request| "no fragments")
        .get("/members", |req: &mut Request| -> Result<Response> {
            match req.session().get::<String>("name")? {
                Some(_) => show(req, "tickets.html"),
                None => Ok(Response::redirect("/plain")),
            }
        })
        .get("/busy", viewers::busy)
}

fn app() -> App {
    App::new(urls()).realtime().state(Counts::default())
}

/// A server with the templates of these tests.
struct Site {
    client: Client,
    folder: TempDir,
}

impl Site {
    fn new(on: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in TEMPLATES {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let settings = format!("{SETTINGS}\n{on}\n{settings}\nTEMPLATES_DIR = '{}'", folder.path().display());
        let client = Client::over_socket_with_settings(app(), &settings);
        let key = if on.is_empty() { "INTEGER PRIMARY KEY" } else { "SERIAL PRIMARY KEY" };
        sql(&client, &format!("CREATE TABLE tickets (id {key}, title TEXT NOT NULL, is_private BOOLEAN NOT NULL)"));
        Site { client, folder }
    }

    fn counts(&self) -> &Counts {
        self.client.app().state().unwrap()
    }

    fn rendered(&self) -> usize {
        self.counts().all.load(Ordering::SeqCst)
    }
}

/// Returns the ids and hashes of the live fragments of a page.
fn fragments(html: &str) -> Vec<(String, String)> {
    let elements = html.split(" id=\"live-").skip(1);
    let fragment = |text: &str| -> Option<(String, String)> {
        let (id, rest) = text.split_once("\" data-live=\"")?;
        Some((format!("live-{id}"), rest.split('"').next()?.to_owned()))
    };
    elements.filter_map(fragment).collect()
}

fn stream_path(page: &str, have: &[(String, String)]) -> String {
    let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let have: Vec<String> = have.iter().map(|(id, hash)| format!("{id}={hash}")).collect();
    format!("/__lback/live?page={}&have={}", encode(page), encode(&have.join(",")))
}

/// A page that is open in a browser: what it shows, and its stream of events.
struct Viewer {
    status: u16,
    lines: BufReader<TcpStream>,
    /// The HTML of the fragments that were sent.
    html: BTreeMap<String, String>,
    /// The events so far.
    events: Vec<Value>,
}

impl Viewer {
    /// Opens a page and its stream.
    fn open(client: &Client, page: &str) -> Self {
        let response = client.get(page).send();
        response.assert_status(200);
        Self::connect(client, page, &fragments(response.text()), "")
    }

    fn connect(client: &Client, page: &str, have: &[(String, String)], headers: &str) -> Self {
        let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let cookies: Vec<String> = client.cookies().iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        let path = stream_path(page, have);
        let cookies = cookies.join("; ");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nCookie: {cookies}\r\n{headers}\r\n")
            .unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            assert!(!line.to_ascii_lowercase().starts_with("set-cookie"), "{line}");
        }
        Viewer { status, lines, html: BTreeMap::new(), events: Vec::new() }
    }

    /// Waits for the next event. Returns `None` at the end of the stream.
    fn event(&mut self) -> Option<Value> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).unwrap() == 0 || line == "0\r\n" {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).unwrap();
                self.events.push(event.clone());
                return Some(event);
            }
        }
    }

    /// Waits for the next change, applies it as the script does, and returns the HTML of the fragment.
    fn change(&mut self) -> String {
        let mut part = String::new();
        loop {
            let event = self.event().expect("the stream has ended");
            assert!(event["reload"].is_null(), "{event}");
            part.push_str(event["html"].as_str().unwrap());
            if event["more"] == true {
                continue;
            }
            let html = self.html.entry(event["id"].as_str().unwrap().to_owned()).or_default();
            if let Some(start) = event["start"].as_u64() {
                let units: Vec<u16> = html.encode_utf16().collect();
                let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(event["end"].as_u64().unwrap()).unwrap());
                let cut = |units: &[u16]| String::from_utf16(units).unwrap();
                part = format!("{}{part}{}", cut(&units[..start]), cut(&units[units.len() - end..]));
            }
            assert_eq!(event["length"], part.encode_utf16().count());
            html.clone_from(&part);
            return part;
        }
    }

    /// Waits for a change to HTML with this text.
    fn change_to(&mut self, text: &str) -> String {
        loop {
            let html = self.change();
            if html.contains(text) {
                return html;
            }
        }
    }

    fn is_told_to_reload(&mut self) -> bool {
        self.event().is_some_and(|event| event["reload"] == true)
    }
}
