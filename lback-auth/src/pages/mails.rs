//! The mails that the pages send.

use lback_core::{Error, Request, Result, context};
use lback_mail::{Mail, RequestMail};

use super::link;
use crate::throttle::{self, Limit};
use crate::{RequestAuth, User, name};

/// To the new address of a user: is it theirs? Answers whether there was such a mail; too many go to nobody.
pub(super) fn verify(req: &mut Request, user: &User) -> Result<bool> {
    let Some(email) = user.email.clone() else { return Ok(false) };
    if !may_send(req, &email)? {
        return Ok(false);
    }
    let token = req.verification_token(user)?;
    let url = absolute(req, "verify", &token)?;
    let hours = req.auth()?.settings().auth_verify_hours;
    let mail = Mail::to(email.as_str()).subject("Confirm your e-mail address");
    req.send_mail(mail.template("account/mail/verify", context! { url, hours }))?;
    Ok(true)
}

/// The name by which a mail speaks to its reader. Before the address is verified anybody could have chosen it, to have it
/// sent to somebody else.
fn called(user: &User) -> &str {
    if user.email_verified { &user.username } else { "" }
}

/// To somebody who has an account, and whose address was used to register another one.
pub(super) fn exists(req: &mut Request, user: &User) -> Result<()> {
    let Some(email) = user.email.clone() else { return Ok(()) };
    if !may_send(req, &email)? {
        return Ok(());
    }
    let url = site(req)? + &link(req, "login", &[])?;
    let reset = site(req)? + &link(req, "reset", &[])?;
    let username = called(user);
    let mail = Mail::to(email.as_str()).subject("You have an account already");
    req.send_mail(mail.template("account/mail/exists", context! { url, reset, username }))
}

/// To somebody who has forgotten the password, or says so. Where nobody has the address the same is done, but that no mail is
/// sent: so the time that it takes tells nothing.
pub(super) fn reset(req: &mut Request, email: &str, user: Option<&User>) -> Result<()> {
    let may_send = may_send(req, email)?;
    let nobody = User::nobody(email);
    let token = req.reset_token(user.unwrap_or(&nobody))?;
    let url = absolute(req, "reset-confirm", &token)?;
    let minutes = req.auth()?.settings().auth_reset_minutes;
    let username = called(user.unwrap_or(&nobody));
    let mail = Mail::to(user.and_then(|user| user.email.as_deref()).unwrap_or(email)).subject("Reset your password");
    let mail = mail.template("account/mail/reset", context! { url, minutes, username });
    req.send_mail_unnoticed(mail, may_send && user.is_some())
}

/// Nobody's mailbox is filled by visitors who type in its address again and again. They are not told either.
fn may_send(req: &mut Request, email: &str) -> Result<bool> {
    let (auth, what) = (req.auth()?, format!("mail to {}", name::key(email)));
    Ok(throttle::admit_other(req, &auth, &what, Limit::OF_MAILBOX)?.is_ok())
}

fn absolute(req: &Request, page: &str, token: &str) -> Result<String> {
    Ok(site(req)? + &link(req, page, &[("token", &token)])?)
}

/// Scheme and host.
fn site(req: &Request) -> Result<String> {
    if let Some(site) = &req.auth()?.settings().auth_site_url {
        return Ok(site.trim_end_matches('/').to_owned());
    }
    // One of ALLOWED_HOSTS, or the request would not have come so far.
    let host = req.authority().ok_or_else(|| Error::bad_request("The request names no host."))?;
    let scheme = if req.is_secure() { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}
