//! Plans as SQL.

mod conditions;
mod definitions;
mod guards;
mod literals;
mod names;
mod postgres;
mod sqlite;

pub(crate) use conditions::{normal_condition, quoted, rename_in_condition};
pub(crate) use definitions::type_name;
pub(crate) use literals::{literal, text_literal};
pub(crate) use names::quote;
pub use names::{constraint_name, index_name};

use super::Plan;

/// The SQL of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// That of SQLite.
    Sqlite,
    /// That of PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Both, in the order in which they are listed.
    pub const ALL: [Dialect; 2] = [Dialect::Sqlite, Dialect::Postgres];

    /// Returns the dialect of a database.
    pub fn of(kind: lback_db::Kind) -> Self {
        if kind.name() == "postgres" { Dialect::Postgres } else { Dialect::Sqlite }
    }

    /// Returns the name of the database's folder of migrations.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
        }
    }
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether large tables must stay writable on PostgreSQL: indexes are created concurrently, and constraints are validated later, both
    /// in [`Sql::after`].
    pub concurrently: bool,
    /// Whether the plan undoes another one, so that the indexes that it removes are in [`Sql::after`].
    pub back: bool,
}

/// The SQL of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql {
    /// What runs in one transaction.
    pub main: String,
    /// What runs afterwards, without a transaction. `None` if nothing does.
    pub after: Option<String>,
}

/// Writes a plan as SQL.
///
/// Rows that do not satisfy the new schema are found first, by queries below a comment `-- lback: refuse rows`, at which
/// [`Migrations`](lback_db::Migrations) stops and names them.
pub fn render(plan: &Plan, dialect: Dialect, options: Options) -> Sql {
    let mut sql = match dialect {
        Dialect::Sqlite => Sql { main: sqlite::render(plan), after: None },
        Dialect::Postgres => postgres::render(plan, options),
    };
    // A migration without a statement counts as one that is not written yet.
    if sql.main.is_empty() {
        sql.main = format!("-- There is nothing to do on {}.\nSELECT 1;\n", dialect.title());
    }
    sql
}

impl Dialect {
    /// Returns the human-readable name.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        }
    }
}
