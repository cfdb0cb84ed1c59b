//! The settings of sessions.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::settings::{Check, Section};
use lback_core::{Cookie, CoreSettings, Error, Result, SameSite, Secret};
use serde::Deserialize;

use crate::Expiry;

/// The settings of sessions in `settings.toml`, unchecked.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct SessionSettings {
    /// Idle time after which a session ends, in minutes. This or `SESSION_EXPIRY_SECONDS` is required.
    pub session_timeout_minutes: Option<i64>,
    /// The same in seconds.
    pub session_expiry_seconds: Option<i64>,
    /// Maximum lifetime of a session, even if it is used, in minutes.
    pub session_absolute_timeout_minutes: Option<i64>,
    /// The name of the cookie.
    pub session_cookie_name: String,
    /// The store of sessions.
    pub session_store: StoreName,
    /// When a session is stored.
    pub session_create: CreateSessions,
    /// Makes the browser forget the cookie when it is closed.
    pub session_expire_at_browser_close: bool,
    /// Sends the cookie over HTTPS only. The default is on, unless `DEBUG` is on.
    pub session_cookie_secure: Option<bool>,
    /// `Lax`, `Strict` or `None`.
    pub session_cookie_samesite: String,
    /// The domain of the cookie. Without one, only the host that has set the cookie gets it.
    pub session_cookie_domain: Option<String>,
    /// The path of the cookie.
    pub session_cookie_path: String,
    /// Hides the cookie from scripts.
    pub session_cookie_httponly: bool,
    /// Encrypts the session's id in the cookie instead of signing it.
    pub session_cookie_encrypted: bool,
    /// Maximum size of the data of a session, as JSON, in bytes.
    pub session_max_bytes: usize,
    /// The address of Redis, for `SESSION_STORE = "redis"`: `redis://:password@host:6379/0`.
    pub redis_url: Secret,
    /// A PEM file with the trusted certificate authorities for a `rediss://` address. Without one, those of the system are trusted.
    pub redis_ca_file: Option<PathBuf>,
    /// The prefix of all keys in Redis. Applications that share a Redis need different ones.
    pub redis_prefix: String,
    /// Milliseconds that Redis may take to answer before the request is answered with 503.
    pub redis_timeout_ms: u64,
    /// The durability of sessions in the database.
    pub session_durability: Durability,
    /// Interval for deleting expired sessions, in minutes; 0 leaves it to the command `clearsessions`.
    pub session_cleanup_minutes: u64,
}

impl Default for SessionSettings {
    fn default() -> Self {
        SessionSettings {
            session_timeout_minutes: None,
            session_expiry_seconds: None,
            session_absolute_timeout_minutes: None,
            session_cookie_name: "session_id".to_owned(),
            session_store: StoreName::Database,
            session_create: CreateSessions::Lazy,
            session_expire_at_browser_close: false,
            session_cookie_secure: None,
            session_cookie_samesite: "Lax".to_owned(),
            session_cookie_domain: None,
            session_cookie_path: "/".to_owned(),
            session_cookie_httponly: true,
            session_cookie_encrypted: false,
            session_max_bytes: 65_536,
            redis_url: Secret::new("redis://127.0.0.1:6379/0"),
            redis_ca_file: None,
            redis_prefix: "lback:".to_owned(),
            redis_timeout_ms: 2000,
            session_durability: Durability::Full,
            session_cleanup_minutes: 10,
        }
    }
}

/// The stores that `SESSION_STORE` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StoreName {
    /// In the application's database.
    Database,
    /// In the memory of the process.
    Memory,
    /// In Redis; needs the feature `redis`.
    Redis,
    /// In the cookies of their visitors.
    Cookie,
}

/// The durability of sessions in the database if the power fails, or the operating system or the database server crashes. A crash of
/// the application alone loses nothing.
///
/// The end of a session is durable in any case: a logout, the rotation of its id at a login, a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Durability {
    /// Nothing that a response has confirmed is lost; on PostgreSQL, if the server itself is set up that way.
    Full,
    /// The last changes may be lost: on SQLite those since the log was last written to the disk (`synchronous=NORMAL`), on PostgreSQL
    /// the commits of less than a second (`synchronous_commit=off`).
    Normal,
}

/// When a session is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CreateSessions {
    /// When it first holds data.
    Lazy,
    /// When a request first touches it.
    Eager,
}

