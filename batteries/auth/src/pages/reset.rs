//! Resetting a password that was forgotten.

use lback_core::{Request, Response, Result, context};
use lback_db::{RequestDb, RequestSignal};
use lback_forms::Form;
use lback_session::RequestSession;

use super::register::clean_email;
use super::verify::dead;
use super::{mails, redirect, render, told_to_wait};
use crate::password::normal_form;
use crate::signals::UserPasswordChanged;
use crate::throttle::{self, Limit};
use crate::{Account, RequestAuth, User, login};

#[derive(Form)]
#[form(crate = lback_forms)]
struct Ask {
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
}

/// Asks for a mail. The answer is the same whether somebody has this address or not, and so is the work before it.
pub(super) fn ask(req: &mut Request) -> Result<Response> {
    let (mut form, mut wait) = (Form::<Ask>::new(), None);
    if let Some(Ask { email }) = form.submitted(req)? {
        let auth = req.auth()?;
        match throttle::admit_visitor(req, &auth, "reset", Limit::OF_PAGES)? {
            Err(throttled) => {
                form.add_form_error(throttled.to_string());
                wait = Some(throttled);
            }
            Ok(()) => {
                // Both are asked for in any case, so that the time tells nothing.
                let (owner, newcomer) = req.read_db(|db| Ok((User::with_email(db, &email)?, User::awaiting_email(db, &email)?)))?;
                let user = match owner {
                    Some(owner) => Some(owner).filter(|user| user.is_active),
                    None => newcomer,
                };
                mails::reset(req, &email, user.as_ref())?;
                return render(req, "account/reset_sent.html", context! { email });
            }
        }
    }
    Ok(told_to_wait(render(req, "account/reset.html", context! { form })?, wait))
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
    let Some(mut user) = req.check_reset_token(&token)? else { return dead(req) };
    let mut form = Form::<Confirm>::new();
    if let Some(new) = form.submitted(req)? {
        for wrong in auth.rules().check(&new.password, &user.personal()) {
            form.add_error("password", wrong);
        }
        if normal_form(&new.password) != normal_form(&new.password_again) {
            form.add_error("password_again", "The passwords differ.");
        }
        if form.errors().is_empty() {
            let hash = auth.passwords().hash(&new.password)?;
            // Of two who follow the link at the same time, one is too late. They have read the mail, so the address is theirs.
            if !user.reset_password_hash(req.db()?, &hash)? {
                return dead(req);
            }
            login::end_sessions(req, user.id, None)?;
            mails::tell_of_password(req, &user)?;
            req.signal(UserPasswordChanged { user_id: user.id });
            req.session().flash("success", "Your password is changed. Log in with the new one.");
            return redirect(req, "login");
        }
    }
    let (rules, username) = (auth.rules().describe(), &user.username);
    render(req, "account/reset_confirm.html", context! { form, rules, username })
}
