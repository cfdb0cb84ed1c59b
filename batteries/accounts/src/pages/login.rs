//! Logging in and out.

use lback_auth::{LoginRefused, RequestAuth, safe_next};
use lback_core::{Request, Response, Result, context};
use lback_forms::Form;
use lback_session::RequestSession;
use serde::Deserialize;

use super::{answer, render};

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
    let mut throttled = None;
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
                if let LoginRefused::TooMany(wait) = refused {
                    throttled = Some(wait);
                }
            }
        }
    } else if form.errors().is_empty() && req.is_authenticated()? {
        return Ok(Response::redirect(&after_login(req)?));
    }
    Ok(answer(render(req, "account/login.html", context! { form })?, throttled))
}

/// Returns the page that the visitor asked for before the login, or that of the setting `LOGIN_REDIRECT_URL`.
fn after_login(req: &Request) -> Result<String> {
    Ok(next(req).unwrap_or(req.auth()?.settings().login_redirect_url.clone()))
}

/// Returns the parameter `next` if it is a path on this site.
fn next(req: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Query {
        next: Option<String>,
    }
    // A parameter that is not text, or is given twice, is ignored.
    let query: Query = req.query().ok()?;
    query.next.as_deref().and_then(safe_next).map(str::to_owned)
}

pub(super) fn logout(req: &mut Request) -> Result<Response> {
    req.logout()?;
    req.session().flash("info", "You have been logged out.");
    Ok(Response::redirect(&req.auth()?.settings().logout_redirect_url.clone()))
}
