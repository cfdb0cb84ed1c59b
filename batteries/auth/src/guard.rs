//! Guards: routes, includes and views that require a login, staff or a permission.

use std::fmt;

use lback_core::header::{self, HeaderValue};
use lback_core::{Application, Error, Method, Middleware, Next, Request, Response, Result, Route, Router, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{current_user, identity};
use crate::sealed::Sealed;
use crate::{Auth, RequestAuth, RouteTokens};

/// What a route requires of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// A login.
    Login,
    /// A login by the user, and neither a superuser who [acts as the user](RequestAuth::impersonate) nor an API token.
    OwnLogin,
    /// Staff or a superuser.
    Staff,
    /// This permission.
    Permission(String),
    /// At least one of these permissions.
    AnyPermission(Vec<String>),
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requirement::Login => f.write_str("login"),
            Requirement::OwnLogin => f.write_str("own login"),
            Requirement::Staff => f.write_str("staff"),
            Requirement::Permission(name) => write!(f, "permission {name}"),
            Requirement::AnyPermission(names) => write!(f, "permission {}", names.join(" or ")),
        }
    }
}

impl Requirement {
    /// Returns the names of the permissions. The user needs one of them.
    pub(crate) fn permissions(&self) -> &[String] {
        match self {
            Requirement::Permission(name) => std::slice::from_ref(name),
            Requirement::AnyPermission(names) => names,
            Requirement::Login | Requirement::OwnLogin | Requirement::Staff => &[],
        }
    }

    /// Returns an error unless the user meets the requirement.
    #[track_caller]
    pub(crate) fn check(&self, req: &mut Request) -> Result<()> {
        let Some(user) = current_user(req)? else { return Err(not_logged_in(req)) };
        if *self == Requirement::OwnLogin {
            if identity(req)?.superuser.is_some() {
                return Err(Error::forbidden("You are acting as another user. Only that user can do this."));
            }
            if req.token()?.is_some() {
                return Err(Error::forbidden("This needs a login, for which an API token is not enough."));
            }
        }
        let lacking = match self {
            Requirement::Login | Requirement::OwnLogin => None,
            Requirement::Staff => (!user.is_staff && !user.is_superuser).then(|| "the user is not staff".to_owned()),
            Requirement::Permission(_) | Requirement::AnyPermission(_) => {
                let is_enough = user.is_superuser || {
                    let held = req.permissions()?;
                    self.permissions().iter().any(|name| held.contains(name))
                };
                (!is_enough).then(|| format!("the user lacks the {self}"))
            }
        };
        match lacking {
            // The cause is for developers.
            Some(cause) => Err(Error::forbidden("You are not allowed to do this.").with_source(cause)),
            None => Ok(()),
        }
    }
}

/// The middleware that enforces a [`Requirement`]; [`RouterAuth`] adds it to routes.
#[derive(Debug)]
pub struct Guard {
    requirement: Requirement,
}

impl Guard {
    /// Returns the requirement.
    pub fn requirement(&self) -> &Requirement {
        &self.requirement
    }
}

impl Middleware for Guard {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        self.requirement.check(req)?;
        next.run(req).await
    }

    /// The session is known by then, unless its middleware is inside the one that reads the body.
    fn before_body(&self, req: &mut Request) -> Result<()> {
        if req.auth().is_ok() { self.requirement.check(req) } else { Ok(()) }
    }

    /// Makes a guard without users an error at the start.
    fn requires(&self) -> &'static [&'static str] {
        &["AuthMiddleware"]
    }

    fn remedy(&self) -> Option<&'static str> {
        Some("App::new(urls).auth()")
    }
}

/// Adds guards to [`Router`].
///
/// ```
/// # use lback::{Request, Router};
/// use lback::auth::RouterAuth;
///
/// # fn view(_: &mut Request) -> &'static str { "" }
/// let office = Router::new()
///     .get("/", view)
///     .post("/posts", view).permission_required("blog.add_post");
/// let urls = Router::new()
///     .get("/", view)
///     .get("/profile", view).login_required()
///     .include("/office", office).staff_required();
/// ```
///
/// Each guard applies to the route or include before it. Guards combine: writing a post in the office requires staff with the
/// permission.
///
/// A visitor is redirected to the login page, and back after the login; a request for something other than a page (a `fetch`, JSON) gets
/// a 401. A user who does not meet the requirement gets a 403. All of this happens before the body of the request is read.
pub trait RouterAuth: Sealed {
    /// Requires a login.
    fn login_required(self) -> Self;

    /// Requires a login, and refuses superusers who [act as the user](RequestAuth::impersonate) and API tokens: for passwords, e-mail
    /// addresses and the deletion of an account.
    fn own_login_required(self) -> Self;

    /// Requires staff or a superuser.
    fn staff_required(self) -> Self;

    /// Requires this permission. The command `check` reports names that are not declared.
    fn permission_required(self, permission: &str) -> Self;

