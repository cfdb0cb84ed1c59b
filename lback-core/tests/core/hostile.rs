//! Input that is designed to cost more than its size. Memory and file handles are measured in a server process.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lback_core::middleware::{BodyReader, Errors, RequestLog, StaticFiles, Timeout};
use lback_core::testing::{Client, block_on};
use lback_core::{Request, Result, Router, server};
use serde::Deserialize;
use serde_json::Value;

use crate::{app_with, assemble};

const MIB: u64 = 1024 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";

#[derive(Deserialize)]
struct Search {
    name: Option<String>,
}

fn urls() -> Router {
    Router::new()
        .get("/", |_: &mut Request| "a plain page")
        .get("/query", |req: &mut Request| -> Result<String> { Ok(req.query::<Search>()?.name.unwrap_or_default()) })
        .post("/form", |req: &mut Request| -> Result<String> { Ok(req.form::<Search>()?.name.unwrap_or_default()) })
        .post("/json", |req: &mut Request| -> Result<String> { Ok(req.json::<Value>()?.is_array().to_string()) })
        .post("/upload", |req: &mut Request| -> Result<String> { Ok(req.multipart()?.files().count().to_string()) })
        .post("/length", |req: &mut Request| req.body().len().to_string())
}

/// The server process. It stops when its standard input ends.
#[test]
#[ignore = "run by the other tests"]
fn server_process() {
    let settings = std::env::var("HOSTILE_SETTINGS").unwrap_or_default();
    let app = assemble(urls(), &format!("STATIC_DIR = 'tests'\n{settings}"), |stack| {
        stack.push(RequestLog).push(Errors).push(StaticFiles::new()).push(BodyReader).push(Timeout)
    });
    block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening on {}", listener.local_addr().unwrap());
        let stop = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        server::serve(app.unwrap(), listener, async move { drop(stop.await) }).await.unwrap();
    });
}

struct Server {
    child: Child,
    input: Option<ChildStdin>,
    addr: SocketAddr,
    memory_before: u64,
}

