//! Where one is logged in.

use lback_core::{Error, Request, Response, Result, context};
use lback_session::{RequestSession, SessionId, SessionInfo, SessionManager};
use serde::Serialize;

use super::{link, redirect, render};
use crate::RequestAuth;

/// A session, as its owner sees it.
#[derive(Serialize)]
struct Device {
    created_at: String,
    last_seen: String,
    is_this: bool,
    revoke: String,
}

pub(super) fn list(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let this = req.session().id();
    // In the store of cookies nobody knows of the others.
    let known = !req.state::<SessionManager>()?.is_in_cookies();
    let sessions = if known { req.user_sessions(user.id)? } else { Vec::new() };
    let shown = |session: &SessionInfo| {
        let time = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M").to_string();
        Ok(Device {
            created_at: time(session.created_at),
            last_seen: time(session.last_seen),
            is_this: session.id == this,
            revoke: link(req, "device-revoke", &[("id", &session.id)])?,
        })
    };
    let devices: Vec<Device> = sessions.iter().map(shown).collect::<Result<_>>()?;
    render(req, "account/devices.html", context! { devices, known })
}

pub(super) fn revoke(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
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
