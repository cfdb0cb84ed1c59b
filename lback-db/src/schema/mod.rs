//! Compares the tables that a program declares with those of the database.

mod columns;
mod compare;
#[doc(hidden)]
pub mod joins;
mod types;

pub use columns::Columns;

use diesel::query_builder::QueryFragment;
use lback_core::Result;

use self::types::ColumnType;
use crate::Db;

/// The tables that a program expects in its database. [`tables!`](crate::tables) makes the list from the declarations of
/// `diesel::table!`.
///
/// ```
/// # use lback::db::tables;
/// # use lback::diesel;
/// diesel::table! {
///     posts (id) {
///         id -> BigInt,
///         title -> Text,
///     }
/// }
///
/// let tables = tables![posts];
/// assert_eq!(tables.names().collect::<Vec<_>>(), ["posts"]);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "tables are compared only by an application that they are added to"]
pub struct Tables(Vec<Table>);

/// An expected table.
#[derive(Clone, Debug)]
struct Table {
    /// The name, with that of its schema if it has one: `audit.posts`.
    name: Name,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    schema: Option<String>,
    name: String,
}

/// An expected column.
#[derive(Clone, Debug)]
pub struct Column {
    name: &'static str,
    /// `None` for a type that cannot be compared.
    of_type: Option<ColumnType>,
    nullable: bool,
}

/// The backend that writes names here, which are parsed again.
#[cfg(feature = "sqlite")]
type AnyBackend = diesel::sqlite::Sqlite;
#[cfg(not(feature = "sqlite"))]
type AnyBackend = diesel::pg::Pg;

impl Tables {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table that `diesel::table!` declares: `Tables::new().with(posts::table)`.
    pub fn with<T>(mut self, table: T) -> Self
    where
        T: diesel::Table + QueryFragment<AnyBackend>,
        T::AllColumns: Columns,
    {
        let written = diesel::debug_query::<AnyBackend, _>(&table).to_string();
        self.0.push(Table { name: Name::read(written.split(" -- binds").next().unwrap_or_default()), columns: T::AllColumns::describe() });
        self
    }

    /// Adds the tables of another list.
    pub fn and(mut self, others: Tables) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Returns the names of the tables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|table| table.name.name.as_str())
    }

    /// Returns the differences from the database, a line for each: missing tables and columns, and columns of other types or that may
    /// be NULL.
    ///
    /// SQLite stores values of any type in any column, so only incompatible types count there. Columns that only the database has do
    /// not count.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub fn differences(&self, db: &mut Db) -> Result<Vec<String>> {
        let mut differences = Vec::new();
        for table in &self.0 {
            differences.extend(compare::differences(table, db)?);
        }
        Ok(differences)
    }
}

/// Lists tables that `diesel::table!` declares, by their paths: `tables![posts, blog::models::comments]`.
///
/// The command `check` compares them with the database; see `App::tables` of the crate `lback`.
#[macro_export]
macro_rules! tables {
    ($($($part:ident)::+),* $(,)?) => {
        $crate::Tables::new()$(.with($($part)::+::table))*
    };
}

impl Name {
    /// Parses a quoted name, with or without that of a schema.
    fn read(written: &str) -> Self {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut quote = None;
        for c in written.chars() {
            match quote {
                None if c == '.' => parts.push(std::mem::take(&mut part)),
                // Two quotes within a name stand for one.
                None => {
                    if !part.is_empty() {
                        part.push(c);
                    }
                    quote = Some(c);
                }
                Some(open) if c == open => quote = None,
                Some(_) => part.push(c),
            }
        }
        Name { schema: parts.pop(), name: part }
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn names_are_read_as_diesel_writes_them() {
        let name = |schema: Option<&str>, name: &str| Name { schema: schema.map(str::to_owned), name: name.to_owned() };
        assert_eq!(Name::read("`posts`"), name(None, "posts"));
        assert_eq!(Name::read("\"audit\".\"posts\""), name(Some("audit"), "posts"));
        assert_eq!(Name::read("`a``b.c`"), name(None, "a`b.c"));
    }
}
