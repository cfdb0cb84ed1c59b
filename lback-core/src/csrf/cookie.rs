//! The cookie that holds a browser's secret.

use cookie::{Cookie, SameSite};

use super::token::Secret;
use crate::Request;

/// Maximum number of correctly signed cookies that are tried. There can be several because a sibling domain can plant cookies.
const MAX_TRIES: usize = 4;
/// Maximum length of a signed secret.
const MAX_LENGTH: usize = 128;
/// One year, so that a form that was left open, or that the browser restores with its tabs, can still be sent.
const MAX_AGE_DAYS: i64 = 365;

/// Returns the name of the cookie. Over HTTPS, its prefix makes browsers accept the cookie only from this host over HTTPS.
fn name(req: &Request) -> &'static str {
    if req.is_secure() { "__Host-csrf" } else { "csrf" }
}

/// Returns the secrets in the correctly signed cookies.
pub(super) fn received(req: &mut Request) -> Vec<Secret> {
    let (name, app) = (name(req), req.app().clone());
    let open = |value: &str| {
        let signed = Some(value).filter(|value| value.len() <= MAX_LENGTH)?;
        Secret::from_text(app.csrf().keys.verify(signed)?)
    };
    req.cookies().received(name).filter_map(open).take(MAX_TRIES).collect()
}

/// Sends the secret to the browser.
pub(super) fn send(req: &mut Request, secret: &Secret) {
    let name = name(req);
    let signed = req.app().csrf().keys.sign(&secret.to_text());
    let cookie = Cookie::build((name, signed))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(req.is_secure())
        .max_age(cookie::time::Duration::days(MAX_AGE_DAYS));
    req.cookies().add(cookie.build());
}
