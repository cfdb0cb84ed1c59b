//! Tokens for links in mails.
//!
//! Tokens are not stored. A token consists of the user's id, the time of its expiry, and a signature of both and of the state that the
//! link changes. So it becomes invalid when that state changes.

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Request, Result};
use lback_db::RequestDb;

use crate::auth::{signature, verify};
use crate::{Account, Auth, AuthSettings, RequestAuth, User};

/// The purpose of a token.
pub(crate) struct Purpose {
    name: &'static str,
    lasts: fn(&AuthSettings) -> TimeDelta,
    /// The state whose change makes the token invalid.
    state: fn(&User) -> String,
    /// Whether the user can use the token at all.
    is_usable: fn(&User) -> bool,
}

/// Resetting a password. A user who has logged in since does not need the token.
pub(crate) const RESET: Purpose = Purpose {
    name: "reset",
    lasts: |settings| TimeDelta::minutes(settings.auth_reset_minutes.into()),
    state: |user| {
        let last_login = user.last_login.map(|time| time.timestamp_micros());
        let address = user.email.as_ref().or(user.pending_email.as_ref());
        format!("{address:?} {last_login:?} {}", user.password_hash())
    },
    is_usable: |user| user.is_active,
};

/// Verifying an e-mail address. The state includes the password: after an account was taken over, a new password also invalidates links that
/// the intruder has requested.
pub(crate) const VERIFY: Purpose = Purpose {
    name: "verify",
    lasts: |settings| TimeDelta::hours(settings.auth_verify_hours.into()),
    state: |user| match &user.pending_email {
        Some(pending) => format!("{pending:?} pending {}", user.password_hash()),
        None => format!("{:?} {} {}", user.email, user.email_verified, user.password_hash()),
    },
    is_usable: |user| user.is_active && user.unverified_email().is_some(),
};

impl Purpose {
    /// Returns `{id}-{end}-{signature}`, in characters that need no escape in a URL.
    pub(crate) fn make(&self, auth: &Auth, user: &User, now: DateTime<Utc>) -> String {
        let end = (now + (self.lasts)(auth.settings())).timestamp();
        let signature = signature(auth.token_keys(), &self.text(user, end));
        format!("{}-{end}-{}", user.id, signature.trim_end_matches('=').replace('+', "_").replace('/', "."))
    }

    fn text(&self, user: &User, end: i64) -> String {
        format!("{} {} {end} {}", self.name, user.id, (self.state)(user))
    }

    pub(crate) fn open(&self, req: &mut Request, token: &str) -> Result<Option<User>> {
        let Some((id, end, signature)) = parse(token) else { return Ok(None) };
        let auth = req.auth()?;
        if end <= req.now().timestamp() {
            return Ok(None);
        }
        let user = req.read_db(|db| User::find(db, id))?;
        Ok(user.filter(|user| (self.is_usable)(user) && verify(auth.token_keys(), &signature, &self.text(user, end))))
    }
}

fn parse(token: &str) -> Option<(i64, i64, String)> {
    // Longer than any valid token.
    if token.len() > 100 {
        return None;
    }
    let (id, rest) = token.split_once('-')?;
    let (end, signature) = rest.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    // A token has exactly one spelling.
    let canonical = digits(id) && digits(end) && plain(signature) && !id.starts_with('0') && !end.starts_with('0');
    canonical.then_some(())?;
    Some((id.parse().ok()?, end.parse().ok()?, format!("{}=", signature.replace('_', "+").replace('.', "/"))))
}
