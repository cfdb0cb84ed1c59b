//! Where one is logged in.

use chrono::{DateTime, Utc};
use lback_core::{Error, Request, Response, Result, context};
use lback_session::{RequestSession, SessionId, SessionManager};
use serde::{Deserialize, Serialize};

use super::{link, redirect, render};
use crate::RequestAuth;
use crate::login::{LOGIN, Login};

/// A session, as its owner sees it.
#[derive(Serialize)]
struct Device {
    browser: String,
    logged_in: String,
    last_seen: String,
    is_this: bool,
    revoke: String,
}

/// Nobody looks through more.
const MOST: usize = 50;

pub(super) fn list(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let this = req.session().id();
    let known = is_list_kept(req)?;
    let sessions = if known { req.user_sessions(user.id)? } else { Vec::new() };
    let manager = req.state::<SessionManager>()?;
    let mut devices = Vec::new();
    for session in sessions.iter().take(MOST) {
        // One that has ended meanwhile is none.
        let Some(record) = manager.load(session.id)? else { continue };
        let login: Option<Login> = record.data.get(LOGIN).and_then(|login| Login::deserialize(login).ok());
        let logged_in = login.as_ref().and_then(|login| DateTime::from_timestamp(login.at, 0)).unwrap_or(session.created_at);
        let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M").to_string();
        devices.push(Device {
            browser: login.map_or_else(|| "Unknown".to_owned(), |login| login.browser),
            logged_in: time(logged_in),
            last_seen: time(session.last_seen),
            is_this: session.id == this,
            revoke: link(req, "device-revoke", &[("id", &session.id)])?,
        });
    }
    render(req, "account/devices.html", context! { devices, known })
}

/// In the store of cookies nobody knows of the others. The page says what to do instead.
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
    // Of somebody else's there is nothing to be learnt.
    if !req.user_sessions(user.id)?.iter().any(|session| session.id == id) {
        return Err(Error::not_found("There is no such device; perhaps it is logged out already."));
    }
    req.state::<SessionManager>()?.delete(id)?;
    req.session().flash("success", "The device is logged out.");
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
        0 => "You are not logged in anywhere else.".to_owned(),
        1 => "One other device is logged out.".to_owned(),
        _ => format!("{ended} other devices are logged out."),
    };
    req.session().flash("success", &message);
    redirect(req, "devices")
}
