//! Columns that rows leave to their defaults.
//!
//! SQLite has no DEFAULT in VALUES. A column that every row leaves out is not named there. If the rows differ, the defaults are written
//! out as the table declares them.

use std::cell::Cell;
#[cfg(feature = "sqlite")]
use std::{cell::OnceCell, collections::HashMap};

use diesel::QueryResult;
use diesel::query_builder::{QueryFragment, ValuesClause};
#[cfg(feature = "sqlite")]
use diesel::{
    internal::table_macro::StaticQueryFragment,
    prelude::*,
    query_builder::QueryBuilder,
    sql_types::{Nullable, Text},
};

use super::Dialect;
#[cfg(feature = "sqlite")]
use super::SqlBuilder;

/// What the rows of a statement leave out.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    /// A hash of which columns a row has given.
    shape: Cell<u128>,
    #[cfg(feature = "sqlite")]
    is_checked: Cell<bool>,
    /// The table whose defaults must be written out, as SQL.
    #[cfg(feature = "sqlite")]
    table: OnceCell<String>,
    /// The defaults by column, as SQL.
    #[cfg(feature = "sqlite")]
    known: OnceCell<HashMap<String, String>>,
}

impl Defaults {
    /// Records whether a row has given a column or left it out.
    pub(super) fn record(&self, is_given: bool) {
        // FNV-1a
        self.shape.set((self.shape.get() ^ (u128::from(is_given) + 1)).wrapping_mul(0x0100_0000_0000_0000_0000_013B));
    }

    /// Returns the default of a column that a row has left out, if it must be written out.
    #[cfg(feature = "sqlite")]
    pub(super) fn of(&self, column: &str) -> Option<&str> {
        self.known.get().map(|known| known.get(column).map_or("NULL", String::as_str))
    }

    /// Reads the defaults if a statement needs them.
    #[cfg(feature = "sqlite")]
    pub(super) fn find(&self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let Some(table) = self.table.get() else { return Ok(()) };
        let (schema, name) = split(table);
        let columns: Vec<Column> = diesel::sql_query("SELECT name, dflt_value FROM pragma_table_info(?, ?)")
            .bind::<Text, _>(name)
            .bind::<Nullable<Text>, _>(schema)
            .load(connection)?;
        let known = columns.into_iter().filter_map(|column| Some((column.name, as_expression(&column.dflt_value?))));
        let _ = self.known.set(known.collect());
        Ok(())
    }
}

/// Returns whether all rows give the same columns.
pub(super) fn have_one_shape<V: QueryFragment<Dialect>, Tab>(rows: &[ValuesClause<V, Tab>], dialect: &Dialect) -> QueryResult<bool> {
    let shape = |row: &ValuesClause<V, Tab>| {
        dialect.defaults.shape.set(0);
        row.values.is_safe_to_cache_prepared(dialect)?;
        QueryResult::Ok(dialect.defaults.shape.get())
    };
    let [first, others @ ..] = rows else { return Ok(true) };
    let of_first = shape(first)?;
    for row in others {
        if shape(row)? != of_first {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(feature = "sqlite")]
#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    dflt_value: Option<String>,
}

/// Finds out whether rows leave out different columns, or all of them, so that SQLite's defaults must be written out.
#[cfg(feature = "sqlite")]
pub(super) fn check<V, Tab>(rows: &[ValuesClause<V, Tab>], dialect: &Dialect) -> QueryResult<()>
where
    V: QueryFragment<Dialect>,
    Tab: Table + StaticQueryFragment,
    Tab::Component: QueryFragment<Dialect>,
{
    let [first, _, ..] = rows else { return Ok(()) };
    if dialect.kind() != crate::Kind::Sqlite || dialect.defaults.is_checked.replace(true) {
        return Ok(());
    }
    if first.values.is_noop(dialect)? || !have_one_shape(rows, dialect)? {
        let mut table = SqlBuilder::new(crate::Kind::Sqlite);
        Tab::STATIC_COMPONENT.to_sql(&mut table, dialect)?;
        let _ = dialect.defaults.table.set(table.finish());
    }
    Ok(())
}

/// Returns the schema and the name of a table that is written as `` `name` `` or `` `schema`.`name` ``.
#[cfg(feature = "sqlite")]
fn split(table: &str) -> (Option<String>, String) {
    let unquote = |name: &str| name.trim_matches('`').replace("``", "`");
    match table.split_once("`.`") {
        Some((schema, name)) => (Some(unquote(schema)), unquote(name)),
        None => (None, unquote(table)),
    }
}

/// Returns a declared default as an expression. SQLite takes `DEFAULT red` and `DEFAULT "red"` for texts, although the same words in an
/// expression name a column.
#[cfg(feature = "sqlite")]
fn as_expression(declared: &str) -> String {
    const CONSTANTS: [&str; 6] = ["NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"];
    let is_name = declared.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && declared.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    let quoted = declared.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(text) => format!("'{}'", text.replace("\"\"", "\"").replace('\'', "''")),
        None if is_name && !CONSTANTS.iter().any(|constant| constant.eq_ignore_ascii_case(declared)) => format!("'{declared}'"),
        None => format!("({declared})"),
    }
}
