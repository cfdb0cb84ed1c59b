//! The handshake: an ordinary request, with ordinary responses if it is refused.

use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use super::raw::Raw;
use super::{SETTINGS, client, echo, over_socket};
use crate::start_error;

#[track_caller]
fn refused(client: &Client, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let request = headers.iter().fold(client.get(path), |request, (name, value)| request.header(name, value));
    match request.websocket() {
        Ok(_) => panic!("{path} should refuse {headers:?}"),
        Err(response) => *response,
    }
}

#[test]
fn the_response_of_the_example_in_the_standard() {
    let client = over_socket("");
    let (mut raw, head) = Raw::ask(&client, "/echo", "");
    let head = head.to_lowercase();
    for line in ["http/1.1 101 ", "\r\nconnection: upgrade\r\n", "\r\nupgrade: websocket\r\n"] {
        assert!(head.contains(line), "{line}: {head}");
    }
    // RFC 6455, 1.3, in lower case.
    assert!(head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
    // There are no extensions, such as compression.
    assert!(!head.contains("sec-websocket-extensions") && !head.contains("sec-websocket-protocol"), "{head}");
    raw.text("hello");
    raw.assert_text("hello");
}

#[test]
fn messages_may_follow_the_handshake_immediately() {
    use std::io::Write;
    let client = over_socket("");
    let mut stream = std::net::TcpStream::connect(client.addr().unwrap()).unwrap();
    let head = "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let message = super::raw::frame(super::raw::FIN | super::raw::TEXT, b"early");
    stream.write_all(&[head.as_bytes(), &message].concat()).unwrap();
    let mut byte = [0];
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        answer.push(byte[0]);
    }
    Raw(stream).assert_text("early");
}

#[test]
fn a_page_that_is_opened_by_hand_is_answered_with_an_explanation() {
    let client = over_socket("");
    let response = client.get("/echo").send();
    response.assert_status(426).assert_contains("new WebSocket(");
    assert_eq!((response.header("upgrade"), response.header("connection")), (Some("websocket"), Some("upgrade")));
    client.head("/echo").send().assert_status(426);
    client.post("/echo").send().assert_status(405);
}

#[test]
fn what_is_no_handshake_is_refused() {
    let client = over_socket("");
    for (headers, status, says) in [
        ("sec-websocket-version: 8\r\n", "426", "sec-websocket-version: 13"),
        ("sec-websocket-version: 13\r\nsec-websocket-version: 8\r\nsec-websocket-key: short\r\n", "400", ""),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=\r\n", "400", ""),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25j!Q==\r\n", "400", ""),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "400", ""),
    ] {
        let (_, head) = Raw::ask(&client, "/echo", headers);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.to_lowercase().contains(says), "{headers}: {head}");
    }
}

#[test]
fn a_page_of_another_site_is_refused() {
    let client = client("CSRF_TRUSTED_ORIGINS = ['https://app.example.com']");
    for (name, value) in [
        ("origin", "https://evil.example.com"),
        ("origin", "http://127.0.0.1:8000"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let response = refused(&client, "/echo", &[(name, value)]);
        response.assert_status(403).assert_contains("A page of another site");
    }
    refused(&client, "/echo", &[("origin", "http://127.0.0.1"), ("origin", "http://127.0.0.1")]).assert_status(403);
    for headers in [
        &[("origin", "http://127.0.0.1")][..],
        &[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-origin")],
        // Not a browser.
        &[],
    ] {
        let request = headers.iter().fold(client.get("/echo"), |request, (name, value)| request.header(name, value));
        let mut socket = request.websocket().unwrap();
        socket.send("hello");
        assert_eq!(socket.text(), "hello");
    }
}

#[test]
fn a_subprotocol_is_chosen_in_the_order_of_the_view() {
    let client = client("");
    for (offered, chosen) in [
        (&["chat.v1, chat.v2"][..], Some("chat.v2")),
        (&["other", " chat.v1 "], Some("chat.v1")),
        (&["chat.v3,CHAT.V1"], None),
        (&[], None),
    ] {
        let request = offered.iter().fold(client.get("/options"), |request, offer| request.header("sec-websocket-protocol", offer));
        let mut socket = request.websocket().unwrap();
        assert_eq!(socket.protocol(), chosen);
        assert_eq!(socket.text(), format!("{chosen:?}"));
    }
}

#[test]
fn the_view_may_refuse() {
    let urls = Router::new()
        .ws("/room/{id:int}", |req: &mut Request| match req.param::<i64>("id")? {
            1 => echo(req),
            2 => Err(Error::forbidden("Members only")),
            3 => Ok(Response::redirect("/room/1")),
            _ => Err(Error::not_found("There is no such room.")),
        })
        .name("room")
        .get("/no-socket", echo);
    let client = Client::with_settings(App::new(urls).websockets(), SETTINGS);
    client.websocket("/room/1");
    refused(&client, "/room/2", &[]).assert_status(403).assert_contains("Members only");
    refused(&client, "/room/3", &[]).assert_redirect("/room/1");
    refused(&client, "/room/4", &[]).assert_status(404);
    refused(&client, "/elsewhere", &[]).assert_status(404);
    assert_eq!(client.app().url_for("room", &[("id", &1)]).unwrap(), "/room/1");
    // The origin is only checked in routes for sockets.
    refused(&client, "/no-socket", &[]).assert_status(500);
}

#[test]
fn an_application_without_websockets_does_not_start_with_such_a_route() {
    let error = start_error(App::new(Router::new().ws("/echo", echo)), SETTINGS);
    assert!(error.contains("Write App::new(urls).websockets()"), "{error}");
}

#[test]
fn wrong_settings_are_reported_at_the_start() {
    for setting in
        ["WEBSOCKET_PING_SECONDS = 0", "WEBSOCKET_MAX_CONNECTIONS = 0", "WEBSOCKET_MAX_MESSAGE_BYTES = 0", "WEBSOCKET_MESSAGE_BURST = 0"]
    {
        let error = start_error(super::app(), &format!("{SETTINGS}\n{setting}"));
        assert!(error.contains(setting.split(' ').next().unwrap()), "{setting}: {error}");
    }
}
