//! The user, as a view sees them.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use lback_core::{Error, Request, Result};
use lback_db::{RequestDb, RequestSignal};
use lback_session::RequestSession;

use crate::account::{Somebody, wrong_type};
use crate::guard::Requirement;
use crate::login::{self, LoginRefused};
use crate::middleware::Slot;
use crate::sealed::Sealed;
use crate::signals::UserLoggedOut;
use crate::{Account, Auth, User};

/// Adds the user to [`Request`].
pub trait RequestAuth: Sealed {
    /// Who is logged in, if anybody is.
    ///
    /// ```
    /// # use lback_core::{Request, Result};
    /// use lback_auth::RequestAuth;
    ///
    /// fn greet(req: &mut Request) -> Result<String> {
    ///     Ok(match req.user()? {
    ///         Some(user) => format!("Hello, {}.", user.username),
    ///         None => "Hello, stranger.".to_owned(),
    ///     })
    /// }
    /// ```
    ///
    /// The first call asks the database, the others do not. A visitor without a session costs no query at all. Somebody who
    /// may not log in any more, or whose password was changed elsewhere, is nobody.
    ///
    /// # Errors
    /// 503 where session or database cannot be read; 500 without `App::auth()`, or where the users are of another type.
    fn user(&mut self) -> Result<Option<Arc<User>>>;

    /// The same for users of an application's own type, as given to `App::auth_with`.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn user_as<A: Account>(&mut self) -> Result<Option<Arc<A>>>;

    /// Is somebody logged in?
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn is_authenticated(&mut self) -> Result<bool>;

    /// The user; for anybody else an error that leads to the login page (or answers 401, where that makes no sense).
    ///
    /// ```
    /// # use lback_core::{Request, Result};
    /// use lback_auth::RequestAuth;
    ///
    /// fn profile(req: &mut Request) -> Result<String> {
    ///     let user = req.require_login()?;
    ///     Ok(format!("You joined on {}.", user.joined.date_naive()))
    /// }
    /// ```
    ///
    /// # Errors
    /// See above, and as [`user`](Self::user).
    fn require_login(&mut self) -> Result<Arc<User>>;

    /// Refuses everybody who has not this permission: visitors are led to the login page, users get a 403.
    ///
    /// # Errors
    /// See above, and as [`user`](Self::user).
    fn require_permission(&mut self, permission: &str) -> Result<()>;

    /// Refuses everybody who is not staff: visitors are led to the login page, users get a 403.
    ///
    /// # Errors
    /// See above, and as [`user`](Self::user).
    fn require_staff(&mut self) -> Result<()>;

    /// May the user do this? The first call asks the database for all their permissions, the others do not. A superuser may do
    /// everything, a visitor nothing.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn has_perm(&mut self, permission: &str) -> Result<bool>;

    /// The names of all permissions of the user.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn permissions(&mut self) -> Result<Arc<BTreeSet<String>>>;

    /// Finds the user who has this name (or e-mail address) and this password. It does not log them in.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// use lback_auth::RequestAuth;
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
    /// Somebody who does not exist, may not log in, or has no password is refused in the same words and after the same work
    /// as a wrong password. After some failures the next attempt must wait, a little longer each time; that survives a restart
    /// and holds for all processes. A hash that was made in an old way is replaced.
    ///
    /// Call it in a plain view, before the first `req.db()`: the password is checked outside of the request's transaction.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn authenticate(&mut self, username: &str, password: &str) -> Result<Result<User, LoginRefused>>;

    /// The same for users of an application's own type.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn authenticate_as<A: Account>(&mut self, username: &str, password: &str) -> Result<Result<A, LoginRefused>>;

    /// Logs somebody in: from now on, and for as long as the session lasts, they are the [`user`](Self::user).
    ///
    /// The session gets a new id and keeps its data and messages; where another user was logged in, only the messages.
    ///
    /// # Errors
    /// 403 where they may not log in; otherwise as [`user`](Self::user).
    fn login<A: Account>(&mut self, user: &A) -> Result<()>;

    /// Lets the session of somebody who has just logged in last for `AUTH_REMEMBER_DAYS` without a request, instead of the
    /// time that sessions last.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn remember_login(&mut self) -> Result<()>;

    /// Logs the user out: the session ends, and a message may be left in a fresh one.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn logout(&mut self) -> Result<()>;

    /// Gives a user another password. Their other sessions end; if it is they who ask, this one gets a new id and goes on.
    ///
    /// It does not hold the password to any rules; [`auth().rules()`](crate::PasswordRules::check) does.
    ///
    /// # Errors
    /// 400 where the password is too long to be hashed; otherwise as [`user`](Self::user).
    fn set_password<A: Account>(&mut self, user: &mut A, password: &str) -> Result<()>;

    /// A text that proves, to whom it is shown later, that this user has read their mail: for a link that resets a password.
    /// It works once, for `AUTH_RESET_MINUTES`, and not after a login, or a change of password or address.
    ///
    /// # Errors
    /// 500 without `App::auth()`.
    fn reset_token(&mut self, user: &User) -> Result<String>;

    /// The user for whom [`reset_token`](Self::reset_token) made this; `None` where nobody did, or it does not work any more.
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

    /// The same for a link that verifies the user's e-mail address, the [pending](User::pending_email) one if there is one. It
    /// works for `AUTH_VERIFY_HOURS`.
    ///
    /// # Errors
    /// 500 without `App::auth()`.
    fn verification_token(&mut self, user: &User) -> Result<String>;

