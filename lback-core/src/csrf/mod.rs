//! Cross-site request forgery, and what is done against it: another site can make a visitor's browser send a form to this
//! one, cookies and all, and cannot know the token that a form of this site carries.
//!
//! A browser that has opened a form keeps a random secret in a signed cookie. The token in the form is made from that
//! secret and from the session that the browser has, so it is worthless in another browser, and after a login or a
//! logout. Each rendering masks it anew: the same token never stands in two pages, so that compression betrays nothing of
//! it (BREACH).

mod binding;
mod check;
mod cookie;
mod origin;
mod refusal;
mod sent_token;
mod token;

pub use binding::CsrfBinding;
pub(crate) use check::{check, check_head};
pub(crate) use origin::TrustedOrigins;
pub use refusal::CsrfRefusal;

use hyper::header::HeaderMap;

use crate::{Caching, Keys, Request, Result};
use token::Secret;

/// The name of the form's field.
pub(crate) const FIELD: &str = "csrf_token";
/// The name of the header, for scripts.
pub(crate) const HEADER: &str = "x-csrf-token";

/// What an application needs for tokens.
pub(crate) struct Csrf {
    keys: Keys,
    trusted: TrustedOrigins,
    binding: Option<Box<dyn CsrfBinding>>,
}

impl Csrf {
    pub(crate) fn new(keys: Keys, trusted: TrustedOrigins, binding: Option<Box<dyn CsrfBinding>>) -> Self {
        Csrf { keys, trusted, binding }
    }
}

/// What one request has to do with tokens.
#[derive(Default)]
struct Slot {
    /// The secret of the tokens that this request makes.
    secret: Option<Secret>,
    /// Has it taken the place of an older one?
    rotated: bool,
}

/// A token for the pages of this request's visitor. The first one gives the browser its cookie.
pub(crate) fn token(req: &mut Request) -> Result<String> {
    rotate_if_changed(req)?;
    let app = req.app().clone();
    let bound = app.csrf().binding.as_ref().map_or(Ok(None), |binding| binding.next(req))?;
    let secret = match slot(req).secret.clone() {
        Some(secret) => secret,
        None => match cookie::received(req).into_iter().next() {
            Some(secret) => secret,
            None => fresh(req)?,
        },
    };
    // The page is for one visitor, and asked for anew: its token may have died meanwhile.
    req.limit_caching(Caching::Private);
    slot(req).secret.insert(secret).token(bound.as_deref())
}

/// The hidden field of a form, with a token.
pub(crate) fn input(req: &mut Request) -> Result<String> {
    // A token has no letter that HTML would want escaped.
    Ok(format!("<input type=\"hidden\" name=\"{FIELD}\" value=\"{}\">", token(req)?))
}

/// Makes every token that the browser has so far worthless. A browser without one gets none.
pub(crate) fn rotate(req: &mut Request) -> Result<()> {
    if slot(req).rotated {
        return Ok(());
    }
    let has_one = slot(req).secret.is_some() || !cookie::received(req).is_empty();
    if has_one {
        let secret = fresh(req)?;
        slot(req).secret = Some(secret);
        req.limit_caching(Caching::Private);
    }
    slot(req).rotated = true;
    Ok(())
}

/// As [`rotate`], where the request logged somebody in or out.
pub(crate) fn rotate_if_changed(req: &mut Request) -> Result<()> {
    match &req.app().csrf().binding {
        Some(binding) if binding.has_changed(req) => rotate(req),
        _ => Ok(()),
    }
}

/// A new secret, which goes to the browser.
fn fresh(req: &mut Request) -> Result<Secret> {
    let secret = Secret::random()?;
    cookie::send(req, &secret);
    Ok(secret)
}

fn slot(req: &mut Request) -> &mut Slot {
    req.extensions_mut().get_or_insert_with(Slot::default)
}

/// What a browser with the headers of `req` would send with a form: the token, and the cookie, where it has none yet.
pub(crate) fn for_test(req: &mut Request) -> Result<(String, Option<String>)> {
    let token = token(req)?;
    let mut headers = HeaderMap::new();
    if let Some(cookies) = req.pending_cookies() {
        cookies.write(&mut headers, false);
    }
    let set = headers.get(hyper::header::SET_COOKIE).and_then(|value| value.to_str().ok());
    let pair = set.and_then(|text| text.split(';').next());
    Ok((token, pair.map(str::to_owned)))
}
