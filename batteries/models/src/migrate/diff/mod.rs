//! The difference between two schemas: a [`Plan`].

mod change;
mod conversion;
mod losses;
mod names;
mod order;
mod questions;
mod renames;
mod zero;

pub use change::{AddedColumn, AlteredColumn, TableChange};
pub(crate) use conversion::{Conversion, conversion};
pub use questions::{Answers, Fill, Questions};

use lback_core::{Error, Result};

pub(crate) use self::order::by_references;
use self::renames::Renames;
use self::zero::WayBack;
use super::{Schema, Table};

/// What leads from one schema to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The tables that are created; those that others refer to come first.
    pub created: Vec<NamedTable>,
    /// The tables that are dropped; those that refer to others come first.
    pub dropped: Vec<NamedTable>,
    /// The tables that are changed.
    pub changed: Vec<TableChange>,
}

/// A table with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTable {
    /// The name.
    pub name: String,
    /// The table.
    pub table: Table,
}

impl Plan {
    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.dropped.is_empty() && self.changed.is_empty()
    }
}

/// Returns what leads from `old` to `new`. What the schemas alone cannot tell is asked.
///
/// # Errors
/// Returns an error if a column changes to a type that its values cannot be converted to, if rows need a value and there is none, and
/// the errors of `questions`.
pub fn plan(old: &Schema, new: &Schema, questions: &mut dyn Questions) -> Result<Plan> {
    let renames = Renames::find(old, new, questions)?;
    let mut plan = Plan::default();
    let mut without_value = Vec::new();
    for (name, table) in &new.tables {
        let from = renames.old_table(name);
        let Some(before) = old.tables.get(from) else {
            plan.created.push(NamedTable { name: name.clone(), table: table.clone() });
            continue;
        };
        let change = TableChange::between((from, before), (name.as_str(), table), &renames, questions, &mut without_value)?;
        if !change.is_empty() {
            plan.changed.push(change);
        }
    }
    if let Some(first) = without_value.first() {
        return Err(Error::internal(format!(
            "{} must have a value, and the rows that exist have none. Give the field a default, make it an Option, or name a value for those rows: \
             --default {first}=…",
            without_value.join(", ")
        )));
    }
    let is_gone = |name: &&String| !new.tables.contains_key(*name) && !renames.is_renamed(name);
    let dropped = old.tables.keys().filter(is_gone).map(|name| NamedTable { name: name.clone(), table: old.tables[name].clone() });
    plan.dropped = by_references(dropped.collect());
    plan.dropped.reverse();
    plan.created = by_references(plan.created);
    Ok(plan)
}

/// Returns what undoes `plan`, which leads from `old` to `new`: renames are undone, and what was deleted comes back empty.
///
/// # Errors
/// As [`plan`], if a change cannot be undone.
pub fn plan_back(old: &Schema, new: &Schema, plan: &Plan) -> Result<Plan> {
    self::plan(new, old, &mut WayBack::of(plan))
}
