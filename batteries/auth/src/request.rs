//! The current user of a request, and the methods of [`RequestAuth`].

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lback_core::{Error, Request, Result};
use lback_db::{RequestDb, RequestSignal};
use lback_session::RequestSession;

use crate::account::{CurrentUser, wrong_type};
use crate::guard::Requirement;
use crate::impersonation::{self, Identity};
use crate::login::{self, LoginRefused};
use crate::middleware::UserCache;
use crate::sealed::Sealed;
use crate::signals::UserLoggedOut;
use crate::{Account, Auth, Token, User};

/// Adds the current user, logins and passwords to [`Request`].
pub trait RequestAuth: Sealed {
    /// Returns the current user, or `None` if the visitor is not logged in.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// use lback::auth::RequestAuth;
    ///
    /// fn greet(req: &mut Request) -> Result<String> {
    ///     Ok(match req.user()? {
    ///         Some(user) => format!("Hello, {}.", user.username),
    ///         None => "Hello, stranger.".to_owned(),
    ///     })
    /// }
    /// ```
    ///
    /// In a request with an [API token](Self::token), this is the user of the token.
    ///
    /// The first call queries the database, further calls do not. A visitor without a session costs no query. The result is also `None` if
    /// the user has been deactivated, or if their password has been changed since the login.
    ///
    /// # Errors
    /// Returns 503 if the session or the database cannot be read; 500 without `App::auth()`, or if the users are of another type.
    fn user(&mut self) -> Result<Option<Arc<User>>>;

    /// Does the same as [`user`](Self::user) for users of an application's own type, as given to `App::auth_with`.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn user_as<A: Account>(&mut self) -> Result<Option<Arc<A>>>;

    /// Returns whether a user is logged in.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn is_authenticated(&mut self) -> Result<bool>;

    /// Returns the id of the current user, of whatever type the application's users are, or `None` if the visitor is not logged in.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn user_id(&mut self) -> Result<Option<i64>>;

    /// Returns the current user, or an error that redirects to the login page (or answers 401 if the response would not be shown as a
    /// page).
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// use lback::auth::RequestAuth;
    ///
    /// fn profile(req: &mut Request) -> Result<String> {
    ///     let user = req.require_login()?;
    ///     Ok(format!("You joined on {}.", user.joined.date_naive()))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns a redirect or 401 if the visitor is not logged in; otherwise as [`user`](Self::user).
    fn require_login(&mut self) -> Result<Arc<User>>;

    /// Does the same as [`require_login`](Self::require_login), and refuses a superuser who [acts as the user](Self::impersonate) and
    /// requests with an [API token](Self::token). Call it before a password, an e-mail address or an account is changed, in views that do
    /// so by their own means.
    ///
    /// # Errors
    /// Returns 403 if a superuser acts as the user or the request has an API token; otherwise as [`require_login`](Self::require_login).
    fn require_own_login(&mut self) -> Result<Arc<User>>;

    /// Lets the current user, a superuser, act as another user in this session, until [`end_impersonation`](Self::end_impersonation) or a
    /// logout. [`user`](Self::user), permissions and guards are those of the other user then.
    ///
    /// The session gets a new id, and keeps its login and its flash messages, but no other data. It remains a session of the superuser: it
    /// is in their list of devices, and ends with their password. If one of the two is deactivated, or the superuser loses the role, it
    /// ends at the next request, which has no user. It is logged as a warning.
    ///
    /// # Errors
    /// Returns 403 unless the current user is a superuser, or if the other user is a superuser or deactivated; otherwise as
    /// [`require_login`](Self::require_login).
    fn impersonate(&mut self, user: &User) -> Result<()>;

    /// Ends [`impersonate`](Self::impersonate), and returns whether the session was acting as another user. The session gets a new id, and
    /// its other data are removed.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn end_impersonation(&mut self) -> Result<bool>;

    /// Returns the superuser who [acts as](Self::impersonate) the current user, or `None` if nobody does. Templates have the
    /// variable `impersonation`, with `superuser` and `user`.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn impersonator(&mut self) -> Result<Option<Arc<User>>>;

