//! Plans for PostgreSQL.
//!
//! By default, everything is in one transaction, which is simple and safe: it happens as a whole or not at all. Indexes and constraints
//! of existing tables are built under a lock then, so a large table cannot be written meanwhile. With
//! [`Options::concurrently`], indexes are built without one, and constraints are added as `NOT VALID`, which needs a lock only for an
//! instant. The validation is in the second script since in the same transaction it would run under the lock of the first.

use super::Dialect::Postgres;
use super::definitions::{
    check_definition, check_name, choices_condition, column_definition, create_index, create_indexes, create_table, reference, type_name,
};
use super::guards::{check_guard, guards};
use super::literals::literal;
use super::names::{constraint_name, index_name, list, quote};
use super::{Options, Sql};
use crate::meta::Kind;
use crate::migrate::diff::{Conversion, conversion};
use crate::migrate::{AddedColumn, AlteredColumn, Column, Fill, Plan, TableChange};

/// A statement that waits for a lock makes all later ones wait behind it, so it gives up soon.
const LOCK_TIMEOUT: &str = "-- Gives up rather than keep other transactions waiting. If it does, migrate again when there is less to do.\nSET LOCAL lock_timeout = '10s';\n";

pub(super) fn render(plan: &Plan, options: Options) -> Sql {
    let mut sql = Script { options, main: String::new(), after: String::new() };
    sql.main.extend(plan.changed.iter().map(|change| guards(plan, change, Postgres)));
    for change in plan.changed.iter().filter(|change| change.old_name != change.name) {
        sql.main += &format!("ALTER TABLE {} RENAME TO {};\n", quote(&change.old_name), quote(&change.name));
    }
    // Columns are renamed before the new tables refer to them.
    for change in &plan.changed {
        for (from, to) in &change.columns {
            sql.main += &format!("ALTER TABLE {} RENAME COLUMN {} TO {};\n", quote(&change.name), quote(from), quote(to));
        }
    }
    create(plan, &mut sql.main);
    for change in &plan.changed {
        sql.alter(change);
    }
    drop_tables(plan, &mut sql.main);
    let has_old_tables = !plan.changed.is_empty() || !plan.dropped.is_empty();
    if has_old_tables && !sql.main.is_empty() {
        sql.main.insert_str(0, LOCK_TIMEOUT);
    }
    Sql { main: sql.main, after: (!sql.after.is_empty()).then_some(sql.after) }
}

fn create(plan: &Plan, sql: &mut String) {
    let mut references = String::new();
    for (number, created) in plan.created.iter().enumerate() {
        // In a circle, a table may refer to one that is created later.
        let later = |table: &str| plan.created[number + 1..].iter().any(|other| other.name == table);
        *sql += &create_table(&created.name, &created.name, &created.table, Postgres, later);
        *sql += &create_indexes(&created.name, &created.table);
        for column in created.table.columns.iter().filter(|column| column.references.as_ref().is_some_and(|to| later(&to.table))) {
            references += &add_reference(&created.name, column, "");
        }
    }
    *sql += &references;
}

fn drop_tables(plan: &Plan, sql: &mut String) {
    for (number, dropped) in plan.dropped.iter().enumerate() {
        // In a circle, a table that goes first is still referred to.
        let gone = |table: &str| plan.dropped[..number].iter().any(|other| other.name == table);
        for column in dropped.table.columns.iter().filter(|column| column.references.as_ref().is_some_and(|to| gone(&to.table))) {
            let name = constraint_name(&dropped.name, &column.name, "fkey");
            *sql += &format!("ALTER TABLE {} DROP CONSTRAINT {};\n", quote(&dropped.name), quote(&name));
        }
    }
    for dropped in &plan.dropped {
        *sql += &format!("DROP TABLE {};\n", quote(&dropped.name));
    }
}

/// The SQL that is being written.
struct Script {
    options: Options,
    main: String,
    after: String,
}

