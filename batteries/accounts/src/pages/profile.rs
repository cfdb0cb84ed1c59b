//! The user's account and e-mail address.

use lback_auth::{LoginRefused, RateLimit, RequestAuth, Throttled, User, email_key};
use lback_core::{Request, Response, Result, context};
use lback_db::RequestDb;
use lback_forms::Form;
use lback_session::RequestSession;

use super::register::clean_email;
use super::verify::TOO_MANY_MAILS;
use super::{answer, redirect, render};
use crate::mails::{self, AddressChange, per_mailbox};

/// Changes of address by one user. Otherwise anybody with an account could have mails sent to one address after another.
const ADDRESS_CHANGES: RateLimit = per_mailbox("changes of address");

#[derive(Form)]
#[form(crate = lback_forms)]
struct Profile {
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
    #[form(password, label = "Your password", max_length = 4000, autocomplete = "current-password", help = "To change your address.")]
    password: String,
}

/// Changing the address takes the password, because a link that resets the password can be sent to the address.
pub(super) fn profile(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let shown = user.pending_email.as_ref().or(user.email.as_ref());
    let mut form = Form::<Profile>::new().initial("email", shown.cloned().unwrap_or_default());
    let mut throttled = None;
    if let Some(new) = form.submitted(req)? {
        match req.authenticate(&user.username, &new.password)? {
            Ok(confirmed) if confirmed.id == user.id => match change(req, confirmed, &new.email)? {
                Ok(()) => return redirect(req, "profile"),
                Err(wait) => throttled = Some(wait),
            },
            Err(LoginRefused::TooMany(wait)) => throttled = Some(wait),
            _ => form.add_error("password", "That is not your password."),
        }
    }
    if let Some(throttled) = &throttled {
        form.add_form_error(throttled.to_string());
    }
    // Not `user`: the application may use that name for a variable of its own.
    let person = &*user;
    Ok(answer(render(req, "account/profile.html", context! { form, person })?, throttled))
}

fn change(req: &mut Request, mut user: User, email: &str) -> Result<Result<(), Throttled>> {
    if let Err(throttled) = ADDRESS_CHANGES.check_key(req, &user.id.to_string())? {
        return Ok(Err(throttled));
    }
    let is_theirs = user.email.as_deref().map(email_key) == Some(email_key(email));
    if is_theirs {
        // The spelling may have changed. A pending address is dropped.
        user.set_email(req.db()?, Some(email))?;
    } else {
        user.set_pending_email(req.db()?, Some(email))?;
        mails::address_changed(req, &user, AddressChange::Requested)?;
    }
    let message = match user.unverified_email().is_some() {
        false => "Your e-mail address has been saved.",
        true if mails::verify(req, &user)? => "We have sent a mail to your new address. Follow the link in it to confirm the address.",
        true => TOO_MANY_MAILS,
    };
    req.session().flash("info", message);
    Ok(Ok(()))
}