    /// Returns the API token with which the request was made, or `None` if there is none. Its user is [`user`](Self::user).
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// use lback::auth::RequestAuth;
    ///
    /// fn may_export(req: &mut Request) -> Result<bool> {
    ///     // A user who is logged in has no limits of this kind.
    ///     Ok(req.token()?.is_none_or(|token| token.has_scope("tickets:export")))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 without `App::auth()`.
    fn token(&mut self) -> Result<Option<Arc<Token>>>;

    /// Returns an error unless the user has this permission.
    ///
    /// # Errors
    /// Returns 403 if the user lacks the permission; otherwise as [`require_login`](Self::require_login).
    fn require_permission(&mut self, permission: &str) -> Result<()>;

    /// Returns an error unless the user is staff or a superuser.
    ///
    /// # Errors
    /// Returns 403 if the user is neither; otherwise as [`require_login`](Self::require_login).
    fn require_staff(&mut self) -> Result<()>;

    /// Returns whether the user has a permission. The first call queries all permissions of the user, further calls do not query the
    /// database. A superuser has every permission, a visitor has none.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn has_perm(&mut self, permission: &str) -> Result<bool>;

    /// Returns the names of all permissions of the user.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn permissions(&mut self) -> Result<Arc<BTreeSet<String>>>;

    /// Returns the user who has this name (or e-mail address) and this password. It does not log the user in.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// use lback::auth::RequestAuth;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Credentials { username: String, password: String }
    ///
    /// fn log_in(req: &mut Request) -> Result<Response> {
    ///     let form: Credentials = req.form()?;
    ///     match req.authenticate(&form.username, &form.password)? {
    ///         Ok(user) => req.login(&user)?,
    ///         Err(refused) => return Ok(Response::text(refused.to_string())),
    ///     }
    ///     Ok(Response::redirect("/"))
    /// }
    /// ```
    ///
    /// An unknown user, a deactivated user and a user without a password are refused with the same message and after the same work as a
    /// wrong password. After some failures, the next attempt must wait, longer each time; the delays survive a restart and hold for all
    /// processes. An outdated hash is replaced.
    ///
    /// Call it in a plain view, before the first `req.db()`: the password is checked outside of the request's transaction.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn authenticate(&mut self, username: &str, password: &str) -> Result<Result<User, LoginRefused>>;

    /// Does the same as [`authenticate`](Self::authenticate) for users of an application's own type.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn authenticate_as<A: Account>(&mut self, username: &str, password: &str) -> Result<Result<A, LoginRefused>>;

    /// Checks the password of the current user again, before a dangerous operation, and records the time in the session, which gets a new
    /// id. [`confirmed_within`](Self::confirmed_within) then returns `true` for some time.
    ///
    /// Failures count as failed logins: after some of them, the next attempt must wait. Call it in a plain view, before the first
    /// `req.db()`.
    ///
    /// # Errors
    /// As [`require_own_login`](Self::require_own_login).
    fn confirm_password(&mut self, password: &str) -> Result<Result<(), LoginRefused>>;

    /// Returns whether the current user has logged in, or [confirmed](Self::confirm_password) the password, within this time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lback::{Request, Response, Result};
    /// use lback::auth::RequestAuth;
    ///
    /// fn delete_account(req: &mut Request) -> Result<Response> {
    ///     if !req.confirmed_within(Duration::from_secs(15 * 60))? {
    ///         return Ok(Response::redirect("/confirm?next=/delete-account"));
    ///     }
    ///     // Delete the account.
    /// #   Ok(Response::redirect("/"))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn confirmed_within(&mut self, time: Duration) -> Result<bool>;

    /// Logs a user in, for this request and for as long as the session lasts.
    ///
    /// The session gets a new id and keeps its data and flash messages. If another user was logged in, it keeps only the flash messages.
    ///
    /// # Errors
    /// Returns 403 if the user is deactivated or the request has an API token; otherwise as [`user`](Self::user).
    fn login<A: Account>(&mut self, user: &A) -> Result<()>;

    /// Lets the session end after `AUTH_REMEMBER_DAYS` without a request, instead of after the usual timeout. Call it after
    /// [`login`](Self::login).
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn remember_login(&mut self) -> Result<()>;

    /// Logs the user out. The session ends; a flash message that is added afterwards starts a new one.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn logout(&mut self) -> Result<()>;

