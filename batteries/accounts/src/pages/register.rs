//! Registering.

use lback_auth::{NameConflict, NewUser, Passwords, RateLimit, RequestAuth, Throttled, check_email, check_username};
use lback_core::{Error, Request, Response, Result, StatusCode, context};
use lback_db::{RequestDb, RequestSignal};
use lback_forms::{FieldError, Form};

use super::{answer, render};
use crate::mails;
use crate::signals::UserRegistered;

/// Registrations by one visitor.
const REGISTRATIONS: RateLimit = RateLimit::new("registrations");

// The fields accept more than names and passwords may have: these are counted in their normal form, which may have fewer characters.
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
    let (mut form, mut throttled) = (Form::<Register>::new(), None);
    if let Some(new) = form.submitted(req)? {
        for wrong in auth.rules().check(&new.password, &[&new.username, &new.email]) {
            form.add_error("password", wrong);
        }
        if !Passwords::same(&new.password, &new.password_again) {
            form.add_error("password_again", "The passwords differ.");
        }
        if form.errors().is_empty()
            && let Some(response) = create(req, &new, &mut form, &mut throttled)?
        {
            return Ok(response);
        }
    }
    let rules = auth.rules().describe();
    let page = render(req, "account/register.html", context! { form, rules })?;
    Ok(answer(page, throttled))
}

/// Creates the user and returns the response, or adds to the form why that is not possible.
fn create(req: &mut Request, new: &Register, form: &mut Form<Register>, throttled: &mut Option<Throttled>) -> Result<Option<Response>> {
    if let Err(wait) = REGISTRATIONS.check(req)? {
        form.add_form_error(wait.to_string());
        *throttled = Some(wait);
        return Ok(None);
    }
    let (auth, now) = (req.auth()?, req.now());
    if let Some(conflict) = req.read_db(|db| NameConflict::find(db, &new.username))? {
        form.add_error("username", conflict.to_string());
        return Ok(None);
    }
    // Before the transaction begins, which this would keep open.
    let hash = auth.passwords().hash(&new.password)?;
    // The user is created whether or not another user has the address, and has it only after following the link in the mail. So nothing
    // tells a visitor which addresses are known. If another user has the address, that user gets a mail.
    let user = match NewUser::new(&new.username, &hash).pending_email(&new.email).insert(req.db()?, now) {
        Ok(user) => user,
        // Another visitor took the name while the password was hashed.
        Err(error) if error.status() == StatusCode::CONFLICT => {
            let conflict = NameConflict::find(req.db()?, &new.username)?.unwrap_or(NameConflict::Taken);
            form.add_error("username", conflict.to_string());
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    mails::verify(req, &user)?;
    req.signal(UserRegistered { user_id: user.id });
    let email = &new.email;
    render(req, "account/registered.html", context! { email }).map(Some)
}
