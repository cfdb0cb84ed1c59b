//! Which tables and columns were renamed.

use std::collections::BTreeMap;

use lback_core::Result;

use super::{Questions, conversion};
use crate::migrate::{Schema, Table};

/// The renamed tables and columns.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// The new names of tables, by their old names.
    tables: BTreeMap<String, String>,
    /// The new names of columns, by the new name of the table and the old name of the column.
    columns: BTreeMap<(String, String), String>,
}

impl Renames {
    /// Asks about each pair of a table or column that is gone and a new one.
    pub(super) fn find(old: &Schema, new: &Schema, questions: &mut dyn Questions) -> Result<Self> {
        let mut renames = Renames::default();
        for (to, table) in new.tables.iter().filter(|(name, _)| !old.tables.contains_key(*name)) {
            for (from, before) in old.tables.iter().filter(|(name, _)| !new.tables.contains_key(*name)) {
                if !renames.tables.contains_key(from) && questions.is_table_renamed(from, to, are_alike(before, table))? {
                    renames.tables.insert(from.clone(), to.clone());
                    break;
                }
            }
        }
        for (name, table) in &new.tables {
            if let Some(before) = old.tables.get(renames.old_table(name)) {
                renames.find_columns(name, before, table, questions)?;
            }
        }
        Ok(renames)
    }

    fn find_columns(&mut self, name: &str, old: &Table, new: &Table, questions: &mut dyn Questions) -> Result<()> {
        for column in new.columns.iter().filter(|column| old.column(&column.name).is_none()) {
            for before in old.columns.iter().filter(|column| new.column(&column.name).is_none()) {
                let key = (name.to_owned(), before.name.clone());
                if !self.columns.contains_key(&key)
                    && conversion(before.kind, column.kind).is_some()
                    && questions.is_column_renamed(name, &before.name, &column.name)?
                {
                    self.columns.insert(key, column.name.clone());
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns the old name of a table.
    pub(super) fn old_table<'a>(&'a self, new: &'a str) -> &'a str {
        self.tables.iter().find(|(_, to)| *to == new).map_or(new, |(from, _)| from)
    }

    /// Returns whether the table with this old name has another one now.
    pub(super) fn is_renamed(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Returns the new name of a table.
    pub(super) fn new_table<'a>(&'a self, old: &'a str) -> &'a str {
        self.tables.get(old).map_or(old, String::as_str)
    }

    /// Returns the new name of a column of a table, which is named by its new name.
    pub(super) fn new_column<'a>(&'a self, table: &str, old: &'a str) -> &'a str {
        self.columns.get(&(table.to_owned(), old.to_owned())).map_or(old, String::as_str)
    }

    /// Returns the renamed columns of a table: the old name, the new name.
    pub(super) fn columns_of(&self, table: &str) -> Vec<(String, String)> {
        let of_table = self.columns.iter().filter(|((of, _), _)| of == table);
        of_table.map(|((_, from), to)| (from.clone(), to.clone())).collect()
    }
}

/// Returns whether at least half of the columns are the same.
fn are_alike(one: &Table, other: &Table) -> bool {
    let same = one.columns.iter().filter(|column| other.column(&column.name).is_some()).count();
    same * 2 >= one.columns.len().max(other.columns.len())
}
