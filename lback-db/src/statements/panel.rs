//! The statements of a request in the developer toolbar.

use std::collections::BTreeMap;

use lback_core::profile::{Panel, PanelRow, PanelView, Profile, milliseconds};
use lback_core::{Application, Error, Result};

use super::{Statements, explain};
use crate::Database;

/// Shows the statements of a request, those that are repeated, and how the database runs them.
#[derive(Clone, Copy, Debug)]
pub struct SqlPanel;

/// From this number on, a statement that is repeated from the same place is a problem.
const MANY: usize = 3;

impl Panel for SqlPanel {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(view)
    }

    fn explains_errors(&self) -> bool {
        true
    }

    fn detail(&self, app: &Application, profile: &Profile, row: usize) -> Result<String> {
        let sql = profile.read(|statements: &Statements| statements.list.items().get(row).map(|statement| statement.sql.clone())).flatten();
        let sql = sql.ok_or_else(|| Error::not_found("there is no such statement"))?;
        let database = app.state::<Database>().ok_or_else(|| Error::not_found("this application has no database"))?;
        explain::plan(database, &sql)
    }
}

fn view(statements: &Statements) -> PanelView {
    let items = statements.list.items();
    let rows = items.iter().enumerate().map(|(index, statement)| {
        let (repeated, identical) = (statements.repeated(index), statements.identical(index));
        let mut marks = Vec::new();
        if repeated >= MANY {
            marks.push(format!("{repeated} × from here"));
        }
        if identical > 1 {
            marks.push(format!("{identical} × identical"));
        }
        marks.extend(statement.error.clone());
        PanelRow {
            text: statement.sql.clone(),
            note: statement.values.clone(),
            place: statement.place(),
            milliseconds: Some(milliseconds(statement.time)),
            marks,
            detail: explain::is_explained(&statement.sql).then_some("EXPLAIN"),
            ..PanelRow::default()
        }
    });
    PanelView {
        title: "SQL".to_owned(),
        summary: format!("{} in {} ms", statements.list.count(), milliseconds(statements.time)),
        warnings: warnings(statements),
        rows: rows.collect(),
        left_out: statements.list.left_out(),
    }
}

/// Returns what is wrong with the statements, in sentences.
pub(super) fn warnings(statements: &Statements) -> Vec<String> {
    let items = statements.list.items();
    let mut repeated = BTreeMap::new();
    for (index, statement) in items.iter().enumerate() {
        repeated.entry((&statement.sql, statement.place())).or_insert_with(|| statements.repeated(index));
    }
    let many = repeated.into_iter().filter(|(_, count)| *count >= MANY).map(|((_, place), count)| {
        let place = place.unwrap_or_else(|| "An unknown place".to_owned());
        format!("{place} sends the same statement {count} times. Load all rows with one, for example with eq_any or a join.")
    });
    let mut warnings: Vec<String> = many.collect();
    let mut seen = std::collections::HashSet::new();
    let identical = items.iter().filter(|statement| !seen.insert(statement.identity)).count();
    if identical > 0 {
        let (statements, are) = if identical == 1 { ("statement", "is") } else { ("statements", "are") };
        warnings.push(format!("{identical} {statements} {are} identical to an earlier one, with the same values."));
    }
    warnings
}
