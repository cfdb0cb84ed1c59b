//! Migrations that are made from models, on both databases.

mod changes;
mod checks;
mod command;
mod databases;
mod decimals;
mod interrupted;
mod merge;
mod models;
mod project;
mod refusals;
mod traps;
