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

/// The session gets a new id by itself when `user_id` changes, so nobody can have planted the old one.
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

/// What is written after `delete()` goes into a fresh session.
pub fn logout(req: &mut Request) -> Result<Response> {
    req.session().delete();
    req.session().flash("info", "You have been logged out.");
    req.redirect_to("index", &[])
}

pub fn profile(req: &mut Request) -> Result<Response> {
    let user = current_user(req, "Please log in to view your profile.")?;
    req.render("profile.html", context! { user })
}

/// The user who is logged in. Anybody else is sent to the login page, with a message.
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