    /// Changes a user's password and ends their other sessions. If the user is logged in here, this session continues with a new id.
    ///
    /// It does not check the password against any rules; [`auth().rules()`](crate::PasswordRules::check) does.
    ///
    /// # Errors
    /// Returns 400 if the password is too long to be hashed, and 403 if a superuser [acts as](Self::impersonate) the current user; otherwise
    /// as [`user`](Self::user).
    fn set_password<A: Account>(&mut self, user: &mut A, password: &str) -> Result<()>;

    /// Returns a token for a link in a mail that resets the user's password. It works once, for `AUTH_RESET_MINUTES`, and not after a login or
    /// a change of the password or the address.
    ///
    /// # Errors
    /// Returns 500 without `App::auth()`.
    fn reset_token(&mut self, user: &User) -> Result<String>;

    /// Returns the user of a [reset token](Self::reset_token), or `None` if the token is invalid or does not work any more.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn check_reset_token(&mut self, token: &str) -> Result<Option<User>>;

    /// Sets the password of a user who has followed a link with a [reset token](Self::reset_token), and ends all their sessions. The address
    /// to which the link was sent is verified by that. Returns `false` if the link was used, or the user's address or password changed,
    /// since [`check_reset_token`](Self::check_reset_token).
    ///
    /// It does not check the password against any rules; [`auth().rules()`](crate::PasswordRules::check) does.
    ///
    /// # Errors
    /// Returns 400 if the password is too long to be hashed; otherwise as [`user`](Self::user).
    fn reset_password(&mut self, user: &mut User, password: &str) -> Result<bool>;

    /// Returns a token for a link in a mail that verifies the user's e-mail address, which is the [pending](User::pending_email) one if there
    /// is one. It works for `AUTH_VERIFY_HOURS`.
    ///
    /// # Errors
    /// Returns 500 without `App::auth()`.
    fn verification_token(&mut self, user: &User) -> Result<String>;

    /// Returns the user of a [verification token](Self::verification_token), or `None` if the token is invalid, or the address has changed or
    /// is already verified.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn check_verification_token(&mut self, token: &str) -> Result<Option<User>>;

    /// Returns the configuration of the application's users: settings, passwords and their rules, permissions.
    ///
    /// # Errors
    /// Returns 500 without `App::auth()`.
    fn auth(&self) -> Result<Auth>;
}

impl RequestAuth for Request {
    #[track_caller]
    fn user(&mut self) -> Result<Option<Arc<User>>> {
        self.user_as()
    }

    #[track_caller]
    fn user_as<A: Account>(&mut self) -> Result<Option<Arc<A>>> {
        let auth = auth_of::<A>(self)?;
        let Some(user) = current_user(self)? else { return Ok(None) };
        let account: Arc<dyn Any + Send + Sync> = user.account;
        account.downcast().map(Some).map_err(|_| wrong_type::<A>(auth.accounts().type_name()))
    }

    #[track_caller]
    fn is_authenticated(&mut self) -> Result<bool> {
        Ok(current_user(self)?.is_some())
    }

    #[track_caller]
    fn user_id(&mut self) -> Result<Option<i64>> {
        Ok(current_user(self)?.map(|user| user.id))
    }

    #[track_caller]
    fn require_login(&mut self) -> Result<Arc<User>> {
        Requirement::Login.check(self)?;
        self.user()?.ok_or_else(|| Error::internal("the current user is missing after the check for a login"))
    }

    #[track_caller]
    fn require_own_login(&mut self) -> Result<Arc<User>> {
        Requirement::OwnLogin.check(self)?;
        self.require_login()
    }

    #[track_caller]
    fn impersonate(&mut self, user: &User) -> Result<()> {
        let auth = auth_of::<User>(self)?;
        impersonation::begin(self, &auth, user)?;
        cache(self)?.clear();
        Ok(())
    }

    fn end_impersonation(&mut self) -> Result<bool> {
        let auth = self.auth()?;
        let ended = impersonation::end(self, &auth)?;
        cache(self)?.clear();
        Ok(ended)
    }

    fn impersonator(&mut self) -> Result<Option<Arc<User>>> {
        impersonation::impersonator(self)
    }

    #[track_caller]
    fn token(&mut self) -> Result<Option<Arc<Token>>> {
        if was_refused_earlier(self) { Ok(None) } else { Ok(cache(self)?.token.clone()) }
    }

