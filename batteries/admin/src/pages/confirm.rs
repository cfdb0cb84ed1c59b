//! Asks for the visitor's password before something dangerous.

use std::time::Duration;

use lback_auth::{LoginRefused, RequestAuth};
use lback_core::{Method, Request, Response, Result, StatusCode, context};
use serde::Serialize;

use super::file_inputs::sent_files;
use super::layout::{Crumb, render};
use crate::access;
use crate::language::text;
use crate::site::{Registered, Site};

/// The field for the password.
const PASSWORD: &str = "_confirm_password";
/// The field that `csrf_input()` adds again.
const CSRF: &str = "csrf_token";

/// A field of the form that was sent.
#[derive(Serialize)]
struct Sent {
    name: String,
    value: String,
}

/// Asks for the password before rows that decide about rights are changed: users, groups and permissions. See [`confirm`].
pub(super) fn confirm_for(req: &mut Request, model: &Registered) -> Result<Option<Response>> {
    if access::grants_rights(model.meta()) { confirm(req) } else { Ok(None) }
}

/// Returns a page that asks for the password and sends the form again with it, unless the visitor has logged in or confirmed the password a
/// short time ago, or the form has the right password. `None` for requests other than a POST.
///
/// Call it after the check of the right for the model, and before the first `req.db()`, because hashing is slow.
///
/// # Errors
/// Returns 403 if a superuser acts as the user.
pub(super) fn confirm(req: &mut Request) -> Result<Option<Response>> {
    if *req.method() != Method::POST {
        return Ok(None);
    }
    req.require_own_login()?;
    let minutes = Site::of(req)?.settings.admin_confirm_minutes;
    if minutes == 0 || req.confirmed_within(Duration::from_secs(60 * u64::from(minutes)))? {
        return Ok(None);
    }
    let sent: Vec<(String, String)> = req.form()?;
    let password = sent.iter().find(|(name, _)| name == PASSWORD).map(|(_, value)| value.clone());
    let refused = match password {
        None => None,
        Some(password) => match req.confirm_password(&password)? {
            Ok(()) => return Ok(None),
            Err(refused) => Some(refused),
        },
    };
    let (error, status) = match refused {
        None => (None, StatusCode::OK),
        Some(LoginRefused::Wrong) => (Some(text!("That is not your password.")), StatusCode::OK),
        Some(LoginRefused::TooMany(throttled)) => {
            return page(req, sent, Some(throttled.to_string())).map(|page| Some(throttled.answer(page)));
        }
        Some(refused) => (Some(refused.to_string()), StatusCode::FORBIDDEN),
    };
    Ok(Some(page(req, sent, error)?.with_status(status)))
}

fn page(req: &mut Request, sent: Vec<(String, String)>, error: Option<String>) -> Result<Response> {
    let sent: Vec<Sent> =
        sent.into_iter().filter(|(name, _)| name != CSRF && name != PASSWORD).map(|(name, value)| Sent { name, value }).collect();
    let action_url = req.path_and_query().to_owned();
    let has_files = !sent_files(req)?.is_empty();
    let context = context! { action_url, sent, error, has_files, password => PASSWORD };
    render(req, "admin/confirm.html", "", vec![Crumb::new(text!("Confirm your password"), None)], context)
}
