use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use hyper::body::Body as _;
use proptest::prelude::*;

use super::*;
use crate::{Application, Assembly, Bytes, RequestBody, Router, Settings};

/// An application that answers with the file named by the query, from a plain view and from an async one.
struct Site {
    app: Arc<Application>,
    root: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Result<Bytes, String>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn bytes(&self) -> &[u8] {
        self.body.as_ref().unwrap()
    }
}

fn path_of(req: &Request) -> PathBuf {
    req.app().root().join(req.uri().query().unwrap_or_default())
}

async fn later(req: &mut Request) -> Result<Response> {
    Response::file(req, path_of(req))
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings::from_toml(root.path(), "DEBUG = true").unwrap();
        let router = Router::new()
            .get("/", |req: &mut Request| Response::file(req, path_of(req)))
            .post("/", |req: &mut Request| Response::file(req, path_of(req)))
            .get("/later", later)
            .get("/download", |req: &mut Request| Response::download(req, path_of(req), "Über \"7\".txt"));
        let app = Assembly::new(router, settings).build().unwrap();
        Site { app, root }
    }

    /// Writes a file that was last modified long ago.
    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, content).unwrap();
        set_modified(&path, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
        path
    }

    async fn start(&self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        self.app.clone().handle(parts, RequestBody::default(), None).await
    }

    async fn send(&self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let response = self.start(method, uri, headers).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_hyper().into_body().collect().await;
        Answer { status, headers, body: body.map(|body| body.to_bytes()).map_err(|error| error.to_string()) }
    }

    async fn get(&self, uri: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, uri, headers).await
    }
}

