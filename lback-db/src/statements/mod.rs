//! Sees every statement: for the log, the developer toolbar and the tests that count them.

mod explain;
mod panel;
pub(crate) mod rows;
mod testing;
#[cfg(test)]
mod tests;
mod values;
mod watch;

pub use panel::SqlPanel;
pub use testing::AssertQueries;
pub(crate) use watch::Watch;

use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

use lback_core::profile::{Limited, place, shortened};

thread_local! {
    static PLACE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Sets the place in the source code that asks for a connection. The statements that follow on this thread are sent from there.
pub(crate) fn asked_at(location: &'static Location<'static>) {
    PLACE.set(Some(location));
}

/// The longest SQL and the longest list of values that are kept of a statement, in bytes.
const MAX_SQL: usize = 4096;
const MAX_VALUES: usize = 1024;

/// A statement that a request has sent.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// The bound values, with secrets masked.
    pub(crate) values: String,
    /// The hash of the SQL and the values themselves, by which identical statements are found.
    pub(crate) identity: u64,
    pub(crate) location: Option<&'static Location<'static>>,
    pub(crate) time: Duration,
    pub(crate) error: Option<String>,
}

impl Statement {
    pub(crate) fn place(&self) -> Option<String> {
        self.location.map(place)
    }

    /// Returns the statement without what is too long to be kept.
    fn shortened(mut self) -> Self {
        self.sql = shortened(&self.sql, MAX_SQL);
        self.values = shortened(&self.values, MAX_VALUES);
        self
    }
}

/// The statements of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements {
    pub(crate) list: Limited<Statement>,
    pub(crate) time: Duration,
}

impl Statements {
    fn add(&mut self, statement: Statement) {
        self.time += statement.time;
        self.list.push_with(|| statement.shortened());
    }

    /// Returns how many of the statements have the same SQL and come from the same place as the one with this index.
    pub(crate) fn repeated(&self, index: usize) -> usize {
        let items = self.list.items();
        items.iter().filter(|other| other.sql == items[index].sql && other.location == items[index].location).count()
    }

    /// Returns how many of the statements have the same SQL and the same values as the one with this index.
    pub(crate) fn identical(&self, index: usize) -> usize {
        let items = self.list.items();
        items.iter().filter(|other| other.identity == items[index].identity).count()
    }
}
