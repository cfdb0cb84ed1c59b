//! Logging in, and ending logins.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::{Caching, Cookie, Error, Request, Result, SameSite};
use lback_db::{RequestDb, RequestSignal};
use lback_session::{Expiry, Record, RequestSession, SessionId};
use serde::{Deserialize, Serialize};

use crate::account::CurrentUser;
use crate::guard::Requirement;
use crate::password::{self, Verdict};
use crate::rate_limit::{self, Attempt, Throttled};
use crate::request::{SIGNATURE, USER_ID, current_user, identity};
use crate::signals::{UserLoggedIn, UserLoginFailed, UserPasswordChanged};
use crate::{Account, Auth, User, impersonation, user_agent};

/// Why a login was refused. As text it is addressed to the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the login must be refused"]
pub enum LoginRefused {
    /// The user does not exist or is deactivated, or the password is wrong. The visitor is not told which.
    Wrong,
    /// There were too many failures, so the password was not checked.
    TooMany(Throttled),
    /// The user has no password to [confirm](crate::RequestAuth::confirm_password), for example because they log in through another service.
    NoPassword,
}

impl fmt::Display for LoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginRefused::Wrong => f.write_str("That is not the right user name and password."),
            LoginRefused::TooMany(throttled) => throttled.fmt(f),
            LoginRefused::NoPassword => f.write_str("You have no password on this site. Log out and in again instead."),
        }
    }
}

impl std::error::Error for LoginRefused {}

