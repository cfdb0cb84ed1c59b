//! Resetting a forgotten password.

use lback_auth::{Account, Passwords, RateLimit, RequestAuth, User};
use lback_core::{Request, Response, Result, context};
use lback_db::RequestDb;
use lback_forms::Form;
use lback_session::RequestSession;

use super::register::clean_email;
use super::verify::dead_link;
use super::{answer, redirect, render};
use crate::mails;

/// Requests for a mail by one visitor.
const RESETS: RateLimit = RateLimit::new("password resets");

#[derive(Form)]
#[form(crate = lback_forms)]
struct Ask {
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
}

/// Sends the mail with the link. The response, and the work before it, are the same whether or not a user has the address.
pub(super) fn ask(req: &mut Request) -> Result<Response> {
    let (mut form, mut throttled) = (Form::<Ask>::new(), None);
    if let Some(Ask { email }) = form.submitted(req)? {
        match RESETS.check(req)? {
            Err(wait) => {
                form.add_form_error(wait.to_string());
                throttled = Some(wait);
            }
            Ok(()) => {
                let user = req.read_db(|db| User::for_reset(db, &email))?;
                mails::reset(req, &email, user.as_ref())?;
                return render(req, "account/reset_sent.html", context! { email });
            }
        }
    }
    Ok(answer(render(req, "account/reset.html", context! { form })?, throttled))
}

#[derive(Form)]
#[form(crate = lback_forms)]
struct Confirm {
    #[form(password, label = "New password", max_length = 4000, autocomplete = "new-password")]
    password: String,
    #[form(password, label = "New password again", max_length = 4000, autocomplete = "new-password")]
    password_again: String,
}

/// The page behind the link in the mail.
pub(super) fn confirm(req: &mut Request) -> Result<Response> {
    let (auth, token) = (req.auth()?, req.param::<String>("token")?);
    let Some(mut user) = req.check_reset_token(&token)? else { return dead_link(req) };
    let mut form = Form::<Confirm>::new();
    if let Some(new) = form.submitted(req)? {
        for wrong in auth.rules().check(&new.password, &user.personal()) {
            form.add_error("password", wrong);
        }
        if !Passwords::same(&new.password, &new.password_again) {
            form.add_error("password_again", "The passwords differ.");
        }
        if form.errors().is_empty() {
            // Of two requests that follow the link at the same time, the second is too late.
            if !req.reset_password(&mut user, &new.password)? {
                return dead_link(req);
            }
            mails::password_changed(req, &user)?;
            req.session().flash("success", "Your password has been changed. Log in with the new one.");
            return redirect(req, "login");
        }
    }
    let (rules, username) = (auth.rules().describe(), &user.username);
    render(req, "account/reset_confirm.html", context! { form, rules, username })
}
