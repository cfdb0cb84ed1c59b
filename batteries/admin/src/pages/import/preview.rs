//! The preview of an import.

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::Value;
use serde::Serialize;

use super::columns::{Column, Columns};
use super::plan::{Plan, Shown, ShownCell, Step};
use super::problems::Problems;
use super::write::Written;
use crate::language::{counted, text};
use crate::shown::{Cell, Labels, cell, is_number, labels};

/// The preview of an import.
#[derive(Serialize)]
pub(super) struct Preview {
    added: usize,
    changed: usize,
    kept: usize,
    /// The text of the button.
    rows: String,
    headings: Vec<Heading>,
    first: Vec<RowView>,
    /// `true` if there are more rows than `first` has.
    has_more: bool,
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct Heading {
    label: &'static str,
    is_number: bool,
}

#[derive(Serialize)]
struct RowView {
    line: u64,
    step: &'static str,
    cells: Vec<CellView>,
}

#[derive(Serialize)]
struct CellView {
    /// The value. `None` if the text is invalid.
    value: Option<Cell>,
    before: Option<Cell>,
    text: String,
}

impl Preview {
    /// Returns the preview of a plan whose rows have been tried.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) fn of(req: &mut Request, columns: Columns, plan: Plan, written: &Written, problems: &Problems) -> Result<Self> {
        let zone = req.time_zone();
        let mut labels_of = Vec::with_capacity(columns.all.len());
        for (at, column) in columns.all.iter().enumerate() {
            labels_of.push(labels_of_column(req, column, &plan.first, at)?);
        }
        let shown = |column: &Column, labels: &Labels, value: &Value| cell(column.of.field, value, zone, labels);
        let view = |(at, found): (usize, ShownCell)| {
            let (column, labels) = (&columns.all[at], &labels_of[at]);
            let value = found.value.as_ref().map(|value| shown(column, labels, value));
            CellView { value, before: found.before.as_ref().map(|value| shown(column, labels, value)), text: found.text }
        };
        let has_more = plan.count > plan.first.len();
        let first = plan.first.into_iter().map(|row| RowView {
            line: row.line,
            step: if problems.has_line(row.line) { word(Step::Refuse) } else { word(row.step) },
            cells: row.cells.into_iter().enumerate().map(view).collect(),
        });
        Ok(Preview {
            added: written.added,
            changed: written.changed,
            kept: plan.kept,
            rows: number_of_rows(written.added + written.changed),
            first: first.collect(),
            headings: columns.all.iter().map(heading).collect(),
            has_more,
            left_out: columns.left_out,
        })
    }

    /// Returns whether there is anything to write.
    pub(super) fn writes(&self) -> bool {
        self.added + self.changed > 0
    }
}

fn heading(column: &Column) -> Heading {
    Heading { label: column.of.field.label, is_number: is_number(column.of.field) }
}

/// Returns the labels of the rows to which a column refers, as far as the user may see them.
fn labels_of_column(req: &mut Request, column: &Column, rows: &[Shown], at: usize) -> Result<Labels> {
    let Some(list) = &column.of.rows else { return Ok(Labels::new()) };
    let cells = rows.iter().filter_map(|row| row.cells.get(at));
    let keys = cells.flat_map(|cell| [cell.value.clone(), cell.before.clone()]).flatten().collect();
    labels(req.db()?, list, keys)
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Add => "add",
        Step::Change => "change",
        Step::Keep => "keep",
        Step::Refuse => "refuse",
    }
}

/// Formats a number of rows: `1 row`, `1,200 rows`.
fn number_of_rows(count: usize) -> String {
    match count {
        count if count < 1000 => counted!(count, "1 row", "{count} rows"),
        count => text!("{count} rows", count = format!("{},{:03}", count / 1000, count % 1000)),
    }
}
