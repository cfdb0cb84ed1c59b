//! Migrations that are made from models, on both databases.

mod changes;
mod checks;
mod command;
mod decimals;
mod databases;
mod interrupted;
mod merge;
mod models;
mod project;
mod refusals;
mod traps;
