//! The hooks that run when a unit of work ends.

use lback_core::{Request, Response, Result};

use crate::Db;

type BeforeCommit = Box<dyn FnOnce(&mut Db) -> Result<()> + Send>;
type Hook = Box<dyn FnOnce() + Send>;
type EndHook = Box<dyn FnOnce(&mut Request, &mut Result<Response>) + Send>;

/// The hooks of one unit of work, each list in the order of registration.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) before_commit: Vec<BeforeCommit>,
    pub(super) on_commit: Vec<Hook>,
    pub(super) on_rollback: Vec<Hook>,
    pub(super) on_end: Vec<EndHook>,
}

/// The [`on_end`](crate::DbSession::on_end) hooks of a request, kept until its result is known.
#[derive(Default)]
pub(crate) struct EndHooks(pub(super) Vec<EndHook>);

impl EndHooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them. The request has been [concluded](Request::conclude) by `result`.
    pub(crate) fn run(self, req: &mut Request, result: &mut Result<Response>) {
        self.0.into_iter().for_each(|work| work(req, result));
    }
}

/// Runs hooks that must not fail the request any more: everything is saved by now.
pub(crate) fn run_guarded(hooks: Vec<Hook>) {
    for hook in hooks {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(hook)).is_err() {
            tracing::error!(target: "lback::db", "a hook of a unit of work has panicked");
        }
    }
}
