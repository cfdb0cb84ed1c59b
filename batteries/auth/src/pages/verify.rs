//! Verifying an e-mail address.

use lback_core::{Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_session::RequestSession;

use super::mails::{self, AddressChange};
use super::{redirect, render};
use crate::RequestAuth;

/// Programs that look at links before people do follow them, too. So a look changes nothing; the button does.
pub(super) fn show(req: &mut Request) -> Result<Response> {
    let token: String = req.param("token")?;
    match req.check_verification_token(&token)? {
        Some(user) => {
            let (email, username) = (user.unverified_email(), &user.username);
            render(req, "account/verify.html", context! { email, username })
        }
        None => dead(req),
    }
}

pub(super) fn verify(req: &mut Request) -> Result<Response> {
    let token: String = req.param("token")?;
    let Some(mut user) = req.check_verification_token(&token)? else { return dead(req) };
    let before = user.clone();
    // The address may have changed since the token was looked at, or be that of another user who was faster.
    if !user.set_email_verified(req.db()?)? {
        return dead(req);
    }
    mails::tell_of_address(req, &before, AddressChange::Done)?;
    req.session().flash("success", "Your e-mail address is confirmed.");
    redirect(req, "profile")
}

pub(super) fn send_again(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    if user.unverified_email().is_some() {
        let message = if mails::verify(req, &user)? { "We have sent you another mail." } else { ENOUGH_MAILS };
        req.session().flash("info", message);
    }
    redirect(req, "profile")
}

/// To somebody who would like one more.
pub(super) const ENOUGH_MAILS: &str = "We have sent several mails already. Look among the unwanted ones, or ask for another in an hour.";

/// A link that does not work, or not any more.
pub(super) fn dead(req: &mut Request) -> Result<Response> {
    Ok(render(req, "account/link_dead.html", context! {})?.with_status(StatusCode::NOT_FOUND))
}
