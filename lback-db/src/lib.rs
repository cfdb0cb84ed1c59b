//! The database of an [Lback](https://docs.rs/lback) application: a pool of connections, one unit of work per request,
//! and migrations.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod changes;
#[cfg(feature = "sqlite")]
mod checkpoint;
mod connection;
mod copy_data;
mod database;
mod database_url;
#[cfg(feature = "decimal")]
mod decimal;
mod decimal_units;
mod dialect;
mod error;
pub mod expressions;
mod isolation;
mod manager;
mod middleware;
mod migrations;
mod notices;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_error;
#[cfg(feature = "postgres")]
mod postgres_url;
mod prepared;
mod request;
pub mod schema;
mod sealed;
mod settings;
mod shell;
pub mod signals;
pub mod sql_types;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_file;
mod statements;
#[cfg(feature = "postgres")]
mod temporary;
mod turns;
mod unit_of_work;

pub use changes::{Begun, ChangeRecorder, Changes, TableChanges, UnitChanges, Verbs};
pub use connection::{Db, Kind, PooledDb};
pub use copy_data::{CopyData, CopyProgress};
pub use database::{Database, PoolStats};
#[cfg(feature = "decimal")]
pub use decimal::Decimal;
#[doc(hidden)]
pub use decimal_units::{decimal_of_units, units};
#[cfg(feature = "decimal")]
#[doc(hidden)]
pub use dialect::{AnyDecimal, ReadDecimal};
pub use dialect::{BindValue, Dialect, FirstOfEach, OrderedColumn, RowByRow, RowCount, from_select, order_of, unordered};
pub use error::{OrNotFoundRow, is_missing_table, is_statement_timeout, is_unavailable};
pub use expressions::{DateMethods, JsonMethods, TextMethods};
pub use isolation::Isolation;
pub use middleware::DbSessionMiddleware;
pub use migrations::{Applied, DRAFT, MigrationAction, MigrationSet, MigrationStatus, Migrations, PlannedMigration, Squashed};
pub use notices::{Heard, Listening};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use request::RequestDb;
pub use schema::Tables;
pub use settings::DbSettings;
pub use signals::RequestSignal;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub use statements::{AssertQueries, SqlPanel};
#[cfg(feature = "postgres")]
pub use temporary::TemporaryDatabase;
pub use unit_of_work::DbSession;

pub use diesel;
#[cfg(feature = "decimal")]
pub use rust_decimal;
#[cfg(feature = "uuid")]
pub use uuid;
// For the code that `migrations!` writes.
#[doc(hidden)]
pub use include_dir;
