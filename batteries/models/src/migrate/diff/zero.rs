//! The answers for the way back.

use lback_core::Result;

use super::{Fill, Plan, Questions};
use crate::meta::Kind;
use crate::migrate::{Column, DefaultValue};

/// Answers for the plan that undoes another: it renames back, and columns that come back are filled with an empty value.
#[derive(Debug)]
pub(super) struct WayBack<'a> {
    plan: &'a Plan,
}

impl<'a> WayBack<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        WayBack { plan }
    }
}

impl Questions for WayBack<'_> {
    fn is_table_renamed(&mut self, from: &str, to: &str, _are_alike: bool) -> Result<bool> {
        Ok(self.plan.changed.iter().any(|change| change.name == from && change.old_name == to))
    }

    fn is_column_renamed(&mut self, table: &str, from: &str, to: &str) -> Result<bool> {
        let mut of_table = self.plan.changed.iter().filter(|change| change.old_name == table);
        Ok(of_table.any(|change| change.columns.iter().any(|(old, new)| new == from && old == to)))
    }

    fn fill(&mut self, _table: &str, column: &Column, _is_new: bool) -> Result<Fill> {
        // There is no empty reference, and no empty value that rows could share in a key.
        if column.references.is_some() {
            return Ok(Fill::Refuse);
        }
        Ok(Fill::Value(empty_value(column)))
    }
}

/// Returns the value of a column that has come back and must have one.
fn empty_value(column: &Column) -> DefaultValue {
    let text = |text: &str| DefaultValue::Text(text.to_owned());
    match column.kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration | Kind::Decimal => DefaultValue::Int(0),
        Kind::Float | Kind::Double => DefaultValue::Real(0.0),
        Kind::Bool => DefaultValue::Bool(false),
        Kind::Text | Kind::Bytes => DefaultValue::Text(column.choices.first().cloned().unwrap_or_default()),
        Kind::Date => text("1970-01-01"),
        Kind::Time => text("00:00:00"),
        Kind::DateTime => text("1970-01-01 00:00:00"),
        Kind::Timestamp => text("1970-01-01 00:00:00+00:00"),
        Kind::Uuid => text("00000000-0000-0000-0000-000000000000"),
        Kind::Json => text("null"),
    }
}
