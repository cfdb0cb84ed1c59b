//! The number of rows of a statement, for the log.
//!
//! Diesel reports the end of a statement without its rows. Of those that change rows, the number is known just after that, so the line
//! of the log is held back until then. Of queries that are read row by row, the number is known before.

use std::cell::{Cell, RefCell};

use diesel::QueryResult;

use super::watch::Line;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holding {
    /// Lines are logged at once, with this number of rows.
    Not(Option<usize>),
    /// The next line is held back.
    Awaited,
    /// A line is held back.
    Held,
    /// No line is made.
    Silent,
}

thread_local! {
    static HOLDING: Cell<Holding> = const { Cell::new(Holding::Not(None)) };
    static LINE: RefCell<Option<Line>> = const { RefCell::new(None) };
}

/// Restores the state, after a panic too.
struct Restore(Holding);

impl Drop for Restore {
    fn drop(&mut self) {
        HOLDING.set(self.0);
    }
}

fn within<T>(holding: Holding, work: impl FnOnce() -> T) -> T {
    let before = HOLDING.get();
    let _restore = Restore(before);
    if before != Holding::Silent {
        HOLDING.set(holding);
    }
    work()
}

/// Runs one statement, whose number of rows follows from its result. `rows` is called only if the statement is logged.
pub(crate) fn counted<T>(run: impl FnOnce() -> QueryResult<T>, rows: impl FnOnce(&T) -> Option<usize>) -> QueryResult<T> {
    let (result, is_held) = within(Holding::Awaited, || {
        let result = run();
        (result, HOLDING.get() == Holding::Held)
    });
    if is_held && let Some(line) = LINE.take() {
        line.log(result.as_ref().ok().and_then(rows));
    }
    result
}

/// Runs what may end a query of which so many rows have been read.
pub(crate) fn after<T>(rows: usize, work: impl FnOnce() -> T) -> T {
    within(Holding::Not(Some(rows)), work)
}

/// Runs statements that are not to be seen, since they are reported together.
#[cfg(feature = "sqlite")]
pub(crate) fn silently<T>(work: impl FnOnce() -> T) -> T {
    within(Holding::Silent, work)
}

pub(super) fn is_silent() -> bool {
    HOLDING.get() == Holding::Silent
}

/// Logs a line, now or when its number of rows is known.
pub(super) fn log(line: Line) {
    match HOLDING.get() {
        Holding::Not(rows) => line.log(rows),
        Holding::Silent => {}
        Holding::Awaited | Holding::Held => {
            // The one before was not the statement itself, but the begin of its transaction, or a first attempt that failed.
            if let Some(before) = LINE.replace(Some(line)) {
                before.log(None);
            }
            HOLDING.set(Holding::Held);
        }
    }
}