impl Server {
    fn start(settings: &str) -> Self {
        // With the usual limit on file handles.
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n 1024 && exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "hostile::server_process", "--ignored", "--nocapture", "--test-threads=1"])
            .env("HOSTILE_SETTINGS", format!("SHUTDOWN_TIMEOUT_SECONDS = 1\n{settings}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let addr = lines.find_map(|line| line.strip_prefix("listening on ")?.parse().ok()).expect("the server prints its address");
        thread::spawn(move || lines.for_each(drop));
        let input = child.stdin.take();
        let mut server = Server { child, input, addr, memory_before: 0 };
        server.assert_answers();
        server.memory_before = server.memory();
        server
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        // Prevents a failing test from hanging.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends a request and returns the response.
    fn ask(&self, head: &str, body: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        // The server may not read all of a body that it refuses.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> String {
        self.ask(&format!("POST {path} HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: {}", body.len()), body)
    }

    /// Starts an upload, but sends only `body`.
    fn begin_upload(&self, body: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        let head = format!("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-type: {MULTIPART}\r\ncontent-length: 30000000\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream
    }

    fn assert_answers(&self) {
        let answer = self.ask("GET / HTTP/1.1", b"");
        assert!(answer.ends_with("a plain page"), "{answer}");
    }

    /// Returns the peak memory of the process.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    #[track_caller]
    fn assert_grown_by_less_than(&self, bytes: u64) {
        let grown = self.memory() - self.memory_before;
        assert!(grown < bytes, "{} MiB more", grown / MIB);
    }

    /// Returns the number of open files that have been deleted.
    fn temporary_files(&self) -> usize {
        let handles = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let target = |handle: std::io::Result<std::fs::DirEntry>| std::fs::read_link(handle.ok()?.path()).ok();
        handles.filter_map(target).filter(|target| target.to_string_lossy().ends_with("(deleted)")).count()
    }

    /// Waits until the server has read what clients had sent before they disconnected.
    fn wait_until_uploads_are_gone(&self) {
        let gone = (0..6_000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            self.temporary_files() == 0
        });
        assert!(gone, "{} temporary files are left", self.temporary_files());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// Returns the parts of a form with `count` files of `size` bytes, without its end.
fn files(count: usize, size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for n in 0..count {
        body.extend_from_slice(format!("--b\r\nContent-Disposition: form-data; name=\"f{n}\"; filename=\"x\"\r\n\r\n").as_bytes());
        body.resize(body.len() + size, b'x');
        body.extend_from_slice(b"\r\n");
    }
    body
}

/// Runs `work` on several connections at once.
fn at_once(count: usize, work: impl Fn() + Sync) {
    thread::scope(|scope| (0..count).for_each(|_| drop(scope.spawn(&work))));
}

/// Repeats `work` until the server has seen the data from another connection.
fn tries<T>(work: impl FnMut() -> T) -> impl Iterator<Item = T> {
    std::iter::repeat_with(work).take(10_000)
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_of_thousands_of_hashes_costs_no_more_than_its_length() {
    let server = Server::start("");
    let hashes = ".00000000".repeat(6_900);
    let folders = "a/".repeat(31_000);
    let dots = "%2e00000000".repeat(5_600);
    for path in [format!("a{hashes}.css"), format!("a{hashes}"), format!("a{hashes}.gz"), format!("{folders}a{}", &hashes[..90]), dots] {
        at_once(6, || {
            let answer = server.ask(&format!("GET /static/{path} HTTP/1.1"), b"");
            assert!(answer.starts_with("HTTP/1.1 404"), "{}", &answer[..100]);
        });
    }
    server.assert_grown_by_less_than(24 * MIB);
}

#[cfg(target_os = "linux")]
#[test]
fn silent_uploads_hold_one_temporary_file_each() {
    let server = Server::start("UPLOAD_MEMORY_BYTES = 1000");
    let body = files(900, 1001);
    let silent: Vec<TcpStream> = (0..10).map(|_| server.begin_upload(&body)).collect();
    server.assert_answers();
    assert!((1..=10).contains(&server.temporary_files()), "{}", server.temporary_files());
    server.assert_grown_by_less_than(24 * MIB);
    drop(silent);
}

#[cfg(target_os = "linux")]
#[test]
fn small_files_of_one_request_do_not_add_up_in_memory() {
    let server = Server::start("");
    let body = files(40, 255 * 1024);
    let silent: Vec<TcpStream> = (0..10).map(|_| server.begin_upload(&body)).collect();
    server.assert_answers();
    assert!(server.temporary_files() <= 10, "{}", server.temporary_files());
    server.assert_grown_by_less_than(32 * MIB);
    drop(silent);
}

#[cfg(target_os = "linux")]
#[test]
fn silent_bodies_share_the_memory_for_bodies() {
    let server = Server::start("BODY_MEMORY_BYTES = 8388608");
    let head = "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n";
    let bodies: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(head.as_bytes()).unwrap();
            // The server may have refused the request by now.
            let _ = stream.write_all(&[b'x'; 1_500_000]);
            stream
        })
        .collect();
    server.assert_answers();
    assert!(server.post("/form", FORM, b"name=alice").ends_with("alice"), "small bodies are always read");
    server.assert_grown_by_less_than(32 * MIB);
    drop(bodies);
}

/// A body that stalls after its first chunk.
struct Silent(Option<Bytes>);

impl hyper::body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |chunk| Poll::Ready(Some(Ok(Frame::data(chunk)))))
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_uploads_on_one_connection_share_the_limit_of_temporary_files() {
    let server = Server::start("UPLOAD_MEMORY_BYTES = 1000\nMAX_UPLOADS = 8");
    let body = Bytes::from(files(1, 70_000));
    block_on(async {
        let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let (sent_status, mut statuses) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..100 {
            let (mut sender, sent_status) = (sender.clone(), sent_status.clone());
            let request = hyper::Request::post("http://example.com/upload").header("content-type", MULTIPART);
            let request = request.body(Silent(Some(body.clone()))).unwrap();
            tokio::spawn(async move { sender.send_request(request).await.map(|response| sent_status.send(response.status())) });
        }
        for _ in 0..92 {
            assert_eq!(statuses.recv().await.unwrap(), 503);
        }
        assert_eq!(server.temporary_files(), 8);
        server.assert_answers();
        connection.abort();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_form_of_two_megabytes_of_names_is_refused_before_it_is_parsed() {
    let server = Server::start("");
    let mut form = String::new();
    for n in 0..200_000 {
        let _ = write!(form, "k{n}=1&");
    }
    at_once(8, || {
        let answer = server.post("/form", FORM, form.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("more than 1000 fields"), "{}", &answer[..100]);
    });
    server.assert_grown_by_less_than(48 * MIB);
}

#[cfg(target_os = "linux")]
#[test]
fn json_that_would_grow_a_hundredfold_is_refused_first() {
    let server = Server::start("BODY_MEMORY_BYTES = 33554432");
    for text in ["{\"\":0},", "[[0]],", "{\"a\":{}},"] {
        let json = format!("[{}0]", text.repeat(2_000_000 / text.len()));
        at_once(8, || {
            let answer = server.post("/json", "application/json", json.as_bytes());
            assert!(["HTTP/1.1 413", "HTTP/1.1 503"].iter().any(|status| answer.starts_with(status)), "{}", &answer[..100]);
        });
    }
    assert!(server.post("/json", "application/json", b"[{\"a\": [1, 2, 3]}]").ends_with("true"));
    server.assert_grown_by_less_than(64 * MIB);
}

/// Uses the default settings.
#[cfg(target_os = "linux")]
#[test]
fn two_hundred_hostile_connections_leave_the_server_within_256_mib() {
    let server = Server::start("");
    let (large, small, text) = (files(7, 257 * 1024), files(7, 255 * 1024), vec![b'x'; 1_900_000]);
    let fields = (0..200_000).fold(String::new(), |form, n| form + &format!("k{n}=1&"));
    let head =
        |path: &str, kind: &str| format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\ncontent-length: 2000000\r\n\r\n");
    for (path, kind, body) in [
        ("/upload", MULTIPART, &large),
        ("/upload", MULTIPART, &small),
        ("/length", "text/plain", &text),
        ("/json", "application/json", &b"[0,".repeat(600_000)),
        ("/form", FORM, &fields.into_bytes()),
    ] {
        let silent = thread::scope(|scope| {
            let begin = || {
                let mut stream = server.connect();
                stream.write_all(head(path, kind).as_bytes()).unwrap();
                // The server may have refused the request by now.
                let _ = stream.write_all(&body[..body.len().min(1_900_000)]);
                stream
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(move || (0..25).map(|_| begin()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(silent.len(), 200);
        server.assert_answers();
        assert!(server.temporary_files() <= 128, "{}", server.temporary_files());
        drop(silent);
        server.wait_until_uploads_are_gone();
        assert!(server.memory() < 256 * MIB, "{path}: {} MiB", server.memory() / MIB);
    }
}

#[test]
fn every_reader_of_fields_has_the_same_limit() {
    let client = Client::over_socket(app_with(urls(), "MAX_FORM_FIELDS = 3")).unwrap();
    let form = |fields: &str| client.post("/form").header("content-type", FORM).body(fields.to_owned()).send();
    form("name=x&a=1&b=2&").assert_status(200);
    form("&&name=x&&a=1&b=2&&").assert_status(200);
    form("name=x&a=1&b=2&c").assert_status(413).assert_contains("more than 3 fields");
    client.get("/query?name=x&a=1&b=2").send().assert_status(200);
    client.get("/query?name=x&a=1&b=2&c").send().assert_status(400).assert_contains("more than 3 parameters");
    let multipart = |texts: usize| {
        let form = client.post("/upload").multipart().file("f", "a", "text/plain", "x");
        (0..texts).fold(form, |form, n| form.field(&format!("t{n}"), "x")).send()
    };
    multipart(2).assert_status(200);
    multipart(3).assert_status(413).assert_contains("more than 3 parts");
}

#[test]
fn json_is_read_to_a_depth_of_127() {
    let client = Client::over_socket(app_with(urls(), "")).unwrap();
    let json = |text: String| client.post("/json").header("content-type", "application/json").body(text).send();
    json(format!("{}{}", "[".repeat(127), "]".repeat(127))).assert_status(200);
    json(format!("{}{}", "[".repeat(128), "]".repeat(128))).assert_status(400);
    json(format!("{}1{}", "{\"a\":".repeat(128), "}".repeat(128))).assert_status(400);
}

#[test]
fn the_resources_of_an_upload_are_released_when_it_ends() {
    let on = "MAX_UPLOADS = 1\nUPLOAD_MEMORY_BYTES = 100";
    let client = Client::over_socket(app_with(urls(), on)).unwrap();
    let upload = |size: usize| client.post("/upload").multipart().file("f", "a", "text/plain", vec![b'x'; size]).send();
    for _ in 0..3 {
        upload(1000).assert_status(200);
    }
    let head = format!("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-type: {MULTIPART}\r\ncontent-length: 1000000\r\n\r\n");
    let silent = || {
        let mut silent = TcpStream::connect(client.addr().unwrap()).unwrap();
        silent.write_all(head.as_bytes()).unwrap();
        silent.write_all(&files(1, 100_000)).unwrap();
        silent
    };
    // An upload that waits for more may itself be refused while another one is in progress.
    let (silent, refused) = tries(|| (silent(), upload(1000))).find(|(_, answer)| answer.status() == 503).unwrap();
    assert_eq!(refused.header("retry-after"), Some("5"));
    upload(10).assert_status(200);
    drop(silent);
    assert!(tries(|| upload(1000)).any(|answer| answer.status() == 200));
}

#[test]
fn all_uploads_share_the_space_on_disk() {
    let on = "MAX_UPLOAD_BYTES = 100000\nUPLOAD_DISK_BYTES = 100000\nUPLOAD_MEMORY_BYTES = 100";
    let client = Client::over_socket(app_with(urls(), on)).unwrap();
    let upload = |size: usize| client.post("/upload").multipart().file("f", "a", "text/plain", vec![b'x'; size]).send();
    upload(99_000).assert_status(200);
    let head = format!("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-type: {MULTIPART}\r\ncontent-length: 100000\r\n\r\n");
    let silent = || {
        let mut silent = TcpStream::connect(client.addr().unwrap()).unwrap();
        silent.write_all(head.as_bytes()).unwrap();
        silent.write_all(&files(1, 90_000)).unwrap();
        silent
    };
    // An upload may find no space while another one is in progress.
    let refused = tries(|| (silent(), upload(50_000))).find(|(_, answer)| answer.status() == 503);
    assert!(refused.is_some());
    drop(refused);
    assert!(tries(|| upload(50_000)).any(|answer| answer.status() == 200));
}

#[test]
fn request_ids_do_not_reveal_the_number_of_requests() {
    let urls = Router::new().get("/", |req: &mut Request| req.id().to_string());
    let client = Client::new(app_with(urls, ""));
    let ids: Vec<u64> = (0..200).map(|_| u64::from_str_radix(client.get("/").send().text(), 16).unwrap()).collect();
    let steps: std::collections::HashSet<u64> = ids.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    assert_eq!(steps.len(), 199, "no two consecutive distances are equal");
    let shared: std::collections::HashSet<u64> = ids.windows(2).map(|pair| pair[1] ^ pair[0]).collect();
    assert_eq!(shared.len(), 199);
}

#[test]
fn a_budget_that_one_request_exceeds_stops_the_start() {
    for (on, remedy) in [
        ("MAX_UPLOAD_BYTES = 5000000000", "Write UPLOAD_DISK_BYTES = 40000000000"),
        ("MAX_BODY_BYTES = 500000000", "Write BODY_MEMORY_BYTES = 4000000000"),
        ("BODY_MEMORY_BYTES = 10", "Write BODY_MEMORY_BYTES = "),
        ("MAX_FORM_FIELDS = 0", "Write MAX_FORM_FIELDS = 1000"),
        ("MAX_UPLOADS = 0", "Write MAX_UPLOADS = 128"),
    ] {
        let error = assemble(urls(), on, |stack| stack).err().unwrap().to_string();
        assert!(error.contains(remedy), "{error}");
    }
}
