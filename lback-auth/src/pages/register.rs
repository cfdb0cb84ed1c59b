//! Registering.

use lback_core::{Error, Request, Response, Result, StatusCode, context};
use lback_db::{RequestDb, RequestSignal};
use lback_forms::{FieldError, Form};

use super::{mails, render, told_to_wait};
use crate::signals::UserRegistered;
use crate::throttle::{self, Limit, Throttled};
use crate::{NewUser, RequestAuth, User, check_email, check_username, short};

#[derive(Form)]
struct Register {
    #[form(label = "User name", max_length = 150, clean = clean_username, autocomplete = "username", help = "Letters, digits and _ . + -")]
    username: String,
    #[form(email, label = "E-mail address", max_length = 254, clean = clean_email, autocomplete = "email")]
    email: String,
    #[form(password, max_length = 1000, autocomplete = "new-password")]
    password: String,
    #[form(password, label = "Password again", max_length = 1000, autocomplete = "new-password")]
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
        if new.password != new.password_again {
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
    let (auth, now, what) = (req.auth()?, req.now(), format!("register from {}", throttle::from(req)));
    if let Err(throttled) = throttle::admit_other(req, &auth, &what, Limit::OF_PAGES)? {
        form.add_form_error(throttled.to_string());
        *wait = Some(throttled);
        return Ok(None);
    }
    let (named, known) = short::read(req, |db| Ok((User::named(db, &new.username)?, User::with_email(db, &new.email)?)))?;
    if named.is_some() {
        form.add_error("username", "This name is taken.");
        return Ok(None);
    }
    // The same work whether the address is known or not; before the transaction, which it would keep open.
    let hash = auth.passwords().hash(&new.password)?;
    let made = match known {
        Some(_) => None,
        None => match NewUser::new(&new.username, &hash).email(&new.email).insert(req.db()?, now) {
            Ok(user) => Some(user),
            // Somebody else came first while the password was hashed.
            Err(error) if error.status() == StatusCode::CONFLICT => {
                if User::named(req.db()?, &new.username)?.is_some() {
                    form.add_error("username", "This name is taken.");
                    return Ok(None);
                }
                None
            }
            Err(error) => return Err(error),
        },
    };
    match made {
        Some(user) => {
            mails::verify(req, &user)?;
            req.signal(UserRegistered { user_id: user.id });
        }
        // Nobody is told here whose addresses are known; whoever owns it is told by mail.
        None => {
            if let Some(user) = short::read(req, |db| User::with_email(db, &new.email))? {
                mails::exists(req, &user)?;
            }
        }
    }
    let email = &new.email;
    render(req, "account/registered.html", context! { email }).map(Some)
}