    /// The user for whom [`verification_token`](Self::verification_token) made this, and whose address is the same and not
    /// verified yet; otherwise `None`.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    fn check_verification_token(&mut self, token: &str) -> Result<Option<User>>;

    /// What the application knows of its users: settings, passwords and their rules, permissions.
    ///
    /// # Errors
    /// 500 without `App::auth()`.
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
        let Some(somebody) = somebody(self)? else { return Ok(None) };
        let account: Arc<dyn Any + Send + Sync> = somebody.account;
        account.downcast().map(Some).map_err(|_| wrong_type::<A>(auth.accounts().type_name()))
    }

    #[track_caller]
    fn is_authenticated(&mut self) -> Result<bool> {
        Ok(somebody(self)?.is_some())
    }

    #[track_caller]
    fn require_login(&mut self) -> Result<Arc<User>> {
        Requirement::Login.check(self)?;
        self.user()?.ok_or_else(|| Error::internal("somebody who is logged in is not there"))
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
        match somebody(self)? {
            None => Ok(false),
            Some(somebody) if somebody.is_superuser => Ok(true),
            Some(_) => Ok(self.permissions()?.contains(permission)),
        }
    }

    #[track_caller]
    fn permissions(&mut self) -> Result<Arc<BTreeSet<String>>> {
        if was_refused_before(self) {
            return Ok(Arc::default());
        }
        let slot = slot(self)?;
        if let Some(known) = &slot.permissions {
            return Ok(known.clone());
        }
        let auth = slot.auth.clone();
        let permissions = match somebody(self)? {
            None => BTreeSet::new(),
            Some(somebody) => {
                let permissions = self.read_db(|db| auth.accounts().permissions(db, &somebody));
                nothing_on_an_error_page(self, permissions)?
            }
        };
        let permissions = Arc::new(permissions);
        self::slot(self)?.permissions = Some(permissions.clone());
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
    fn login<A: Account>(&mut self, user: &A) -> Result<()> {
        let auth = auth_of::<A>(self)?;
        login::login(self, &auth, user)?;
        slot(self)?.forget();
        Ok(())
    }

    fn remember_login(&mut self) -> Result<()> {
        let days = self.auth()?.settings().auth_remember_days;
        login::remember(self, days);
        Ok(())
    }

    fn logout(&mut self) -> Result<()> {
        slot(self)?.forget();
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
        slot(self)?.forget();
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
        match self.extensions().get::<Slot>() {
            Some(slot) => Ok(slot.auth.clone()),
            None if was_refused_before(self) => app_auth(self),
            None => Err(missing()),
        }
    }
}

/// Returns the application's users, also outside of the `AuthMiddleware`.
#[track_caller]
pub(crate) fn app_auth(req: &Request) -> Result<Auth> {
    req.state::<Auth>().cloned().map_err(|_| missing())
}

/// Returns whether this is the error page of a request that was refused before it came to the `AuthMiddleware`, such as a
/// form without a CSRF token, or a missing static file. Whoever sent it is nobody there.
fn was_refused_before(req: &Request) -> bool {
    req.is_error_page() && req.extensions().get::<Slot>().is_none()
}

/// What is not known on an error page, since the database is what has just failed, does not keep the page from being shown.
fn nothing_on_an_error_page<T: Default>(req: &Request, known: Result<T>) -> Result<T> {
    match known {
        Err(error) if req.is_error_page() => {
            tracing::debug!(target: "lback::auth", id = %req.id(), %error, "the error page shows no user");
            Ok(T::default())
        }
        known => known,
    }
}

#[track_caller]
fn slot(req: &mut Request) -> Result<&mut Slot> {
    match req.extensions_mut().get_mut::<Slot>() {
        Some(slot) => Ok(slot),
        None => Err(missing()),
    }
}

/// What the application knows of its users, if these are of the type `A`: the id of another's would be somebody else's.
#[track_caller]
fn auth_of<A: Account>(req: &Request) -> Result<Auth> {
    let auth = req.auth()?;
    let known = auth.accounts().type_name();
    if known == std::any::type_name::<A>() { Ok(auth) } else { Err(wrong_type::<A>(known)) }
}

#[track_caller]
fn missing() -> Error {
    Error::internal(
        "this request has no users: write App::new(urls).auth(), or look whether the AuthMiddleware stands outside the one that asks",
    )
}

/// The key under which the session holds the user's id; a column follows it.
pub(crate) const USER_ID: &str = "user_id";

/// The key under which the session holds what fits only the user's password of today.
pub(crate) const MARK: &str = "_auth";

/// Who is logged in.
#[track_caller]
pub(crate) fn somebody(req: &mut Request) -> Result<Option<Somebody>> {
    if was_refused_before(req) {
        return Ok(None);
    }
    let slot = slot(req)?;
    if let Some(who) = &slot.who {
        return Ok(who.clone());
    }
    let auth = slot.auth.clone();
    let who = load(req, &auth);
    let who = nothing_on_an_error_page(req, who)?;
    self::slot(req)?.who = Some(who.clone());
    Ok(who)
}

fn load(req: &mut Request, auth: &Auth) -> Result<Option<Somebody>> {
    let session = req.session();
    let id = session.get::<serde_json::Value>(USER_ID)?.and_then(|id| id.as_i64());
    let mark = session.get::<serde_json::Value>(MARK)?;
    let (Some(id), Some(mark)) = (id, mark.as_ref().and_then(|mark| mark.as_str())) else { return Ok(None) };
    let found = req.read_db(|db| auth.accounts().find(db, id))?;
    Ok(found.filter(|somebody| somebody.is_active && auth.fits(mark, id, &somebody.password_hash)))
}
