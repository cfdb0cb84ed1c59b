//! Verifying an e-mail address.

use lback_auth::RequestAuth;
use lback_core::{Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_session::RequestSession;

use super::{redirect, render};
use crate::mails::{self, AddressChange};

/// Mail scanners follow links before people do, so opening the page changes nothing; the button on it does.
pub(super) fn show(req: &mut Request) -> Result<Response> {
    let token: String = req.param("token")?;
    match req.check_verification_token(&token)? {
        Some(user) => {
            let (email, username) = (user.unverified_email(), &user.username);
            render(req, "account/verify.html", context! { email, username })
        }
        None => dead_link(req),
    }
}

pub(super) fn verify(req: &mut Request) -> Result<Response> {
    if req.impersonator()?.is_some() {
        req.require_own_login()?;
    }
    let token: String = req.param("token")?;
    let Some(mut user) = req.check_verification_token(&token)? else { return dead_link(req) };
    let before = user.clone();
    // The address may have changed since the token was checked, or another user may have verified it first.
    if !user.set_email_verified(req.db()?)? {
        return dead_link(req);
    }
    mails::address_changed(req, &before, AddressChange::Done)?;
    req.session().flash("success", "Your e-mail address has been confirmed.");
    redirect(req, "profile")
}

pub(super) fn send_again(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    if user.unverified_email().is_some() {
        let message = if mails::verify(req, &user)? { "We have sent you another mail." } else { TOO_MANY_MAILS };
        req.session().flash("info", message);
    }
    redirect(req, "profile")
}

/// The message if no further mail is sent.
pub(super) const TOO_MANY_MAILS: &str = "We have already sent several mails. Check your spam folder, or ask for another one in an hour.";

/// The page for a link that is invalid or does not work any more.
pub(super) fn dead_link(req: &mut Request) -> Result<Response> {
    Ok(render(req, "account/link_dead.html", context! {})?.with_status(StatusCode::NOT_FOUND))
}
