//! Signals of the database, and signals that wait for it.

use lback_core::{Request, Signal};
use serde::Serialize;

use crate::DbSession;
use crate::sealed::Sealed;

/// `migration.applied`: a migration was applied, by the command `migrate` or, if `DEBUG` is on, at the start of the server.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MigrationApplied {
    /// The name of its folder, such as `2026-11-21-120000_create_posts`.
    pub name: String,
}

impl MigrationApplied {
    // For the code that applies migrations, in the crate above.
    #[doc(hidden)]
    pub fn new(name: String) -> Self {
        MigrationApplied { name }
    }
}

impl Signal for MigrationApplied {
    const NAME: &'static str = "migration.applied";
}

/// Adds signals to [`Request`].
pub trait RequestSignal: Sealed {
    /// Sends `signal` after the commit of this request, and never if it is rolled back: no listener hears of an order that was not
    /// saved.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// # use lback::signals::Signal;
    /// use lback::signals::RequestSignal;
    ///
    /// #[derive(Debug)]
    /// struct OrderPlaced { id: i64 }
    ///
    /// impl Signal for OrderPlaced {
    ///     const NAME: &str = "order.placed";
    /// }
    ///
    /// fn order(req: &mut Request) -> Result<&'static str> {
    ///     req.signal(OrderPlaced { id: 7 });
    ///     Ok("thank you")
    /// }
    /// ```
    ///
    /// If the request has no unit of work, because the application has no database or
    /// [`commit_db`](crate::RequestDb::commit_db) has ended it, the signal is sent at once.
    fn signal<T: Signal>(&mut self, signal: T);
}

impl RequestSignal for Request {
    fn signal<T: Signal>(&mut self, signal: T) {
        let app = self.app().clone();
        if !app.wants::<T>() {
            return;
        }
        match self.extensions_mut().get_mut::<DbSession>() {
            Some(unit) => unit.on_commit(move || app.send(signal)),
            None => app.send(signal),
        }
    }
}
