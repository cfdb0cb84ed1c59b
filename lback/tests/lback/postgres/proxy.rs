//! A network that counts, and fails at the worst moment.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::mem;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use lback_test_servers::Postgres;

/// Stands between an application and a server, hands everything on until it is told not to, and notes what is asked.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What the application says when the network fails next.
    trap: Mutex<Option<&'static [u8]>>,
    round_trips: Mutex<Vec<String>>,
}

/// One connection.
#[derive(Default)]
struct Line {
    cut: bool,
    /// What the application has said since the last answer.
    question: Vec<u8>,
    /// The texts of prepared statements, by their names.
    prepared: HashMap<Vec<u8>, String>,
}

impl Proxy {
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let handed = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // The server may have been stopped, as the test wants it.
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let line = Arc::<Mutex<Line>>::default();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (shared, line_here) = (handed.clone(), line.clone());
                thread::spawn(move || questions(from, to, &shared, &line_here));
                let shared = handed.clone();
                thread::spawn(move || answers(server, client, &shared, &line));
            }
        });
        Proxy { port, shared }
    }

    /// The address of a server's database by way of this, without encryption, so that it can be read here.
    pub fn url(&self, server: &Postgres, database: &str) -> String {
        let url = server.url(database).replace(&server.port().to_string(), &self.port.to_string());
        format!("{url}?sslmode=disable&gssencmode=disable")
    }

    /// What holds `text` reaches the server; its answer reaches nobody, and the connection is gone.
    pub fn lose_the_next_answer_to(&self, text: &'static [u8]) {
        *self.shared.trap.lock().unwrap() = Some(text);
    }

    /// What was asked and answered since the last call: one text per round trip. The pool's own tests of connections that were idle
    /// depend on the time, and are left out.
    pub fn round_trips(&self) -> Vec<String> {
        let trips = mem::take(&mut *self.shared.round_trips.lock().unwrap());
        trips.into_iter().filter(|trip| trip != "SELECT 1").collect()
    }
}

fn questions(mut from: TcpStream, mut to: TcpStream, shared: &Shared, line: &Mutex<Line>) {
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let said = &buffer[..count];
        let mut trap = shared.trap.lock().unwrap();
        let trapped = trap.is_some_and(|text| said.windows(text.len()).any(|window| window == text));
        if trapped {
            *trap = None;
        }
        drop(trap);
        {
            let mut line = line.lock().unwrap();
            line.cut |= trapped;
            line.question.extend_from_slice(said);
        }
        if to.write_all(said).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn answers(mut from: TcpStream, mut to: TcpStream, shared: &Shared, line: &Mutex<Line>) {
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        {
            let mut line = line.lock().unwrap();
            let question = mem::take(&mut line.question);
            // Noted before the answer arrives, so that it is there when the request is over.
            if !question.is_empty() {
                let text = text(&question, &mut line.prepared);
                shared.round_trips.lock().unwrap().push(text);
            }
            if line.cut {
                break;
            }
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

/// The SQL in messages of the protocol: a letter, a length, and strings that end with a zero.
fn text(mut messages: &[u8], prepared: &mut HashMap<Vec<u8>, String>) -> String {
    let mut texts = Vec::new();
    while let [kind, a, b, c, d, rest @ ..] = messages {
        let length = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_sub(4).min(rest.len());
        let (body, following) = rest.split_at(length);
        let mut strings = body.split(|byte| *byte == 0);
        let mut string = || strings.next().unwrap_or_default();
        match kind {
            b'Q' => texts.push(String::from_utf8_lossy(string()).into_owned()),
            b'P' => {
                let name = string().to_vec();
                let sql = String::from_utf8_lossy(string()).into_owned();
                if !name.is_empty() {
                    texts.push(format!("PREPARE {sql}"));
                }
                prepared.insert(name, sql);
            }
            b'B' => {
                string();
                texts.extend(prepared.get(string()).cloned());
            }
            _ => {}
        }
        messages = following;
    }
    texts.join("; ")
}
