//! Logging in and out.

use lback_core::{Request, Response, Result, context};
use lback_forms::Form;
use lback_session::RequestSession;

use super::{after_login, render, told_to_wait};
use crate::{LoginRefused, RequestAuth, Throttled};

#[derive(Form)]
#[form(crate = lback_forms)]
struct Login {
    #[form(label = "User name or e-mail address", max_length = 600, autocomplete = "username")]
    username: String,
    #[form(password, max_length = 4000, autocomplete = "current-password")]
    password: String,
    #[form(label = "Stay logged in on this device")]
    remember: bool,
}

pub(super) fn login(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Login>::new();
    let mut wait = None;
    if let Some(Login { username, password, remember }) = form.submitted(req)? {
        match req.authenticate(&username, &password)? {
            Ok(user) => {
                req.login(&user)?;
                if remember {
                    req.remember_login()?;
                }
                return Ok(Response::redirect(&after_login(req)?));
            }
            Err(refused) => {
                form.add_form_error(refused.to_string());
                if let LoginRefused::TooMany(time) = refused {
                    wait = Some(Throttled { wait: time });
                }
            }
        }
    } else if form.errors().is_empty() && req.is_authenticated()? {
        return Ok(Response::redirect(&after_login(req)?));
    }
    Ok(told_to_wait(render(req, "account/login.html", context! { form })?, wait))
}

pub(super) fn logout(req: &mut Request) -> Result<Response> {
    req.logout()?;
    req.session().flash("info", "You have been logged out.");
    Ok(Response::redirect(&req.auth()?.settings().logout_redirect_url.clone()))
}