    /// Accepts API tokens that have this scope, beside logins: `Authorization: Bearer lback_…`. Other routes ignore the header. The
    /// application needs `App::tokens()`.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// # fn stock(_: &mut Request) -> &'static str { "3" }
    /// let api = Router::new()
    ///     .get("/stock", stock).accept_tokens("stock:read").login_required()
    ///     .post("/stock", stock).accept_tokens("stock:write").permission_required("stock.change");
    /// let app = App::new(Router::new().include("/api", api).json()).auth().tokens().permissions([("stock.change", "Change the stock")]);
    /// # let client = lback::testing::Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// # let (user, now) = (client.add_user("alice"), client.clock().now());
    /// # let token = client.db(|db| lback::auth::NewToken::new("shop").scope("stock:read").insert(db, &user, now)).1;
    /// # client.get("/api/stock").bearer(&token).send().assert_status(200);
    /// # client.get("/api/stock").bearer("lback_forged").send().assert_status(401);
    /// # client.get("/api/stock").send().assert_status(401);
    /// # client.post("/api/stock").bearer(&token).send().assert_status(403);
    /// ```
    ///
    /// It lets no request in: a guard such as `login_required()` does that. A token is checked before, though: an invalid one is a 401, and
    /// one without the scope a 403, even if visitors without a login are let in.
    ///
    /// A scope includes those that begin with it and a colon: tokens with `stock` have `stock:read`, too. After an include, it applies to
    /// all of its routes, unless they name a scope of their own.
    fn accept_tokens(self, scope: &str) -> Self;

    /// Requires at least one of these permissions. The command `check` reports names that are not declared.
    fn any_permission_required<P: Into<String>>(self, permissions: impl IntoIterator<Item = P>) -> Self;
}

impl RouterAuth for Router {
    #[track_caller]
    fn accept_tokens(self, scope: &str) -> Self {
        self.option(RouteTokens::with_scope(scope).required())
    }

    #[track_caller]
    fn login_required(self) -> Self {
        self.middleware(Guard { requirement: Requirement::Login })
    }

    #[track_caller]
    fn own_login_required(self) -> Self {
        self.middleware(Guard { requirement: Requirement::OwnLogin })
    }

    #[track_caller]
    fn staff_required(self) -> Self {
        self.middleware(Guard { requirement: Requirement::Staff })
    }

    #[track_caller]
    fn permission_required(self, permission: &str) -> Self {
        self.middleware(Guard { requirement: Requirement::Permission(permission.to_owned()) })
    }

    #[track_caller]
    fn any_permission_required<P: Into<String>>(self, permissions: impl IntoIterator<Item = P>) -> Self {
        let permissions = permissions.into_iter().map(Into::into).collect();
        self.middleware(Guard { requirement: Requirement::AnyPermission(permissions) })
    }
}

/// Adds the requirements of guards to [`Route`], for a test that goes through `app().routes()`.
pub trait RouteAuth: Sealed {
    /// Returns the requirements, outermost first. The list is empty for a public route.
    fn requirements(&self) -> Vec<&Requirement>;
}

impl RouteAuth for Route {
    fn requirements(&self) -> Vec<&Requirement> {
        self.middleware_of::<Guard>().map(Guard::requirement).collect()
    }
}

/// Returns whether the route of a request accepts API tokens.
fn accepts_tokens(req: &Request) -> bool {
    req.auth().is_ok_and(|auth| auth.has_tokens()) && req.route().is_some_and(|route| route.option::<RouteTokens>().is_some())
}

/// The characters to escape in a value of a query string.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns a redirect to the login page and back, or a 401 if the response would not be shown as a page.
#[track_caller]
fn not_logged_in(req: &mut Request) -> Error {
    let is_page = req.header("sec-fetch-dest").is_none_or(|dest| ["document", "iframe", "frame"].contains(&dest));
    if req.prefers_json() || !is_page {
        let schemes: &[&'static str] = if accepts_tokens(req) { &["Session", "Bearer"] } else { &["Session"] };
        let error = Error::new(StatusCode::UNAUTHORIZED, "Please log in first.");
        let challenges = schemes.iter().copied().map(HeaderValue::from_static);
        return challenges.fold(error, |error, challenge| error.with_header(header::WWW_AUTHENTICATE, challenge));
    }
    let url = req.auth().and_then(|auth| auth.login_url(req.app()));
    match url {
        Err(error) => error,
        Ok(url) => {
            // The posted data is lost, and its path may not accept GET.
            let next = matches!(*req.method(), Method::GET | Method::HEAD).then(|| req.path_and_query());
            let next = next.and_then(crate::safe_next).filter(|next| *next != "/");
            let separator = if url.contains('?') { '&' } else { '?' };
            let url = next.map_or_else(|| url.clone(), |next| format!("{url}{separator}next={}", utf8_percent_encode(next, VALUE)));
            Error::redirect(&url)
        }
    }
}

impl Auth {
    /// Returns the URL of the login page: `LOGIN_URL`, or the route called `login`, or one whose name ends in `:login`. Routes that
    /// answer GET are preferred.
    ///
    /// # Errors
    /// Returns 500 if there is no such page.
    #[track_caller]
    pub fn login_url(&self, app: &Application) -> Result<String> {
        match &self.settings().login_url {
            Some(path) if path.starts_with('/') || path.contains("://") => Ok(path.clone()),
            Some(name) => app.url_for(name, &[]).map_err(|error| Error::internal(format!("LOGIN_URL = \"{name}\": {}", error.message()))),
            None => {
                let is_login = |name: &&str| *name == "login" || name.ends_with(":login");
                // A route that only accepts POST may have such a name as well.
                let is_page = |route: &Route| route.methods().is_empty() || route.methods().contains(&Method::GET);
                let named = || app.routes().iter().filter(|route| route.name().as_ref().is_some_and(is_login));
                let name = named().find(|route| is_page(route)).or_else(|| named().next()).and_then(|route| route.name());
                let none =
                    "the application has no login page. Name its route \"login\", or write LOGIN_URL = \"/account/login\" in settings.toml";
                app.url_for(name.ok_or_else(|| Error::internal(none))?, &[])
            }
        }
    }
}
