//! Who one is.

use lback_core::{Request, Response, Result, context};
use lback_db::RequestDb;
use lback_forms::Form;
use lback_session::RequestSession;

use super::register::clean_email;
use super::verify::ENOUGH_MAILS;
use super::{mails, redirect, render};
use crate::{RequestAuth, User, short};

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
    if let Some(new) = form.submitted(req)? {
        match req.authenticate(&user.username, &new.password)? {
            Ok(mut confirmed) if confirmed.id == user.id => {
                let other = short::read(req, |db| User::with_email(db, &new.email))?;
                if other.is_some_and(|other| other.id != user.id) {
                    form.add_error("email", "There is a user with this e-mail address already.");
                } else {
                    confirmed.set_email(req.db()?, Some(&new.email))?;
                    if !confirmed.email_verified {
                        let sent = mails::verify(req, &confirmed)?;
                        let message =
                            if sent { "We have sent a mail to your new address. Please follow the link in it." } else { ENOUGH_MAILS };
                        req.session().flash("info", message);
                    }
                    return redirect(req, "profile");
                }
            }
            Err(crate::LoginRefused::TooMany(wait)) => form.add_form_error(crate::Throttled { wait }.to_string()),
            _ => form.add_error("password", "That is not your password."),
        }
    }
    // Not `user`, which the application may have replaced by a variable of its own.
    let person = &*user;
    render(req, "account/profile.html", context! { form, person })
}
