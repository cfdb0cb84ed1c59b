//! The settings of users.

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
