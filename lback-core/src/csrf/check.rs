//! Is a request one that a page of this site made?

use super::HEADER;
use super::refusal::CsrfRefusal;
use super::sent_token::{Sent, sent};
use super::token::Token;
use super::{cookie, origin};
use crate::{Request, Result};

/// Checks as much as can be checked before the body is read.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_head(req: &mut Request) -> Result<()> {
    if req.headers().contains_key(HEADER) {
        return check(req);
    }
    let app = req.app().clone();
    origin::check(req, &app.csrf().trusted).map_err(|refusal| refusal.into_error(req))
}

/// # Errors
/// 403 where it is not, 503 where that needs a session which cannot be read, 400 where the body is malformed.
pub(crate) fn check(req: &mut Request) -> Result<()> {
    let app = req.app().clone();
    let csrf = app.csrf();
    let refuse = |req: &Request, refusal: CsrfRefusal| Err(refusal.into_error(req));
    if let Err(refusal) = origin::check(req, &csrf.trusted) {
        return refuse(req, refusal);
    }
    let token = match sent(req)? {
        Sent::Token(text) => Token::parse(&text),
        Sent::Nothing => return refuse(req, CsrfRefusal::NoToken),
        Sent::Several => return refuse(req, CsrfRefusal::SeveralTokens),
    };
    let Some(token) = token else { return refuse(req, CsrfRefusal::NotAToken) };
    let secrets = cookie::received(req);
    if secrets.is_empty() {
        return refuse(req, CsrfRefusal::NoCookie);
    }
    let binding = csrf.binding.as_ref();
    let session = binding.map_or(Ok(None), |binding| binding.received(req))?;
    if secrets.iter().any(|secret| secret.made(&token, session.as_deref())) {
        return Ok(());
    }
    // A form that was opened before there was a session: its token counts until somebody logs in.
    if let (Some(binding), Some(_)) = (binding, session)
        && secrets.iter().any(|secret| secret.made(&token, None))
        && binding.is_anonymous(req)?
    {
        return Ok(());
    }
    refuse(req, CsrfRefusal::WrongToken)
}
