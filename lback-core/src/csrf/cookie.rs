//! The cookie with a browser's secret.

use cookie::{Cookie, SameSite};

use super::token::Secret;
use crate::Request;

/// How many cookies that were made here count: a neighbouring domain can plant some.
const MAX_TRIES: usize = 4;
/// No sealed secret is longer.
const MAX_LENGTH: usize = 128;
/// A year: a form that was left open, or that the browser restores with its tabs, can still be sent.
const MAX_AGE_DAYS: i64 = 365;

/// Over HTTPS the name makes browsers refuse the cookie from anybody but this very host over HTTPS.
fn name(req: &Request) -> &'static str {
    if req.is_secure() { "__Host-csrf" } else { "csrf" }
}

/// The secrets in the cookies that were made here.
pub(super) fn received(req: &mut Request) -> Vec<Secret> {
    let (name, app) = (name(req), req.app().clone());
    let open = |value: &str| {
        let sealed = Some(value).filter(|value| value.len() <= MAX_LENGTH)?;
        Secret::from_text(app.csrf().keys.verify(sealed)?)
    };
    req.cookies().received(name).filter_map(open).take(MAX_TRIES).collect()
}

/// Gives the browser its secret.
pub(super) fn send(req: &mut Request, secret: &Secret) {
    let name = name(req);
    let sealed = req.app().csrf().keys.sign(&secret.to_text());
    let cookie = Cookie::build((name, sealed))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(req.is_secure())
        .max_age(cookie::time::Duration::days(MAX_AGE_DAYS));
    req.cookies().add(cookie.build());
}
