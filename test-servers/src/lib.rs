//! Servers for tests: private instances of servers from Debian packages, each with its own temporary folder and a free port, a
//! mail server that can simulate failures, and a browser, which is also controlled through a server.
//!
//! A server stops and its folder is removed when its [`Server`] is dropped or the test program ends for any reason. If a server is
//! not installed, the tests that need it print a message and pass, except in CI (`CI` is set), where they fail.

mod browser;
mod certificate;
mod postgres;
mod process;
mod redis;
mod smtp;
mod webdriver;

pub use browser::Browser;
pub use certificate::Authority;
pub use postgres::{Disk, Postgres};
pub use process::{Server, free_port, installed};
pub use redis::Redis;
pub use smtp::{Received, Smtp, SmtpFault};
