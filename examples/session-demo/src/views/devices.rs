use lback::prelude::*;

use super::account::current_user;

/// Lists the sessions of the user.
pub fn list(req: &mut Request) -> Result<Response> {
    let user = current_user(req, "Please log in to view your devices.")?;
    let sessions = req.user_sessions(user.id)?;
    let current = req.session().id();
    req.render("devices.html", context! { sessions, current })
}

/// Logs out the user's other sessions.
pub fn revoke(req: &mut Request) -> Result<Response> {
    let user = current_user(req, "Please log in to view your devices.")?;
    let current = req.session().id();
    let ended = req.revoke_user_sessions(user.id, Some(current))?;
    let message = match ended {
        0 => "You are not logged in anywhere else.".to_owned(),
        1 => "One other device was logged out.".to_owned(),
        _ => format!("{ended} other devices were logged out."),
    };
    req.session().flash("success", &message);
    req.redirect_to("devices", &[])
}
