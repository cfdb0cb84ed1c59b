//! Checks the token of a request.

use std::sync::Arc;

use lback_core::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use lback_core::{Caching, Error, Request, Result, StatusCode};
use lback_db::RequestDb;
use lback_session::RequestSession;

use super::secret::{Digest, digest_of};
use super::{RouteTokens, Token};
use crate::account::CurrentUser;
use crate::{Auth, User};

/// Returns the token of a request and its user, or `None` if the request has no token or its route does not accept one.
///
/// From then on, a request with a token has no cookies, even if the token is invalid.
///
/// # Errors
/// Returns 401 if the token is invalid, and 403 if it lacks the scope of the route.
pub(crate) fn check(req: &mut Request, auth: &Auth) -> Result<Option<(Arc<Token>, CurrentUser)>> {
    let Some(uses) = auth.token_uses() else { return Ok(None) };
    let Some(sent) = sent(req.headers()) else { return Ok(None) };
    let Some(accepted) = req.route().and_then(|route| route.option::<RouteTokens>()).cloned() else { return Ok(None) };
    req.ignore_cookies();
    // Middleware further out may have loaded that of the cookie.
    req.forget_session();
    req.limit_caching(Caching::Private);
    let digest = match sent {
        Ok(digest) => digest,
        Err(cause) => return Err(invalid(NOT_VALID, cause)),
    };
    let Some((token, user)) = req.read_db(|db| Token::with_digest(db, &digest))? else {
        return Err(invalid(NOT_VALID, "it is unknown or was revoked"));
    };
    let now = req.now();
    if !user.is_active {
        return Err(invalid(NOT_VALID, "its user is deactivated"));
    }
    if token.is_expired(now) {
        return Err(invalid("The token has expired.", "it has expired"));
    }
    if let Some(scope) = accepted.scope().filter(|scope| !token.has_scope(scope)) {
        return Err(missing_scope(scope));
    }
    uses.record(&token, now);
    Ok(Some((Arc::new(token), CurrentUser::of::<User>(user))))
}

const NOT_VALID: &str = "The token is not valid.";

/// Returns the digest of the token that a request has, or the problem with it. `None` if the request has no token.
fn sent(headers: &HeaderMap) -> Option<Result<Digest, &'static str>> {
    let mut tokens = headers.get_all(AUTHORIZATION).iter().filter_map(|value| bearer(value.as_bytes()));
    let token = tokens.next()?;
    if tokens.next().is_some() {
        return Some(Err("the request has several"));
    }
    Some(digest_of(token).ok_or("it is malformed"))
}

/// Returns the token in the value of a header `Authorization`. Other schemes are for others, such as a proxy with a password of its own.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
}

/// Returns the error for a token that is refused. The cause is for developers.
#[track_caller]
fn invalid(message: &str, cause: &'static str) -> Error {
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    let error = Error::new(StatusCode::UNAUTHORIZED, message).with_code("invalid_token");
    error.with_header(WWW_AUTHENTICATE, challenge).with_source(format!("the API token was refused: {cause}"))
}

#[track_caller]
fn missing_scope(scope: &str) -> Error {
    let error = Error::forbidden(format!("The token lacks the scope {scope}.")).with_code("insufficient_scope");
    match HeaderValue::try_from(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")) {
        Ok(challenge) => error.with_header(WWW_AUTHENTICATE, challenge),
        Err(_) => error,
    }
}
