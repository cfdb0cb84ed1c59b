//! Migrations that are made from models.
//!
//! The tables of the models are a [`Schema`]. `migrations/models.json` keeps the schema of the newest migration, so the next
//! migration is the difference between that file and the models: a [`Plan`]. [`render`] writes a plan as SQL for
//! SQLite or PostgreSQL, and [`introspect`] reads the schema of a database.
//!
//! ```
//! use lback_models::migrate::{Answers, Dialect, Options, Schema, plan, render};
//!
//! let before = Schema::default();
//! let after = Schema::from_json(
//!     r#"{"notes": {"columns": [{"name": "id", "kind": "bigint", "numbered": true}], "primary_key": ["id"]}}"#,
//!     "models.json",
//! )?;
//! let plan = plan(&before, &after, &mut Answers::default())?;
//! assert_eq!(plan.name(), "create_notes");
//! let sql = render(&plan, Dialect::Sqlite, Options::default());
//! assert!(sql.main.starts_with("CREATE TABLE \"notes\" ("));
//! # Ok::<(), lback_core::Error>(())
//! ```

mod check;
mod command;
mod create;
mod diff;
mod introspect;
mod schema;
mod sql;

pub(crate) use check::FILE;
pub use check::{check_database, check_migrations, check_models};
pub use command::{AddDatabase, Make, adddatabase, makemigrations};
pub use create::create_tables;
pub(crate) use diff::by_references;
pub use diff::{AddedColumn, AlteredColumn, Answers, Fill, NamedTable, Plan, Questions, TableChange, plan, plan_back};
pub use introspect::introspect;
pub(crate) use introspect::{Introspected, inspect, is_text, table_names};
pub(crate) use schema::on_delete_name;
pub use schema::{Check, Column, DefaultValue, ForeignKey, Index, Schema, Table};
pub use sql::{Dialect, Options, Sql, constraint_name, index_name, render};
