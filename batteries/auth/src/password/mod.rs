//! Passwords: hashed, checked, and hashed anew where they were hashed in an old way.

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

use self::hashing_threads::Places;
use crate::AuthSettings;

/// More than anybody types, in bytes of the [normal form](normal_form). What is longer is no password, and is not hashed.
const MAX_BYTES: usize = 4096;

/// What is longer than this is not normalized: no text of so many bytes has a short normal form.
const MAX_TYPED: usize = 4 * MAX_BYTES;

/// A password that nobody has: the hash of a user who cannot log in with one.
pub(crate) const UNUSABLE: &str = "!";

/// Hashes and checks passwords, with argon2id. Cheap to clone.
///
/// Passwords are hashed in the normal form of RFC 8265 (OpaqueString): NFC, with one kind of space. A hash of the text as it
/// was typed, as earlier versions and other frameworks have made them, still fits.
///
/// A hash takes tens of milliseconds and megabytes of memory on purpose. No more are made at a time than the machine has
/// processors; others wait, and where too many do, they are refused with a 503. So this belongs into plain views, which run where they may block, and not into async ones; and
/// not into an open transaction, which on SQLite would keep everybody else from writing.
///
/// ```
/// use lback_auth::{AuthSettings, Passwords};
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
    /// What is checked where there is no hash: as much work as for one, and no password fits.
    nobody: String,
    places: Places,
    computed: AtomicU64,
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, and hashed in a way that is not today's.
    RightButOld,
}

impl Passwords {
    /// With the costs in the settings.
    ///
    /// # Errors
    /// Where these are not possible; the message names the setting.
    pub fn new(settings: &AuthSettings) -> Result<Self> {
        Self::on_threads(settings, 64)
    }

    /// With a bound for the threads that hash, or wait for it.
    pub(crate) fn on_threads(settings: &AuthSettings, most: usize) -> Result<Self> {
        let (memory, passes) = (settings.auth_argon2_memory_kib, settings.auth_argon2_passes);
        let params = Params::new(memory, passes, 1, None).map_err(|error| {
            Error::internal(format!(
                "AUTH_ARGON2_MEMORY_KIB = {memory} with AUTH_ARGON2_PASSES = {passes} is not possible: {error}. Leave both out, which means \
                 19456 and 2"
            ))
        })?;
        let nobody = format!("$argon2id$v=19$m={memory},t={passes},p=1$bm9ib2R5IGhhcyB0aGlz$bm9ib2R5IGhhcyB0aGlzIHBhc3N3b3JkLCBub2JvZHk");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Passwords(Arc::new(Inner { argon2, nobody, places: Places::of_machine(most), computed: AtomicU64::new(0) })))
    }

    /// What to store of a password: a text that begins with `$argon2id$`.
    ///
    /// # Errors
    /// Returns 400 if it has more than 4096 bytes; 503 if too many wait, or the system has no random numbers or no memory.
    pub fn hash(&self, password: &str) -> Result<String> {
        let Some(password) = bounded(password) else { return Err(Error::bad_request("The password is too long.")) };
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| Error::unavailable("the system has no random numbers").with_source(error))?;
        self.hash_salted(&password, &salt)
    }

    /// The same for a password that was right, and hashed in an old way. Its salt stays, by which sessions know that the
    /// password is the same.
    pub(crate) fn hash_anew(&self, password: &str, old: &str) -> Result<String> {
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
    /// assert!(lback_auth::Passwords::same("caf\u{e9}", "cafe\u{301}"));
    /// ```
    pub fn same(one: &str, other: &str) -> bool {
        normal_form(one) == normal_form(other)
    }

    /// Is `hash` one of this password?
    ///
    /// # Errors
    /// 503 where too many wait.
    pub fn verify(&self, password: &str, hash: &str) -> Result<bool> {
        Ok(self.check(password, Some(hash))? != Verdict::Wrong)
    }

    /// How many hashes were computed so far: one for every password that was made or checked, whoever it was for.
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    /// Checks a password. Without a hash, as for a user who does not exist, this takes the same work, and it is wrong.
    pub(crate) fn check(&self, password: &str, hash: Option<&str>) -> Result<Verdict> {
        let normal = bounded(password);
        let verdict = self.check_text(normal.as_deref(), hash)?;
        // Before there was a normal form, passwords were hashed as they were typed.
        let may_be_former = verdict == Verdict::Wrong && password.len() <= MAX_BYTES && normal.is_some_and(|normal| normal != password);
        match may_be_former && self.check_text(Some(password), hash)? != Verdict::Wrong {
            true => Ok(Verdict::RightButOld),
            false => Ok(verdict),
        }
    }

    /// `None` is a password that is too long.
    fn check_text(&self, password: Option<&str>, hash: Option<&str>) -> Result<Verdict> {
        let too_long = password.is_none();
        let password = password.unwrap_or_default();
        let known = hash.filter(|hash| is_known(hash) && !too_long);
        let Some(hash) = known else {
            if let Some(strange) = hash.filter(|hash| !too_long && *hash != UNUSABLE) {
                warn_of_strange(strange);
            }
            self.check_argon2(password, &self.0.nobody)?;
            return Ok(Verdict::Wrong);
        };
        #[cfg(feature = "legacy-hashes")]
        if legacy::Legacy::of(hash).is_some() {
            let (password, hash) = (password.to_owned(), hash.to_owned());
            let right = self.compute(move || legacy::Legacy::of(&hash).is_some_and(|legacy| legacy.fits(&password)))?;
            return Ok(if right { Verdict::RightButOld } else { Verdict::Wrong });
        }
        self.check_argon2(password, without_django(hash))
    }

    fn check_argon2(&self, password: &str, hash: &str) -> Result<Verdict> {
        let Ok(hash) = PasswordHash::new(hash) else { return Ok(Verdict::Wrong) };
        let (argon2, password, of) = (self.0.argon2.clone(), password.to_owned(), hash.clone());
        match self.compute(move || argon2.verify_password(password.as_bytes(), &of))? {
            Ok(()) if self.is_todays(&hash) => Ok(Verdict::Right),
            Ok(()) => Ok(Verdict::RightButOld),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
            // Parameters that were tampered with, say: nobody gets in by that.
            Err(error) => {
                tracing::error!(target: "lback::auth", %error, "a password cannot be checked");
                Ok(Verdict::Wrong)
            }
        }
    }

    fn is_todays(&self, hash: &PasswordHash) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let same = Params::try_from(hash).is_ok_and(|params| costs(&params) == costs(self.0.argon2.params()));
        same && hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into())
    }

    /// Refuses at once what would be refused later, when an attempt has been counted.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.0.places.are_full() { Err(busy()) } else { Ok(()) }
    }

    fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        // A plain view may block; an async one makes way.
        let inner = self.0.clone();
        let counted = move || {
            inner.computed.fetch_add(1, Ordering::Relaxed);
            work()
        };
        blocking::in_place(|| self.0.places.run(counted)).ok_or_else(busy)
    }
}

