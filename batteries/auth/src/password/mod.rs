//! Hashing and checking passwords, and replacing outdated hashes.

mod common_passwords;
mod hashing_threads;
#[cfg(feature = "legacy-hashes")]
mod legacy;
mod normal_form;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use normal_form::normal_form;
pub(crate) use rules::MAX_LENGTH;
pub use rules::PasswordRules;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use lback_core::header::{HeaderValue, RETRY_AFTER};
use lback_core::{Error, Result, blocking};

use self::hashing_threads::HashingThreads;
use crate::AuthSettings;

/// The maximum length of a password, in bytes of its [normal form](normal_form). Longer ones are not hashed.
const MAX_BYTES: usize = 4096;

/// The maximum length of a text that is normalized, in bytes. No longer text has a normal form of [`MAX_BYTES`].
const MAX_TYPED: usize = 4 * MAX_BYTES;

/// The hash of a user without a password. No password matches it.
pub(crate) const UNUSABLE: &str = "!";

/// Hashes and checks passwords, with argon2id. Cheap to clone.
///
/// Passwords are hashed in the normal form of RFC 8265 (OpaqueString): NFC, with one kind of space. Hashes of the text as it was typed,
/// from earlier versions and other frameworks, still match.
///
/// A hash takes tens of milliseconds and megabytes of memory on purpose. At most as many hashes are computed at the same time as the machine
/// has processors; others wait, and if too many wait, further ones are refused with a 503. Call this in plain views, which may block, not in
/// async views, and not in an open transaction, which on SQLite would keep all other requests from writing.
///
/// ```
/// use lback::auth::{AuthSettings, Passwords};
///
/// let passwords = Passwords::new(&AuthSettings::default()).unwrap();
/// let hash = passwords.hash("correct horse battery staple").unwrap();
/// assert!(passwords.verify("correct horse battery staple", &hash).unwrap());
/// assert!(!passwords.verify("Tr0ub4dor&3", &hash).unwrap());
/// ```
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

struct Inner {
    argon2: Argon2<'static>,
    /// The hash that is checked if a user has none. It takes the same work, and no password matches it.
    placeholder: String,
    threads: HashingThreads,
    computed: AtomicU64,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, but the hash is outdated.
    Outdated,
}

impl Passwords {
    /// Uses the costs in the settings.
    ///
    /// # Errors
    /// Returns an error that names the setting if the costs are invalid.
    pub fn new(settings: &AuthSettings) -> Result<Self> {
        Self::on_threads(settings, 64)
    }

