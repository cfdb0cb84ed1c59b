//! What changes in one table.

use std::collections::BTreeSet;

use lback_core::{Error, Result};

use super::renames::Renames;
use super::{Fill, Questions, conversion};
use crate::migrate::schema::kind_name;
use crate::migrate::sql::{normal_condition, rename_in_condition};
use crate::migrate::{Check, Column, Index, Table};

/// What changes in one table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableChange {
    /// The name before.
    pub old_name: String,
    /// The name afterwards.
    pub name: String,
    /// The table before.
    pub old: Table,
    /// The table before, with the new names of tables and columns.
    pub renamed: Table,
    /// The table afterwards.
    pub new: Table,
    /// The renamed columns: the old name, the new name.
    pub columns: Vec<(String, String)>,
    /// The added columns.
    pub added: Vec<AddedColumn>,
    /// The dropped columns.
    pub dropped: Vec<Column>,
    /// The columns that change otherwise.
    pub altered: Vec<AlteredColumn>,
}

/// A column that is added to a table.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedColumn {
    /// The column.
    pub column: Column,
    /// The value that existing rows get. [`Fill::Unknown`] if they need none.
    pub fill: Fill,
}

/// A column that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct AlteredColumn {
    /// The column before, with its new name.
    pub old: Column,
    /// The column afterwards.
    pub new: Column,
    /// What existing rows without a value get. [`Fill::Unknown`] if they need none.
    pub fill: Fill,
}

impl TableChange {
    pub(super) fn between(
        (old_name, old): (&str, &Table),
        (name, new): (&str, &Table),
        renames: &Renames,
        questions: &mut dyn Questions,
        without_value: &mut Vec<String>,
    ) -> Result<Self> {
        let renamed = with_new_names(old, name, renames);
        let mut change = TableChange {
            old_name: old_name.to_owned(),
            name: name.to_owned(),
            old: old.clone(),
            columns: renames.columns_of(name),
            added: Vec::new(),
            dropped: renamed.columns.iter().filter(|column| new.column(&column.name).is_none()).cloned().collect(),
            altered: Vec::new(),
            new: new.clone(),
            renamed,
        };
        let mut fill = |column: &Column, is_new: bool| -> Result<Fill> {
            if let Some(default) = &column.default {
                return Ok(Fill::Value(default.clone()));
            }
            let fill = questions.fill(name, column, is_new)?;
            if fill == Fill::Unknown {
                without_value.push(format!("{name}.{}", column.name));
            }
            Ok(fill)
        };
        for column in &new.columns {
            let Some(before) = change.renamed.column(&column.name) else {
                let fill = if column.null || column.numbered { Fill::Unknown } else { fill(column, true)? };
                change.added.push(AddedColumn { column: column.clone(), fill });
                continue;
            };
            if before == column {
                continue;
            }
            if conversion(before.kind, column.kind).is_none() {
                return Err(Error::internal(format!(
                    "{name}.{} changes from {} to {}, and its values cannot be converted without loss. Add a field with another name, copy the values \
                     in a migration of your own (`makemigrations --empty`), and remove the old field",
                    column.name,
                    kind_name(before.kind),
                    kind_name(column.kind)
                )));
            }
            let fill = if before.null && !column.null { fill(column, false)? } else { Fill::Unknown };
            change.altered.push(AlteredColumn { old: before.clone(), new: column.clone(), fill });
        }
        Ok(change)
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.old_name == self.name
            && self.columns.is_empty()
            && self.added.is_empty()
            && self.dropped.is_empty()
            && self.altered.is_empty()
            && self.renamed.primary_key == self.new.primary_key
            && normal_indexes(&self.renamed) == normal_indexes(&self.new)
            && normal_checks(&self.renamed) == normal_checks(&self.new)
    }

    /// Returns the old name of a column.
    pub(crate) fn old_column<'a>(&'a self, new: &'a str) -> &'a str {
        self.columns.iter().find(|(_, to)| to == new).map_or(new, |(from, _)| from)
    }

    /// Returns the indexes before, each with what it is in the renamed table.
    pub(crate) fn old_indexes(&self) -> impl Iterator<Item = (&Index, Index)> {
        self.old.indexes.iter().map(|index| {
            let columns = index.columns.iter().map(|column| self.new_column(column).to_owned()).collect();
            let condition = rename_in_condition(&index.condition, &self.columns);
            (index, Index { columns, unique: index.unique, condition })
        })
    }

    /// Returns the checks that exist only before or afterwards; a check that changes is in both.
    pub(crate) fn checks(&self) -> (Vec<&Check>, Vec<&Check>) {
        let gone = self.renamed.checks.iter().filter(|check| !self.new.checks.iter().any(|other| is_same_check(check, other)));
        let new = self.new.checks.iter().filter(|check| !self.renamed.checks.iter().any(|other| is_same_check(check, other)));
        (gone.collect(), new.collect())
    }

    /// Returns the new name of a column.
    fn new_column<'a>(&'a self, old: &'a str) -> &'a str {
        self.columns.iter().find(|(from, _)| from == old).map_or(old, |(_, to)| to)
    }
}

/// Returns the table with the new names of tables and columns.
fn with_new_names(old: &Table, name: &str, renames: &Renames) -> Table {
    let pairs = renames.columns_of(name);
    let new_names = |columns: &[String]| columns.iter().map(|column| renames.new_column(name, column).to_owned()).collect();
    let mut table = old.clone();
    table.primary_key = new_names(&old.primary_key);
    for column in &mut table.columns {
        column.name = renames.new_column(name, &column.name).to_owned();
        if let Some(to) = &mut column.references {
            to.table = renames.new_table(&to.table).to_owned();
            to.column = renames.new_column(&to.table, &to.column).to_owned();
        }
    }
    let indexes = old.indexes.iter().map(|index| Index {
        columns: new_names(&index.columns),
        unique: index.unique,
        condition: rename_in_condition(&index.condition, &pairs),
    });
    table.indexes = indexes.collect();
    let checks = old.checks.iter();
    table.checks = checks.map(|check| with_conditions(check, |condition| rename_in_condition(condition, &pairs))).collect();
    table
}

/// Returns the indexes in a form in which two are equal if they mean the same.
fn normal_indexes(table: &Table) -> BTreeSet<Index> {
    let normal = |index: &Index| Index { condition: normal_condition(&index.condition), ..index.clone() };
    table.indexes.iter().map(normal).collect()
}

fn normal_checks(table: &Table) -> BTreeSet<Check> {
    table.checks.iter().map(|check| with_conditions(check, normal_condition)).collect()
}

fn with_conditions(check: &Check, change: impl Fn(&str) -> String) -> Check {
    Check { name: check.name.clone(), condition: change(&check.condition), on_sqlite: change(&check.on_sqlite) }
}

fn is_same_check(one: &Check, other: &Check) -> bool {
    with_conditions(one, normal_condition) == with_conditions(other, normal_condition)
}
