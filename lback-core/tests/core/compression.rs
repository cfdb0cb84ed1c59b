//! Compressed responses.

use std::io::Read;

use lback_core::middleware::{Compression, Errors, StaticFiles, Uncompressed};
use lback_core::testing::{Client, TestResponse};
use lback_core::{Error, Event, Request, Response, Result, Router};

use crate::assemble;

fn text() -> String {
    (0..400).map(|n| format!("line {n} of a text that repeats itself\n")).collect()
}

/// More than is compressed on the thread of the connection.
fn long() -> String {
    text().repeat(20)
}

fn tagged(req: &mut Request) -> Result<Response> {
    if req.header("if-none-match").is_some_and(|tags| tags.contains("\"7\"")) {
        return Response::new(lback_core::StatusCode::NOT_MODIFIED).with_header("etag", "\"7\"");
    }
    if req.header("if-match").is_some_and(|tag| tag != "\"7\"") {
        return Err(Error::new(lback_core::StatusCode::PRECONDITION_FAILED, "another version"));
    }
    Response::text(text()).with_header("etag", "\"7\"")
}

fn urls() -> Router {
    let typed = |req: &mut Request| {
        let kind: String = req.param("rest")?;
        Response::text(text()).with_header("content-type", kind)
    };
    Router::new()
        .get("/text", |_: &mut Request| text())
        .get("/long", |_: &mut Request| long())
        .get("/short", |_: &mut Request| "short")
        .get("/typed/{rest:path}", typed)
        .get("/tagged", tagged)
        .put("/tagged", tagged)
        .get("/stream", |_: &mut Request| {
            let parts = text().lines().map(|line| Ok::<_, std::convert::Infallible>(format!("{line}\n"))).collect::<Vec<_>>();
            Response::stream(parts).with_header("content-type", "text/plain")
        })
        .get("/events", |_: &mut Request| {
            Response::events(tokio_stream::iter((0..400).map(|_| Event::text("an event that repeats itself"))))
        })
        .get("/encoded", |_: &mut Request| Response::text(text()).with_header("content-encoding", "x-own"))
        .get("/fixed", |_: &mut Request| Response::text(text()).with_header("cache-control", "No-Transform"))
        .get("/broken", |_: &mut Request| -> Result<()> { Err(Error::not_found(text())) })
        .get("/secret", |_: &mut Request| text())
        .option(Uncompressed)
}

fn client_with(settings: &str) -> Client {
    Client::new(assemble(urls(), settings, |stack| stack.push(Compression).push(Errors).push(StaticFiles::new())).unwrap())
}

fn client() -> Client {
    client_with("ALLOWED_HOSTS = ['*']")
}

fn get(client: &Client, path: &str, accepted: &str) -> TestResponse {
    client.get(path).header("accept-encoding", accepted).send()
}

fn decoded(response: &TestResponse) -> String {
    let bytes: &[u8] = response.bytes();
    let mut text = String::new();
    match response.header("content-encoding") {
        Some("gzip") => drop(flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap()),
        Some("br") => drop(brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text).unwrap()),
        Some("zstd") => drop(zstd::Decoder::new(bytes).unwrap().read_to_string(&mut text).unwrap()),
        encoding => panic!("{encoding:?}"),
    }
    text
}

#[test]
fn texts_are_compressed_as_the_client_accepts() {
    let client = client();
    for (path, original) in [("/text", text()), ("/long", long()), ("/stream", text())] {
        for (accepted, encoding) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("zstd", "zstd"),
            ("gzip, deflate, br, zstd", "br"),
            ("gzip;q=1, br;q=0.5", "gzip"),
            ("br;q=0, *", "zstd"),
        ] {
            let response = get(&client, path, accepted);
            assert_eq!(response.assert_status(200).header("content-encoding"), Some(encoding), "{path} {accepted}");
            assert_eq!(decoded(&response), original, "{path} {accepted}");
            assert_eq!(response.header("vary"), Some("Accept-Encoding"));
            if path != "/stream" {
                assert!(response.bytes().len() < original.len() / 3, "{path} {accepted}: {}", response.bytes().len());
            }
        }
        for accepted in ["identity", "deflate", "gzip;q=0", ""] {
            let response = get(&client, path, accepted);
            assert_eq!((response.header("content-encoding"), response.text()), (None, original.as_str()), "{path} {accepted}");
            assert_eq!(response.header("vary"), Some("Accept-Encoding"), "a cache must not serve it to others");
        }
    }
}

