//! What two schemas alone cannot tell.

use lback_core::Result;

use crate::migrate::{Column, DefaultValue};

/// Answers what two schemas alone cannot tell. [`Answers`] has them from the start.
pub trait Questions {
    /// Returns whether the new table `to` is the table `from`, which has no model any more. `are_alike` tells whether at least half of
    /// their columns are the same.
    ///
    /// # Errors
    /// Returns an error if there is no answer.
    fn is_table_renamed(&mut self, from: &str, to: &str, are_alike: bool) -> Result<bool>;

    /// Returns whether the new column `to` is the column `from`, which has no field any more.
    ///
    /// # Errors
    /// Returns an error if there is no answer.
    fn is_column_renamed(&mut self, table: &str, from: &str, to: &str) -> Result<bool>;

    /// Returns the value that existing rows get in a column that must have one. `is_new` tells whether the column is added, so that no
    /// row has a value.
    ///
    /// # Errors
    /// Returns an error if there is no answer.
    fn fill(&mut self, table: &str, column: &Column, is_new: bool) -> Result<Fill>;
}

/// The value that existing rows get in a column that must have one.
#[derive(Clone, Debug, PartialEq)]
pub enum Fill {
    /// This one.
    Value(DefaultValue),
    /// None: the migration is refused if a row needs one.
    Refuse,
    /// Nobody knows.
    Unknown,
}

/// Answers that were given in advance, as with `--rename posts.text=body`.
///
/// A table or column that is not listed was not renamed.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Renamed tables: the old name, the new name.
    pub tables: Vec<(String, String)>,
    /// Renamed columns: the new name of the table, the old name of the column, the new name.
    pub columns: Vec<(String, String, String)>,
    /// Values for existing rows: the table, the column, the value.
    pub values: Vec<(String, String, DefaultValue)>,
}

impl Questions for Answers {
    fn is_table_renamed(&mut self, from: &str, to: &str, _are_alike: bool) -> Result<bool> {
        Ok(self.tables.iter().any(|(old, new)| old == from && new == to))
    }

    fn is_column_renamed(&mut self, table: &str, from: &str, to: &str) -> Result<bool> {
        Ok(self.columns.iter().any(|(of, old, new)| of == table && old == from && new == to))
    }

    fn fill(&mut self, table: &str, column: &Column, is_new: bool) -> Result<Fill> {
        let given = self.values.iter().find(|(of, name, _)| of == table && *name == column.name);
        Ok(match given {
            Some((_, _, value)) => Fill::Value(value.clone()),
            None if is_new => Fill::Unknown,
            None => Fill::Refuse,
        })
    }
}
