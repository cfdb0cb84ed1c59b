//! The connections, and the event loop that keeps them busy.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Result;
use crate::answer::Answer;

/// After this number of broken connections, the run is aborted.
const MAX_BROKEN: usize = 1000;

/// The requests of a run, and the handling of their responses. Each request has a number of the implementation's choice.
pub trait Work {
    /// Returns the number and the bytes of the next request, or `None` if there are no more.
    fn next(&mut self, now: Instant) -> Option<(usize, &[u8])>;

    /// Handles a complete response, which took the given time.
    fn answered(&mut self, request: usize, answer: &Answer, took: Duration, now: Instant);

    /// Handles a missing or invalid response.
    fn failed(&mut self, request: usize, why: &str);
}

/// Connections to one server.
pub struct Pool {
    poll: Poll,
    address: SocketAddr,
    connections: Vec<Connection>,
    broken: usize,
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    filled: usize,
    /// The request without a response, and the time when it was sent.
    awaited: Option<(usize, Instant)>,
}

impl Pool {
    pub fn connect(port: u16, connections: usize) -> Result<Self> {
        let mut pool = Pool { poll: Poll::new()?, address: ([127, 0, 0, 1], port).into(), connections: Vec::new(), broken: 0 };
        for at in 0..connections {
            let stream = pool.open(at)?;
            pool.connections.push(Connection { stream, received: vec![0; 2048], filled: 0, awaited: None });
        }
        Ok(pool)
    }

    fn open(&self, at: usize) -> Result<TcpStream> {
        let stream = std::net::TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(at), Interest::READABLE)?;
        Ok(stream)
    }

    /// Sends requests until there are none left and all responses have arrived, or `deadline` has passed.
    pub fn run(&mut self, work: &mut impl Work, deadline: Instant) -> Result {
        let mut events = Events::with_capacity(self.connections.len());
        for at in 0..self.connections.len() {
            self.send(at, work, Instant::now())?;
        }
        while self.connections.iter().any(|connection| connection.awaited.is_some()) {
            if Instant::now() > deadline {
                return Err("the server did not answer in time".into());
            }
            if let Err(error) = self.poll.poll(&mut events, Some(Duration::from_secs(1)))
                && error.kind() != ErrorKind::Interrupted
            {
                return Err(error.into());
            }
            for event in &events {
                self.receive(event.token().0, work)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, at: usize, work: &mut impl Work, now: Instant) -> Result {
        let connection = &mut self.connections[at];
        let Some((request, bytes)) = work.next(now) else {
            connection.awaited = None;
            return Ok(());
        };
        connection.awaited = Some((request, now));
        // A request always fits into the buffer of an idle socket.
        match connection.stream.write(bytes) {
            Ok(written) if written == bytes.len() => Ok(()),
            _ => self.replace(at, work, "a request could not be sent"),
        }
    }

    fn receive(&mut self, at: usize, work: &mut impl Work) -> Result {
        loop {
            let connection = &mut self.connections[at];
            if connection.filled == connection.received.len() {
                connection.received.resize(2 * connection.filled, 0);
            }
            match connection.stream.read(&mut connection.received[connection.filled..]) {
                Ok(0) => return self.replace(at, work, "the server closed a connection"),
                Ok(count) => connection.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.replace(at, work, &error.to_string()),
            }
            match Answer::parse(&connection.received[..connection.filled]) {
                Ok(None) => {}
                Ok(Some(answer)) if answer.length == connection.filled => {
                    let Some((request, sent)) = connection.awaited.take() else {
                        return self.replace(at, work, "a response without a request");
                    };
                    let now = Instant::now();
                    work.answered(request, &answer, now - sent, now);
                    connection.filled = 0;
                    // The socket is empty now, so the next response causes a new event.
                    return self.send(at, work, now);
                }
                Ok(Some(_)) => return self.replace(at, work, "more than one response to a request"),
                Err(why) => return self.replace(at, work, why),
            }
        }
    }

    /// Replaces a broken connection with a new one, and continues.
    fn replace(&mut self, at: usize, work: &mut impl Work, why: &str) -> Result {
        self.broken += 1;
        if self.broken > MAX_BROKEN {
            return Err(format!("{MAX_BROKEN} connections broke; the last: {why}").into());
        }
        let connection = &mut self.connections[at];
        connection.filled = 0;
        let awaited = connection.awaited.take();
        self.connections[at].stream = self.open(at)?;
        match awaited {
            Some((request, _)) => {
                work.failed(request, why);
                self.send(at, work, Instant::now())
            }
            None => Ok(()),
        }
    }
}
