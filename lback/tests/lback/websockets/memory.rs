//! The memory of open sockets, measured by hand:
//!
//! ```text
//! cargo test -p lback --features websockets --test lback -- websockets::memory --ignored --nocapture
//! ```

use std::io::{Read, Write};
use std::net::TcpStream;

use super::raw::Raw;
use super::{open, over_socket};

const COUNT: usize = 1000;

/// Resident memory of this process, in KiB.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4.0
}

#[test]
#[ignore = "a measurement"]
fn of_idle_sockets() {
    let client = over_socket("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS = 10000");
    let connect = || {
        let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
        stream.write_all(b"GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        stream
    };
    let warm: Vec<Raw> = (0..50).map(|_| Raw::open(&client, "/echo")).collect();
    let before = resident();
    let connections: Vec<TcpStream> = (0..COUNT).map(|_| connect()).collect();
    println!("an idle connection: {:.1} KiB", (resident() - before) / COUNT as f64);
    let before = resident();
    let mut sockets: Vec<Raw> = (0..COUNT).map(|_| Raw::open(&client, "/echo")).collect();
    println!("an idle socket that was never used: {:.1} KiB", (resident() - before) / COUNT as f64);
    for socket in &mut sockets {
        socket.text("hello");
        socket.assert_text("hello");
    }
    println!("an idle socket: {:.1} KiB", (resident() - before) / COUNT as f64);
    assert_eq!(open(&client), COUNT + warm.len());
    drop(connections);
}
