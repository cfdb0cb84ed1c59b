//! Undoes changes of users, whose fields depend on each other.

use lback_auth::User;
use lback_core::Result;
use lback_db::Db;
use lback_models::{Model, Value};
use serde_json::Value as Json;

use super::RowState;

/// Gives a user former values, by the methods that keep the normal form of an address. Returns the row.
///
/// # Errors
/// Returns 409 if another user has the address by now.
pub(super) fn change_back(db: &mut Db, row: Vec<Value>, wanted: &RowState) -> Result<Vec<Value>> {
    let mut user = User::from_values(row)?;
    let is = |name: &str| wanted.get(name).and_then(Json::as_bool);
    if let Some(email) = wanted.get("email") {
        user.set_email(db, email.as_str())?;
    }
    if is("email_verified") == Some(true) {
        user.set_email_verified(db)?;
    }
    if let Some(pending) = wanted.get("pending_email") {
        user.set_pending_email(db, pending.as_str())?;
    }
    if let Some(active) = is("is_active") {
        user.set_active(db, active)?;
    }
    let (staff, superuser) = (is("is_staff").unwrap_or(user.is_staff), is("is_superuser").unwrap_or(user.is_superuser));
    user.set_roles(db, staff, superuser)?;
    user.to_values()
}
