//! The database of an [Lback](https://docs.rs/lback) application: a pool of connections, one unit of work per request,
//! and migrations.
//!
//! An application names the crate `lback`, which re-exports everything here.

mod connection;
mod database;
mod error;
mod middleware;
pub mod migrations;
mod request;
mod settings;
mod unit_of_work;

pub use connection::{Db, Kind, PooledDb};
pub use database::Database;
pub use error::OrNotFoundRow;
pub use middleware::DbSessionMiddleware;
pub use migrations::Migrations;
pub use request::RequestDb;
pub use settings::DbSettings;
pub use unit_of_work::DbSession;

pub use {diesel, diesel_migrations};
