//! Protection against cross-site request forgery: another site can make a visitor's browser send a form to this site,
//! including its cookies, but it cannot know the token in this site's forms.
//!
//! A browser that has opened a form keeps a random secret in a signed cookie. The token in the form is made from that
//! secret and from the browser's session, so it is useless in another browser, and after a login or logout. Each rendering
//! masks the token anew. The same text never appears on two pages, so the size of a compressed page reveals nothing about the
//! token (BREACH).

mod binding;
mod check;
mod cookie;
mod origin;
mod refusal;
mod sent_token;
mod token;

pub use binding::CsrfBinding;
pub(crate) use check::{check, check_head, check_origin};
pub(crate) use origin::TrustedOrigins;
pub use refusal::CsrfRefusal;
pub(crate) use token::Mask;

use hyper::header::HeaderMap;

use crate::{Caching, Keys, Request, Result};
use token::Secret;

/// The name of the form field.
pub(crate) const FIELD: &str = "csrf_token";
/// The name of the header that scripts send.
pub(crate) const HEADER: &str = "x-csrf-token";

/// The CSRF configuration of an application.
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

/// The CSRF state of one request.
#[derive(Default)]
struct Slot {
    /// The secret of the tokens that this request makes.
    secret: Option<Secret>,
    /// Whether [`rotate`] has run.
    rotated: bool,
}

/// Returns a token for the pages of this request's visitor. The first token sets the browser's cookie.
pub(crate) fn token(req: &mut Request) -> Result<String> {
    rotate_if_changed(req)?;
    let app = req.app().clone();
    let bound = app.csrf().binding.as_ref().map_or(Ok(None), |binding| binding.next(req))?;
    let secret = match slot(req).secret.clone() {
        Some(secret) => secret,
        None => match cookie::received(req).into_iter().next() {
            Some(secret) => secret,
            None => new_secret(req)?,
        },
    };
    // The page is for one visitor, and browsers must revalidate it: its token may have become invalid in the meantime.
    req.limit_caching(Caching::Private);
    req.note_own_part();
    // The forms of a page that is made again for a visitor stay the same.
    let mask = req.extensions().get::<Mask>().copied();
    slot(req).secret.insert(secret).token(bound.as_deref(), mask.map_or_else(Mask::random, Ok)?)
}

/// Returns the hidden form field with a token.
pub(crate) fn input(req: &mut Request) -> Result<String> {
    // Tokens contain no characters that must be escaped in HTML.
    Ok(format!("<input type=\"hidden\" name=\"{FIELD}\" value=\"{}\">", token(req)?))
}

/// Invalidates all tokens that the browser has. A browser without a secret does not get one.
pub(crate) fn rotate(req: &mut Request) -> Result<()> {
    if slot(req).rotated {
        return Ok(());
    }
    let has_secret = slot(req).secret.is_some() || !cookie::received(req).is_empty();
    if has_secret {
        let secret = new_secret(req)?;
        slot(req).secret = Some(secret);
        req.limit_caching(Caching::Private);
    }
    slot(req).rotated = true;
    Ok(())
}

/// Calls [`rotate`] if the request has logged a user in or out, or given the session a new id.
pub(crate) fn rotate_if_changed(req: &mut Request) -> Result<()> {
    match &req.app().csrf().binding {
        Some(binding) if binding.has_changed(req) => rotate(req),
        _ => Ok(()),
    }
}

/// Creates a secret and sends it to the browser.
fn new_secret(req: &mut Request) -> Result<Secret> {
    let secret = Secret::random()?;
    cookie::send(req, &secret);
    Ok(secret)
}

fn slot(req: &mut Request) -> &mut Slot {
    req.extensions_mut().get_or_insert_with(Slot::default)
}

/// Returns what a browser with the headers of `req` would send with a form: the token and, if the browser does not have it yet,
/// the cookie.
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