pub(crate) fn authenticate<A: Account>(req: &mut Request, auth: &Auth, name: &str, password: &str) -> Result<Result<A, LoginRefused>> {
    let name = name.trim();
    let now = req.now();
    let (address, device) = (req.client_addr(), device(req, auth));
    // No name has a null byte, and PostgreSQL would not accept it.
    let is_possible = !name.is_empty() && !name.contains('\0');
    let found = if is_possible { req.read_db(|db| A::find_by_login(db, name))? } else { None };
    let user_id = found.as_ref().map(Account::id);
    let attempt = Attempt::new(user_id, name, address, device);
    let verdict = match check_password(req, auth, &attempt, user_id, password, found.as_ref().map(Account::password_hash))? {
        Ok(verdict) => verdict,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(mut user) = found.filter(|user| verdict != Verdict::Wrong && user.is_active()) else {
        req.app().send(UserLoginFailed { user_id, throttled: false });
        return Ok(Err(LoginRefused::Wrong));
    };
    let upgraded = if verdict == Verdict::Outdated { Some(auth.passwords().rehash(password, user.password_hash())?) } else { None };
    req.write_db(|db| {
        // Unless the password was changed while this one was hashed.
        if let Some(hash) = upgraded
            && A::find(db, user.id())?.is_some_and(|now| now.password_hash() == user.password_hash())
        {
            user.set_password_hash(db, &hash)?;
        }
        auth.login_limits().succeeded(db, auth.attempt_keys(), &attempt, now)
    })?;
    Ok(Ok(user))
}

/// Checks a password, unless the attempt must wait. It counts as a failure until it is taken back.
fn check_password(
    req: &mut Request,
    auth: &Auth,
    attempt: &Attempt,
    user_id: Option<i64>,
    password: &str,
    hash: Option<&str>,
) -> Result<Result<Verdict, LoginRefused>> {
    auth.passwords().check_capacity()?;
    if let Err(throttled) = rate_limit::admit(req, auth, attempt)? {
        req.app().send(UserLoginFailed { user_id, throttled: true });
        return Ok(Err(LoginRefused::TooMany(throttled)));
    }
    auth.passwords().check(password, hash).map(Ok)
}

/// Checks the password of the current user, and records the time in the session if it is right.
pub(crate) fn confirm(req: &mut Request, auth: &Auth, user: &CurrentUser, password: &str) -> Result<Result<(), LoginRefused>> {
    if user.password_hash == password::UNUSABLE {
        return Ok(Err(LoginRefused::NoPassword));
    }
    let now = req.now();
    let device = device(req, auth);
    // Counted with the logins by user name.
    let attempt = Attempt::new(Some(user.id), "", req.client_addr(), device);
    match check_password(req, auth, &attempt, Some(user.id), password, Some(&user.password_hash))? {
        Ok(Verdict::Wrong) => {
            req.app().send(UserLoginFailed { user_id: Some(user.id), throttled: false });
            return Ok(Err(LoginRefused::Wrong));
        }
        Ok(Verdict::Right | Verdict::Outdated) => {}
        Err(refused) => return Ok(Err(refused)),
    }
    req.write_db(|db| auth.login_limits().succeeded(db, auth.attempt_keys(), &attempt, now))?;
    let session = req.session();
    session.insert(CONFIRMED, now.timestamp())?;
    session.cycle_id();
    Ok(Ok(()))
}

/// Returns whether the login or the last confirmation of the password is at most this old.
pub(crate) fn is_confirmed(req: &mut Request, time: Duration) -> Result<bool> {
    let now = req.now().timestamp();
    let session = req.session();
    let confirmed = session.get::<serde_json::Value>(CONFIRMED)?.and_then(|at| at.as_i64());
    let login = session.get::<serde_json::Value>(LOGIN)?.and_then(|login| Login::deserialize(login).ok());
    let last = confirmed.max(login.map(|login| login.at));
    Ok(last.is_some_and(|last| now.saturating_sub(last) <= i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
}

pub(crate) fn login<A: Account>(req: &mut Request, auth: &Auth, user: &A) -> Result<()> {
    if !user.is_active() {
        return Err(Error::forbidden("This account may not log in."));
    }
    if req.ignores_cookies() {
        return Err(Error::forbidden("A request with an API token cannot log in."));
    }
    impersonation::end(req, auth)?;
    let now = req.now();
    user.record_login(req.db()?, now)?;
    let signature = auth.sign_session(user.id(), user.password_hash());
    let login = Login { at: now.timestamp(), browser: user_agent::describe(req.header("user-agent")) };
    let session = req.session();
    let before = session.get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
    if before.is_some_and(|before| before != user.id()) {
        // The data belongs to the other user; the messages are for the person at the browser.
        let flashes = session.take_flashes();
        session.delete();
        for flash in flashes {
            session.flash(&flash.category, &flash.message);
        }
    }
    session.insert(USER_ID, user.id())?;
    session.insert(SIGNATURE, signature)?;
    session.insert(LOGIN, login)?;
    // This happens automatically if nobody was logged in before, but not if the same user was.
    session.cycle_id();
    session.set_expiry(Expiry::Default);
    remember_device(req, auth, user.id());
    req.signal(UserLoggedIn { user_id: user.id() });
    Ok(())
}

/// The session's key for the time and the browser of the login.
pub(crate) const LOGIN: &str = "_login";

/// The session's key for the time of the last confirmation of the password.
pub(crate) const CONFIRMED: &str = "_confirmed";

/// The value of [`LOGIN`].
#[derive(Serialize, Deserialize)]
struct Login {
    at: i64,
    browser: String,
}

/// The time and the browser of a login, for a list of the user's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginInfo {
    /// The time of the login.
    pub at: DateTime<Utc>,
    /// The browser and the system that the request named, such as `Firefox on Linux`.
    pub browser: String,
}

impl LoginInfo {
    /// Returns the login of a session, or `None` if nobody has logged in there.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// # use lback::session::{RequestSession, SessionManager};
    /// use lback::auth::{LoginInfo, RequestAuth};
    ///
    /// fn browsers(req: &mut Request) -> Result<Vec<String>> {
    ///     let user = req.require_login()?;
    ///     let mut browsers = Vec::new();
    ///     for session in req.user_sessions(user.id)? {
    ///         let record = req.state::<SessionManager>()?.load(session.id)?;
    ///         browsers.extend(record.and_then(|record| LoginInfo::of_session(&record)).map(|login| login.browser));
    ///     }
    ///     Ok(browsers)
    /// }
    /// ```
    pub fn of_session(record: &Record) -> Option<LoginInfo> {
        let Login { at, browser } = Login::deserialize(record.data.get(LOGIN)?).ok()?;
        Some(LoginInfo { at: DateTime::from_timestamp(at, 0)?, browser })
    }
}

pub(crate) fn remember(req: &mut Request, days: u32) {
    req.session().set_expiry(Expiry::After(Duration::from_secs(u64::from(days) * 24 * 3600)));
}

pub(crate) fn set_password<A: Account>(req: &mut Request, auth: &Auth, user: &mut A, password: &str) -> Result<()> {
    refuse_impersonation(req)?;
    // Before the password changes: a session that an earlier change has ended must not become valid again.
    let id = req.session().get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
    let is_theirs = id == Some(user.id()) && current_user(req)?.is_some();
    let hash = auth.passwords().hash(password)?;
    user.set_password_hash(req.db()?, &hash)?;
    let session = req.session();
    let this = is_theirs.then(|| session.id());
    if is_theirs {
        session.insert(SIGNATURE, auth.sign_session(user.id(), &hash))?;
        session.cycle_id();
    }
    req.signal(UserPasswordChanged { user_id: user.id() });
    end_sessions(req, user.id(), this)
}

/// Returns 403 if a superuser acts as the current user.
fn refuse_impersonation(req: &mut Request) -> Result<()> {
    if identity(req)?.superuser.is_some() { Requirement::OwnLogin.check(req) } else { Ok(()) }
}

/// Sets the password of a user who has followed a link. Returns whether the link still worked.
pub(crate) fn reset_password(req: &mut Request, auth: &Auth, user: &mut User, password: &str) -> Result<bool> {
    refuse_impersonation(req)?;
    // Before the transaction begins, which this would keep open.
    let hash = auth.passwords().hash(password)?;
    if !user.reset_password_hash(req.db()?, &hash)? {
        return Ok(false);
    }
    end_sessions(req, user.id, None)?;
    req.signal(UserPasswordChanged { user_id: user.id });
    Ok(true)
}

/// Ends the sessions of a user whose password has changed, except one.
fn end_sessions(req: &mut Request, user_id: i64, except: Option<SessionId>) -> Result<()> {
    match req.revoke_user_sessions(user_id, except) {
        Ok(_) => Ok(()),
        // Sessions in cookies cannot be deleted from here, but their signature is not valid any more.
        Err(error) if req.state::<lback_session::SessionManager>().is_ok_and(lback_session::SessionManager::is_in_cookies) => {
            tracing::debug!(target: "lback::auth", %error, "the other sessions of a user are invalid but cannot be deleted");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The cookie that identifies a browser in which a user has logged in before. It grants no access; it exempts the browser from the delays
/// that password guessing elsewhere causes.
pub(crate) const DEVICE: &str = "auth_device";

/// Returns the user for whom this browser is known, and the browser's id.
fn device(req: &mut Request, auth: &Auth) -> Option<(i64, String)> {
    // A sibling domain can set a cookie of the same name that comes first.
    req.cookies().received(DEVICE).find_map(|value| {
        let (user, device) = auth.device_keys().verify(value)?.split_once('.')?;
        Some((user.parse().ok()?, device.to_owned()))
    })
}

fn remember_device(req: &mut Request, auth: &Auth, user_id: i64) {
    if device(req, auth).is_some_and(|(known, _)| known == user_id) {
        return;
    }
    let value = auth.device_keys().sign(&format!("{user_id}.{}", SessionId::random()));
    let secure = !req.app().config().debug;
    let cookie = Cookie::build((DEVICE, value)).path("/").http_only(true).secure(secure).same_site(SameSite::Lax);
    // `permanent` means twenty years; browsers shorten it to their own maximum.
    req.cookies().add(cookie.permanent());
    // The cookie contains the user's id, which a shared cache must not pass on.
    req.limit_caching(Caching::Private);
}
