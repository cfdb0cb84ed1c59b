//! Tests that run the `lback` command as a user does.

#![expect(unreachable_pub, reason = "tests have no public API")]

mod apps;
mod command_line;
#[cfg(unix)]
mod databases;
mod migrations;
mod mistakes;
mod names;
mod runserver;
mod scaffold;
mod starter;
mod support;
mod transcripts;
mod tutorial;