fn set_modified(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

const MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
const AFTER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";

#[tokio::test]
async fn both_kinds_of_view_send_files_of_every_size() {
    let site = Site::new();
    for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let content = pattern(length);
        site.write("a.bin", &content);
        for uri in ["/?a.bin", "/later?a.bin"] {
            let answer = site.get(uri, &[]).await;
            assert_eq!((answer.status, answer.header("content-length")), (200, Some(length.to_string().as_str())));
            assert!(answer.bytes() == content, "{length}");
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert_eq!(answer.header("last-modified"), Some(MODIFIED));
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        }
        let response = site.start(Method::GET, "/?a.bin", &[]).await;
        assert_eq!(response.body().size_hint().exact(), Some(length as u64));
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let site = Site::new();
    for length in [0, 5, 200_000] {
        site.write("a.txt", &pattern(length));
        let (get, head) = (site.get("/?a.txt", &[]).await, site.send(Method::HEAD, "/?a.txt", &[]).await);
        assert_eq!((head.status, &head.headers), (200, &get.headers));
        assert!(head.bytes().is_empty());
        let ranged = site.send(Method::HEAD, "/?a.txt", &[("range", "bytes=0-1")]).await;
        assert_eq!((ranged.status, &ranged.headers), (200, &get.headers));
    }
}

#[tokio::test]
async fn the_type_depends_on_the_extension() {
    let site = Site::new();
    for (name, expected) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.TXT", "text/plain; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a", "application/octet-stream"),
    ] {
        site.write(name, b"x");
        assert_eq!(site.get(&format!("/?{name}"), &[]).await.header("content-type"), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn only_regular_files_are_found() {
    let site = Site::new();
    site.write("a.txt", b"x");
    std::fs::create_dir(site.root.path().join("dir")).unwrap();
    let long = "x".repeat(3000);
    for name in ["missing", "dir", "dir/", "a.txt/b", "", &long] {
        let answer = site.get(&format!("/?{name}"), &[]).await;
        assert_eq!(answer.status, 404, "{name}");
    }
    for path in ["/dev/null", "nul\0byte"] {
        let error = FileRequest { method: Method::GET, headers: HeaderMap::new() }.open(Path::new(path)).unwrap_err();
        assert!(error.is_not_found());
        assert!(!error.message().contains("dev"), "the client does not learn the path");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_not_opened() {
    let site = Site::new();
    let made = std::process::Command::new("mkfifo").arg(site.root.path().join("pipe")).status().unwrap();
    assert!(made.success());
    assert_eq!(site.get("/?pipe", &[]).await.status, 404);
}

#[tokio::test]
async fn if_none_match_compares_the_tag() {
    let site = Site::new();
    site.write("a.txt", b"hello");
    let etag = site.get("/?a.txt", &[]).await.header("etag").unwrap().to_owned();
    assert!(etag.starts_with("\"5-") && etag.ends_with('"'), "{etag}");
    for value in [etag.clone(), format!("W/{etag}"), "*".to_owned(), format!("\"x,y\", W/\"z\" ,{etag}"), format!("bad, {etag}")] {
        for method in [Method::GET, Method::HEAD] {
            let answer = site.send(method, "/?a.txt", &[("if-none-match", &value)]).await;
            assert_eq!(answer.status, 304, "{value}");
            assert!(answer.bytes().is_empty());
            assert_eq!((answer.header("etag"), answer.header("last-modified")), (Some(etag.as_str()), Some(MODIFIED)));
            assert_eq!((answer.header("content-type"), answer.header("content-range")), (None, None));
        }
    }
    let inside = format!("\"x, {}\"", etag.trim_matches('"'));
    for value in ["\"other\"", "", etag.trim_matches('"'), "\"open", "W/", "W", ",,,", "\"5-", &inside] {
        assert_eq!(site.get("/?a.txt", &[("if-none-match", value)]).await.status, 200, "{value}");
    }
    let two = [("if-none-match", "\"other\""), ("if-none-match", etag.as_str())];
    assert_eq!(site.get("/?a.txt", &two).await.status, 304);
}

#[tokio::test]
async fn the_tag_changes_with_length_and_time() {
    let site = Site::new();
    let path = site.write("a.txt", b"hello");
    let first = site.get("/?a.txt", &[]).await;
    site.write("a.txt", b"hello!");
    let second = site.get("/?a.txt", &[]).await;
    site.write("a.txt", b"hello");
    set_modified(&path, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_501));
    let third = site.get("/?a.txt", &[]).await;
    assert_ne!(first.header("etag"), second.header("etag"));
    assert_ne!(first.header("etag"), third.header("etag"));
    assert_eq!(first.header("last-modified"), third.header("last-modified"));
}

#[tokio::test]
async fn if_modified_since_applies_without_if_none_match() {
    let site = Site::new();
    site.write("a.txt", b"hello");
    for (since, status) in [(MODIFIED, 304), (AFTER, 304), (BEFORE, 200), ("yesterday", 200), ("", 200)] {
        assert_eq!(site.get("/?a.txt", &[("if-modified-since", since)]).await.status, status, "{since}");
        let both = [("if-modified-since", since), ("if-none-match", "\"other\"")];
        assert_eq!(site.get("/?a.txt", &both).await.status, 200);
    }
}

#[tokio::test]
async fn preconditions_that_fail_are_a_412() {
    let site = Site::new();
    site.write("a.txt", b"hello");
    let etag = site.get("/?a.txt", &[]).await.header("etag").unwrap().to_owned();
    let weak = format!("W/{etag}");
    for (name, value, status) in [
        ("if-match", "*", 200),
        ("if-match", etag.as_str(), 200),
        ("if-match", &weak, 412),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", MODIFIED, 200),
        ("if-unmodified-since", BEFORE, 412),
        ("if-unmodified-since", "nonsense", 200),
    ] {
        assert_eq!(site.get("/?a.txt", &[(name, value)]).await.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_post_gets_the_whole_file() {
    let site = Site::new();
    site.write("a.txt", b"hello");
    let headers = [("if-none-match", "*"), ("range", "bytes=0-0"), ("if-match", "\"other\"")];
    let answer = site.send(Method::POST, "/?a.txt", &headers).await;
    assert_eq!((answer.status, answer.bytes()), (200, &b"hello"[..]));
}

#[tokio::test]
async fn times_that_a_header_cannot_express_are_left_out() {
    let site = Site::new();
    let path = site.write("a.txt", b"hello");
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    for time in [SystemTime::UNIX_EPOCH - Duration::from_millis(1500), tomorrow] {
        set_modified(&path, time);
        let answer = site.get("/?a.txt", &[("if-modified-since", BEFORE)]).await;
        assert_eq!((answer.status, answer.header("last-modified")), (200, None));
        assert!(answer.header("etag").is_some());
    }
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000);
    assert_eq!(Validators::of(1, Some(late), None).last_modified(), None);
}

#[tokio::test]
async fn the_content_decides_if_the_time_is_not_conclusive() {
    let site = Site::new();
    let path = site.root.path().join("a.txt");
    let at = |seconds: i64| match u64::try_from(seconds) {
        Ok(seconds) => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        Err(_) => SystemTime::UNIX_EPOCH - Duration::from_secs(seconds.unsigned_abs()),
    };
    let tomorrow = 86_400 + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    // Nix, containers, zip archives, npm, a build that uses the time of its commit, and implausible times.
    for time in [0, 1, 315_532_800, 499_162_500, 1_700_000_000, -5, tomorrow] {
        let write = |content: &str| {
            std::fs::write(&path, content).unwrap();
            set_modified(&path, at(time));
        };
        write("first");
        let first = site.get("/?a.txt", &[]).await;
        let etag = first.header("etag").unwrap().to_owned();
        assert_eq!(site.get("/?a.txt", &[("if-none-match", &etag)]).await.status, 304, "{time}");
        assert_eq!(site.get("/?a.txt", &[("if-match", &etag)]).await.status, 200, "{time}");
        write("other");
        let other = site.get("/?a.txt", &[("if-none-match", &etag)]).await;
        assert_eq!((other.status, other.bytes()), (200, &b"other"[..]), "{time}");
        assert_ne!(other.header("etag"), Some(etag.as_str()), "{time}");
        assert_eq!(site.get("/?a.txt", &[("if-match", &etag)]).await.status, 412, "{time}");
        let ranged = site.get("/?a.txt", &[("range", "bytes=0-1"), ("if-range", &etag)]).await;
        assert_eq!((ranged.status, ranged.bytes()), (200, &b"other"[..]), "{time}");
        // A date that all files share must not make clients keep an old file.
        if time != 1_700_000_000 {
            assert_eq!(first.header("last-modified"), None, "{time}");
            let since = httpdate::fmt_http_date(at(time.max(0)));
            assert_eq!(site.get("/?a.txt", &[("if-modified-since", &since)]).await.status, 200, "{time}");
        }
        write("first");
        assert_eq!(site.get("/?a.txt", &[("if-none-match", &etag)]).await.status, 304, "{time}: the content is back");
    }
}

#[tokio::test]
async fn two_states_within_one_tick_of_the_clock_are_distinguished() {
    let site = Site::new();
    let path = site.root.path().join("a.txt");
    let now = SystemTime::now();
    let write = |content: &str| {
        std::fs::write(&path, content).unwrap();
        set_modified(&path, now);
    };
    write("first");
    let first = site.get("/?a.txt", &[]).await;
    let (etag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    write("other");
    for condition in [("if-none-match", etag), ("if-modified-since", date)] {
        assert_eq!(site.get("/?a.txt", &[condition]).await.bytes(), b"other", "{condition:?}");
    }
    for condition in [etag, date] {
        assert_eq!(site.get("/?a.txt", &[("range", "bytes=0-1"), ("if-range", condition)]).await.bytes(), b"other");
    }
}

#[tokio::test]
async fn a_large_file_is_not_read_for_its_tag() {
    let site = Site::new();
    let path = site.root.path().join("a.bin");
    let write = |name: &str| {
        let path = site.root.path().join(name);
        File::create(&path).unwrap().set_len(100 * 1024 * 1024).unwrap();
        set_modified(&path, SystemTime::UNIX_EPOCH);
        path
    };
    write("a.bin");
    let etag = site.send(Method::HEAD, "/?a.bin", &[]).await.header("etag").unwrap().to_owned();
    assert_eq!(site.get("/?a.bin", &[("if-none-match", &etag)]).await.status, 304);
    std::fs::rename(write("new.bin"), path).unwrap();
    assert_eq!(site.send(Method::HEAD, "/?a.bin", &[("if-none-match", &etag)]).await.status, 200);
}

#[test]
fn a_tag_with_a_fingerprint_stays_valid_once_the_time_is_conclusive() {
    let made = |time_tells, known: &[&str]| {
        let mut validators = Validators::of(5, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)), Some("gzip"));
        let headers = HeaderMap::from_iter(known.iter().map(|tag| (header::IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap())));
        validators.distinguish(time_tells, &headers, || Ok("f00".to_owned())).unwrap();
        validators.etag
    };
    let (long, short) = (made(false, &[]), made(true, &[]));
    assert!(long.ends_with("-gzip.f00\"") && short.ends_with("-gzip\""), "{long} {short}");
    assert_eq!(made(true, &[&long]), long);
    assert_eq!(made(true, &[&format!("\"x\", W/{long}")]), long);
    assert_eq!(made(true, &[&short]), short);
    assert_eq!(made(true, &["\"5-\"", "*", ""]), short);
}

#[tokio::test]
async fn ranges_are_sent() {
    let site = Site::new();
    for length in [10_usize, 200_000] {
        let content = pattern(length);
        site.write("a.bin", &content);
        let last = length - 1;
        for (range, start, end) in [
            ("bytes=0-0".to_owned(), 0, 0),
            ("bytes=2-5".to_owned(), 2, 5),
            ("BYTES = 2-5 ".to_owned(), 2, 5),
            ("bytes=3-".to_owned(), 3, last),
            ("bytes=-4".to_owned(), length - 4, last),
            ("bytes=-999999".to_owned(), 0, last),
            ("bytes=1-99999999999999999999999".to_owned(), 1, last),
            (format!("bytes={last}-{last}"), last, last),
        ] {
            let answer = site.get("/?a.bin", &[("range", &range)]).await;
            assert_eq!(answer.status, 206, "{range}");
            assert!(answer.bytes() == &content[start..=end], "{range}");
            assert_eq!(answer.header("content-range"), Some(format!("bytes {start}-{end}/{length}").as_str()));
            assert_eq!(answer.header("content-length"), Some((end - start + 1).to_string().as_str()));
            assert!(answer.header("etag").is_some() && answer.header("content-type").is_some());
        }
    }
}

#[tokio::test]
async fn a_range_beyond_the_end_is_a_416() {
    let site = Site::new();
    site.write("a.bin", &pattern(10));
    site.write("empty", b"");
    for range in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"] {
        let answer = site.get("/?a.bin", &[("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")), "{range}");
        assert_ne!(answer.bytes(), pattern(10));
    }
    for range in ["bytes=0-", "bytes=-5"] {
        let answer = site.get("/?empty", &[("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */0")), "{range}");
    }
}

#[tokio::test]
async fn malformed_and_multiple_ranges_are_ignored() {
    let site = Site::new();
    site.write("a.bin", &pattern(10));
    for range in ["bytes=5-2", "bytes=0-1,3-4", "bytes=0-1,", "bytes=-", "bytes=a-b", "bytes=+1-2", "lines=0-1", "bytes", "bytes=1 - 2", ""]
    {
        let answer = site.get("/?a.bin", &[("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range"), answer.bytes().len()), (200, None, 10), "{range}");
    }
    let two = [("range", "bytes=0-1"), ("range", "bytes=3-4")];
    assert_eq!(site.get("/?a.bin", &two).await.status, 200);
}

#[tokio::test]
async fn if_range_requires_the_same_state() {
    let site = Site::new();
    let path = site.write("a.bin", &pattern(10));
    let etag = site.get("/?a.bin", &[]).await.header("etag").unwrap().to_owned();
    let weak = format!("W/{etag}");
    for (condition, status) in
        [(etag.as_str(), 206), (MODIFIED, 206), (&weak, 200), ("\"other\"", 200), (BEFORE, 200), (AFTER, 200), ("nonsense", 200), ("", 200)]
    {
        let answer = site.get("/?a.bin", &[("range", "bytes=0-1"), ("if-range", condition)]).await;
        assert_eq!(answer.status, status, "{condition}");
    }
    // Until its second is over, a date does not distinguish two states.
    set_modified(&path, SystemTime::now() + Duration::from_secs(5));
    let fresh = httpdate::fmt_http_date(std::fs::metadata(&path).unwrap().modified().unwrap());
    assert_eq!(site.get("/?a.bin", &[("range", "bytes=0-1"), ("if-range", &fresh)]).await.status, 200);
    // A client that has the whole file gets a 304, whatever range it requests.
    set_modified(&path, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
    assert_eq!(site.get("/?a.bin", &[("range", "bytes=0-1"), ("if-none-match", &etag)]).await.status, 304);
}

#[tokio::test]
async fn a_file_that_shrinks_fails_the_response() {
    let site = Site::new();
    let path = site.write("a.bin", &pattern(500_000));
    let mut body = site.start(Method::GET, "/?a.bin", &[]).await.into_hyper().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 65_536);
    File::options().write(true).open(&path).unwrap().set_len(100_000).unwrap();
    let error = body.collect().await.unwrap_err();
    assert!(error.to_string().contains("shorter"), "{error}");
}

#[tokio::test]
async fn a_file_that_grows_is_sent_as_it_was() {
    let site = Site::new();
    let path = site.write("a.bin", &pattern(100_000));
    let body = site.start(Method::GET, "/?a.bin", &[]).await.into_hyper().into_body();
    std::fs::write(&path, pattern(300_000)).unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 100_000);
}

#[tokio::test]
async fn a_failed_body_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "short").unwrap();
    let mut body = FileBody::new(File::open(dir.path().join("a")).unwrap(), 10);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "short");
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_download_has_a_name() {
    let site = Site::new();
    site.write("a.bin", &pattern(10));
    let expected = "attachment; filename=\"_ber _7_.txt\"; filename*=UTF-8''%C3%9Cber%20%227%22.txt";
    let answer = site.get("/download?a.bin", &[]).await;
    assert_eq!((answer.status, answer.header("content-disposition")), (200, Some(expected)));
    let part = site.get("/download?a.bin", &[("range", "bytes=0-1")]).await;
    assert_eq!((part.status, part.header("content-disposition")), (206, Some(expected)));
    assert_eq!(site.get("/download?a.bin", &[("range", "bytes=90-")]).await.header("content-disposition"), None);
}

#[test]
fn names_of_attachments_are_quoted_safely() {
    for (name, expected) in [
        ("a b.txt", "attachment; filename=\"a b.txt\""),
        ("../a\\b", "attachment; filename=\".._a_b\""),
        ("a\r\nSet-Cookie: x", "attachment; filename=\"aSet-Cookie: x\""),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("", "attachment; filename=\"\""),
    ] {
        assert_eq!(attachment(name).unwrap(), expected);
    }
}

proptest! {
    #[test]
    fn a_range_lies_within_the_file(value in any::<String>(), size in any::<u64>()) {
        for value in [value.clone(), format!("bytes={value}")] {
            if let RequestedRange::Part { start, length } = range::parse(&value, size) {
                prop_assert!(length > 0 && start.checked_add(length).is_some_and(|end| end <= size));
            }
        }
    }

    #[test]
    fn a_range_is_parsed_exactly(first in 0_u64..40, last in 0_u64..40, size in 0_u64..30) {
        let part = |start: u64, end: u64| if start < end { RequestedRange::Part { start, length: end - start } } else { RequestedRange::Unsatisfiable };
        let both = range::parse(&format!("bytes={first}-{last}"), size);
        prop_assert_eq!(both, if first > last { RequestedRange::Whole } else { part(first, size.min(last + 1)) });
        prop_assert_eq!(range::parse(&format!("bytes={first}-"), size), part(first, size));
        prop_assert_eq!(range::parse(&format!("bytes=-{last}"), size), part(size.saturating_sub(last), size));
    }

    #[test]
    fn ranges_of_digits_and_signs_never_panic(value in "bytes ?= ?[0-9,-]{0,25}", size in any::<u64>()) {
        let _ = range::parse(&value, size);
    }

    #[test]
    fn conditions_never_panic(value in "(W/|\"|,| |[a-z*é])*") {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let validators = Validators::of(1, Some(SystemTime::UNIX_EPOCH), None);
            for name in HEADERS {
                let headers = HeaderMap::from_iter([(name, value.clone())]);
                let _ = (validators.evaluate(&headers), validators.range_applies(&headers));
            }
        }
    }

    #[test]
    fn any_name_makes_a_header(name in any::<String>()) {
        prop_assert!(attachment(&name).unwrap().to_str().is_ok());
    }
}
