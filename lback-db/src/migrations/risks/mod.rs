//! What pending migrations do to the running release: long locks of large tables, and columns that it still uses.

mod effects;
mod tables;

use std::collections::HashMap;

use lback_core::Result;

use self::effects::{Effect, Name, created_table, effects};
use self::tables::Tables;
use super::directives::{Directive, directives};
use super::migration::Migration;
use super::statements::{Statement, statements};
use super::{Migrations, record};
use crate::{Database, Db};

/// The number of rows from which on a table is large.
const LARGE: i64 = 100_000;

impl Migrations {
    /// Describes the statements of pending migrations that disturb a running server: those that keep others from writing to a table of
    /// at least 100,000 rows while they read or write all of it, those that wait for a lock without a limit, and those that
    /// drop or rename a table or a column. Only statements about tables that exist already are described.
    ///
    /// The line `-- lback: reviewed` above a statement leaves it out. Migrations of batteries are left out.
    ///
    /// # Errors
    /// Returns an error if the folder or the database cannot be read.
    pub fn risks(&self, database: &Database) -> Result<Vec<String>> {
        let mut db = database.get()?;
        let known = self.load(database.kind())?;
        let applied = record::applied(&mut db, &known)?;
        let state = super::State::new(known, applied)?;
        let mut review = Review { db: &mut db, tables: Tables::default(), old_names: HashMap::new(), found: Vec::new() };
        for migration in state.pending().filter(|migration| migration.battery.is_none()) {
            review.migration(migration)?;
        }
        Ok(review.found)
    }
}

/// The review of pending migrations, in their order.
struct Review<'a> {
    db: &'a mut Db,
    tables: Tables,
    /// The names in the database of tables that the migrations rename, by their new names.
    old_names: HashMap<String, Name>,
    found: Vec<String>,
}

impl Review<'_> {
    fn migration(&mut self, migration: &Migration) -> Result<()> {
        let kind = self.db.kind();
        let statements = statements(&migration.up, kind);
        let of_statements: Vec<Vec<Effect>> = statements.iter().map(|statement| effects(statement.text, kind)).collect();
        let directives = directives(&migration.up, &statements);
        let mut has_timeout = !kind.is_server();
        for (number, (statement, effects)) in statements.iter().zip(&of_statements).enumerate() {
            let is_reviewed = directives.iter().any(|placed| placed.below == number && placed.directive == Directive::Reviewed);
            has_timeout |= statement.text.contains("lock_timeout");
            for effect in effects {
                let rebuilt = match effect {
                    Effect::DropsTable(table) => of_statements[number..].iter().flatten().find_map(|later| match later {
                        Effect::RenamesTable(from, to) if *to == table.shown => Some(from),
                        _ => None,
                    }),
                    _ => None,
                };
                let text = match (effect, rebuilt) {
                    (Effect::DropsTable(table), Some(building)) => self.rebuild(table, building, &statements)?,
                    _ => self.describe(effect, has_timeout, migration.in_transaction)?,
                };
                if let Some(text) = text
                    && !is_reviewed
                {
                    has_timeout |= matches!(effect, Effect::WaitsForLock(_));
                    self.found.push(format!("{}:{}: {text}", migration.place, statement.line));
                }
            }
        }
        Ok(())
    }

    /// Describes a table of SQLite that is dropped, and replaced by another one with its rows.
    fn rebuild(&mut self, table: &Name, building: &Name, statements: &[Statement<'_>]) -> Result<Option<String>> {
        let kind = self.db.kind();
        let Some(rows) = self.rows(table)? else { return Ok(None) };
        let created = statements.iter().filter_map(|statement| created_table(statement.text, kind)).find(|(name, _)| name == building);
        let new = created.map(|(_, columns)| columns).unwrap_or_default();
        let old = self.tables.columns(self.db, table)?;
        let is_new = |column: &String| new.is_empty() || new.iter().any(|new| new.eq_ignore_ascii_case(column));
        let gone: Vec<String> =
            old.into_iter().filter(|column| !is_new(column)).map(|column| format!("{}.{column}", table.shown)).collect();
        let mut texts = Vec::new();
        if !gone.is_empty() {
            texts.push(dropped(&format!("{} by rebuilding the table", gone.join(", "))));
        }
        if rows >= LARGE {
            texts.push(format!(
                "nothing else can be written while {} is rebuilt ({}). Migrate when there is little to do",
                table.shown,
                self.about(rows)
            ));
        }
        Ok((!texts.is_empty()).then(|| texts.join("; ")))
    }

    fn describe(&mut self, effect: &Effect, has_timeout: bool, in_transaction: bool) -> Result<Option<String>> {
        Ok(match effect {
            Effect::Locks(table, what, how) => self.lock(table, what, how)?,
            Effect::SetsNotNull(table, column) => {
                let old = self.in_database(table);
                if self.tables.has_not_null_check(self.db, &old, column)? {
                    return Ok(None);
                }
                const HOW: &str = "In the migration before, add the check (COLUMN IS NOT NULL) as NOT VALID and validate it; this statement then reads no rows";
                self.lock(table, &format!("making {column} required"), HOW)?
            }
            Effect::DropsTable(table) => self.rows(table)?.map(|_| dropped(&table.shown)),
            Effect::DropsColumn(table, column) => self.rows(table)?.map(|_| dropped(&format!("{}.{column}", table.shown))),
            Effect::RenamesTable(table, to) => {
                let existing = self.rows(table)?;
                let old = self.in_database(table);
                self.old_names.insert(to.clone(), old);
                existing.map(|_| renamed(&table.shown, to))
            }
            Effect::RenamesColumn(table, from, to) => self.rows(table)?.map(|_| renamed(&format!("{}.{from}", table.shown), to)),
            Effect::WaitsForLock(table) if !has_timeout => self.rows(table)?.map(|_| {
                format!(
                    "it waits for the lock of {} without a limit, and all other statements about the table wait behind it. Write \
                     SET{} lock_timeout = '10s'; at the top",
                    table.shown,
                    if in_transaction { " LOCAL" } else { "" }
                )
            }),
            Effect::WaitsForLock(_) => None,
        })
    }

    fn lock(&mut self, table: &Name, what: &str, how: &str) -> Result<Option<String>> {
        let rows = self.rows(table)?.filter(|rows| *rows >= LARGE);
        Ok(rows.map(|rows| format!("{what} keeps others from writing to {} ({}). {how}", table.shown, self.about(rows))))
    }

    /// Returns the estimated number of rows, or `None` if the database does not have the table.
    fn rows(&mut self, table: &Name) -> Result<Option<i64>> {
        let table = self.in_database(table);
        self.tables.rows(self.db, &table)
    }

    fn about(&self, rows: i64) -> String {
        if self.db.kind().is_server() { format!("about {rows} rows") } else { format!("at least {rows} rows") }
    }

    /// Returns the name that a table has in the database.
    fn in_database(&self, table: &Name) -> Name {
        self.old_names.get(&table.shown).unwrap_or(table).clone()
    }
}

fn dropped(what: &str) -> String {
    format!(
        "it drops {what}, which the running release may still use. Deploy a release that does not use it first, and drop it in the one after"
    )
}

fn renamed(from: &str, to: &str) -> String {
    format!(
        "it renames {from} to {to}, and the running release still uses the old name. Add {to} beside it, write both and copy the values, deploy \
         a release that reads the new one, and drop the old one in the release after"
    )
}
