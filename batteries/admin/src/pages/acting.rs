//! Superusers who act as another user.

use lback_auth::{RequestAuth, User};
use lback_core::{Error, Request, Response, Result};
use lback_models::Model as _;
use lback_session::RequestSession;

use super::confirm::confirm;
use super::edit::row_of_path;
use super::layout::{link, row_link};
use crate::access;
use crate::language::text;
use crate::site::Site;

/// The name of the route that stops acting as another user. It is open to users who may not enter the admin.
pub(crate) const END: &str = "admin-stop-acting";

/// Lets the superuser act as the user of the page.
pub(super) fn begin(req: &mut Request) -> Result<Response> {
    if !access::decides_on_rights(req)? {
        return Err(Error::forbidden(text!("Only superusers can act as another user.")));
    }
    if let Some(page) = confirm(req)? {
        return Ok(page);
    }
    let site = Site::of(req)?;
    let (_, row) = row_of_path(req, site.model(User::META.table)?)?;
    let user = User::from_values(row)?;
    req.impersonate(&user)?;
    let url = if user.is_staff { link(req, "index", &[])? } else { "/".to_owned() };
    Ok(Response::redirect(&url))
}

/// Stops acting as the user, and returns to the page of the user.
pub(crate) fn end(req: &mut Request) -> Result<Response> {
    let acting_as = match req.impersonator()? {
        Some(_) => req.user()?,
        None => None,
    };
    req.end_impersonation()?;
    req.require_staff()?;
    let site = Site::of(req)?;
    let url = match (acting_as, site.find(User::META.table)) {
        (Some(user), Some(model)) => {
            req.session().flash("info", &text!("You are no longer acting as \"{user}\".", user = user.username));
            row_link(req, "row", model, &user.id.to_string())?
        }
        _ => link(req, "index", &[])?,
    };
    Ok(Response::redirect(&url))
}