/// Returns the normal form of a password, or `None` if it is too long.
fn bounded(password: &str) -> Option<Cow<'_, str>> {
    (password.len() <= MAX_TYPED).then(|| normal_form(password)).filter(|normal| normal.len() <= MAX_BYTES)
}

/// Nobody is told at the login page why no password fits, so the log says it. Of the hash itself nothing but its kind.
fn warn_of_strange(hash: &str) {
    let kind: String =
        hash.split('$').find(|part| !part.is_empty()).unwrap_or_default().chars().filter(|c| !c.is_control()).take(20).collect();
    let kind = if hash.contains('$') { kind.as_str() } else { "none that is known" };
    tracing::warn!(
        target: "lback::auth",
        kind,
        "the hash of a user's password cannot be checked, so no password is right for them. Those of Django and of the Python Lback \
         (pbkdf2_sha256, bcrypt) need the feature auth-legacy-hashes of lback"
    );
}

/// There is more to hash than the processors can do.
fn busy() -> Error {
    Error::unavailable("too many passwords are to be hashed at the same time").with_header(RETRY_AFTER, HeaderValue::from_static("2"))
}

/// Is it a hash that can be checked?
fn is_known(hash: &str) -> bool {
    #[cfg(feature = "legacy-hashes")]
    if legacy::Legacy::of(hash).is_some() {
        return true;
    }
    PasswordHash::new(without_django(hash)).is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2"))
}

/// What is the same in every hash of one password that was chosen once, however often it is hashed anew, and in no other.
pub(crate) fn stamp(hash: &str) -> String {
    salt(hash).map_or_else(|| hash.to_owned(), |salt| format!("{salt:?}"))
}

/// The salt, where argon2 would take it, too.
fn salt(hash: &str) -> Option<Vec<u8>> {
    #[cfg(feature = "legacy-hashes")]
    let legacy = legacy::Legacy::of(hash).map(|legacy| legacy.salt().as_bytes().to_vec());
    #[cfg(not(feature = "legacy-hashes"))]
    let legacy = None;
    let salt = legacy.or_else(|| Some(PasswordHash::new(without_django(hash)).ok()?.salt?.to_vec()));
    salt.filter(|salt| (8..=48).contains(&salt.len()))
}

/// Django writes its own name for the algorithm before the hash: `argon2$argon2id$v=19$…`.
fn without_django(hash: &str) -> &str {
    hash.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2")).unwrap_or(hash)
}
