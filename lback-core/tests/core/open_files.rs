//! The limit on open files.

use std::io::Write;
use std::process::Command;

use lback_core::testing::Client;
use lback_core::{Request, Router, server};

use crate::app;
use crate::server::{connect, read_until};

const IN_A_CHILD: &str = "LBACK_TEST_IN_A_CHILD";

/// Runs this test again in a process of its own, with limits that a shell sets. Returns whether this is that process.
fn is_child(name: &str, limits: &str) -> bool {
    if std::env::var_os(IN_A_CHILD).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let script = format!("{limits} && exec \"$0\" --exact open_files::{name} --nocapture");
    let output = Command::new("sh").arg("-c").arg(script).arg(program).env(IN_A_CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// Opens connections that have sent the first half of a request.
fn open(client: &Client, count: usize) -> Vec<std::net::TcpStream> {
    let begin = |_| {
        let mut stream = connect(client);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").unwrap();
        stream
    };
    (0..count).map(begin).collect()
}

fn client() -> Client {
    Client::over_socket(app(Router::new().get("/", |_: &mut Request| "hello"))).unwrap()
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    if is_child("the_soft_limit_is_raised_to_the_hard_one", "ulimit -Sn 64 && ulimit -Hn 1024") {
        let client = client();
        assert_eq!(server::connection_limit(), Some(768));
        let mut streams = open(&client, 200);
        client.get("/").send().assert_status(200);
        for stream in &mut streams {
            stream.write_all(b"\r\n").unwrap();
            read_until(stream, "hello");
        }
    }
}

#[test]
fn accepted_connections_leave_room_for_files() {
    // Both ends of each connection are in this process.
    if is_child("accepted_connections_leave_room_for_files", "ulimit -n 200") {
        let client = client();
        assert_eq!(server::connection_limit(), Some(150));
        let _streams = open(&client, 60);
        client.get("/").send().assert_status(200);
    }
}