impl Section for SessionSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = SessionSettings::default();
        let timeouts = [
            ("SESSION_TIMEOUT_MINUTES", self.session_timeout_minutes, 60),
            ("SESSION_EXPIRY_SECONDS", self.session_expiry_seconds, 1),
            ("SESSION_ABSOLUTE_TIMEOUT_MINUTES", self.session_absolute_timeout_minutes, 60),
        ];
        for (key, value, seconds_each) in timeouts {
            check.accept(key, value.map_or(Ok(()), |value| duration(key, value, seconds_each).map(drop)));
        }
        check.accept("SESSION_ABSOLUTE_TIMEOUT_MINUTES", absolute_is_longer(self));
        if let Ok(core) = check.settings().section::<CoreSettings>() {
            if let Some((key, problem)) = cookie_problem(self, core.debug) {
                check.accept(key, Err::<(), _>(problem));
            }
            check.accept("SESSION_COOKIE_DOMAIN", domain_is_ours(self, &core));
        }
        check.range("SESSION_MAX_BYTES", self.session_max_bytes, 1..=64 * 1024 * 1024, usual.session_max_bytes);
        check.range("SESSION_CLEANUP_MINUTES", self.session_cleanup_minutes, 0..=525_600, usual.session_cleanup_minutes);
        // The value is not shown, as it may contain a password.
        let wrong =
            "REDIS_URL is not the address of a Redis server. Write REDIS_URL = \"redis://127.0.0.1:6379/0\", or rediss://… or unix:///path";
        check.accept("REDIS_URL", if is_redis(self.redis_url.expose()) { Ok(()) } else { Err(wrong) });
        check.require_file("REDIS_CA_FILE", self.redis_ca_file.as_deref());
        let vouches = self.redis_ca_file.is_none() || self.redis_url.expose().starts_with("rediss:");
        let without_tls = "REDIS_CA_FILE has no effect, as REDIS_URL does not begin with rediss://. Write REDIS_URL = \"rediss://…\", or \
                           remove REDIS_CA_FILE";
        check.accept("REDIS_CA_FILE", if vouches { Ok(()) } else { Err(without_tls) });
        let is_plain = self.redis_prefix.bytes().all(|byte| byte.is_ascii_graphic());
        check.require("REDIS_PREFIX", is_plain, "plain ASCII without spaces", usual.redis_prefix);
        check.range("REDIS_TIMEOUT_MS", self.redis_timeout_ms, 1..=600_000, usual.redis_timeout_ms);
    }
}

fn is_redis(url: &str) -> bool {
    let schemes = ["redis://", "rediss://", "unix://", "redis+unix://"];
    schemes.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// Checks that the absolute timeout is longer than the idle time: otherwise one of the two is a mistake.
fn absolute_is_longer(settings: &SessionSettings) -> Result<()> {
    let idle = settings.session_timeout_minutes.map(|minutes| minutes.saturating_mul(60)).or(settings.session_expiry_seconds);
    let Some((absolute, idle)) = settings.session_absolute_timeout_minutes.zip(idle) else { return Ok(()) };
    if absolute.saturating_mul(60) >= idle {
        return Ok(());
    }
    wrong(format!(
        "SESSION_ABSOLUTE_TIMEOUT_MINUTES = {absolute} ends every session before the timeout without a request, which is longer. Write \
         SESSION_ABSOLUTE_TIMEOUT_MINUTES = {}, or a shorter SESSION_TIMEOUT_MINUTES",
        idle.saturating_add(59) / 60
    ))
}

/// Checks that the cookie's domain is one of the application's hosts: browsers refuse cookies for other domains, so no login would
/// last.
fn domain_is_ours(settings: &SessionSettings, core: &CoreSettings) -> Result<()> {
    let Some(domain) = settings.session_cookie_domain.as_deref().filter(|domain| !domain.is_empty()) else { return Ok(()) };
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let is_below = |host: &String| {
        let host = host.trim_start_matches('.').to_ascii_lowercase();
        host == "*" || host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    };
    if core.allowed_hosts.is_empty() || core.allowed_hosts.iter().any(is_below) {
        return Ok(());
    }
    wrong(format!(
        "SESSION_COOKIE_DOMAIN = \"{domain}\" fits none of the ALLOWED_HOSTS, so browsers refuse the cookie. Leave it out, or name the domain \
         that they are below"
    ))
}

/// The settings of sessions, checked.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub(crate) timeout: TimeDelta,
    pub(crate) absolute_timeout: Option<TimeDelta>,
    pub(crate) cookie_name: String,
    /// The attributes after the value: path, domain and so on.
    pub(crate) cookie_attributes: String,
    pub(crate) cookie_encrypted: bool,
    pub(crate) expire_at_browser_close: bool,
    pub(crate) create: CreateSessions,
    pub(crate) max_bytes: usize,
    pub(crate) cleanup_every: Option<Duration>,
}

/// The names of the cookies for CSRF tokens.
const CSRF_COOKIES: [&str; 2] = ["csrf", "__Host-csrf"];

