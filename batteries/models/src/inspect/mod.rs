//! Models for existing tables: the command `inspectdb`.

mod choices;
mod command;
mod fields;
mod names;
mod rust;

pub(crate) use command::inspectdb;
