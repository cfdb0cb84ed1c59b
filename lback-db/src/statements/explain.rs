//! Asks the database how it would run a statement.

use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::Text;
use lback_core::{Error, Result};

use crate::{Database, Db, Kind};

/// Returns whether the statement is one that the database can explain.
pub(super) fn is_explained(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES"].iter().any(|known| word.eq_ignore_ascii_case(known)) && !sql.ends_with('…')
}

/// Returns the plan for a statement, for any values. The statement is not run.
pub(super) fn plan(database: &Database, sql: &str) -> Result<String> {
    if !is_explained(sql) {
        return Err(Error::not_found("this statement has no plan"));
    }
    // A connection of its own: what is prepared on it, and its settings, end with it.
    let mut db = database.connect()?;
    let lines = match database.kind() {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => of_sqlite(&mut db, sql)?,
        #[cfg(feature = "postgres")]
        Kind::Postgres => of_postgres(&mut db, sql)?,
    };
    Ok(lines.join("\n"))
}

/// A line of a plan.
struct Line(String);

/// The names that the databases give to the column with the plan.
const COLUMNS: [&str; 2] = ["detail", "QUERY PLAN"];

impl<DB: diesel::backend::Backend> QueryableByName<DB> for Line
where
    String: FromSql<Text, DB>,
{
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        let text = COLUMNS.iter().find_map(|column| NamedRow::get::<Text, String>(row, column).ok());
        text.map(Line).ok_or_else(|| "the plan has no such column".into())
    }
}

fn lines(db: &mut Db, sql: String) -> QueryResult<Vec<String>> {
    let lines: Vec<Line> = diesel::sql_query(sql).load(db)?;
    Ok(lines.into_iter().map(|line| line.0).collect())
}

/// Values that are not bound count as NULL.
#[cfg(feature = "sqlite")]
fn of_sqlite(db: &mut Db, sql: &str) -> QueryResult<Vec<String>> {
    lines(db, format!("EXPLAIN QUERY PLAN {sql}"))
}

/// The plan is the one that PostgreSQL makes without knowing the values.
#[cfg(feature = "postgres")]
fn of_postgres(db: &mut Db, sql: &str) -> QueryResult<Vec<String>> {
    diesel::sql_query("SET plan_cache_mode = force_generic_plan").execute(db)?;
    // Diesel prepares what it sends, and PostgreSQL prepares one statement only: nothing that follows in `sql` is run.
    diesel::sql_query(format!("PREPARE lback_explain AS {sql}")).execute(db)?;
    let values = vec!["NULL"; parameters(sql)].join(", ");
    let values = if values.is_empty() { values } else { format!("({values})") };
    lines(db, format!("EXPLAIN EXECUTE lback_explain{values}"))
}

/// Returns the highest number of a parameter `$1` in the SQL.
#[cfg(feature = "postgres")]
fn parameters(sql: &str) -> usize {
    let numbers = sql.split('$').skip(1).filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    numbers.filter(|number| *number <= 65_535).max().unwrap_or(0)
}
