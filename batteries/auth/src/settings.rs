//! The settings of users.

use lback_core::settings::{Check, Section};
use lback_session::SessionSettings;
use serde::Deserialize;

use crate::login::DEVICE;

/// The settings of users in `settings.toml`, with their names in upper case.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct AuthSettings {
    /// The login page: a path, or the name of a route. By default, it is the route called `login`, or one whose name ends in `:login`.
    pub login_url: Option<String>,
    /// The page after a login that no other page has redirected to.
    pub login_redirect_url: String,
    /// The page after a logout.
    pub logout_redirect_url: String,
    /// The scheme and host of links in mails, such as `https://example.com`. By default, those of the request.
    pub auth_site_url: Option<String>,
    /// Whether there is a page to register. Without it, users are created on the command line or by the application's own pages.
    pub auth_registration: bool,
    /// The rules for new passwords.
    pub auth_password_rules: Vec<PasswordRule>,
    /// The minimum length of a password, in characters.
    pub auth_password_min_length: usize,
    /// How long a remembered login lasts without a request, in days.
    pub auth_remember_days: u32,
    /// How long a link to reset a password works, in minutes.
    pub auth_reset_minutes: u32,
    /// How long a link to verify an e-mail address works, in hours.
    pub auth_verify_hours: u32,
    /// The number of wrong passwords before the delays begin.
    pub auth_free_attempts: u32,
    /// The longest delay after wrong passwords from one address, in seconds.
    pub auth_max_delay_seconds: u32,
    /// The memory for hashing a password, in KiB.
    pub auth_argon2_memory_kib: u32,
    /// The number of passes over that memory.
    pub auth_argon2_passes: u32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        AuthSettings {
            login_url: None,
            login_redirect_url: "/".to_owned(),
            logout_redirect_url: "/".to_owned(),
            auth_site_url: None,
            auth_registration: true,
            auth_password_rules: vec![PasswordRule::Length, PasswordRule::Common, PasswordRule::Similar, PasswordRule::Numeric],
            auth_password_min_length: 8,
            auth_remember_days: 30,
            auth_reset_minutes: 60,
            auth_verify_hours: 72,
            auth_free_attempts: 5,
            auth_max_delay_seconds: 900,
            // The OWASP recommendation, as are the passes.
            auth_argon2_memory_kib: 19_456,
            auth_argon2_passes: 2,
        }
    }
}

impl Section for AuthSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = AuthSettings::default();
        let login = self.login_url.as_deref().is_none_or(|url| is_target(url) || is_route_name(url));
        check.require("LOGIN_URL", login, "a path that begins with a slash, or the name of a route", "/account/login");
        let path = "a path that begins with a slash";
        check.require("LOGIN_REDIRECT_URL", is_target(&self.login_redirect_url), path, usual.login_redirect_url);
        check.require("LOGOUT_REDIRECT_URL", is_target(&self.logout_redirect_url), path, usual.logout_redirect_url);
        let site = "the scheme and host of links";
        check.require("AUTH_SITE_URL", self.auth_site_url.as_deref().is_none_or(is_site), site, "https://example.com");
        check.range(
            "AUTH_PASSWORD_MIN_LENGTH",
            self.auth_password_min_length,
            1..=crate::password::MAX_LENGTH,
            usual.auth_password_min_length,
        );
        // A longer login would stay valid on devices that were given away long ago.
        check.range("AUTH_REMEMBER_DAYS", self.auth_remember_days, 1..=3650, usual.auth_remember_days);
        if let Ok(sessions) = check.settings().section::<SessionSettings>() {
            let is_free = sessions.session_cookie_name != DEVICE;
            check.require("SESSION_COOKIE_NAME", is_free, "a name other than that of the cookie that identifies browsers", "session_id");
            check.accept("AUTH_REMEMBER_DAYS", self.can_remember(&sessions, check.is_written("AUTH_REMEMBER_DAYS")));
        }
        check.range("AUTH_RESET_MINUTES", self.auth_reset_minutes, 1..=7 * 24 * 60, usual.auth_reset_minutes);
        check.range("AUTH_VERIFY_HOURS", self.auth_verify_hours, 1..=365 * 24, usual.auth_verify_hours);
        check.range("AUTH_FREE_ATTEMPTS", self.auth_free_attempts, 0..=1000, usual.auth_free_attempts);
        check.range("AUTH_MAX_DELAY_SECONDS", self.auth_max_delay_seconds, 0..=24 * 3600, usual.auth_max_delay_seconds);
        // argon2 needs eight blocks. More than 4 GiB, or a hundred passes over them, would take minutes.
        check.range("AUTH_ARGON2_MEMORY_KIB", self.auth_argon2_memory_kib, 8..=4 * 1024 * 1024, usual.auth_argon2_memory_kib);
        check.range("AUTH_ARGON2_PASSES", self.auth_argon2_passes, 1..=100, usual.auth_argon2_passes);
    }
}

impl AuthSettings {
    /// Returns an error if both settings are written and sessions end before a remembered login does.
    fn can_remember(&self, sessions: &SessionSettings, is_written: bool) -> Result<(), String> {
        let days = self.auth_remember_days;
        match sessions.session_absolute_timeout_minutes {
            Some(minutes) if is_written && minutes < i64::from(days) * 24 * 60 => Err(format!(
                "AUTH_REMEMBER_DAYS = {days} is longer than SESSION_ABSOLUTE_TIMEOUT_MINUTES = {minutes} allows sessions to last. \
                 Write SESSION_ABSOLUTE_TIMEOUT_MINUTES = {}, or fewer days",
                i64::from(days) * 24 * 60
            )),
            _ => Ok(()),
        }
    }
}

/// Returns whether this is a path on this site or the URL of another one.
fn is_target(url: &str) -> bool {
    let is_plain = url.chars().all(|c| !c.is_whitespace() && !c.is_control());
    crate::safe_next(url).is_some()
        || is_plain && ["https://", "http://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
}

/// Returns whether this is a name such as `login` or `account:login`, not a path without its leading slash.
fn is_route_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '?', '#', '.']) && !name.contains(char::is_whitespace)
}

/// Returns whether this is a URL like `https://example.com`, with an optional port and path.
fn is_site(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty() && !host.contains('@') && rest.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\".contains(c))
}

/// A rule for new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PasswordRule {
    /// It has at least `AUTH_PASSWORD_MIN_LENGTH` characters.
    Length,
    /// It is not a common password.
    Common,
    /// It is not similar to the user's name or e-mail address.
    Similar,
    /// It does not consist only of digits.
    Numeric,
}
