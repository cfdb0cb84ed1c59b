//! The `lback` command, run as a person would run it.

mod apps;
mod command_line;
mod migrations;
mod names;
mod runserver;
mod scaffold;
mod starter;
mod support;
mod transcripts;
mod tutorial;
