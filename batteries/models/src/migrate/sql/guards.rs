//! Queries for rows that do not fit a change. A migration with one of them is refused, and the rows are named.

use super::Dialect;
use super::conditions::mentions;
use super::literals::{text_list, text_literal};
use super::names::{list, quote};
use crate::meta::{Digits, Kind};
use crate::migrate::diff::{Conversion, conversion};
use crate::migrate::{AlteredColumn, Check, Column, Fill, Index, Plan, TableChange};

/// Number of rows that are looked for: those that a message names, and one to know whether there are more.
const LIMIT: usize = 6;

/// Returns the guards of a change, which run before anything is changed, so with the old names.
pub(super) fn guards(plan: &Plan, change: &TableChange, dialect: Dialect) -> String {
    let mut sql = String::new();
    for added in change.added.iter().filter(|added| added.fill == Fill::Refuse) {
        let message = format!("{}.{} must have a value, and the existing rows have none", change.name, added.column.name);
        sql += &rows(change, &message, "");
    }
    for altered in &change.altered {
        for (message, condition) in of_column(plan, change, altered, dialect) {
            sql += &rows(change, &format!("{}.{} {message}", change.name, altered.new.name), &condition);
        }
    }
    let old: Vec<Index> = change.old_indexes().map(|(_, index)| index).collect();
    for index in change.new.indexes.iter().filter(|index| index.unique && !old.contains(index)) {
        sql += &duplicates(change, index).unwrap_or_default();
    }
    sql
}

/// Returns the guard of a check, which has the new names of columns, and so runs after the columns were renamed. `converted` returns the
/// new value of a column that changes in SQL, if the check needs it. `None` if the check has a column that existing rows do not have.
pub(super) fn check_guard(
    change: &TableChange,
    check: &Check,
    dialect: Dialect,
    converted: impl Fn(&AlteredColumn) -> Option<String>,
) -> Option<String> {
    let condition = check.condition(dialect);
    if change.added.iter().any(|added| mentions(condition, &added.column.name)) {
        return None;
    }
    let key = &change.renamed.primary_key;
    let message =
        format!("the check {} of {} requires {}. Rows that do not fit{}", check.name, change.name, one_line(&check.condition), by_key(key));
    let in_check = change.altered.iter().filter(|altered| mentions(condition, &altered.new.name));
    let converted: Vec<(&str, String)> = in_check.filter_map(|altered| Some((altered.new.name.as_str(), converted(altered)?))).collect();
    let from = if converted.is_empty() { quote(&change.name) } else { with_values(change, &converted) };
    Some(guard(&message, &shown(key), &from, &format!(" WHERE NOT ({condition})")))
}

/// Returns the table, whose columns have their new names, with other values of some columns.
fn with_values(change: &TableChange, values: &[(&str, String)]) -> String {
    let columns = change.renamed.columns.iter().map(|column| {
        let name = quote(&column.name);
        let value = values.iter().find(|(of, _)| *of == column.name);
        value.map_or_else(|| name.clone(), |(_, value)| format!("{value} AS {name}"))
    });
    format!("(SELECT {} FROM {}) AS \"converted\"", columns.collect::<Vec<_>>().join(", "), quote(&change.name))
}

/// Returns the guard of a table that SQLite rebuilds: columns that the migration does not know would be lost. They come from a
/// migration of another branch, or were added by hand.
pub(super) fn unknown_columns(change: &TableChange) -> String {
    let names: Vec<String> = change.renamed.columns.iter().map(|column| column.name.clone()).collect();
    format!(
        "-- lback: refuse rows: {} has columns that this migration does not know and would delete. They were added in another branch, or by hand. Remove the folder of this migration, bring models.json up to date, and run makemigrations again. The columns are\n\
         SELECT name AS \"row\" FROM pragma_table_info({}) WHERE name NOT IN ({}) LIMIT {LIMIT};\n",
        change.name,
        text_literal(&change.name),
        text_list(&names)
    )
}

