//! Servers for tests: private instances of what Debian packages, each in a temporary folder of its own, on a free port, and
//! a mail server that fails as it is told. And a browser, which is driven through a server, too.
//!
//! A server stops, and its folder goes, when its [`Server`] is dropped or the test program ends, however that ends.
//! Where a server is not installed the tests that want it say so and pass, except in CI (`CI` is set), where they fail.

mod browser;
mod certificate;
mod postgres;
mod process;
mod redis;
mod smtp;
mod webdriver;

pub use browser::Browser;
pub use postgres::{Disk, Postgres};
pub use process::{Server, free_port, installed};
pub use redis::Redis;
pub use smtp::{Received, Smtp, SmtpFault};
