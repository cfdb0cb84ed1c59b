//! Measures the server's memory for idle connections.

use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::options::Options;
use crate::pool::{Pool, Work};
use crate::sessions::request;
use crate::{Result, process};

pub fn run(options: &Options) -> Result {
    let resident = || options.pid.and_then(process::resident_kib).ok_or("idle needs --pid of a running process");
    // Memory that the server allocates at its first requests is not a cost of connections.
    let mut first = Pool::connect(options.port, 1)?;
    first.run(&mut Once::new(options, 100), deadline())?;
    let before = resident()?;
    let mut pool = Pool::connect(options.port, options.connections)?;
    let mut once = Once::new(options, options.connections);
    pool.run(&mut once, deadline())?;
    std::thread::sleep(Duration::from_secs(1));
    let after = resident()?;
    // Checks that the connections are still open.
    let mut again = Once::new(options, options.connections);
    pool.run(&mut again, deadline())?;
    println!("connections={}", options.connections);
    println!("errors={}", once.errors + again.errors);
    println!("rss_before_kib={before}\nrss_kib={after}\ngrown_kib={}", after.saturating_sub(before));
    Ok(())
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Sends a number of requests. Every connection sends one at the start, so with as many requests as connections, each sends
/// one.
struct Once {
    request: Vec<u8>,
    left: usize,
    errors: u64,
}

impl Once {
    fn new(options: &Options, requests: usize) -> Self {
        Once { request: request(&format!("/plain{}", options.suffix), b"", None), left: requests, errors: 0 }
    }
}

impl Work for Once {
    fn next(&mut self, _: Instant) -> Option<(usize, &[u8])> {
        self.left = self.left.checked_sub(1)?;
        Some((0, &self.request))
    }

    fn answered(&mut self, _: usize, answer: &Answer, _: Duration, _: Instant) {
        self.errors += u64::from(answer.status != 200);
    }

    fn failed(&mut self, _: usize, _: &str) {
        self.errors += 1;
    }
}
