//! A superuser who acts as another user.
//!
//! The session stays that of the superuser: its user id and its signature do not change, so it is in the superuser's list of devices, and
//! ends with the superuser's password. It also stores the id of the other user.

use std::sync::Arc;

use lback_core::{Error, Request, Result};
use lback_db::RequestDb;
use lback_session::{AppSession, RequestSession};

use crate::account::CurrentUser;
use crate::login::{CONFIRMED, LOGIN};
use crate::request::{SIGNATURE, USER_ID, current_user};
use crate::{Auth, RequestAuth, User};

/// The session's key for the id of the other user.
const ACTING_AS: &str = "_acting_as";

/// The keys that stay in the session when a superuser begins or stops acting as another user. All other data belong to one of the two
/// users, and are removed.
const KEPT: [&str; 4] = [USER_ID, SIGNATURE, LOGIN, CONFIRMED];

/// A function that is called when a superuser begins (`true`) or stops (`false`) acting as another user.
pub type Observer = fn(&mut Request, superuser: &User, user: &User, begins: bool) -> Result<()>;

/// The current user, and the superuser who acts as that user.
#[derive(Clone, Default)]
pub(crate) struct Identity {
    pub(crate) user: Option<CurrentUser>,
    pub(crate) superuser: Option<CurrentUser>,
}

/// Returns the current user of a session with this owner. If the owner can no longer act as another user, there is no current user for
/// this request, so that nothing that was meant for one user is done as the other.
pub(crate) fn identity(req: &mut Request, auth: &Auth, owner: CurrentUser) -> Result<Identity> {
    let acting_as = req.session().get::<serde_json::Value>(ACTING_AS)?;
    let Some(acting_as) = acting_as else { return Ok(Identity { user: Some(owner), superuser: None }) };
    let user = match acting_as.as_i64() {
        Some(id) if owner.is_superuser => req.read_db(|db| auth.accounts().find(db, id))?,
        _ => None,
    };
    match user.filter(|user| user.is_active && !user.is_superuser) {
        Some(user) => Ok(Identity { user: Some(user), superuser: Some(owner) }),
        None => {
            tracing::warn!(target: "lback::auth", superuser = owner.id, user = %acting_as, "acting as another user has ended");
            keep_login(req.session())?;
            Ok(Identity::default())
        }
    }
}

/// Ends it without a trace in the history, because the owner of the session is no longer logged in.
pub(crate) fn forget(req: &mut Request) -> Result<()> {
    let session = req.session();
    if session.contains_key(ACTING_AS) {
        tracing::warn!(target: "lback::auth", user = %session[ACTING_AS], "the login of a superuser who acted as another user has ended");
        keep_login(session)?;
    }
    Ok(())
}

/// Removes everything but the login from the session, which gets a new id.
fn keep_login(session: &mut AppSession) -> Result<()> {
    let kept: Vec<_> = KEPT.iter().map(|key| (*key, session[*key].clone())).filter(|(_, value)| !value.is_null()).collect();
    session.clear();
    for (key, value) in kept {
        session.insert(key, value)?;
    }
    session.cycle_id();
    Ok(())
}

pub(crate) fn begin(req: &mut Request, auth: &Auth, user: &User) -> Result<()> {
    let superuser = req.require_own_login()?;
    if !superuser.is_superuser {
        return Err(Error::forbidden("Only superusers can act as another user."));
    }
    if user.is_superuser || !user.is_active {
        return Err(Error::forbidden("Nobody can act as a superuser or a deactivated user."));
    }
    auth.observe_impersonation(req, &superuser, user, true)?;
    let session = req.session();
    keep_login(session)?;
    session.insert(ACTING_AS, user.id)?;
    log(req, &superuser, user, "a superuser begins to act as another user");
    Ok(())
}

/// Ends the impersonation, and returns whether the owner of the session was acting as another user.
pub(crate) fn end(req: &mut Request, auth: &Auth) -> Result<bool> {
    if !req.session().contains_key(ACTING_AS) {
        return Ok(false);
    }
    let found = (impersonator(req)?, current_user(req)?.and_then(user_of));
    if let (Some(superuser), Some(user)) = found {
        auth.observe_impersonation(req, &superuser, &user, false)?;
        log(req, &superuser, &user, "a superuser stops acting as another user");
    }
    keep_login(req.session())?;
    Ok(true)
}

/// Returns the superuser who acts as the current user.
pub(crate) fn impersonator(req: &mut Request) -> Result<Option<Arc<User>>> {
    Ok(crate::request::identity(req)?.superuser.and_then(user_of))
}

fn user_of(user: CurrentUser) -> Option<Arc<User>> {
    user.account.downcast().ok()
}

fn log(req: &Request, superuser: &User, user: &User, message: &str) {
    let address = req.client_addr().map(|address| address.to_string()).unwrap_or_default();
    tracing::warn!(target: "lback::auth", superuser = superuser.id, user = user.id, address, "{message}");
}
