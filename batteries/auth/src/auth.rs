//! The configuration of an application's users, shared by all requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use lback_core::{Assembly, CoreSettings, Keys, Request, Result};

use crate::account::{Accounts, AccountsOf};
use crate::api_token::TokenUses;
use crate::declarations::Declarations;
use crate::impersonation::Observer;
use crate::rate_limit::LoginLimits;
use crate::{Account, AuthSettings, PasswordRules, Passwords, User, password};

/// The configuration of an application's users: settings, passwords and their rules, permissions. Cheap to clone.
///
/// `App::auth()` creates it; a view gets it with [`req.auth()`](crate::RequestAuth::auth).
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

/// Shows none of the keys.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("user_type", &self.user_type()).finish_non_exhaustive()
    }
}

struct Inner {
    accounts: Box<dyn Accounts>,
    settings: AuthSettings,
    passwords: Passwords,
    rules: PasswordRules,
    session_keys: Keys,
    device_keys: Keys,
    token_keys: Keys,
    attempt_keys: Keys,
    login_limits: LoginLimits,
    impersonation_observer: OnceLock<Observer>,
    /// Set when the application is built.
    permissions: OnceLock<BTreeMap<String, String>>,
    /// Set if the application has API tokens.
    token_uses: OnceLock<TokenUses>,
    /// Set when the application is built.
    token_scopes: OnceLock<BTreeSet<String>>,
}

impl Auth {
    /// Returns the configuration for users of the type `A`.
    ///
    /// # Errors
    /// Returns an error if a setting is invalid or `SECRET_KEY` is missing.
    pub(crate) fn new<A: Account>(assembly: &Assembly) -> Result<Self> {
        let settings: AuthSettings = assembly.settings().checked()?;
        let core: CoreSettings = assembly.settings().section()?;
        Ok(Auth(Arc::new(Inner {
            accounts: Box::new(AccountsOf::<A>(PhantomData)),
            // Half of the threads on which views run stay available for requests without passwords.
            passwords: Passwords::on_threads(&settings, core.max_blocking_views / 2)?,
            rules: PasswordRules::new(&settings),
            session_keys: assembly.derive_keys("auth session")?,
            device_keys: assembly.derive_keys("auth device")?,
            token_keys: assembly.derive_keys("auth token")?,
            attempt_keys: assembly.derive_keys("auth attempts")?,
            login_limits: LoginLimits::new(&settings),
            impersonation_observer: OnceLock::new(),
            permissions: OnceLock::new(),
            token_uses: OnceLock::new(),
            token_scopes: OnceLock::new(),
            settings,
        })))
    }

    /// Returns the settings.
    pub fn settings(&self) -> &AuthSettings {
        &self.0.settings
    }

    /// Returns the password hasher, which also checks passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// Returns the rules for new passwords.
    pub fn rules(&self) -> &PasswordRules {
        &self.0.rules
    }

    /// Returns the names and labels of the permissions that the application and its batteries declare. Before the
    /// application is built, there are none.
    pub fn permissions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.permissions.get().into_iter().flatten().map(|(name, label)| (name.as_str(), label.as_str()))
    }

    /// Returns whether the application or one of its batteries declares this permission.
    pub fn has_permission(&self, name: &str) -> bool {
        self.0.permissions.get().is_some_and(|permissions| permissions.contains_key(name))
    }

    /// Takes over the declared permissions, when the application is built.
    pub(crate) fn declare(&self, declarations: &Declarations) -> Result<()> {
        let permissions = declarations.merged()?;
        self.0.permissions.get_or_init(|| permissions);
        Ok(())
    }

    /// Returns whether the application has API tokens: `App::tokens()`.
    pub fn has_tokens(&self) -> bool {
        self.0.token_uses.get().is_some()
    }

    /// Returns the scopes that an API token can have: those that routes need, and those that include them. Before the application is built,
    /// there are none.
    pub fn token_scopes(&self) -> impl Iterator<Item = &str> {
        self.0.token_scopes.get().into_iter().flatten().map(String::as_str)
    }

    /// Lets the application have API tokens.
    pub(crate) fn install_tokens(&self) {
        self.0.token_uses.get_or_init(TokenUses::default);
    }

    pub(crate) fn token_uses(&self) -> Option<&TokenUses> {
        self.0.token_uses.get()
    }

    pub(crate) fn set_token_scopes(&self, scopes: BTreeSet<String>) {
        self.0.token_scopes.get_or_init(|| scopes);
    }

    /// Returns the name of the type of the application's users: that of [`User`](crate::User), unless `App::auth_with` sets another.
    pub fn user_type(&self) -> &'static str {
        self.0.accounts.type_name()
    }

    /// Sets the function that is called when a superuser begins or stops acting as another user. lback-admin records it.
    #[doc(hidden)]
    pub fn on_impersonation(&self, observer: Observer) {
        self.0.impersonation_observer.get_or_init(|| observer);
    }

    pub(crate) fn observe_impersonation(&self, req: &mut Request, superuser: &User, user: &User, begins: bool) -> Result<()> {
        self.0.impersonation_observer.get().map_or(Ok(()), |observer| observer(req, superuser, user, begins))
    }

    pub(crate) fn accounts(&self) -> &dyn Accounts {
        &*self.0.accounts
    }

    /// The keys of the digests in the table `auth_attempts`.
    pub(crate) fn attempt_keys(&self) -> &Keys {
        &self.0.attempt_keys
    }

    pub(crate) fn login_limits(&self) -> &LoginLimits {
        &self.0.login_limits
    }

    pub(crate) fn device_keys(&self) -> &Keys {
        &self.0.device_keys
    }

    pub(crate) fn token_keys(&self) -> &Keys {
        &self.0.token_keys
    }

    /// Returns the signature that a session stores beside the user's id. It is valid until the password changes.
    pub(crate) fn sign_session(&self, user_id: i64, password_hash: &str) -> String {
        signature(&self.0.session_keys, &format!("{user_id} {}", password::fingerprint(password_hash)))
    }

    pub(crate) fn verify_session(&self, signature: &str, user_id: i64, password_hash: &str) -> bool {
        verify(&self.0.session_keys, signature, &format!("{user_id} {}", password::fingerprint(password_hash)))
    }
}

/// The length of a signature: HMAC-SHA256 in base64.
const SIGNATURE_LENGTH: usize = 44;

/// Returns the signature of a text, without the text.
pub(crate) fn signature(keys: &Keys, text: &str) -> String {
    let signed = keys.sign(text);
    signed.get(..SIGNATURE_LENGTH).unwrap_or_default().to_owned()
}

/// Returns whether the signature is valid for this text, with the current key or a retired one.
pub(crate) fn verify(keys: &Keys, signature: &str, text: &str) -> bool {
    signature.len() == SIGNATURE_LENGTH && keys.verify(&format!("{signature}{text}")).is_some()
}
