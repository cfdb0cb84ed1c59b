//! Registering.

use lback_core::{Error, Request, Response, Result, StatusCode, context};
use lback_db::{RequestDb, RequestSignal};
use lback_forms::{FieldError, Form};

use super::{mails, render, told_to_wait};
use crate::new_user::NameConflict;
use crate::password::normal_form;
use crate::signals::UserRegistered;
use crate::throttle::{self, Limit, Throttled};
use crate::{NewUser, RequestAuth, check_email, check_username};

// Longer than a name or a password may be: their characters are counted in the normal form, which may have fewer.
#[derive(Form)]
#[form(crate = lback_forms)]
struct Register {
    #[form(label = "User name", max_length = 600, clean = clean_username, autocomplete = "username", help = "Letters, digits and _ . + -")]
    username: String,
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
    #[form(password, max_length = 4000, autocomplete = "new-password")]
    password: String,
    #[form(password, label = "Password again", max_length = 4000, autocomplete = "new-password")]
    password_again: String,
}

fn clean_username(name: String) -> Result<String, FieldError> {
    Ok(check_username(&name)?)
}

pub(super) fn clean_email(address: String) -> Result<String, FieldError> {
    Ok(check_email(&address)?)
}

pub(super) fn register(req: &mut Request) -> Result<Response> {
    let auth = req.auth()?;
    if !auth.settings().auth_registration {
        return Err(Error::not_found("There is no page at this address."));
    }
    let (mut form, mut wait) = (Form::<Register>::new(), None);
    if let Some(new) = form.submitted(req)? {
        for wrong in auth.rules().check(&new.password, &[&new.username, &new.email]) {
            form.add_error("password", wrong);
        }
        if normal_form(&new.password) != normal_form(&new.password_again) {
            form.add_error("password_again", "The passwords differ.");
        }
        if form.errors().is_empty()
            && let Some(response) = make(req, &new, &mut form, &mut wait)?
        {
            return Ok(response);
        }
    }
    let rules = auth.rules().describe();
    let response = render(req, "account/register.html", context! { form, rules })?;
    Ok(told_to_wait(response, wait))
}

/// The answer, unless something is wrong after all.
fn make(req: &mut Request, new: &Register, form: &mut Form<Register>, wait: &mut Option<Throttled>) -> Result<Option<Response>> {
    let (auth, now) = (req.auth()?, req.now());
    if let Err(throttled) = throttle::admit_visitor(req, &auth, "register", Limit::OF_PAGES)? {
        form.add_form_error(throttled.to_string());
        *wait = Some(throttled);
        return Ok(None);
    }
    if let Some(conflict) = req.read_db(|db| NameConflict::find(db, &new.username))? {
        form.add_error("username", in_form(conflict));
        return Ok(None);
    }
    // Before the transaction, which it would keep open.
    let hash = auth.passwords().hash(&new.password)?;
    // A user is made whether somebody has the address or not, and the address is theirs when they have followed the link in
    // the mail: so nothing that is left behind tells whose addresses are known. Whoever owns it is told by mail.
    let user = match NewUser::new(&new.username, &hash).pending_email(&new.email).insert(req.db()?, now) {
        Ok(user) => user,
        // Somebody else came first while the password was hashed.
        Err(error) if error.status() == StatusCode::CONFLICT => {
            let conflict = NameConflict::find(req.db()?, &new.username)?;
            form.add_error("username", in_form(conflict.unwrap_or(NameConflict::Taken)));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    mails::verify(req, &user)?;
    req.signal(UserRegistered { user_id: user.id });
    let email = &new.email;
    render(req, "account/registered.html", context! { email }).map(Some)
}

fn in_form(conflict: NameConflict) -> &'static str {
    match conflict {
        NameConflict::Taken => "This name is taken.",
        NameConflict::LooksTaken => "This name looks too much like one that is taken.",
    }
}
