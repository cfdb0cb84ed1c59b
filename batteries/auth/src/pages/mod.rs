//! The pages on which visitors become users: register, log in and out, verify an e-mail address, change and reset a password,
//! see where they are logged in.
//!
//! ```
//! # use lback_core::Router;
//! let urls = Router::new().include("/account", lback_auth::urls()).name("account");
//! ```
//!
//! They work without JavaScript. Each is a template `account/….html`; a file of that name in the application's templates folder
//! takes its place, and `account/base.html` is what all of them stand in.

mod devices;
mod login;
mod mails;
mod password;
mod profile;
mod register;
mod reset;
mod verify;

use std::collections::BTreeMap;

use lback_core::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use lback_core::{Application, Context, Error, Request, Response, Result, Router, StatusCode};
use lback_mail::Mailer;
use serde::Deserialize;

use crate::{Auth, RequestAuth, RouterAuth, Throttled, User, safe_next};

/// The templates, which files of the same names replace.
pub(crate) const TEMPLATES: [(&str, &str); 18] = [
    ("account/base.html", include_str!("../../templates/account/base.html")),
    ("account/login.html", include_str!("../../templates/account/login.html")),
    ("account/register.html", include_str!("../../templates/account/register.html")),
    ("account/rules.html", include_str!("../../templates/account/rules.html")),
    ("account/registered.html", include_str!("../../templates/account/registered.html")),
    ("account/verify.html", include_str!("../../templates/account/verify.html")),
    ("account/password.html", include_str!("../../templates/account/password.html")),
    ("account/reset.html", include_str!("../../templates/account/reset.html")),
    ("account/reset_sent.html", include_str!("../../templates/account/reset_sent.html")),
    ("account/reset_confirm.html", include_str!("../../templates/account/reset_confirm.html")),
    ("account/link_dead.html", include_str!("../../templates/account/link_dead.html")),
    ("account/profile.html", include_str!("../../templates/account/profile.html")),
    ("account/devices.html", include_str!("../../templates/account/devices.html")),
    ("account/mail/verify.txt", include_str!("../../templates/account/mail/verify.txt")),
    ("account/mail/exists.txt", include_str!("../../templates/account/mail/exists.txt")),
    ("account/mail/reset.txt", include_str!("../../templates/account/mail/reset.txt")),
    ("account/mail/password.txt", include_str!("../../templates/account/mail/password.txt")),
    ("account/mail/address.txt", include_str!("../../templates/account/mail/address.txt")),
];

/// The routes of the pages, to be included at a prefix: `.include("/account", lback::auth::urls()).name("account")`.
#[rustfmt::skip] // one route a line
pub fn urls() -> Router {
    let pages = Router::new()
        .get("/login", login::login).name("login")
        .post("/login", login::login)
        .post("/logout", login::logout).name("logout")
        .get("/register", register::register).name("register")
        .post("/register", register::register)
        .get("/verify/{token}", verify::show).name("verify").secret_path()
        .post("/verify/{token}", verify::verify).secret_path()
        .post("/verify", verify::send_again).login_required().name("verify-again")
        .get("/password", password::change).login_required().name("password")
        .post("/password", password::change).login_required()
        .get("/reset", reset::ask).name("reset")
        .post("/reset", reset::ask)
        .get("/reset/{token}", reset::confirm).name("reset-confirm").secret_path()
        .post("/reset/{token}", reset::confirm).secret_path()
        .get("/", profile::profile).login_required().name("profile")
        .post("/", profile::profile).login_required()
        .get("/devices", devices::list).login_required().name("devices")
        .post("/devices/revoke", devices::revoke_others).login_required().name("devices-revoke")
        .post("/devices/{id:uuid}/revoke", devices::revoke).login_required().name("device-revoke")
        .get("/style.css", style).name("style");
    Router::new().include("/", pages).option(AccountPage).body_limit(MAX_BODY)
}