    #[track_caller]
    fn require_permission(&mut self, permission: &str) -> Result<()> {
        Requirement::Permission(permission.to_owned()).check(self)
    }

    #[track_caller]
    fn require_staff(&mut self) -> Result<()> {
        Requirement::Staff.check(self)
    }

    #[track_caller]
    fn has_perm(&mut self, permission: &str) -> Result<bool> {
        match current_user(self)? {
            None => Ok(false),
            Some(user) if user.is_superuser => Ok(true),
            Some(_) => Ok(self.permissions()?.contains(permission)),
        }
    }

    #[track_caller]
    fn permissions(&mut self) -> Result<Arc<BTreeSet<String>>> {
        if was_refused_earlier(self) {
            return Ok(Arc::default());
        }
        let cache = cache(self)?;
        if let Some(known) = &cache.permissions {
            return Ok(known.clone());
        }
        let auth = cache.auth.clone();
        let permissions = match current_user(self)? {
            None => BTreeSet::new(),
            Some(user) => {
                let permissions = self.read_db(|db| auth.accounts().permissions(db, &user));
                default_on_error_page(self, permissions)?
            }
        };
        let permissions = Arc::new(permissions);
        self::cache(self)?.permissions = Some(permissions.clone());
        Ok(permissions)
    }

    #[track_caller]
    fn authenticate(&mut self, username: &str, password: &str) -> Result<Result<User, LoginRefused>> {
        self.authenticate_as(username, password)
    }

    #[track_caller]
    fn authenticate_as<A: Account>(&mut self, username: &str, password: &str) -> Result<Result<A, LoginRefused>> {
        let auth = auth_of::<A>(self)?;
        login::authenticate(self, &auth, username, password)
    }

    #[track_caller]
    fn confirm_password(&mut self, password: &str) -> Result<Result<(), LoginRefused>> {
        Requirement::OwnLogin.check(self)?;
        let auth = self.auth()?;
        match current_user(self)? {
            Some(user) => login::confirm(self, &auth, &user, password),
            None => Ok(Err(LoginRefused::Wrong)),
        }
    }

    #[track_caller]
    fn confirmed_within(&mut self, time: Duration) -> Result<bool> {
        let Identity { user, superuser } = identity(self)?;
        Ok(user.is_some() && superuser.is_none() && login::is_confirmed(self, time)?)
    }

    #[track_caller]
    fn login<A: Account>(&mut self, user: &A) -> Result<()> {
        let auth = auth_of::<A>(self)?;
        login::login(self, &auth, user)?;
        cache(self)?.clear();
        Ok(())
    }

    fn remember_login(&mut self) -> Result<()> {
        let days = self.auth()?.settings().auth_remember_days;
        login::remember(self, days);
        Ok(())
    }

    fn logout(&mut self) -> Result<()> {
        // A history that cannot be written must not prevent a logout.
        if let Err(error) = self.end_impersonation() {
            tracing::error!(target: "lback::auth", %error, "the end of acting as another user was not recorded");
        }
        let user_id = self.session().get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
        self.session().delete();
        if let Some(user_id) = user_id {
            self.signal(UserLoggedOut { user_id });
        }
        Ok(())
    }

    #[track_caller]
    fn set_password<A: Account>(&mut self, user: &mut A, password: &str) -> Result<()> {
        let auth = auth_of::<A>(self)?;
        login::set_password(self, &auth, user, password)?;
        cache(self)?.clear();
        Ok(())
    }

    #[track_caller]
    fn reset_token(&mut self, user: &User) -> Result<String> {
        let auth = auth_of::<User>(self)?;
        Ok(crate::token::RESET.make(&auth, user, self.now()))
    }

    #[track_caller]
    fn check_reset_token(&mut self, token: &str) -> Result<Option<User>> {
        auth_of::<User>(self)?;
        crate::token::RESET.open(self, token)
    }

    #[track_caller]
    fn reset_password(&mut self, user: &mut User, password: &str) -> Result<bool> {
        let auth = auth_of::<User>(self)?;
        login::reset_password(self, &auth, user, password)
    }

    #[track_caller]
    fn verification_token(&mut self, user: &User) -> Result<String> {
        let auth = auth_of::<User>(self)?;
        Ok(crate::token::VERIFY.make(&auth, user, self.now()))
    }

