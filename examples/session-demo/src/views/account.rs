use lback::prelude::*;
use serde::Deserialize;

use crate::models::User;

#[derive(Deserialize)]
struct LoginForm {
    username: String,
    password: String,
}

pub fn login_form(req: &mut Request) -> Result<Response> {
    req.render("login.html", context! {})
}

/// Logs in. When `user_id` changes, the session automatically gets a new id, which prevents session fixation.
pub fn login(req: &mut Request) -> Result<Response> {
    let form: LoginForm = req.form()?;
    let Some(user) = User::authenticate(req.db()?, &form.username, &form.password)? else {
        req.session().flash("error", "That is not the right user name and password.");
        return req.redirect_to("login", &[]);
    };
    let session = req.session();
    session.insert("user_id", user.id)?;
    session.insert("username", &user.username)?;
    session.insert("is_authenticated", true)?;
    session.flash("success", "Welcome back!");
    req.redirect_to("index", &[])
}

/// Logs out. Values that are written after `delete()` go into a new session.
pub fn logout(req: &mut Request) -> Result<Response> {
    req.session().delete();
    req.session().flash("info", "You have been logged out.");
    req.redirect_to("index", &[])
}

pub fn profile(req: &mut Request) -> Result<Response> {
    let user = current_user(req, "Please log in to view your profile.")?;
    req.render("profile.html", context! { user })
}

/// Returns the current user. If there is none, redirects to the login page with a message.
pub fn current_user(req: &mut Request, message: &str) -> Result<User> {
    let id: Option<i64> = req.session().get("user_id")?;
    let user = match id {
        Some(id) => User::find(req.db()?, id)?,
        None => None,
    };
    match user {
        Some(user) => Ok(user),
        None => {
            req.session().flash("warning", message);
            Err(Error::redirect(&req.url_for("login", &[])?))
        }
    }
}
