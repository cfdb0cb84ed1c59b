//! Checks whether a request was made by a page of this site.

use super::HEADER;
use super::refusal::CsrfRefusal;
use super::sent_token::{SentToken, find};
use super::token::Token;
use super::{cookie, origin};
use crate::{Request, Result};

/// Runs the checks that do not need the body.
///
/// # Errors
/// Returns the same errors as [`check`].
pub(crate) fn check_head(req: &mut Request) -> Result<()> {
    if req.headers().contains_key(HEADER) {
        return check(req);
    }
    let app = req.app().clone();
    origin::check(req, &app.csrf().trusted).map_err(|refusal| refusal.into_error(req))
}

/// Checks that no page of another site has caused a request that has no token, unless `CSRF_TRUSTED_ORIGINS` names that site. Clients
/// other than browsers do not name a page.
pub(crate) fn check_origin(req: &Request) -> Result<()> {
    let says = |name: &str| req.headers().contains_key(name);
    if !says("sec-fetch-site") && !says("origin") {
        return Ok(());
    }
    origin::check(req, &req.app().csrf().trusted).map_err(|refusal| refusal.into_connection_error(req))
}

/// Checks the origin and the token of a request.
///
/// # Errors
/// Returns 403 if a check fails, 503 if a check needs the session and it cannot be read, and 400 if the body is malformed.
pub(crate) fn check(req: &mut Request) -> Result<()> {
    let app = req.app().clone();
    let csrf = app.csrf();
    let refuse = |req: &Request, refusal: CsrfRefusal| Err(refusal.into_error(req));
    if let Err(refusal) = origin::check(req, &csrf.trusted) {
        return refuse(req, refusal);
    }
    let token = match find(req)? {
        SentToken::One(text) => Token::parse(&text),
        SentToken::Missing => return refuse(req, CsrfRefusal::NoToken),
        SentToken::Several => return refuse(req, CsrfRefusal::SeveralTokens),
    };
    let Some(token) = token else { return refuse(req, CsrfRefusal::NotAToken) };
    let secrets = cookie::received(req);
    if secrets.is_empty() {
        return refuse(req, CsrfRefusal::NoCookie);
    }
    let binding = csrf.binding.as_ref();
    let session = binding.map_or(Ok(None), |binding| binding.received(req))?;
    if secrets.iter().any(|secret| secret.verifies(&token, session.as_deref())) {
        return Ok(());
    }
    // The token of a form that was opened before the session existed is valid until a user logs in.
    if let (Some(binding), Some(_)) = (binding, session)
        && secrets.iter().any(|secret| secret.verifies(&token, None))
        && binding.is_anonymous(req)?
    {
        return Ok(());
    }
    refuse(req, CsrfRefusal::WrongToken)
}