#[test]
fn everything_else_is_left_alone() {
    let client = client();
    for path in ["/short", "/events", "/encoded", "/fixed", "/secret", "/typed/image/png", "/typed/video/mp4", "/typed/application/zip"] {
        let response = get(&client, path, "gzip, br");
        assert!(response.assert_status(200).header("content-encoding").is_none_or(|encoding| encoding == "x-own"), "{path}");
        assert_eq!(response.header("vary"), None, "{path}");
    }
    for path in ["/typed/application/json", "/typed/application/problem+json", "/typed/image/svg+xml", "/typed/text/css"] {
        assert_eq!(get(&client, path, "gzip").header("content-encoding"), Some("gzip"), "{path}");
    }
    let debug = client_with("DEBUG = true");
    assert_eq!(get(&debug, "/text", "gzip").header("content-encoding"), None);
}

#[test]
fn errors_are_compressed_too() {
    let response = get(&client(), "/broken", "gzip");
    assert_eq!(response.assert_status(404).header("content-encoding"), Some("gzip"));
    assert!(decoded(&response).contains("line 399"));
}

#[test]
fn a_head_says_the_same_without_a_length() {
    let client = client();
    let head = client.head("/tagged").header("accept-encoding", "br").send();
    let whole = get(&client, "/tagged", "br");
    for name in ["content-encoding", "etag", "vary", "content-type"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    assert_eq!((head.header("content-length"), head.bytes().len()), (None, 0));
}

#[test]
fn tags_differ_by_encoding_and_views_know_their_own() {
    let client = client();
    for (accepted, tag) in [("br", "\"7+br\""), ("gzip", "\"7+gzip\""), ("zstd", "\"7+zstd\""), ("identity", "\"7\"")] {
        assert_eq!(get(&client, "/tagged", accepted).header("etag"), Some(tag));
        let again = client.get("/tagged").header("accept-encoding", accepted).header("if-none-match", tag).send();
        assert_eq!(again.assert_status(304).header("etag"), Some(tag));
        client.put("/tagged").header("accept-encoding", accepted).header("if-match", tag).send().assert_status(200);
    }
    client.put("/tagged").header("if-match", "\"6+br\"").send().assert_status(412);
    // A client may have several forms. The tag of the response names the current one.
    let several = client.get("/tagged").header("accept-encoding", "gzip, br").header("if-none-match", "\"6+gzip\", \"7+br\"").send();
    assert_eq!((several.assert_status(304).header("etag"), several.header("vary")), (Some("\"7+br\""), Some("Accept-Encoding")));
}

#[test]
fn files_keep_their_ranges_and_compressed_files_next_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.txt");
    std::fs::write(&file, text()).unwrap();
    let client = client_with(&format!("STATIC_DIR = '{}'", folder.path().display()));
    let ask = |range: &str, condition: &str| {
        client.get("/static/page.txt").header("accept-encoding", "gzip").header("range", range).header("if-range", condition).send()
    };
    let whole = get(&client, "/static/page.txt", "gzip");
    assert_eq!((decoded(&whole), whole.header("accept-ranges")), (text(), None));
    let part = client.get("/static/page.txt").header("accept-encoding", "gzip").header("range", "bytes=0-3").send();
    assert_eq!((part.assert_status(206).text(), part.header("content-encoding")), ("line", None));
    // A part of the original does not fit to the compressed form.
    assert_eq!(ask("bytes=0-3", whole.header("etag").unwrap()).assert_status(200).header("content-encoding"), Some("gzip"));

    let written = lback_core::middleware::compress_file(&file).unwrap();
    assert_eq!(written.len(), 3);
    let best = get(&client, "/static/page.txt", "gzip");
    assert_eq!((decoded(&best), best.headers_all("vary")), (text(), vec!["Accept-Encoding"]));
    assert_eq!(best.bytes(), &std::fs::read(folder.path().join("page.txt.gz")).unwrap());
    assert!(best.header("etag").unwrap().contains("-gzip"));
    // Once it is small, the compressed files are out of date.
    std::fs::write(&file, "short").unwrap();
    assert!(lback_core::middleware::compress_file(&file).unwrap().is_empty() && !folder.path().join("page.txt.br").exists());
}
