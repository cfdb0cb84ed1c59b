//! Tokens for links in mails.
//!
//! Nothing of them is stored: a token is the user's id, when it ends, and a signature over both and over what the link is to
//! change. So it dies by itself when that has changed.

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Request, Result};
use lback_db::RequestDb;

use crate::auth::{signature, verify};
use crate::{Account, Auth, AuthSettings, RequestAuth, User};

/// What a token is for.
pub(crate) struct Purpose {
    name: &'static str,
    lasts: fn(&AuthSettings) -> TimeDelta,
    /// What makes it die when it changes.
    state: fn(&User) -> String,
    /// May it be used by this user at all?
    fits: fn(&User) -> bool,
}

/// Resetting a password. Whoever has logged in since does not need it any more.
pub(crate) const RESET: Purpose = Purpose {
    name: "reset",
    lasts: |settings| TimeDelta::minutes(settings.auth_reset_minutes.into()),
    state: |user| {
        let last_login = user.last_login.map(|time| time.timestamp_micros());
        let address = user.email.as_ref().or(user.pending_email.as_ref());
        format!("{address:?} {last_login:?} {}", user.password_hash())
    },
    fits: |user| user.is_active,
};

/// Verifying an e-mail address. The same password, too: a link that somebody else has ordered ends with their password.
pub(crate) const VERIFY: Purpose = Purpose {
    name: "verify",
    lasts: |settings| TimeDelta::hours(settings.auth_verify_hours.into()),
    state: |user| match &user.pending_email {
        Some(pending) => format!("{pending:?} pending {}", user.password_hash()),
        None => format!("{:?} {} {}", user.email, user.email_verified, user.password_hash()),
    },
    fits: |user| user.is_active && user.unverified_email().is_some(),
};

impl Purpose {
    /// `{id}-{end}-{signature}`, of letters that may stand in an address.
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
        Ok(user.filter(|user| (self.fits)(user) && verify(auth.token_keys(), &signature, &self.text(user, end))))
    }
}

fn parse(token: &str) -> Option<(i64, i64, String)> {
    // Longer than any that was made here.
    if token.len() > 100 {
        return None;
    }
    let (id, rest) = token.split_once('-')?;
    let (end, signature) = rest.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    // There is one way to write a token.
    let canonical = digits(id) && digits(end) && plain(signature) && !id.starts_with('0') && !end.starts_with('0');
    canonical.then_some(())?;
    Some((id.parse().ok()?, end.parse().ok()?, format!("{}=", signature.replace('_', "+").replace('.', "/"))))
}
