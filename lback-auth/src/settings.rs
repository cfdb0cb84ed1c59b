//! The settings of users.

use lback_core::{Error, Result};
use serde::Deserialize;

/// The keys of `settings.toml` that speak of users, as they are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct AuthSettings {
    /// Where visitors log in: a path, or the name of a route. None means the route called `login`, or one whose name ends in
    /// `:login`.
    pub login_url: Option<String>,
    /// Where a login leads that was not asked for by a page.
    pub login_redirect_url: String,
    /// Where a logout leads.
    pub logout_redirect_url: String,
    /// Where the site is, for links in mails: scheme and host, `https://example.com`. None means as the visitor asked for it.
    pub auth_site_url: Option<String>,
    /// May visitors register on the page for that? Otherwise it is not there, and users come from the command line or from the
    /// application's own pages.
    pub auth_registration: bool,
    /// What a new password is held to.
    pub auth_password_rules: Vec<PasswordRule>,
    /// The fewest characters of a password.
    pub auth_password_min_length: usize,
    /// How long somebody stays logged in who asked to be remembered, in days without a request.
    pub auth_remember_days: u32,
    /// How long a link works that resets a password, in minutes.
    pub auth_reset_minutes: u32,
    /// How long a link works that verifies an e-mail address, in hours.
    pub auth_verify_hours: u32,
    /// How often somebody may mistype a password before the delays begin.
    pub auth_free_attempts: u32,
    /// The longest delay after wrong passwords from one address, in seconds.
    pub auth_max_delay_seconds: u32,
    /// The memory that hashing a password takes, in KiB.
    pub auth_argon2_memory_kib: u32,
    /// How often hashing a password goes over that memory.
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
            // As OWASP recommends; so are the passes.
            auth_argon2_memory_kib: 19_456,
            auth_argon2_passes: 2,
        }
    }
}

impl AuthSettings {
    /// Are they possible?
    ///
    /// # Errors
    /// Names the key that is not, and what to write.
    pub(crate) fn check(&self) -> Result<()> {
        let usual = AuthSettings::default();
        // Longer than that, and what was forgotten long ago still opens a door.
        let bounded = [
            ("AUTH_REMEMBER_DAYS", self.auth_remember_days, 1, 3650, usual.auth_remember_days),
            ("AUTH_RESET_MINUTES", self.auth_reset_minutes, 1, 7 * 24 * 60, usual.auth_reset_minutes),
            ("AUTH_VERIFY_HOURS", self.auth_verify_hours, 1, 365 * 24, usual.auth_verify_hours),
            ("AUTH_MAX_DELAY_SECONDS", self.auth_max_delay_seconds, 0, 24 * 3600, usual.auth_max_delay_seconds),
        ];
        for (key, value, least, most, usual) in bounded {
            if !(least..=most).contains(&value) {
                return Err(Error::internal(format!(
                    "{key} = {value} is not possible: it must be between {least} and {most}. Write {key} = {usual}"
                )));
            }
        }
        let (length, longest) = (self.auth_password_min_length, crate::password::MAX_LENGTH);
        if length > longest {
            return Err(Error::internal(format!(
                "AUTH_PASSWORD_MIN_LENGTH = {length} leaves no password: one has at most {longest} characters. Write AUTH_PASSWORD_MIN_LENGTH = {}",
                usual.auth_password_min_length
            )));
        }
        match &self.auth_site_url {
            Some(url) if !is_site(url) => Err(Error::internal(format!(
                "AUTH_SITE_URL = \"{}\" is no address that links could begin with. Write scheme and host: AUTH_SITE_URL = \"https://example.com\"",
                url.escape_debug()
            ))),
            _ => Ok(()),
        }
    }
}

/// `https://example.com`, perhaps with a port and a path.
fn is_site(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty() && !host.contains('@') && rest.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\".contains(c))
}

/// A rule for new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordRule {
    /// It has at least `AUTH_PASSWORD_MIN_LENGTH` characters.
    Length,
    /// It is none of those that everybody tries first.
    Common,
    /// It is unlike the user's name and e-mail address.
    Similar,
    /// It is not made of digits only.
    Numeric,
}