/// Maximum length of the cookie's name: browsers keep 4,096 bytes of name and value together.
const LONGEST_NAME: usize = 256;
/// Maximum length of an attribute that browsers accept (RFC 6265bis, 5.6).
const LONGEST_PATH: usize = 1024;

/// A hundred years, in seconds: beyond it dates could overflow.
const LONGEST: i64 = 100 * 365 * 24 * 3600;

impl SessionConfig {
    /// Checks the settings. `debug` decides whether the cookie is `Secure` if the settings do not say.
    ///
    /// # Errors
    /// Returns an error with the key and the line to write.
    pub fn check(settings: &SessionSettings, debug: bool) -> Result<Self> {
        Ok(SessionConfig {
            timeout: timeout(settings)?,
            absolute_timeout: settings
                .session_absolute_timeout_minutes
                .map(|minutes| duration("SESSION_ABSOLUTE_TIMEOUT_MINUTES", minutes, 60))
                .transpose()?,
            cookie_name: settings.session_cookie_name.clone(),
            cookie_attributes: cookie_attributes(settings, debug)?,
            cookie_encrypted: settings.session_cookie_encrypted,
            expire_at_browser_close: settings.session_expire_at_browser_close,
            create: settings.session_create,
            max_bytes: settings.session_max_bytes,
            cleanup_every: match settings.session_cleanup_minutes {
                0 => None,
                minutes => Some(Duration::from_secs(minutes.saturating_mul(60))),
            },
        })
    }

    /// Settings for sessions without a `SessionMiddleware`.
    pub(crate) fn detached() -> Self {
        SessionConfig {
            timeout: TimeDelta::zero(),
            absolute_timeout: None,
            cookie_name: String::new(),
            cookie_attributes: String::new(),
            cookie_encrypted: false,
            expire_at_browser_close: false,
            create: CreateSessions::Lazy,
            max_bytes: 0,
            cleanup_every: None,
        }
    }

    /// Returns the time when a session ends that began at `created_at`, has this expiry, and is used `now`.
    pub(crate) fn expires_at(&self, expiry: Expiry, created_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let expires_at = match expiry {
            Expiry::Default => now + self.timeout,
            Expiry::After(idle) => now + TimeDelta::seconds(idle.as_secs().min(LONGEST as u64) as i64),
            Expiry::At(time) => time,
        };
        // Later years have more than four digits, which breaks the comparison of times as text.
        let furthest = now + TimeDelta::seconds(LONGEST);
        self.cap(created_at, expires_at.min(furthest))
    }

