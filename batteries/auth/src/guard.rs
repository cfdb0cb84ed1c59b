//! Who may see what: routes, includes and views that are not for everybody.

use std::fmt;

use lback_core::header::{self, HeaderValue};
use lback_core::{Application, Error, Method, Middleware, Next, Request, Response, Result, Route, Router, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::somebody;
use crate::sealed::Sealed;
use crate::{Auth, RequestAuth};

/// What somebody must be, or may do, to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// Logged in.
    Login,
    /// One of the staff, or a superuser.
    Staff,
    /// Somebody who has this permission.
    Permission(String),
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requirement::Login => f.write_str("login"),
            Requirement::Staff => f.write_str("staff"),
            Requirement::Permission(name) => write!(f, "permission {name}"),
        }
    }
}

impl Requirement {
    /// Refuses who is not let in.
    #[track_caller]
    pub(crate) fn check(&self, req: &mut Request) -> Result<()> {
        let Some(somebody) = somebody(req)? else { return Err(not_logged_in(req)) };
        let lacking = match self {
            Requirement::Login => None,
            Requirement::Staff => (!somebody.is_staff && !somebody.is_superuser).then(|| "the user is not staff".to_owned()),
            Requirement::Permission(name) => (!req.has_perm(name)?).then(|| format!("the user lacks the permission {name}")),
        };
        match lacking {
            // The cause is for developers.
            Some(cause) => Err(Error::forbidden("You are not allowed to do this.").with_source(cause)),
            None => Ok(()),
        }
    }
}

/// The middleware that lets only some in; [`RouterAuth`] puts it around routes.
#[derive(Debug)]
pub struct Guard {
    requirement: Requirement,
}

impl Guard {
    /// What it asks for.
    pub fn requirement(&self) -> &Requirement {
        &self.requirement
    }
}

impl Middleware for Guard {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        self.requirement.check(req)?;
        next.run(req).await
    }

    /// The session is enough, unless its middleware stand further in than the one that reads the body.
    fn before_body(&self, req: &mut Request) -> Result<()> {
        if req.auth().is_ok() { self.requirement.check(req) } else { Ok(()) }
    }

    /// So that a guard without users is an error at the start, and never an open door.
    fn requires(&self) -> &'static [&'static str] {
        &["AuthMiddleware"]
    }

    fn remedy(&self) -> Option<&'static str> {
        Some("App::new(urls).auth()")
    }
}

/// Adds to [`Router`] who is let in.
///
/// ```
/// # use lback_core::{Request, Router};
/// use lback_auth::RouterAuth;
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
/// Each speaks of the route or include before it. Several hold together: to write a post in the office takes somebody of the
/// staff who has the permission.
///
/// A visitor is led to the login page, and back after it; one that is no page (a `fetch`, JSON) gets a 401. A user who may not
/// gets a 403. All of them are refused before the body of the request is read, so nobody uploads to a route that is not for them.
pub trait RouterAuth: Sealed {
    /// Only for those who are logged in.
    fn login_required(self) -> Self;

    /// Only for staff, and superusers.
    fn staff_required(self) -> Self;

    /// Only for those who have this permission. The command `check` finds names that are not declared.
    fn permission_required(self, permission: &str) -> Self;
}

impl RouterAuth for Router {
    #[track_caller]
    fn login_required(self) -> Self {
        self.middleware(Guard { requirement: Requirement::Login })
    }

    #[track_caller]
    fn staff_required(self) -> Self {
        self.middleware(Guard { requirement: Requirement::Staff })
    }

    #[track_caller]
    fn permission_required(self, permission: &str) -> Self {
        self.middleware(Guard { requirement: Requirement::Permission(permission.to_owned()) })
    }
}

/// Adds to [`Route`] who is let in, for a test that walks `app().routes()`.
pub trait RouteAuth: Sealed {
    /// What it takes to be let in, outermost first. Nothing, for a route that is for everybody.
    fn requirements(&self) -> Vec<&Requirement>;
}

impl RouteAuth for Route {
    fn requirements(&self) -> Vec<&Requirement> {
        self.middleware_of::<Guard>().map(Guard::requirement).collect()
    }
}

/// What needs no escape in a value of a query string.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Leads to the login page, and back after it; or answers 401 where nobody would see that page.
#[track_caller]
fn not_logged_in(req: &mut Request) -> Error {
    let is_page = req.header("sec-fetch-dest").is_none_or(|dest| ["document", "iframe", "frame"].contains(&dest));
    if req.prefers_json() || !is_page {
        let scheme = HeaderValue::from_static("Session");
        return Error::new(StatusCode::UNAUTHORIZED, "Please log in first.").with_header(header::WWW_AUTHENTICATE, scheme);
    }
    let url = req.auth().and_then(|auth| auth.login_url(req.app()));
    match url {
        Err(error) => error,
        Ok(url) => {
            // What was posted is lost, and its address may answer nothing else.
            let next = matches!(*req.method(), Method::GET | Method::HEAD).then(|| req.path_and_query());
            let next = next.and_then(crate::safe_next).filter(|next| *next != "/");
            let separator = if url.contains('?') { '&' } else { '?' };
            let url = next.map_or_else(|| url.clone(), |next| format!("{url}{separator}next={}", utf8_percent_encode(next, VALUE)));
            Error::redirect(&url)
        }
    }
}

impl Auth {
    /// Where visitors log in: `LOGIN_URL`, or the route called `login`, or one whose name ends in `:login`; rather one
    /// that answers GET.
    ///
    /// # Errors
    /// 500 where there is no such page.
    #[track_caller]
    pub fn login_url(&self, app: &Application) -> Result<String> {
        match &self.settings().login_url {
            Some(path) if path.starts_with('/') || path.contains("://") => Ok(path.clone()),
            Some(name) => app.url_for(name, &[]).map_err(|error| Error::internal(format!("LOGIN_URL = \"{name}\": {}", error.message()))),
            None => {
                let is_login = |name: &&str| *name == "login" || name.ends_with(":login");
                // What programs post to may have such a name, too.
                let is_page = |route: &Route| route.methods().is_empty() || route.methods().contains(&Method::GET);
                let named = || app.routes().iter().filter(|route| route.name().as_ref().is_some_and(is_login));
                let name = named().find(|route| is_page(route)).or_else(|| named().next()).and_then(|route| route.name());
                let none = "there is no page where visitors log in. Name its route \"login\", or write LOGIN_URL = \"/account/login\" in settings.toml";
                app.url_for(name.ok_or_else(|| Error::internal(none))?, &[])
            }
        }
    }
}