/// More than anybody types into one of these forms, in bytes. Who may send them is everybody.
const MAX_BODY: u64 = 64 * 1024;

/// Marks the routes of these pages.
#[derive(Clone, Copy)]
struct AccountPage;

fn are_in(app: &Application) -> bool {
    app.routes().iter().any(|route| route.option::<AccountPage>().is_some())
}

/// Checks that an application with these pages has what they need: mail, and the users that the framework brings.
///
/// # Errors
/// Says what to write.
pub(crate) fn check_needs(app: &Application, auth: &Auth) -> Result<()> {
    if !are_in(app) {
        return Ok(());
    }
    if app.state::<Mailer>().is_none() {
        return Err(Error::internal("the pages of auth_urls() send mail, and this application cannot. Write App::new(urls).auth().mail()"));
    }
    let known = auth.accounts().type_name();
    if known == std::any::type_name::<User>() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the pages of auth_urls() know only the users that the framework brings, and those of this application are of the type {known}. \
         Write App::auth() instead of App::auth_with, or leave auth_urls() out and write pages of your own"
    )))
}

/// Checks that the links in mails lead to this site, whatever host the visitor has named.
///
/// # Errors
/// Says what to write.
pub(crate) fn check_site_url(app: &Application, auth: &Auth) -> Result<()> {
    if !are_in(app) || auth.settings().auth_site_url.is_some() {
        return Ok(());
    }
    Err(Error::internal(
        "links in mails lead to whatever host and port the visitor has named. Write AUTH_SITE_URL = \"https://example.com\" in settings.production.toml",
    ))
}

/// The pages that others lead to, by the names of their routes.
const LINKED: [&str; 10] =
    ["login", "logout", "register", "verify-again", "password", "reset", "profile", "devices", "devices-revoke", "style"];

/// The path of another of these pages, whatever the application has called the include.
fn link(req: &Request, name: &str, params: &[(&str, &dyn std::fmt::Display)]) -> Result<String> {
    let own = req.route().and_then(|route| route.name()).or_else(|| {
        // A second method of the same path has no name of its own.
        let pattern = req.route()?.pattern();
        req.app().routes().iter().filter(|route| route.pattern() == pattern).find_map(|route| route.name())
    });
    let prefix = own.and_then(|name| name.rsplit_once(':')).map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
    req.url_for(&format!("{prefix}{name}"), params)
}

fn redirect(req: &Request, name: &str) -> Result<Response> {
    Ok(Response::redirect(&link(req, name, &[])?))
}

/// Renders a page of these, with the links to the others as `links`.
fn render(req: &mut Request, template: &str, mut context: Context) -> Result<Response> {
    let mut links = BTreeMap::new();
    let registration = req.auth()?.settings().auth_registration;
    for name in LINKED.into_iter().filter(|name| registration || *name != "register") {
        links.insert(name.replace('-', "_"), link(req, name, &[])?);
    }
    context.insert("links", &links);
    let mut response = req.render(template, context)?;
    // Names and addresses are not for caches, and links in mails not for the back button of the next visitor.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The page as it is, but for the status, where somebody has to wait.
fn told_to_wait(mut response: Response, wait: Option<Throttled>) -> Response {
    if let Some(Throttled { wait }) = wait {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

/// Where a login leads: the page that was asked for, if it is one of this site.
fn next(req: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Query {
        next: Option<String>,
    }
    // What is no text, or there twice, leads nowhere.
    let query: Query = req.query().ok()?;
    query.next.as_deref().and_then(safe_next).map(str::to_owned)
}

fn after_login(req: &Request) -> Result<String> {
    Ok(next(req).unwrap_or(req.auth()?.settings().login_redirect_url.clone()))
}

/// The stylesheet of the pages.
fn style(_: &mut Request) -> Result<Response> {
    let response =
        Response::text(include_str!("../../templates/account/style.css")).with_header("content-type", "text/css; charset=utf-8")?;
    response.with_header("cache-control", "public, max-age=3600")
}
