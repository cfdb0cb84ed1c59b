//! The order in which tables are created.

use super::NamedTable;

/// Sorts tables so that each follows those that it refers to. In a circle, one comes first all the same; its references are added
/// afterwards.
pub(crate) fn by_references(mut tables: Vec<NamedTable>) -> Vec<NamedTable> {
    let mut sorted = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let waits = |one: &NamedTable| {
            let mut references = one.table.columns.iter().filter_map(|column| column.references.as_ref());
            references.any(|to| to.table != one.name && tables.iter().any(|other| other.name == to.table))
        };
        let next = tables.iter().position(|table| !waits(table)).unwrap_or(0);
        sorted.push(tables.remove(next));
    }
    sorted
}
