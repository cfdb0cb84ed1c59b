//! A network that fails at the worst moment.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Stands between an application and a server, and hands everything on until it is told not to.
pub struct Proxy {
    port: u16,
    trap: Trap,
}

/// What the application says when the network fails next.
type Trap = Arc<Mutex<Option<&'static [u8]>>>;

impl Proxy {
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let trap = Trap::default();
        let caught = trap.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let cut = Arc::new(Mutex::new(false));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (trap, cut_here) = (caught.clone(), cut.clone());
                thread::spawn(move || questions(from, to, &trap, &cut_here));
                thread::spawn(move || answers(server, client, &cut));
            }
        });
        Proxy { port, trap }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What holds `text` reaches the server; its answer reaches nobody, and the connection is gone.
    pub fn lose_the_next_answer_to(&self, text: &'static [u8]) {
        *self.trap.lock().unwrap() = Some(text);
    }
}

fn questions(mut from: TcpStream, mut to: TcpStream, trap: &Trap, cut: &Mutex<bool>) {
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut trap = trap.lock().unwrap();
        if trap.is_some_and(|text| buffer[..count].windows(text.len()).any(|window| window == text)) {
            *trap = None;
            *cut.lock().unwrap() = true;
        }
        drop(trap);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn answers(mut from: TcpStream, mut to: TcpStream, cut: &Mutex<bool>) {
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if *cut.lock().unwrap() || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}
