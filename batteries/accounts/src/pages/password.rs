//! Changing a password.

use lback_auth::{Account, LoginRefused, Passwords, RequestAuth};
use lback_core::{Request, Response, Result, context};
use lback_forms::Form;
use lback_session::RequestSession;

use super::{answer, redirect, render};
use crate::mails;

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
    let (mut form, mut throttled) = (Form::<Change>::new(), None);
    if let Some(new) = form.submitted(req)? {
        for wrong in auth.rules().check(&new.new_password, &user.personal()) {
            form.add_error("new_password", wrong);
        }
        if !Passwords::same(&new.new_password, &new.new_password_again) {
            form.add_error("new_password_again", "The passwords differ.");
        }
        if form.errors().is_empty() {
            match req.authenticate(&user.username, &new.password)? {
                // Compare ids: the name may have been given to another user in the meantime.
                Ok(mut confirmed) if confirmed.id == user.id => {
                    req.set_password(&mut confirmed, &new.new_password)?;
                    mails::password_changed(req, &confirmed)?;
                    req.session().flash("success", "Your password has been changed. You have been logged out on all other devices.");
                    return redirect(req, "profile");
                }
                Err(LoginRefused::TooMany(wait)) => {
                    form.add_form_error(wait.to_string());
                    throttled = Some(wait);
                }
                _ => form.add_error("password", "That is not your password."),
            }
        }
    }
    let (rules, username) = (auth.rules().describe(), &user.username);
    Ok(answer(render(req, "account/password.html", context! { form, rules, username })?, throttled))
}