    /// Returns `expires_at`, or the end of the absolute timeout if that is earlier.
    pub(crate) fn cap(&self, created_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> DateTime<Utc> {
        match self.absolute_timeout {
            Some(absolute) => expires_at.min(created_at + absolute),
            None => expires_at,
        }
    }
}

/// Returns the attributes in each `Set-Cookie` except the time. Checks that browsers accept the name and the attributes.
fn cookie_attributes(settings: &SessionSettings, debug: bool) -> Result<String> {
    if let Some((_, message)) = cookie_problem(settings, debug) {
        return wrong(message);
    }
    let mut cookie = Cookie::new("", "");
    cookie.set_path(&settings.session_cookie_path);
    cookie.set_http_only(settings.session_cookie_httponly);
    cookie.set_secure(settings.session_cookie_secure.unwrap_or(!debug));
    cookie.set_same_site(same_site(&settings.session_cookie_samesite));
    if let Some(domain) = cookie_domain(settings) {
        cookie.set_domain(domain);
    }
    Ok(cookie.to_string().trim_start_matches('=').to_owned())
}

fn cookie_domain(settings: &SessionSettings) -> Option<&str> {
    settings.session_cookie_domain.as_deref().filter(|domain| !domain.is_empty())
}

/// Returns why browsers would refuse the cookie, with the key of the setting.
fn cookie_problem(settings: &SessionSettings, debug: bool) -> Option<(&'static str, String)> {
    let (name, path, domain) = (&settings.session_cookie_name, &settings.session_cookie_path, cookie_domain(settings));
    let secure = settings.session_cookie_secure.unwrap_or(!debug);
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&b);
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b';' && b != b',');
    let is_domain =
        |domain: &str| !domain.trim_start_matches('.').is_empty() && !domain.contains(['/', ':', '*', '?', '@']) && plain(domain);
    let lower = name.to_ascii_lowercase();
    let (key, problem) = if name.is_empty() || !name.bytes().all(token) {
        (
            "SESSION_COOKIE_NAME",
            format!("SESSION_COOKIE_NAME = \"{name}\" is not a cookie's name. Write SESSION_COOKIE_NAME = \"session_id\""),
        )
    } else if name.len() > LONGEST_NAME {
        (
            "SESSION_COOKIE_NAME",
            format!("SESSION_COOKIE_NAME has more than {LONGEST_NAME} characters. Write SESSION_COOKIE_NAME = \"session_id\""),
        )
    } else if CSRF_COOKIES.contains(&name.as_str()) {
        (
            "SESSION_COOKIE_NAME",
            format!("SESSION_COOKIE_NAME = \"{name}\" is the cookie of CSRF tokens. Write SESSION_COOKIE_NAME = \"session_id\""),
        )
    } else if path.len() > LONGEST_PATH {
        (
            "SESSION_COOKIE_PATH",
            format!(
                "SESSION_COOKIE_PATH has more than {LONGEST_PATH} characters, which browsers ignore. Write SESSION_COOKIE_PATH = \"/\""
            ),
        )
    } else if !path.starts_with('/') || !plain(path) {
        (
            "SESSION_COOKIE_PATH",
            "SESSION_COOKIE_PATH must begin with a slash and be plain ASCII. Write SESSION_COOKIE_PATH = \"/\"".to_owned(),
        )
    } else if domain.is_some_and(|domain| !is_domain(domain)) {
        (
            "SESSION_COOKIE_DOMAIN",
            "SESSION_COOKIE_DOMAIN is not a domain. Write SESSION_COOKIE_DOMAIN = \"example.com\", or leave it out".to_owned(),
        )
    } else if lower.starts_with("__host-") && (!secure || domain.is_some() || path != "/") {
        (
            "SESSION_COOKIE_NAME",
            format!(
                "a cookie called {name} must have SESSION_COOKIE_SECURE = true, SESSION_COOKIE_PATH = \"/\" and no SESSION_COOKIE_DOMAIN, \
                 or browsers refuse it"
            ),
        )
    } else if lower.starts_with("__secure-") && !secure {
        ("SESSION_COOKIE_NAME", format!("a cookie called {name} must have SESSION_COOKIE_SECURE = true, or browsers refuse it"))
    } else if !SAME_SITE.iter().any(|(known, _)| known.eq_ignore_ascii_case(&settings.session_cookie_samesite)) {
        let text = &settings.session_cookie_samesite;
        ("SESSION_COOKIE_SAMESITE", format!("SESSION_COOKIE_SAMESITE = \"{text}\" is not possible. Write \"Lax\", \"Strict\" or \"None\""))
    } else if same_site(&settings.session_cookie_samesite) == SameSite::None && !secure {
        let text = "browsers refuse a cookie with SESSION_COOKIE_SAMESITE = \"None\" that is not secure. Write SESSION_COOKIE_SECURE = true, or \
                    SESSION_COOKIE_SAMESITE = \"Lax\"";
        ("SESSION_COOKIE_SAMESITE", text.to_owned())
    } else {
        return None;
    };
    Some((key, problem))
}

fn timeout(settings: &SessionSettings) -> Result<TimeDelta> {
    match (settings.session_timeout_minutes, settings.session_expiry_seconds) {
        (Some(minutes), None) => duration("SESSION_TIMEOUT_MINUTES", minutes, 60),
        (None, Some(seconds)) => duration("SESSION_EXPIRY_SECONDS", seconds, 1),
        (None, None) => {
            wrong("sessions need to know how long they last. Add this line to settings.toml: SESSION_TIMEOUT_MINUTES = 30".to_owned())
        }
        (Some(_), Some(_)) => {
            wrong("SESSION_TIMEOUT_MINUTES and SESSION_EXPIRY_SECONDS say the same thing. Remove one of them from the settings".to_owned())
        }
    }
}

fn duration(key: &str, value: i64, seconds_each: i64) -> Result<TimeDelta> {
    let seconds = value.checked_mul(seconds_each).filter(|seconds| (1..=LONGEST).contains(seconds));
    match seconds.and_then(TimeDelta::try_seconds) {
        Some(duration) => Ok(duration),
        None => wrong(format!(
            "{key} = {value} is not possible: it must be above zero and below a hundred years. Write {key} = {}",
            1800 / seconds_each
        )),
    }
}

const SAME_SITE: [(&str, SameSite); 3] = [("Lax", SameSite::Lax), ("Strict", SameSite::Strict), ("None", SameSite::None)];

/// Returns the value of a checked `SESSION_COOKIE_SAMESITE`.
fn same_site(text: &str) -> SameSite {
    SAME_SITE.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)).map_or(SameSite::Lax, |(_, same_site)| *same_site)
}

fn wrong<T>(message: String) -> Result<T> {
    Err(Error::internal(message))
}
