//! The protocol: frames that break its rules, and the codes with which sockets are closed.

use std::net::Shutdown;

use lback::prelude::*;
use lback::testing::Client;

use super::raw::{BINARY, CLOSE, FIN, PING, PONG, Raw, TEXT, close, frame, unmasked};
use super::{SETTINGS, echo, over_socket, wait_for_open};
use crate::logs;
use crate::server_process::eventually;

const CONTINUE: u8 = 0;

#[test]
fn frames_that_break_the_rules_close_the_socket_with_their_code() {
    let client = over_socket("WEBSOCKET_MAX_MESSAGE_BYTES = 1000");
    let long_header = |length: u64| [&[FIN | BINARY, 0x80 | 127][..], &length.to_be_bytes(), &[0; 4]].concat();
    for (what, bytes, code) in [
        ("an unmasked frame", unmasked(FIN | TEXT, b"hello"), 1002),
        ("a reserved bit", frame(FIN | 0x40 | TEXT, b"hello"), 1002),
        ("another reserved bit", frame(FIN | 0x10 | BINARY, b""), 1002),
        ("a reserved opcode", frame(FIN | 3, b""), 1002),
        ("a reserved opcode of a control frame", frame(FIN | 11, b""), 1002),
        ("a fragmented ping", frame(PING, b""), 1002),
        ("a fragmented close", frame(CLOSE, &close(1000, b"")), 1002),
        ("a ping that is too long", frame(FIN | PING, &[b'x'; 126]), 1002),
        ("a continuation of nothing", frame(FIN | CONTINUE, b"x"), 1002),
        ("a message within another", [frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat(), 1002),
        ("a close with half a code", frame(FIN | CLOSE, &[3]), 1002),
        ("a close with a code that is never sent", frame(FIN | CLOSE, &close(1005, b"")), 1002),
        ("a close with a code below 1000", frame(FIN | CLOSE, &close(999, b"")), 1002),
        ("a text that is not UTF-8", frame(FIN | TEXT, &[b'a', 0xff]), 1007),
        ("a surrogate", frame(FIN | TEXT, &[0xed, 0xa0, 0x80]), 1007),
        ("a text that ends within a character", [frame(TEXT, &[0xc3]), frame(FIN | CONTINUE, b"")].concat(), 1007),
        ("a reason that is not UTF-8", frame(FIN | CLOSE, &close(1000, &[0xff])), 1007),
        ("a frame that is too large", frame(FIN | BINARY, &[0; 1001]), 1009),
        ("the header of a frame that is too large", long_header(1001), 1009),
        ("the header of an endless frame", long_header(1 << 62), 1009),
        ("a length with the highest bit", long_header(u64::MAX), 1009),
        ("fragments that are too large together", [frame(BINARY, &[0; 600]), frame(FIN | CONTINUE, &[0; 600])].concat(), 1009),
        ("a request", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), 1002),
    ] {
        let mut raw = Raw::open(&client, "/echo");
        raw.send(&bytes);
        assert_eq!(raw.closed().0, code, "{what}");
    }
    wait_for_open(&client, 0);
}

#[test]
fn frames_that_follow_the_rules_are_understood() {
    let client = over_socket("WEBSOCKET_MAX_MESSAGE_BYTES = 70000");
    let mut raw = Raw::open(&client, "/echo");
    // A character in two fragments, with a ping between them.
    raw.send(&frame(TEXT, &[b'a', 0xc3]));
    raw.send(&frame(FIN | PING, b"still there?"));
    assert_eq!(raw.read(), Some((PONG, b"still there?".to_vec())));
    raw.send(&frame(CONTINUE, &[0xbc]));
    raw.send(&frame(FIN | CONTINUE, b""));
    raw.assert_text("aü");
    // A pong that nobody has asked for.
    raw.send(&frame(FIN | PONG, b"x"));
    for length in [0, 125, 126, 65_535, 65_536] {
        let payload = vec![7; length];
        raw.send(&frame(FIN | BINARY, &payload));
        assert_eq!(raw.read(), Some((BINARY, payload)));
    }
    // Byte by byte.
    for byte in frame(FIN | TEXT, b"slow") {
        raw.send(&[byte]);
    }
    raw.assert_text("slow");
    raw.send(&frame(FIN | CLOSE, &close(4000, b"bye")));
    assert_eq!(raw.closed(), (4000, "bye".to_owned()));
    let mut raw = Raw::open(&client, "/echo");
    raw.send(&frame(FIN | CLOSE, b""));
    assert_eq!(raw.closed().0, 1005);
}

#[test]
fn a_connection_may_end_anywhere() {
    let client = over_socket("");
    let message = frame(FIN | TEXT, b"hello");
    for end in 0..message.len() {
        let mut raw = Raw::open(&client, "/echo");
        raw.send(&message[..end]);
        match end % 2 {
            0 => drop(raw),
            _ => raw.0.shutdown(Shutdown::Write).unwrap(),
        }
    }
    wait_for_open(&client, 0);
}

#[test]
fn a_client_that_sends_on_after_its_mistake_sees_the_code() {
    let client = over_socket("WEBSOCKET_MAX_MESSAGE_BYTES = 1000");
    let mut raw = Raw::open(&client, "/echo");
    raw.send(&frame(FIN | BINARY, &vec![0; 500_000]));
    assert_eq!(raw.closed().0, 1009);
}

#[test]
fn the_log_has_the_code_with_which_the_server_has_closed_a_socket() {
    logs::start();
    let app = App::new(Router::new().ws("/logged", echo)).websockets();
    let client = Client::over_socket_with_settings(app, &format!("{SETTINGS}\nWEBSOCKET_MAX_MESSAGE_BYTES = 10"));
    // It does not confirm the end, and the view notices it at once.
    let mut raw = Raw::open(&client, "/logged");
    raw.text("eleven byte");
    assert_eq!(raw.closed().0, 1009);
    eventually("the end is logged", || !logs::lines_with("WS /logged ").is_empty());
    let lines = logs::lines_with("WS /logged 1009 ");
    assert!(lines.len() == 1 && lines[0].contains("A message is larger than 10 bytes."), "{lines:?}");
}
