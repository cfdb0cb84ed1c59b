//! Logging in, and what ends a login.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::{Caching, Cookie, Error, Request, Result, SameSite};
use lback_db::{RequestDb, RequestSignal};
use lback_session::{Expiry, Record, RequestSession, SessionId};
use serde::{Deserialize, Serialize};

use crate::password::Verdict;
use crate::rate_limit::{self, Attempt, Throttled};
use crate::request::{MARK, USER_ID, somebody};
use crate::signals::{UserLoggedIn, UserLoginFailed, UserPasswordChanged};
use crate::{Account, Auth, User, user_agent};

/// Why somebody is not logged in, in words for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the login must be refused"]
pub enum LoginRefused {
    /// There is no such user, or they may not log in, or the password is wrong: nobody is told which.
    Wrong,
    /// There were too many failures, so the password was not checked.
    TooMany(Throttled),
}

impl fmt::Display for LoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginRefused::Wrong => f.write_str("That is not the right user name and password."),
            LoginRefused::TooMany(throttled) => throttled.fmt(f),
        }
    }
}

impl std::error::Error for LoginRefused {}

pub(crate) fn authenticate<A: Account>(req: &mut Request, auth: &Auth, name: &str, password: &str) -> Result<Result<A, LoginRefused>> {
    let name = name.trim();
    let now = req.now();
    let (address, device) = (req.client_addr(), device(req, auth));
    // A name with a null byte is nobody's, and PostgreSQL would not take it.
    let could_be = !name.is_empty() && !name.contains('\0');
    let found = if could_be { req.read_db(|db| A::find_by_login(db, name))? } else { None };
    let user_id = found.as_ref().map(Account::id);
    auth.passwords().check_room()?;
    let attempt = Attempt::new(user_id, name, address, device);
    if let Err(throttled) = rate_limit::admit(req, auth, &attempt)? {
        req.app().send(UserLoginFailed { user_id, throttled: true });
        return Ok(Err(LoginRefused::TooMany(throttled)));
    }
    let verdict = auth.passwords().check(password, found.as_ref().map(Account::password_hash))?;
    let Some(mut user) = found.filter(|user| verdict != Verdict::Wrong && user.is_active()) else {
        req.app().send(UserLoginFailed { user_id, throttled: false });
        return Ok(Err(LoginRefused::Wrong));
    };
    let upgraded = if verdict == Verdict::RightButOld { Some(auth.passwords().hash_anew(password, user.password_hash())?) } else { None };
    req.write_db(|db| {
        // Unless somebody has changed the password while this one was hashed.
        if let Some(hash) = upgraded
            && A::find(db, user.id())?.is_some_and(|now| now.password_hash() == user.password_hash())
        {
            user.set_password_hash(db, &hash)?;
        }
        auth.login_limits().succeeded(db, auth.attempt_keys(), &attempt, now)
    })?;
    Ok(Ok(user))
}

pub(crate) fn login<A: Account>(req: &mut Request, auth: &Auth, user: &A) -> Result<()> {
    if !user.is_active() {
        return Err(Error::forbidden("This account may not log in."));
    }
    let now = req.now();
    user.note_login(req.db()?, now)?;
    let mark = auth.mark(user.id(), user.password_hash());
    let login = Login { at: now.timestamp(), browser: user_agent::describe(req.header("user-agent")) };
    let session = req.session();
    let before = session.get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
    if before.is_some_and(|before| before != user.id()) {
        // What one user left behind is not for another; the messages are for whoever sits there.
        let flashes = session.take_flashes();
        session.delete();
        for flash in flashes {
            session.flash(&flash.category, &flash.message);
        }
    }
    session.insert(USER_ID, user.id())?;
    session.insert(MARK, mark)?;
    session.insert(LOGIN, login)?;
    // It does so by itself where nobody was logged in, and must also where the same user was.
    session.cycle_id();
    session.set_expiry(Expiry::Default);
    know_device(req, auth, user.id());
    req.signal(UserLoggedIn { user_id: user.id() });
    Ok(())
}

/// The session's key for the time and the browser of the login.
const LOGIN: &str = "_login";

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
    /// # use lback_core::{Request, Result};
    /// # use lback_session::{RequestSession, SessionManager};
    /// use lback_auth::{LoginInfo, RequestAuth};
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
    // Before the password changes: a session that another change has made nobody's stays so.
    let id = req.session().get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
    let is_theirs = id == Some(user.id()) && somebody(req)?.is_some();
    let hash = auth.passwords().hash(password)?;
    user.set_password_hash(req.db()?, &hash)?;
    let session = req.session();
    let this = is_theirs.then(|| session.id());
    if is_theirs {
        session.insert(MARK, auth.mark(user.id(), &hash))?;
        session.cycle_id();
    }
    req.signal(UserPasswordChanged { user_id: user.id() });
    end_sessions(req, user.id(), this)
}

/// Sets the password of a user who has followed a link. Returns whether the link still worked.
pub(crate) fn reset_password(req: &mut Request, auth: &Auth, user: &mut User, password: &str) -> Result<bool> {
    // Before the transaction begins, which this would keep open.
    let hash = auth.passwords().hash(password)?;
    if !user.reset_password_hash(req.db()?, &hash)? {
        return Ok(false);
    }
    end_sessions(req, user.id, None)?;
    req.signal(UserPasswordChanged { user_id: user.id });
    Ok(true)
}

/// Ends the sessions of a user whose password has changed, but for one.
fn end_sessions(req: &mut Request, user_id: i64, except: Option<SessionId>) -> Result<()> {
    match req.revoke_user_sessions(user_id, except) {
        Ok(_) => Ok(()),
        // Sessions in cookies cannot be deleted from here. Their mark does not fit any more, so they are nobody's.
        Err(error) if req.state::<lback_session::SessionManager>().is_ok_and(lback_session::SessionManager::is_in_cookies) => {
            tracing::debug!(target: "lback::auth", %error, "the other sessions of a user stay, and are nobody's");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The cookie by which a browser is known where a user has logged in before. It opens nothing; it only keeps those who guess
/// passwords elsewhere from locking this user out.
pub(crate) const DEVICE: &str = "auth_device";

/// For whom this browser is known, and by which name.
fn device(req: &mut Request, auth: &Auth) -> Option<(i64, String)> {
    // A neighbouring domain can plant one before ours.
    req.cookies().received(DEVICE).find_map(|value| {
        let (user, device) = auth.device_keys().verify(value)?.split_once('.')?;
        Some((user.parse().ok()?, device.to_owned()))
    })
}

fn know_device(req: &mut Request, auth: &Auth, user_id: i64) {
    if device(req, auth).is_some_and(|(known, _)| known == user_id) {
        return;
    }
    let value = auth.device_keys().sign(&format!("{user_id}.{}", SessionId::random()));
    let secure = !req.app().config().debug;
    let cookie = Cookie::build((DEVICE, value)).path("/").http_only(true).secure(secure).same_site(SameSite::Lax);
    // `permanent` means twenty years, to which browsers give their own bound.
    req.cookies().add(cookie.permanent());
    // It names the user to whoever gets it from a cache.
    req.limit_caching(Caching::Private);
}
