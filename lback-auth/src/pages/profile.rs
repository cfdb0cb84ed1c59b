//! Who one is.

use lback_core::{Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_forms::Form;
use lback_session::RequestSession;

use super::register::clean_email;
use super::verify::ENOUGH_MAILS;
use super::{mails, redirect, render, told_to_wait};
use crate::throttle::{self, Limit};
use crate::{LoginRefused, RequestAuth, Throttled, User};

#[derive(Form)]
struct Profile {
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
    #[form(password, label = "Your password", max_length = 1000, autocomplete = "current-password", help = "To change your address.")]
    password: String,
}

/// The address is where a new password could be sent to, so it takes the password to change it.
pub(super) fn profile(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let mut form = Form::<Profile>::new().initial("email", user.email.clone().unwrap_or_default());
    let mut wait = None;
    if let Some(new) = form.submitted(req)? {
        match req.authenticate(&user.username, &new.password)? {
            Ok(confirmed) if confirmed.id == user.id => match change(req, confirmed, &new.email)? {
                Changed::Yes => return redirect(req, "profile"),
                Changed::Taken => form.add_error("email", "There is a user with this e-mail address already."),
                Changed::TooOften(throttled) => wait = Some(throttled),
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

/// What became of a new address.
enum Changed {
    Yes,
    Taken,
    TooOften(Throttled),
}

fn change(req: &mut Request, mut user: User, email: &str) -> Result<Changed> {
    // Otherwise anybody who has an account could ask for one address after the other whether somebody has it.
    let (auth, what) = (req.auth()?, format!("address of user {}", user.id));
    if let Err(throttled) = throttle::admit_other(req, &auth, &what, Limit::OF_MAILBOX)? {
        return Ok(Changed::TooOften(throttled));
    }
    match user.set_email(req.db()?, Some(email)) {
        Err(error) if error.status() == StatusCode::CONFLICT => return Ok(Changed::Taken),
        changed => changed?,
    }
    if !user.email_verified {
        let sent = mails::verify(req, &user)?;
        let message = if sent { "We have sent a mail to your new address. Please follow the link in it." } else { ENOUGH_MAILS };
        req.session().flash("info", message);
    }
    Ok(Changed::Yes)
}
