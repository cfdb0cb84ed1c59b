//! The pages. Each module has the views of one of them.

mod devices;
mod login;
mod password;
mod profile;
mod register;
mod reset;
mod tokens;
mod verify;

use std::collections::BTreeMap;
use std::fmt::Display;

use lback_auth::{RequestAuth, RouterAuth, Throttled};
use lback_core::header::{CACHE_CONTROL, HeaderValue};
use lback_core::{Context, Request, Response, Result, Router};

/// Returns the routes of the pages.
#[rustfmt::skip] // one route a line
pub(crate) fn urls(has_tokens: bool) -> Router {
    let pages = Router::new()
        .get("/login", login::login).name("login")
        .post("/login", login::login)
        .post("/logout", login::logout).name("logout")
        .get("/register", register::register).name("register")
        .post("/register", register::register)
        .get("/verify/{token}", verify::show).name("verify").secret_path()
        .post("/verify/{token}", verify::verify).secret_path()
        .post("/verify", verify::send_again).own_login_required().name("verify-again")
        .get("/password", password::change).own_login_required().name("password")
        .post("/password", password::change).own_login_required()
        .get("/reset", reset::ask).name("reset")
        .post("/reset", reset::ask)
        .get("/reset/{token}", reset::confirm).name("reset-confirm").secret_path()
        .post("/reset/{token}", reset::confirm).secret_path()
        .get("/", profile::profile).login_required().name("profile")
        .post("/", profile::profile).own_login_required()
        .get("/devices", devices::list).login_required().name("devices")
        .post("/devices/revoke", devices::revoke_others).own_login_required().name("devices-revoke")
        .post("/devices/{id:uuid}/revoke", devices::revoke).own_login_required().name("device-revoke")
        .get("/style.css", style).name("style");
    let pages = if has_tokens { pages.include("/", token_urls()) } else { pages };
    Router::new().include("/", pages).body_limit(MAX_BODY)
}

#[rustfmt::skip] // one route a line
fn token_urls() -> Router {
    Router::new()
        .get("/tokens", tokens::tokens).login_required().name("tokens")
        .post("/tokens", tokens::tokens).own_login_required()
        .get("/tokens/{id:int}/replace", tokens::rotate).own_login_required().name("token-rotate")
        .post("/tokens/{id:int}/replace", tokens::rotate).own_login_required()
        .post("/tokens/{id:int}/revoke", tokens::revoke).own_login_required().name("token-revoke")
}

/// The largest form, in bytes. Anybody may send one.
const MAX_BODY: u64 = 64 * 1024;

/// The pages that the templates link to, by the names of their routes.
const LINKED: [&str; 11] =
    ["login", "logout", "register", "verify-again", "password", "reset", "profile", "devices", "devices-revoke", "tokens", "style"];

/// Returns the path of one of the pages.
pub(crate) fn link(req: &Request, name: &str, params: &[(&str, &dyn Display)]) -> Result<String> {
    req.url_for(&format!("account:{name}"), params)
}

fn redirect(req: &Request, name: &str) -> Result<Response> {
    Ok(Response::redirect(&link(req, name, &[])?))
}

/// Renders a page, with the links to the others as `links`.
fn render(req: &mut Request, template: &str, mut context: Context) -> Result<Response> {
    let mut links = BTreeMap::new();
    let auth = req.auth()?;
    let is_missing = |name: &str| match name {
        "register" => !auth.settings().auth_registration,
        "tokens" => !auth.has_tokens(),
        _ => false,
    };
    for name in LINKED.into_iter().filter(|name| !is_missing(name)) {
        links.insert(name.replace('-', "_"), link(req, name, &[])?);
    }
    context.insert("links", &links);
    let mut response = req.render(template, context)?;
    // Caches must not keep names and addresses, nor the next visitor's back button a link from a mail.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Returns the page, as a 429 if an attempt was refused.
fn answer(page: Response, refused: Option<Throttled>) -> Response {
    match refused {
        Some(throttled) => throttled.answer(page),
        None => page,
    }
}

/// The stylesheet of the pages.
fn style(_: &mut Request) -> Result<Response> {
    let response =
        Response::text(include_str!("../../templates/account/style.css")).with_header("content-type", "text/css; charset=utf-8")?;
    response.with_header("cache-control", "public, max-age=3600")
}
