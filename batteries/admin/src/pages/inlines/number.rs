//! The number of the rows, and their places among each other.

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_forms::{Form, Values};
use lback_models::{Cursor, FieldMeta, Kind, Value};

use super::InlineRows;
use super::save::Planned;
use crate::language::{text, within_sentence};
use crate::shown::value_of;

impl InlineRows<'_> {
    /// Returns the place of a new row without one: after all others of its parent.
    pub(super) fn next_place(&self, req: &mut Request, parent: usize, given: &Values) -> Result<i64> {
        let Some(place) = self.inline.position else { return Ok(0) };
        let meta = self.model.meta();
        let stored = |row: &[Value]| match value_of(meta, row, place) {
            Value::Int(place) => Some(*place),
            _ => None,
        };
        let rows = || self.rows_of(parent).map(|(_, row)| row);
        let given = rows().filter_map(|row| given.text(&row.name(place.name)).trim().parse::<i64>().ok());
        let mut last = given.chain(rows().filter(|row| !row.is_new()).filter_map(|row| stored(&row.values))).max();
        if let (true, Some(list)) = (self.parents[parent].has_more, self.list_of(parent)) {
            let descending = list.order_by(&[&format!("-{}", place.name)])?;
            last = last.max(descending.page(req.db()?, &Cursor::default(), 1)?.items.first().and_then(|row| stored(row)));
        }
        Ok(last.map_or(1, |last| last.saturating_add(1)).min(largest(place)))
    }

    /// Adds an error to the form if there would be too few or too many rows of a parent.
    pub(super) fn check_number(&self, req: &mut Request, parent: usize, planned: &[Planned<'_>], form: &mut Form<Values>) -> Result<()> {
        let (min, max) = (self.inline.min, self.inline.max);
        if min == 0 && max.is_none() {
            return Ok(());
        }
        let deleted = planned.iter().filter(|row| row.is_deleted()).count();
        let created = planned.iter().filter(|row| row.is_created()).count();
        let most = min.max(max.unwrap_or(0)).saturating_add(deleted).saturating_add(1);
        let stored = match self.list_of(parent).filter(|_| self.parents[parent].has_more) {
            Some(list) => list.count_up_to(req.db()?, u32::try_from(most).unwrap_or(u32::MAX))? as usize,
            None => self.rows_of(parent).filter(|(_, row)| !row.is_new()).count(),
        };
        let number = stored.saturating_sub(deleted).saturating_add(created);
        let meta = self.model.meta();
        let counted = |number: usize| format!("{number} {}", within_sentence(if number == 1 { meta.label } else { meta.plural }));
        if number < min {
            form.add_form_error(text!("There must be at least {rows}.", rows = counted(min)));
        }
        if let Some(max) = max.filter(|max| created > 0 && number > *max) {
            form.add_form_error(text!("There can be at most {rows}.", rows = counted(max)));
        }
        Ok(())
    }
}

/// Returns the largest number that a field can have.
pub(super) fn largest(field: &FieldMeta) -> i64 {
    match field.kind {
        Kind::SmallInt => i16::MAX.into(),
        Kind::Integer => i32::MAX.into(),
        _ => i64::MAX,
    }
}
