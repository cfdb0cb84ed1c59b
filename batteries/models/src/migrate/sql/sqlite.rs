//! Plans for SQLite.
//!
//! `ALTER TABLE` adds, renames and drops columns. For anything else, the table is rebuilt and takes over the rows. Triggers and indexes
//! that were made by hand would be dropped with the old table; below the comment `-- lback: rebuild`,
//! [`Migrations`](lback_db::Migrations) keeps them.

use super::Dialect::Sqlite;
use super::definitions::{column_definition, create_index, create_indexes, create_table};
use super::guards::{check_guard, guards, power, unknown_columns};
use super::literals::literal;
use super::names::{index_name, quote};
use crate::meta::Kind;
use crate::migrate::{AddedColumn, AlteredColumn, Column, Fill, Plan, TableChange};

pub(super) fn render(plan: &Plan) -> String {
    let mut sql: String = plan.changed.iter().map(|change| guards(plan, change, Sqlite)).collect();
    // Renamed first, so that new references find the new names.
    for change in plan.changed.iter().filter(|change| change.old_name != change.name) {
        sql += &format!("ALTER TABLE {} RENAME TO {};\n", quote(&change.old_name), quote(&change.name));
    }
    for created in &plan.created {
        // SQLite accepts references to tables that do not exist yet.
        sql += &create_table(&created.name, &created.name, &created.table, Sqlite, |_| false);
        sql += &create_indexes(&created.name, &created.table);
    }
    sql.extend(plan.changed.iter().map(alter));
    for dropped in &plan.dropped {
        sql += &format!("DROP TABLE {};\n", quote(&dropped.name));
    }
    sql
}

fn alter(change: &TableChange) -> String {
    let table = quote(&change.name);
    let mut sql = String::new();
    // SQLite cannot rename an index, and does not drop a column that has one.
    let stays = |new: &crate::migrate::Index, old: &crate::migrate::Index, moved: &crate::migrate::Index| {
        new == moved && index_name(&change.name, new) == index_name(&change.old_name, old)
    };
    for (old, moved) in change.old_indexes() {
        if !change.new.indexes.iter().any(|new| stays(new, old, &moved)) {
            sql += &format!("DROP INDEX {};\n", quote(&index_name(&change.old_name, old)));
        }
    }
    for (from, to) in &change.columns {
        sql += &format!("ALTER TABLE {table} RENAME COLUMN {} TO {};\n", quote(from), quote(to));
    }
    if needs_rebuild(change) {
        sql += &rebuild(change);
        return sql;
    }
    for column in &change.dropped {
        sql += &format!("ALTER TABLE {table} DROP COLUMN {};\n", quote(&column.name));
    }
    for AddedColumn { column, .. } in &change.added {
        sql += &format!("ALTER TABLE {table} ADD COLUMN {};\n", column_definition(&change.name, column, None, true, Sqlite));
    }
    for new in &change.new.indexes {
        if !change.old_indexes().any(|(old, moved)| stays(new, old, &moved)) {
            sql += &create_index(&change.name, new, "");
        }
    }
    sql
}

/// Returns whether `ALTER TABLE` cannot make the change.
fn needs_rebuild(change: &TableChange) -> bool {
    let in_key = |name: &String| change.renamed.primary_key.contains(name);
    let cannot_add = |added: &AddedColumn| !added.column.null && added.column.default.is_none();
    change.renamed.primary_key != change.new.primary_key
        || change.checks() != (Vec::new(), Vec::new())
        || change.altered.iter().any(|altered| altered.old.stored(Sqlite) != altered.new.stored(Sqlite))
        || change.added.iter().any(cannot_add)
        || change.dropped.iter().any(|column| in_key(&column.name))
}

/// Returns the value of a column that changes. Decimals with digits are numbers of units of their last place.
fn converted(AlteredColumn { old, new, .. }: &AlteredColumn) -> String {
    let column = quote(&new.name);
    let places = |column: &Column| column.digits.filter(|_| column.kind == Kind::Decimal).map(|digits| digits.decimal_places);
    match (places(old), places(new)) {
        (Some(before), Some(after)) if before < after => format!("{column} * {}", power(after - before)),
        (Some(before), Some(after)) if before > after => format!("{column} / {}", power(before - after)),
        (None, Some(after)) if matches!(old.kind, Kind::Float | Kind::Double) => {
            format!("CAST(round({column} * {}) AS INTEGER)", power(after))
        }
        // A column that was made by hand has whole numbers as well, which may be larger than those that a float holds.
        (None, Some(after)) if old.kind == Kind::Decimal => {
            let units = format!("{column} * {}", power(after));
            format!("CASE typeof({column}) WHEN 'integer' THEN {units} ELSE CAST(round({units}) AS INTEGER) END")
        }
        (None, Some(after)) => format!("{column} * {}", power(after)),
        (Some(before), None) if new.kind != Kind::BigInt => format!("{column} / {}.0", power(before)),
        (Some(before), None) => format!("{column} / {}", power(before)),
        _ => column,
    }
}

/// Returns the value of a column whose units change, as the check of the new table has them.
fn in_new_units(altered: &AlteredColumn) -> Option<String> {
    Some(converted(altered)).filter(|value| *value != quote(&altered.new.name))
}

/// Rebuilds the table. Its columns have their new names already.
fn rebuild(change: &TableChange) -> String {
    let table = quote(&change.name);
    let building = quote(&format!("new__{}", change.name));
    let (mut into, mut values) = (Vec::new(), Vec::new());
    for column in &change.new.columns {
        let fill = match change.added.iter().find(|added| added.column.name == column.name) {
            Some(AddedColumn { fill: Fill::Value(value), .. }) => literal(value, column, Sqlite),
            Some(_) => continue,
            None => {
                let altered = change.altered.iter().find(|altered| altered.new.name == column.name);
                let kept = altered.map_or_else(|| quote(&column.name), converted);
                match altered.map(|altered| &altered.fill) {
                    Some(Fill::Value(value)) => format!("COALESCE({kept}, {})", literal(value, column, Sqlite)),
                    _ => kept,
                }
            }
        };
        into.push(quote(&column.name));
        values.push(fill);
    }
    let (_, new_checks) = change.checks();
    let mut sql = unknown_columns(change);
    sql.extend(new_checks.into_iter().filter_map(|check| check_guard(change, check, Sqlite, in_new_units)));
    sql += "-- SQLite cannot alter this in place, so a new table takes over the rows.\n";
    sql += &format!("-- lback: rebuild {}\n", change.name);
    sql += &create_table(&change.name, &format!("new__{}", change.name), &change.new, Sqlite, |_| false);
    if into.is_empty() {
        // The rows keep nothing, and there are as many of them.
        into.extend(change.new.columns.first().map(|column| quote(&column.name)));
        values.push("NULL".to_owned());
    }
    sql += &format!("INSERT INTO {building} ({})\nSELECT {} FROM {table};\n", into.join(", "), values.join(", "));
    // Otherwise, SQLite fails while the table that triggers and views mention does not exist.
    sql += "PRAGMA legacy_alter_table = ON;\n";
    sql += &format!("DROP TABLE {table};\nALTER TABLE {building} RENAME TO {table};\n");
    sql += "PRAGMA legacy_alter_table = OFF;\n";
    sql + &create_indexes(&change.name, &change.new)
}
