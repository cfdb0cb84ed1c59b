//! Migrations without SQL. `makemigrations` makes an empty one, and whoever applied that before writing into it would find
//! it recorded as done.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::{BoxableConnection, Connection, Instrumentation, InstrumentationEvent};
use diesel::migration::{Migration, MigrationMetadata, MigrationName, Result};

/// A migration that fails where it holds no SQL, and is not recorded then.
///
/// What is compiled into the program does not show its text; so this listens to what is sent to the connection, which is
/// of the type `C`.
pub(super) struct NotBlank<C: Connection> {
    migration: Box<dyn Migration<C::Backend>>,
    /// Its `up.sql`, where that is a file.
    file: Option<PathBuf>,
}

impl<C: Connection> NotBlank<C> {
    /// For a connection of the type of `_connection`.
    pub(super) fn of(migration: Box<dyn Migration<C::Backend>>, file: Option<PathBuf>, _connection: &C) -> Self {
        NotBlank { migration, file }
    }
}

impl<C: Connection + 'static> Migration<C::Backend> for NotBlank<C> {
    fn run(&self, connection: &mut dyn BoxableConnection<C::Backend>) -> Result<()> {
        let (blank, sql) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let Some(inner) = connection.downcast_mut::<C>() else { return self.migration.run(connection) };
        let seen = (blank.clone(), sql.clone());
        inner.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let kind = if is_blank(&query.to_string()) { &seen.0 } else { &seen.1 };
                kind.store(true, Ordering::Relaxed);
            }
        });
        let result = self.migration.run(connection);
        if let Some(inner) = connection.downcast_mut::<C>() {
            inner.set_instrumentation(None::<Box<dyn Instrumentation>>);
        }
        // PostgreSQL refuses a text without a statement, SQLite does not; a file of no length is refused by Diesel itself.
        let empty = || self.file.as_ref().is_some_and(|file| file.metadata().is_ok_and(|file| file.len() == 0));
        if !sql.load(Ordering::Relaxed) && (blank.load(Ordering::Relaxed) || empty()) {
            return Err(Box::new(Blank { migration: self.migration.name().to_string(), file: self.file.clone() }));
        }
        result
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<C::Backend>) -> Result<()> {
        self.migration.revert(connection)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.migration.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.migration.name()
    }
}

/// That a migration holds no SQL.
#[derive(Debug)]
pub(super) struct Blank {
    migration: String,
    file: Option<PathBuf>,
}

impl fmt::Display for Blank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.migration;
        match &self.file {
            Some(file) => write!(
                f,
                "the migration {name} does nothing yet: there is no SQL in {}. Write what it does and migrate again, or remove its folder",
                file.display()
            ),
            None => write!(
                f,
                "the migration {name} does nothing: there was no SQL in its up.sql when the program was built. Write what it does, and \
                 build again"
            ),
        }
    }
}

impl std::error::Error for Blank {}

/// Is this nothing but white space, comments and semicolons?
fn is_blank(sql: &str) -> bool {
    let mut rest = sql.trim_start_matches(is_filler);
    while !rest.is_empty() {
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return false;
        };
        rest = rest.trim_start_matches(is_filler);
    }
    true
}

/// A file that an editor has saved may begin with a byte order mark.
fn is_filler(c: char) -> bool {
    c.is_whitespace() || c == ';' || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::is_blank;

    #[test]
    fn comments_and_white_space_are_no_sql() {
        for blank in ["", " \n\t", "-- to do", "-- to do\r\n\n", "/* a\nb */ -- c\n;\n", "/* not closed", "\u{feff}-- x"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for sql in ["SELECT 1", "-- a\nSELECT 1;", "/* a */ DROP TABLE x; -- b", "- -", "/ * */"] {
            assert!(!is_blank(sql), "{sql:?}");
        }
    }
}
