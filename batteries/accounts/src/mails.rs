//! The mails that the pages send.

use std::time::Duration;

use lback_auth::{RateLimit, RequestAuth, User, email_key};
use lback_core::{Context, Error, Request, Result, context};
use lback_db::RequestDb;
use lback_mail::{Mail, RequestMail};

use crate::pages::link;

/// Mails to one mailbox that any visitor can request.
const MAILS: RateLimit = per_mailbox("account mails");

/// Mails that tell a user of a change. They are counted separately: otherwise requested mails could keep a notice from being sent.
const NOTICES: RateLimit = per_mailbox("account notices");

/// Returns a limit of three mails, and then about two per hour, because half of the count is dropped every hour.
pub(crate) const fn per_mailbox(name: &'static str) -> RateLimit {
    let hour = Duration::from_secs(3600);
    RateLimit::new(name).free(2).first_delay(hour).max_delay(hour)
}

/// Sends the link that verifies the user's new address. If the address belongs to another user, that user is told instead. Returns whether
/// there was such a mail; above the limit, none is sent.
///
/// Both cases do the same work, so neither the response nor its timing tells which mail was sent.
pub(crate) fn verify(req: &mut Request, user: &User) -> Result<bool> {
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

/// Returns the name by which a mail addresses its reader. An unverified address may be a stranger's, and the name could carry a message
/// to them, so it is left out.
fn salutation(user: &User) -> &str {
    if user.email_verified { &user.username } else { "" }
}

/// Returns the mail to a user whose address another visitor has tried to use.
fn exists(req: &mut Request, owner: Option<&User>, email: &str) -> Result<Mail> {
    let url = site(req)? + &link(req, "login", &[])?;
    let reset = site(req)? + &link(req, "reset", &[])?;
    let username = owner.map_or("", salutation);
    let to = owner.and_then(|owner| owner.email.as_deref()).unwrap_or(email);
    Ok(Mail::to(to).subject("You already have an account").template("account/mail/exists", context! { url, reset, username }))
}

/// Sends the link that resets a password. Without a user, the same work is done and no mail is sent, so the timing tells nothing.
pub(crate) fn reset(req: &mut Request, email: &str, user: Option<&User>) -> Result<()> {
    let may_send = may_send(req, email)?;
    let placeholder = User::placeholder(email);
    let token = req.reset_token(user.unwrap_or(&placeholder))?;
    let url = absolute(req, "reset-confirm", &token)?;
    let minutes = req.auth()?.settings().auth_reset_minutes;
    let username = salutation(user.unwrap_or(&placeholder));
    let to = user.and_then(|user| user.email.as_deref().or(user.pending_email.as_deref())).unwrap_or(email);
    let mail = Mail::to(to).subject("Reset your password");
    let mail = mail.template("account/mail/reset", context! { url, minutes, username });
    req.send_mail_unnoticed(mail, may_send && user.is_some())
}

/// Tells a user that their password was changed.
pub(crate) fn password_changed(req: &mut Request, user: &User) -> Result<()> {
    notify(req, user, "Your password was changed", "account/mail/password", context! {})
}

/// A change of an account's address.
pub(crate) enum AddressChange {
    /// Requested, by someone who knows the password.
    Requested,
    /// Made.
    Done,
}

/// Tells the old address of a change of address.
pub(crate) fn address_changed(req: &mut Request, user: &User, change: AddressChange) -> Result<()> {
    // Without a pending address, the one that is verified stays.
    let Some(new) = &user.pending_email else { return Ok(()) };
    // The new address is text that another person may have chosen, so a mailbox that may be a stranger's does not get it.
    let new = if user.email_verified { new.as_str() } else { "" };
    let (subject, done) = match change {
        AddressChange::Requested => ("Your e-mail address is about to change", false),
        AddressChange::Done => ("Your e-mail address was changed", true),
    };
    notify(req, user, subject, "account/mail/address", context! { new, done })
}

/// Tells a user of a change to their account, at their current address. The change holds even if no mail can be sent.
fn notify(req: &mut Request, user: &User, subject: &str, template: &str, mut context: Context) -> Result<()> {
    let Some(email) = user.email.as_deref() else { return Ok(()) };
    if NOTICES.check_key(req, &user.id.to_string())?.is_err() {
        return Ok(());
    }
    context.insert("username", salutation(user));
    context.insert("reset", &(site(req)? + &link(req, "reset", &[])?));
    if let Err(error) = req.send_mail(Mail::to(email).subject(subject).template(template, context)) {
        tracing::error!(target: "lback::accounts", %error, "a user cannot be told of a change to their account");
    }
    Ok(())
}

/// Returns whether the mailbox may get another mail, so that visitors cannot fill it by entering its address repeatedly. The visitor is
/// not told.
fn may_send(req: &mut Request, email: &str) -> Result<bool> {
    Ok(MAILS.check_key(req, &email_key(email))?.is_ok())
}

fn absolute(req: &Request, page: &str, token: &str) -> Result<String> {
    Ok(site(req)? + &link(req, page, &[("token", &token)])?)
}

/// Returns the scheme and the host for links.
fn site(req: &Request) -> Result<String> {
    if let Some(site) = &req.auth()?.settings().auth_site_url {
        return Ok(site.trim_end_matches('/').to_owned());
    }
    // One of ALLOWED_HOSTS; other requests are refused earlier.
    let host = req.authority().ok_or_else(|| Error::bad_request("The request names no host."))?;
    let scheme = if req.is_secure() { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}
