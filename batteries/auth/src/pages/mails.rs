//! The mails that the pages send.

use lback_core::{Context, Error, Request, Result, context};
use lback_db::RequestDb;
use lback_mail::{Mail, RequestMail};

use super::link;
use crate::throttle::{self, Limit};
use crate::{RequestAuth, User, email_key};

/// To the unverified address of a user: is it theirs? Whoever owns it already is told that somebody else has tried to use it.
/// Returns whether there was such a mail; too many go to nobody.
///
/// The same is done in both cases, so that neither the answer nor its time tells which mail was sent.
pub(super) fn verify(req: &mut Request, user: &User) -> Result<bool> {
    let Some(email) = user.unverified_email().map(str::to_owned) else { return Ok(false) };
    let owner = req.read_db(|db| User::with_email(db, &email))?.filter(|owner| owner.id != user.id);
    if !may_send(req, &email)? {
        return Ok(false);
    }
    let token = req.verification_token(user)?;
    let url = absolute(req, "verify", &token)?;
    let hours = req.auth()?.settings().auth_verify_hours;
    let verify = Mail::to(email.as_str()).subject("Confirm your e-mail address");
    let verify = verify.template("account/mail/verify", context! { url, hours });
    let exists = exists(req, owner.as_ref(), &email)?;
    let (sent, other) = if owner.is_some() { (exists, verify) } else { (verify, exists) };
    req.send_mail(sent)?;
    req.send_mail_unnoticed(other, false)?;
    Ok(true)
}

/// The name by which a mail speaks to its reader. Before the address is verified anybody could have chosen it, to have it
/// sent to somebody else.
fn called(user: &User) -> &str {
    if user.email_verified { &user.username } else { "" }
}

/// Renders the mail to a user whose address somebody else claims.
fn exists(req: &mut Request, owner: Option<&User>, email: &str) -> Result<Mail> {
    let url = site(req)? + &link(req, "login", &[])?;
    let reset = site(req)? + &link(req, "reset", &[])?;
    let username = owner.map_or("", called);
    let to = owner.and_then(|owner| owner.email.as_deref()).unwrap_or(email);
    Ok(Mail::to(to).subject("You have an account already").template("account/mail/exists", context! { url, reset, username }))
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
    let to = user.and_then(|user| user.email.as_deref().or(user.pending_email.as_deref())).unwrap_or(email);
    let mail = Mail::to(to).subject("Reset your password");
    let mail = mail.template("account/mail/reset", context! { url, minutes, username });
    req.send_mail_unnoticed(mail, may_send && user.is_some())
}

/// Renders the mail that tells a user of their new password.
pub(super) fn tell_of_password(req: &mut Request, user: &User) -> Result<()> {
    tell(req, user, "Your password was changed", "account/mail/password", context! {})
}

/// What has happened to the address of an account.
pub(super) enum AddressChange {
    /// Somebody who knows the password has asked for another one.
    Asked,
    /// It is another one now.
    Done,
}

/// Renders the mail that tells the old address of a change of address.
pub(super) fn tell_of_address(req: &mut Request, user: &User, change: AddressChange) -> Result<()> {
    // An address that is verified stays.
    let Some(new) = &user.pending_email else { return Ok(()) };
    // Nobody else writes into a mail to an address that may be a stranger's.
    let new = if user.email_verified { new.as_str() } else { "" };
    let (subject, done) = match change {
        AddressChange::Asked => ("Your e-mail address is about to change", false),
        AddressChange::Done => ("Your e-mail address was changed", true),
    };
    tell(req, user, subject, "account/mail/address", context! { new, done })
}

/// Tells a user of a change to their account, at the address that counts. The change holds even if no mail can be sent.
fn tell(req: &mut Request, user: &User, subject: &str, template: &str, mut context: Context) -> Result<()> {
    let (auth, what) = (req.auth()?, format!("notice to user {}", user.id));
    let Some(email) = user.email.as_deref() else { return Ok(()) };
    // Not counted with the mails that anybody may ask for: otherwise these could keep a notice from being sent.
    if throttle::admit_other(req, &auth, &what, Limit::OF_MAILBOX)?.is_err() {
        return Ok(());
    }
    context.insert("username", called(user));
    context.insert("reset", &(site(req)? + &link(req, "reset", &[])?));
    if let Err(error) = req.send_mail(Mail::to(email).subject(subject).template(template, context)) {
        tracing::error!(target: "lback::auth", %error, "a user cannot be told of a change to their account");
    }
    Ok(())
}

/// Nobody's mailbox is filled by visitors who type in its address again and again. They are not told either.
fn may_send(req: &mut Request, email: &str) -> Result<bool> {
    let (auth, what) = (req.auth()?, format!("mail to {}", email_key(email)));
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
