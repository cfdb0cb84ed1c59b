//! Entries for superusers who act as another user.

use lback_auth::User;
use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::{Model as _, ops};
use serde_json::Value as Json;

use super::{Change, Recorder, RowState};

/// The key in the state of a user for the name of the superuser who acts as that user.
const ACTING: &str = "_acting";

/// Records that a superuser begins or stops acting as another user.
pub(crate) fn record_impersonation(req: &mut Request, superuser: &User, user: &User, begins: bool) -> Result<()> {
    let recorder = Recorder::of(req)?;
    let state = |name: Json| RowState::from_iter([(ACTING.to_owned(), name)]);
    let (acting, not_acting) = (state(Json::from(superuser.username.as_str())), state(Json::Null));
    let (before, after) = if begins { (not_acting, acting) } else { (acting, not_acting) };
    recorder.record(req.db()?, ops::<User>(), &user.to_values()?, Some(before), Some(after))
}

impl Change {
    /// Returns whether a superuser began (`true`) or stopped (`false`) acting as another user. `None` for a change of a row.
    pub(crate) fn impersonation(&self) -> Option<bool> {
        self.after.as_ref()?.get(ACTING).map(|name| !name.is_null())
    }
}
