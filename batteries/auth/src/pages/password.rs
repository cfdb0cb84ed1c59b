//! Changing one's password.

use lback_core::{Request, Response, Result, context};
use lback_forms::Form;
use lback_session::RequestSession;

use super::{mails, redirect, render, told_to_wait};
use crate::password::normal_form;
use crate::{Account, LoginRefused, RequestAuth, Throttled};

#[derive(Form)]
#[form(crate = lback_forms)]
struct Change {
    #[form(password, label = "Your password", max_length = 4000, autocomplete = "current-password")]
    password: String,
    #[form(password, label = "New password", max_length = 4000, autocomplete = "new-password")]
    new_password: String,
    #[form(password, label = "New password again", max_length = 4000, autocomplete = "new-password")]
    new_password_again: String,
}

pub(super) fn change(req: &mut Request) -> Result<Response> {
    let (auth, user) = (req.auth()?, req.require_login()?);
    let (mut form, mut wait) = (Form::<Change>::new(), None);
    if let Some(new) = form.submitted(req)? {
        for wrong in auth.rules().check(&new.new_password, &user.personal()) {
            form.add_error("new_password", wrong);
        }
        if normal_form(&new.new_password) != normal_form(&new.new_password_again) {
            form.add_error("new_password_again", "The passwords differ.");
        }
        if form.errors().is_empty() {
            match req.authenticate(&user.username, &new.password)? {
                // By the id: a name may have been changed meanwhile.
                Ok(mut confirmed) if confirmed.id == user.id => {
                    req.set_password(&mut confirmed, &new.new_password)?;
                    mails::tell_of_password(req, &confirmed)?;
                    req.session().flash("success", "Your password is changed. You are logged out everywhere else.");
                    return redirect(req, "profile");
                }
                Err(refused @ LoginRefused::TooMany(time)) => {
                    form.add_form_error(refused.to_string());
                    wait = Some(Throttled { wait: time });
                }
                _ => form.add_error("password", "That is not your password."),
            }
        }
    }
    let (rules, username) = (auth.rules().describe(), &user.username);
    Ok(told_to_wait(render(req, "account/password.html", context! { form, rules, username })?, wait))
}