impl Script {
    /// Writes the change of a table, whose name and columns are the new ones already.
    fn alter(&mut self, change: &TableChange) {
        let table = quote(&change.name);
        self.drop_indexes(change);
        let (gone, new) = change.checks();
        for check in gone {
            self.drop_constraint(&table, &check_name(&change.old_name, &check.name, Postgres));
        }
        let key_changes = change.renamed.primary_key != change.new.primary_key;
        if key_changes {
            self.drop_constraint(&table, &constraint_name(&change.old_name, "", "pkey"));
        }
        for column in &change.dropped {
            self.main += &format!("ALTER TABLE {table} DROP COLUMN {};\n", quote(&column.name));
        }
        self.rename_constraints(change, key_changes);
        for added in &change.added {
            self.add(change, added);
        }
        for altered in &change.altered {
            self.alter_column(change, altered);
        }
        for check in new {
            self.main += &check_guard(change, check, Postgres, |_| None).unwrap_or_default();
            let definition = check_definition(&change.name, check, Postgres);
            self.main += &format!("ALTER TABLE {table} ADD {definition}{};\n", self.not_valid());
            self.validate(&table, &check_name(&change.name, &check.name, Postgres));
        }
        if key_changes && !change.new.primary_key.is_empty() {
            let name = quote(&constraint_name(&change.name, "", "pkey"));
            self.main += &format!("ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY ({});\n", list(&change.new.primary_key));
        }
        self.create_indexes(change);
    }

    fn drop_indexes(&mut self, change: &TableChange) {
        for (old, moved) in change.old_indexes() {
            let (from, to) = (index_name(&change.old_name, old), index_name(&change.name, &moved));
            if !change.new.indexes.contains(&moved) {
                match self.options.concurrently && self.options.back {
                    true => self.after += &format!("DROP INDEX CONCURRENTLY IF EXISTS {};\n", quote(&from)),
                    false => self.main += &format!("DROP INDEX {};\n", quote(&from)),
                }
            } else if from != to {
                self.main += &format!("ALTER INDEX {} RENAME TO {};\n", quote(&from), quote(&to));
            }
        }
    }

    fn create_indexes(&mut self, change: &TableChange) {
        for new in &change.new.indexes {
            if change.old_indexes().any(|(_, moved)| moved == *new) {
                continue;
            }
            if self.options.concurrently && !self.options.back {
                // An attempt that failed leaves an invalid index behind.
                self.after += &format!("DROP INDEX CONCURRENTLY IF EXISTS {};\n", quote(&index_name(&change.name, new)));
                self.after += &create_index(&change.name, new, " CONCURRENTLY");
            } else {
                self.main += &create_index(&change.name, new, "");
            }
        }
    }

    /// Constraints are named after their table and column.
    fn rename_constraints(&mut self, change: &TableChange, key_changes: bool) {
        let mut names = Vec::new();
        for column in &change.old.columns {
            let Some(new) = change.renamed.columns.iter().find(|new| change.old_column(&new.name) == column.name) else { continue };
            if change.dropped.iter().any(|dropped| dropped.name == new.name) {
                continue;
            }
            for (exists, suffix) in [(column.references.is_some(), "fkey"), (!column.choices.is_empty(), "choices")] {
                let name = |table: &str, column: &str| constraint_name(table, column, suffix);
                names.extend(exists.then(|| (name(&change.old_name, &column.name), name(&change.name, &new.name))));
            }
        }
        let (gone, _) = change.checks();
        for check in change.renamed.checks.iter().filter(|check| !gone.contains(check)) {
            let name = |table: &str| check_name(table, &check.name, Postgres);
            names.push((name(&change.old_name), name(&change.name)));
        }
        if !key_changes && !change.new.primary_key.is_empty() {
            names.push((constraint_name(&change.old_name, "", "pkey"), constraint_name(&change.name, "", "pkey")));
        }
        for (from, to) in names.into_iter().filter(|(from, to)| from != to) {
            self.main += &format!("ALTER TABLE {} RENAME CONSTRAINT {} TO {};\n", quote(&change.name), quote(&from), quote(&to));
        }
    }

    fn add(&mut self, change: &TableChange, AddedColumn { column, fill }: &AddedColumn) {
        let table = quote(&change.name);
        // A default that is there for the existing rows only.
        let once = match fill {
            Fill::Value(value) if column.default.is_none() => Some(value.clone()),
            _ => None,
        };
        let is_once = once.is_some();
        let with_default = Column { default: column.default.clone().or(once), ..column.clone() };
        let definition = column_definition(&change.name, &with_default, None, true, Postgres);
        self.main += &format!("ALTER TABLE {table} ADD COLUMN {definition};\n");
        if is_once {
            self.main += &format!("ALTER TABLE {table} ALTER COLUMN {} DROP DEFAULT;\n", quote(&column.name));
        }
    }