/// Returns the messages and conditions of rows that do not fit the change of a column.
fn of_column(plan: &Plan, change: &TableChange, altered: &AlteredColumn, dialect: Dialect) -> Vec<(String, String)> {
    let AlteredColumn { old, new, fill } = altered;
    let column = quote(change.old_column(&new.name));
    let text = if old.kind == Kind::Text { column.clone() } else { format!("CAST({column} AS TEXT)") };
    let mut found = Vec::new();
    found.extend(of_type(old, new, &column, dialect).map(|condition| (format!("gets the type {}", type_title(new)), condition)));
    if let Some(digits) = new.digits {
        let message = format!("may have at most {} digits, {} of them after the decimal point", digits.max_digits, digits.decimal_places);
        found.extend(of_digits(old, digits, &column, dialect).map(|condition| (message, condition)));
    }
    if let (Kind::Text, Some(length)) = (new.kind, new.max_length)
        && (old.kind != Kind::Text || old.max_length.is_none_or(|before| before > length))
    {
        found.push((format!("may have at most {length} characters"), format!("length({text}) > {length}")));
    }
    if !new.choices.is_empty() && (old.choices.is_empty() || old.choices.iter().any(|choice| !new.choices.contains(choice))) {
        found.push((format!("must be one of {}", new.choices.join(", ")), format!("{text} NOT IN ({})", text_list(&new.choices))));
    }
    if old.null && !new.null && *fill == Fill::Refuse {
        found.push(("must have a value".to_owned(), format!("{column} IS NULL")));
    }
    found.extend(of_reference(plan, old, new, &column, &quote(&change.old_name)));
    found
}

/// Returns the condition of values that do not become a value of the new type.
fn of_type(old: &Column, new: &Column, column: &str, dialect: Dialect) -> Option<String> {
    let sqlite = dialect == Dialect::Sqlite;
    match conversion(old.kind, new.kind)? {
        Conversion::Narrow => match new.kind {
            Kind::SmallInt => Some(format!("{column} NOT BETWEEN {} AND {}", i16::MIN, i16::MAX)),
            Kind::Integer => Some(format!("{column} NOT BETWEEN {} AND {}", i32::MIN, i32::MAX)),
            // A decimal that becomes a whole number.
            Kind::BigInt if old.kind == Kind::Decimal && sqlite => Some(match old.digits {
                Some(digits) => format!("{column} % {} <> 0", power(digits.decimal_places)),
                None => format!("{column} <> round({column})"),
            }),
            Kind::BigInt if old.kind == Kind::Decimal => Some(format!("{column} <> trunc({column})")),
            Kind::Float if !sqlite => Some(format!("CAST(CAST({column} AS REAL) AS DOUBLE PRECISION) <> {column}")),
            _ => None,
        },
        // PostgreSQL refuses these itself, with the value in its message; SQLite would keep or change them.
        Conversion::FromText if sqlite => match new.kind {
            Kind::SmallInt | Kind::Integer | Kind::BigInt => Some(format!("CAST(CAST({column} AS INTEGER) AS TEXT) <> {column}")),
            Kind::Double => Some(format!("{column} NOT GLOB '[0-9+.-]*' OR {column} GLOB '*[^0-9.eE+-]*'")),
            Kind::Date => Some(format!("date({column}) IS NOT {column}")),
            Kind::Uuid => Some(format!("length({column}) <> 36")),
            Kind::Json => Some(format!("NOT json_valid({column})")),
            _ => None,
        },
        Conversion::FromText | Conversion::Widen | Conversion::ToText | Conversion::ToUtc | Conversion::FromUtc => None,
    }
}

/// Returns the condition of numbers that have more digits than the column will.
fn of_digits(old: &Column, new: Digits, column: &str, dialect: Dialect) -> Option<String> {
    let sqlite = dialect == Dialect::Sqlite;
    let Digits { max_digits, decimal_places } = new;
    let whole = max_digits.saturating_sub(decimal_places);
    // On SQLite, a decimal is a number of units of its last place.
    let old_places = if sqlite { old.digits.map_or(0, |digits| digits.decimal_places) } else { 0 };
    let too_large = match (old.kind, old.digits) {
        (Kind::Decimal, Some(before)) if before.max_digits.saturating_sub(before.decimal_places) <= whole => None,
        _ => Some(format!("abs({column}) >= {}", 10_u128.saturating_pow(whole + old_places))),
    };
    let too_fine = match (old.kind, old.digits) {
        (Kind::Decimal, Some(before)) if before.decimal_places <= decimal_places => None,
        (Kind::Decimal, Some(before)) if sqlite => Some(format!("{column} % {} <> 0", power(before.decimal_places - decimal_places))),
        (Kind::Decimal, _) => Some(format!("{column} <> round({column}, {decimal_places})")),
        (Kind::Float | Kind::Double, _) if sqlite => Some(format!("{column} <> round({column}, {decimal_places})")),
        (Kind::Float | Kind::Double, _) => Some(format!("CAST({column} AS NUMERIC) <> round(CAST({column} AS NUMERIC), {decimal_places})")),
        _ => None,
    };
    let conditions: Vec<String> = too_large.into_iter().chain(too_fine).collect();
    (!conditions.is_empty()).then(|| conditions.join(" OR "))
}

