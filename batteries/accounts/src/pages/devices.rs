//! The devices on which the user is logged in.

use chrono::{DateTime, Utc};
use lback_auth::{LoginInfo, RequestAuth};
use lback_core::{Error, Request, Response, Result, context};
use lback_session::{RequestSession, SessionId, SessionManager};
use serde::Serialize;

use super::{link, redirect, render};

/// A session, as its owner sees it.
#[derive(Serialize)]
struct Device {
    browser: String,
    logged_in: String,
    last_seen: String,
    is_this: bool,
    revoke: String,
}

/// The maximum number of devices on the page.
const MAX_DEVICES: usize = 50;

pub(super) fn list(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let this = req.session().id();
    let known = is_list_kept(req)?;
    let sessions = if known { req.user_sessions(user.id)? } else { Vec::new() };
    let manager = req.state::<SessionManager>()?;
    let mut devices = Vec::new();
    for session in sessions.iter().take(MAX_DEVICES) {
        // A session may have ended since it was listed.
        let Some(record) = manager.load(session.id)? else { continue };
        let login = LoginInfo::of_session(&record);
        let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M").to_string();
        devices.push(Device {
            logged_in: time(login.as_ref().map_or(session.created_at, |login| login.at)),
            browser: login.map_or_else(|| "Unknown".to_owned(), |login| login.browser),
            last_seen: time(session.last_seen),
            is_this: session.id == this,
            revoke: link(req, "device-revoke", &[("id", &session.id)])?,
        });
    }
    render(req, "account/devices.html", context! { devices, known })
}

/// Returns whether the session store can list a user's sessions. The cookie store cannot, and the page says so.
fn is_list_kept(req: &Request) -> Result<bool> {
    Ok(!req.state::<SessionManager>()?.is_in_cookies())
}

pub(super) fn revoke(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    if !is_list_kept(req)? {
        return redirect(req, "devices");
    }
    let id: SessionId = req.param("id")?;
    if id == req.session().id() {
        return Err(Error::bad_request("To end this session, log out."));
    }
    // The answer is the same for a missing session and for another user's.
    if !req.user_sessions(user.id)?.iter().any(|session| session.id == id) {
        return Err(Error::not_found("This device was not found. It may already be logged out."));
    }
    req.state::<SessionManager>()?.delete(id)?;
    req.session().flash("success", "The device has been logged out.");
    redirect(req, "devices")
}

pub(super) fn revoke_others(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    if !is_list_kept(req)? {
        return redirect(req, "devices");
    }
    let this = req.session().id();
    let ended = req.revoke_user_sessions(user.id, Some(this))?;
    let message = match ended {
        0 => "You are not logged in on any other device.".to_owned(),
        1 => "One other device has been logged out.".to_owned(),
        _ => format!("{ended} other devices have been logged out."),
    };
    req.session().flash("success", &message);
    redirect(req, "devices")
}
