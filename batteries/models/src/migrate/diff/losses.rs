//! What a plan deletes.

use super::Plan;

impl Plan {
    /// Describes what the plan deletes, one line for each table and column.
    pub fn losses(&self) -> Vec<String> {
        let tables = self.dropped.iter().map(|table| format!("the table {} and all of its rows", table.name));
        let columns = self
            .changed
            .iter()
            .flat_map(|change| change.dropped.iter().map(|column| format!("the column {}.{} and its values", change.name, column.name)));
        tables.chain(columns).collect()
    }
}