    #[track_caller]
    fn check_verification_token(&mut self, token: &str) -> Result<Option<User>> {
        auth_of::<User>(self)?;
        crate::token::VERIFY.open(self, token)
    }

    #[track_caller]
    fn auth(&self) -> Result<Auth> {
        match self.extensions().get::<UserCache>() {
            Some(cache) => Ok(cache.auth.clone()),
            None if was_refused_earlier(self) => app_auth(self),
            None => Err(missing()),
        }
    }
}

/// Returns the application's users, also outside of the `AuthMiddleware`.
#[track_caller]
pub(crate) fn app_auth(req: &Request) -> Result<Auth> {
    req.state::<Auth>().cloned().map_err(|_| missing())
}

/// Returns whether this is the error page of a request that was refused before the `AuthMiddleware`, such as one for a missing static
/// file. Such a page has no current user.
fn was_refused_earlier(req: &Request) -> bool {
    req.is_error_page() && req.extensions().get::<UserCache>().is_none()
}

/// Returns the default on an error page if the lookup fails, so that the page can be shown even if the database is down.
fn default_on_error_page<T: Default>(req: &Request, known: Result<T>) -> Result<T> {
    match known {
        Err(error) if req.is_error_page() => {
            tracing::debug!(target: "lback::auth", id = %req.id(), %error, "the error page is shown without a user");
            Ok(T::default())
        }
        known => known,
    }
}

#[track_caller]
fn cache(req: &mut Request) -> Result<&mut UserCache> {
    match req.extensions_mut().get_mut::<UserCache>() {
        Some(cache) => Ok(cache),
        None => Err(missing()),
    }
}

/// Returns the configuration if the application's users are of the type `A`. With another type, an id would denote another user.
#[track_caller]
fn auth_of<A: Account>(req: &Request) -> Result<Auth> {
    let auth = req.auth()?;
    let known = auth.accounts().type_name();
    if known == std::any::type_name::<A>() { Ok(auth) } else { Err(wrong_type::<A>(known)) }
}

#[track_caller]
fn missing() -> Error {
    Error::internal(
        "this request has no users: write App::new(urls).auth(), or place the middleware that needs them inside the AuthMiddleware",
    )
}

/// The session's key for the user's id, which is copied to a column of the session's row.
pub(crate) const USER_ID: &str = "user_id";

/// The session's key for the signature that is valid until the user's password changes.
pub(crate) const SIGNATURE: &str = "_auth";

/// Returns the current user.
#[track_caller]
pub(crate) fn current_user(req: &mut Request) -> Result<Option<CurrentUser>> {
    Ok(identity(req)?.user)
}

/// Returns the current user, and the superuser who acts as that user.
#[track_caller]
pub(crate) fn identity(req: &mut Request) -> Result<Identity> {
    if was_refused_earlier(req) {
        return Ok(Identity::default());
    }
    let cache = cache(req)?;
    if let Some(known) = &cache.identity {
        return Ok(known.clone());
    }
    let auth = cache.auth.clone();
    let identity = load(req, &auth);
    let identity = default_on_error_page(req, identity)?;
    self::cache(req)?.identity = Some(identity.clone());
    Ok(identity)
}

fn load(req: &mut Request, auth: &Auth) -> Result<Identity> {
    // The check of the token has found its user, but the view has changed that since.
    if let Some(token) = cache(req)?.token.clone() {
        let user = req.read_db(|db| auth.accounts().find(db, token.user_id))?;
        return Ok(Identity { user: user.filter(|user| user.is_active), superuser: None });
    }
    let session = req.session();
    let id = session.get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
    let signature = session.get::<serde_json::Value>(SIGNATURE)?;
    let (Some(id), Some(signature)) = (id, signature.as_ref().and_then(|signature| signature.as_str())) else {
        return Ok(Identity::default());
    };
    let found = req.read_db(|db| auth.accounts().find(db, id))?;
    match found.filter(|user| user.is_active && auth.verify_session(signature, id, &user.password_hash)) {
        Some(owner) => impersonation::identity(req, auth, owner),
        None => {
            impersonation::forget(req)?;
            Ok(Identity::default())
        }
    }
}