    /// Uses the costs in the settings, for at most `limit` concurrent callers.
    pub(crate) fn on_threads(settings: &AuthSettings, limit: usize) -> Result<Self> {
        let (memory, passes) = (settings.auth_argon2_memory_kib, settings.auth_argon2_passes);
        let params = Params::new(memory, passes, 1, None).map_err(|error| {
            Error::internal(format!(
                "AUTH_ARGON2_MEMORY_KIB = {memory} with AUTH_ARGON2_PASSES = {passes} is invalid: {error}. Remove both to use the defaults, \
                 19456 and 2"
            ))
        })?;
        let placeholder =
            format!("$argon2id$v=19$m={memory},t={passes},p=1$bm9ib2R5IGhhcyB0aGlz$bm9ib2R5IGhhcyB0aGlzIHBhc3N3b3JkLCBub2JvZHk");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Passwords(Arc::new(Inner { argon2, placeholder, threads: HashingThreads::of_machine(limit), computed: AtomicU64::new(0) })))
    }

    /// Returns the hash of a password: a text that begins with `$argon2id$`.
    ///
    /// # Errors
    /// Returns 400 if it has more than 4096 bytes; 503 if too many callers wait, or the system has no random numbers or no memory.
    pub fn hash(&self, password: &str) -> Result<String> {
        let Some(password) = bounded(password) else { return Err(Error::bad_request("The password is too long.")) };
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| Error::unavailable("the system has no random numbers").with_source(error))?;
        self.hash_salted(&password, &salt)
    }

    /// Replaces an outdated hash of the same password. It keeps the salt, by which sessions recognize that the password has not changed.
    pub(crate) fn rehash(&self, password: &str, old: &str) -> Result<String> {
        match (salt(old), bounded(password)) {
            (Some(salt), Some(password)) => self.hash_salted(&password, &salt),
            _ => self.hash(password),
        }
    }

    fn hash_salted(&self, password: &str, salt: &[u8]) -> Result<String> {
        let (argon2, password, salt) = (self.0.argon2.clone(), password.to_owned(), salt.to_vec());
        let hash = self.compute(move || argon2.hash_password_with_salt(password.as_bytes(), &salt))?;
        Ok(hash.map_err(|error| Error::unavailable("a password cannot be hashed").with_source(error))?.to_string())
    }

    /// Returns whether two typed passwords are the same, in the normal form in which they are hashed.
    ///
    /// ```
    /// // A keyboard may type an accent with its letter or after it.
    /// assert!(lback::auth::Passwords::same("caf\u{e9}", "cafe\u{301}"));
    /// ```
    pub fn same(one: &str, other: &str) -> bool {
        normal_form(one) == normal_form(other)
    }

    /// Returns whether `hash` is a hash of this password.
    ///
    /// # Errors
    /// Returns 503 if too many callers wait.
    pub fn verify(&self, password: &str, hash: &str) -> Result<bool> {
        Ok(self.check(password, Some(hash))? != Verdict::Wrong)
    }

    /// Returns the number of hashes computed so far: one for every password that was hashed or checked, including those of unknown users.
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    /// Checks a password. Without a hash, as for an unknown user, this takes the same work, and the password is wrong.
    pub(crate) fn check(&self, password: &str, hash: Option<&str>) -> Result<Verdict> {
        let normal = bounded(password);
        let verdict = self.check_text(normal.as_deref(), hash)?;
        // Earlier versions hashed passwords as they were typed.
        let may_be_former = verdict == Verdict::Wrong && password.len() <= MAX_BYTES && normal.is_some_and(|normal| normal != password);
        match may_be_former && self.check_text(Some(password), hash)? != Verdict::Wrong {
            true => Ok(Verdict::Outdated),
            false => Ok(verdict),
        }
    }

    /// Checks a password, which is `None` if it is too long.
    fn check_text(&self, password: Option<&str>, hash: Option<&str>) -> Result<Verdict> {
        let too_long = password.is_none();
        let password = password.unwrap_or_default();
        let known = hash.filter(|hash| is_known(hash) && !too_long);
        let Some(hash) = known else {
            if let Some(unknown) = hash.filter(|hash| !too_long && *hash != UNUSABLE) {
                warn_of_unknown_hash(unknown);
            }
            self.check_argon2(password, &self.0.placeholder)?;
            return Ok(Verdict::Wrong);
        };
        #[cfg(feature = "legacy-hashes")]
        if legacy::Legacy::of(hash).is_some() {
            let (password, hash) = (password.to_owned(), hash.to_owned());
            let right = self.compute(move || legacy::Legacy::of(&hash).is_some_and(|legacy| legacy.matches(&password)))?;
            return Ok(if right { Verdict::Outdated } else { Verdict::Wrong });
        }
        self.check_argon2(password, without_django(hash))
    }

    fn check_argon2(&self, password: &str, hash: &str) -> Result<Verdict> {
        let Ok(hash) = PasswordHash::new(hash) else { return Ok(Verdict::Wrong) };
        let (argon2, password, of) = (self.0.argon2.clone(), password.to_owned(), hash.clone());
        match self.compute(move || argon2.verify_password(password.as_bytes(), &of))? {
            Ok(()) if self.is_current(&hash) => Ok(Verdict::Right),
            Ok(()) => Ok(Verdict::Outdated),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
            // For example, parameters that were tampered with. No password is right then.
            Err(error) => {
                tracing::error!(target: "lback::auth", %error, "a password cannot be checked");
                Ok(Verdict::Wrong)
            }
        }
    }

    fn is_current(&self, hash: &PasswordHash) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let same = Params::try_from(hash).is_ok_and(|params| costs(&params) == costs(self.0.argon2.params()));
        same && hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into())
    }

    /// Returns the error for an overload now, before an attempt is counted.
    pub(crate) fn check_capacity(&self) -> Result<()> {
        if self.0.threads.is_full() { Err(overloaded()) } else { Ok(()) }
    }

    fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        // An async view first moves other tasks to another thread.
        let inner = self.0.clone();
        let counted = move || {
            inner.computed.fetch_add(1, Ordering::Relaxed);
            work()
        };
        blocking::in_place(|| self.0.threads.run(counted)).ok_or_else(overloaded)
    }
}

/// Returns the normal form of a password, or `None` if it is too long.
fn bounded(password: &str) -> Option<Cow<'_, str>> {
    (password.len() <= MAX_TYPED).then(|| normal_form(password)).filter(|normal| normal.len() <= MAX_BYTES)
}

/// Logs why no password matches, because the login page does not say so. Of the hash, only its kind is logged.
fn warn_of_unknown_hash(hash: &str) {
    let kind: String =
        hash.split('$').find(|part| !part.is_empty()).unwrap_or_default().chars().filter(|c| !c.is_control()).take(20).collect();
    let kind = if hash.contains('$') { kind.as_str() } else { "unknown" };
    tracing::warn!(
        target: "lback::auth",
        kind,
        "the password hash of a user cannot be checked, so the user cannot log in. Hashes of Django and of the Python Lback \
         (pbkdf2_sha256, bcrypt) need the feature auth-legacy-hashes of lback"
    );
}

/// Returns the error for more passwords than the processors can hash.
fn overloaded() -> Error {
    Error::unavailable("too many passwords are waiting to be hashed").with_header(RETRY_AFTER, HeaderValue::from_static("2"))
}

/// Returns whether a hash can be checked.
fn is_known(hash: &str) -> bool {
    #[cfg(feature = "legacy-hashes")]
    if legacy::Legacy::of(hash).is_some() {
        return true;
    }
    PasswordHash::new(without_django(hash)).is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2"))
}

/// Returns a value that stays the same when a password is rehashed, and changes when a new password is set.
pub(crate) fn fingerprint(hash: &str) -> String {
    salt(hash).map_or_else(|| hash.to_owned(), |salt| format!("{salt:?}"))
}

/// Returns the salt of a hash if argon2 accepts it as well.
fn salt(hash: &str) -> Option<Vec<u8>> {
    #[cfg(feature = "legacy-hashes")]
    let legacy = legacy::Legacy::of(hash).map(|legacy| legacy.salt().as_bytes().to_vec());
    #[cfg(not(feature = "legacy-hashes"))]
    let legacy = None;
    let salt = legacy.or_else(|| Some(PasswordHash::new(without_django(hash)).ok()?.salt?.to_vec()));
    salt.filter(|salt| (8..=48).contains(&salt.len()))
}

/// Removes the algorithm name that Django writes before the hash: `argon2$argon2id$v=19$…`.
fn without_django(hash: &str) -> &str {
    hash.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2")).unwrap_or(hash)
}
