//! Logging in and out.

use lback_core::header::{HeaderValue, RETRY_AFTER};
use lback_core::{Request, Response, Result, StatusCode, context};
use lback_forms::Form;
use lback_session::RequestSession;

use super::{after_login, next, render};
use crate::{LoginRefused, RequestAuth};

#[derive(Form)]
struct Login {
    #[form(label = "User name or e-mail address", max_length = 254, autocomplete = "username")]
    username: String,
    #[form(password, max_length = 1000, autocomplete = "current-password")]
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
                    wait = Some(time.as_secs().max(1));
                }
            }
        }
    } else if form.errors().is_empty() && req.is_authenticated()? {
        return Ok(Response::redirect(&after_login(req)?));
    }
    let next = next(req);
    let mut response = render(req, "account/login.html", context! { form, next })?;
    if let Some(seconds) = wait {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

pub(super) fn logout(req: &mut Request) -> Result<Response> {
    req.logout()?;
    req.session().flash("info", "You have been logged out.");
    Ok(Response::redirect(&req.auth()?.settings().logout_redirect_url.clone()))
}
