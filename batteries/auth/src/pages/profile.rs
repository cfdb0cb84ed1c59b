//! Who one is.

use lback_core::{Request, Response, Result, context};
use lback_db::RequestDb;
use lback_forms::Form;
use lback_session::RequestSession;

use super::mails::{self, AddressChange};
use super::register::clean_email;
use super::verify::ENOUGH_MAILS;
use super::{redirect, render, told_to_wait};
use crate::throttle::{self, Limit};
use crate::{LoginRefused, RequestAuth, Throttled, User, email_key};

#[derive(Form)]
#[form(crate = lback_forms)]
struct Profile {
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
    #[form(password, label = "Your password", max_length = 4000, autocomplete = "current-password", help = "To change your address.")]
    password: String,
}

/// The address is where a new password could be sent to, so it takes the password to change it.
pub(super) fn profile(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let shown = user.pending_email.as_ref().or(user.email.as_ref());
    let mut form = Form::<Profile>::new().initial("email", shown.cloned().unwrap_or_default());
    let mut wait = None;
    if let Some(new) = form.submitted(req)? {
        match req.authenticate(&user.username, &new.password)? {
            Ok(confirmed) if confirmed.id == user.id => match change(req, confirmed, &new.email)? {
                Ok(()) => return redirect(req, "profile"),
                Err(throttled) => wait = Some(throttled),
            },
            Err(LoginRefused::TooMany(time)) => wait = Some(Throttled { wait: time }),
            _ => form.add_error("password", "That is not your password."),
        }
    }
    if let Some(throttled) = &wait {
        form.add_form_error(throttled.to_string());
    }
    // Not `user`, which the application may have replaced by a variable of its own.
    let person = &*user;
    Ok(told_to_wait(render(req, "account/profile.html", context! { form, person })?, wait))
}

fn change(req: &mut Request, mut user: User, email: &str) -> Result<Result<(), Throttled>> {
    // Otherwise anybody who has an account could have mails sent to one address after the other.
    let (auth, what) = (req.auth()?, format!("address of user {}", user.id));
    if let Err(throttled) = throttle::admit_other(req, &auth, &what, Limit::OF_MAILBOX)? {
        return Ok(Err(throttled));
    }
    let is_theirs = user.email.as_deref().map(email_key) == Some(email_key(email));
    if is_theirs {
        // Perhaps written in another way. A wish for another one ends.
        user.set_email(req.db()?, Some(email))?;
    } else {
        user.set_pending_email(req.db()?, Some(email))?;
        mails::tell_of_address(req, &user, AddressChange::Asked)?;
    }
    let message = match user.unverified_email().is_some() {
        false => "Your e-mail address is saved.",
        true if mails::verify(req, &user)? => {
            "We have sent a mail to your new address. Please follow the link in it to confirm the address."
        }
        true => ENOUGH_MAILS,
    };
    req.session().flash("info", message);
    Ok(Ok(()))
}