    fn alter_column(&mut self, change: &TableChange, AlteredColumn { old, new, fill }: &AlteredColumn) {
        let (table, column) = (quote(&change.name), quote(&new.name));
        let name = |suffix: &str| constraint_name(&change.name, &new.name, suffix);
        let alter = |what: &str| format!("ALTER TABLE {table} ALTER COLUMN {column} {what};\n");
        if old.choices != new.choices && !old.choices.is_empty() {
            self.drop_constraint(&table, &name("choices"));
        }
        if old.references != new.references && old.references.is_some() {
            self.drop_constraint(&table, &name("fkey"));
        }
        if old.numbered && !new.numbered {
            self.main += &alter("DROP IDENTITY");
        }
        let (was, is) = (type_name(old, Postgres), type_name(new, Postgres));
        if was != is {
            if old.default.is_some() {
                self.main += &alter("DROP DEFAULT");
            }
            self.main += &alter(&format!("TYPE {is}{}", using(old, new, &column, &is)));
            if let Some(default) = &new.default {
                self.main += &alter(&format!("SET DEFAULT {}", literal(default, new, Postgres)));
            }
        } else if old.default != new.default {
            self.main += &match &new.default {
                Some(default) => alter(&format!("SET DEFAULT {}", literal(default, new, Postgres))),
                None => alter("DROP DEFAULT"),
            };
        }
        if let Fill::Value(value) = fill {
            self.main += &format!("UPDATE {table} SET {column} = {} WHERE {column} IS NULL;\n", literal(value, new, Postgres));
        }
        if old.null != new.null {
            self.main += &alter(if new.null { "DROP NOT NULL" } else { "SET NOT NULL" });
        }
        if new.numbered && !old.numbered {
            self.main += &alter("ADD GENERATED BY DEFAULT AS IDENTITY");
            let sequence = format!("pg_get_serial_sequence({}, {})", super::text_literal(&table), super::text_literal(&new.name));
            self.main += &format!("SELECT setval({sequence}, (SELECT max({column}) FROM {table}));\n");
        }
        if old.choices != new.choices
            && let Some(condition) = choices_condition(new)
        {
            let name = name("choices");
            self.main += &format!("ALTER TABLE {table} ADD CONSTRAINT {} CHECK ({condition}){};\n", quote(&name), self.not_valid());
            self.validate(&table, &name);
        }
        if old.references != new.references && new.references.is_some() {
            self.main += &add_reference(&change.name, new, self.not_valid());
            self.validate(&table, &name("fkey"));
        }
    }

    fn drop_constraint(&mut self, table: &str, name: &str) {
        self.main += &format!("ALTER TABLE {table} DROP CONSTRAINT {};\n", quote(name));
    }

    /// Returns what is said of a constraint that is validated later.
    fn not_valid(&self) -> &'static str {
        if self.validates_later() { " NOT VALID" } else { "" }
    }

    fn validate(&mut self, table: &str, name: &str) {
        if self.validates_later() {
            self.after += &format!("ALTER TABLE {table} VALIDATE CONSTRAINT {};\n", quote(name));
        }
    }

    fn validates_later(&self) -> bool {
        self.options.concurrently && !self.options.back
    }
}

fn add_reference(table: &str, column: &Column, not_valid: &str) -> String {
    let Some(reference) = reference(column) else { return String::new() };
    let name = quote(&constraint_name(table, &column.name, "fkey"));
    format!("ALTER TABLE {} ADD CONSTRAINT {name} FOREIGN KEY ({}) {reference}{not_valid};\n", quote(table), quote(&column.name))
}

/// Returns how the values of a column become values of another type.
///
/// A text that must become shorter is not cast: a cast cuts it off, and an assignment fails.
fn using(old: &Column, new: &Column, column: &str, type_name: &str) -> String {
    match conversion(old.kind, new.kind) {
        Some(Conversion::ToText) if new.kind == Kind::Text => format!(" USING {column}::text"),
        Some(Conversion::FromText) => format!(" USING {column}::{type_name}"),
        Some(Conversion::ToUtc | Conversion::FromUtc) => format!(" USING {column} AT TIME ZONE 'UTC'"),
        _ => String::new(),
    }
}