/// Returns a power of ten.
pub(super) fn power(exponent: u32) -> u64 {
    10_u64.saturating_pow(exponent)
}

/// Returns the condition of rows that refer to a row that does not exist.
fn of_reference(plan: &Plan, old: &Column, new: &Column, column: &str, table: &str) -> Option<(String, String)> {
    let to = new.references.as_ref()?;
    if old.references.as_ref().is_some_and(|before| before.table == to.table && before.column == to.column) {
        return None;
    }
    let message = format!("must refer to a row of {}", to.table);
    if plan.created.iter().any(|created| created.name == to.table) {
        return Some((message, format!("{column} IS NOT NULL")));
    }
    // The other table may be renamed later in the same migration.
    let (other, key) = match plan.changed.iter().find(|change| change.name == to.table) {
        Some(change) => (change.old_name.as_str(), change.old_column(&to.column)),
        None => (to.table.as_str(), to.column.as_str()),
    };
    let condition = format!(
        "{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {} AS \"other\" WHERE \"other\".{} = {table}.{column})",
        quote(other),
        quote(key)
    );
    Some((message, condition))
}

/// Returns the guard of a unique index. `None` if there can be no duplicates.
fn duplicates(change: &TableChange, index: &Index) -> Option<String> {
    // Rows that are NULL in a column are never duplicates, and all rows have the same value in a new column.
    let added = |name: &String| change.added.iter().find(|added| added.column.name == *name);
    let of_new = index.columns.iter().filter_map(added);
    if of_new.clone().any(|added| !matches!(added.fill, Fill::Value(_))) {
        return None;
    }
    // The condition has the new names.
    let is_new = |name: &str| mentions(&index.condition, name);
    if change.added.iter().any(|added| is_new(&added.column.name)) || change.columns.iter().any(|(_, to)| is_new(to)) {
        return None;
    }
    let old = index.columns.iter().filter(|name| added(name).is_none());
    let old: Vec<String> = old.map(|name| change.old_column(name).to_owned()).collect();
    let title = format!("{} ({})", change.name, index.columns.join(", "));
    let message = format!("{title} must be unique, and several rows have the same values");
    if old.is_empty() {
        let message = format!("{message}. Add the field as an Option, fill it, and make it unique in a second migration. Number of rows");
        return Some(guard(&message, "CAST(count(*) AS TEXT)", &quote(&change.old_name), " HAVING count(*) > 1"));
    }
    let columns = list(&old);
    let in_index = (!index.condition.is_empty()).then(|| format!("({})", index.condition));
    let has_value: Vec<String> = old.iter().map(|name| format!("{} IS NOT NULL", quote(name))).chain(in_index).collect();
    let clauses = format!(" WHERE {} GROUP BY {columns} HAVING count(*) > 1 ORDER BY {columns}", has_value.join(" AND "));
    Some(guard(&message, &shown(&old), &quote(&change.old_name), &clauses))
}

/// Returns the guard for rows of the table, as it was before, that satisfy the condition.
fn rows(change: &TableChange, message: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
    let order = match change.old.primary_key.as_slice() {
        [] => String::new(),
        key => format!(" ORDER BY {}", list(key)),
    };
    let message = format!("{message}. Rows that do not fit{}", by_key(&change.old.primary_key));
    guard(&message, &shown(&change.old.primary_key), &quote(&change.old_name), &format!("{condition}{order}"))
}

fn guard(message: &str, row: &str, from: &str, clauses: &str) -> String {
    format!("-- lback: refuse rows: {message}\nSELECT {row} AS \"row\" FROM {from}{clauses} LIMIT {LIMIT};\n")
}

/// Returns the values of columns as one text.
fn shown(columns: &[String]) -> String {
    if columns.is_empty() {
        return "'a row'".to_owned();
    }
    columns.iter().map(|name| format!("CAST({} AS TEXT)", quote(name))).collect::<Vec<_>>().join(" || ', ' || ")
}

fn by_key(key: &[String]) -> String {
    if key.is_empty() { String::new() } else { format!(", by {}", key.join(" and ")) }
}

fn type_title(column: &Column) -> &'static str {
    crate::migrate::schema::kind_name(column.kind)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
