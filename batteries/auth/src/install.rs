//! The state, template variables and checks that users add to an application.

use std::collections::BTreeMap;

use lback_core::{Application, Assembly, Error, JsonErrors, Result};

use crate::impersonation::Identity;
use crate::request::{current_user, identity};
use crate::{Auth, AuthSettings, RequestAuth, RouteAuth, api_token, rate_limit};

/// Adds the state, the template variables `user`, `impersonation` and `perms`, and the tasks that delete expired attempts and write when
/// tokens were last used.
pub(crate) fn install(assembly: &mut Assembly, auth: &Auth) {
    assembly.state(auth.clone());
    let users = auth.clone();
    assembly.template_global("user", move |req| current_user(req)?.map(|user| users.accounts().to_value(&user)).transpose());
    let users = auth.clone();
    assembly.template_global("impersonation", move |req| {
        let Identity { user: Some(user), superuser: Some(superuser) } = identity(req)? else { return Ok(None) };
        let value = |user| users.accounts().to_value(user);
        Ok(Some(BTreeMap::from([("superuser", value(&superuser)?), ("user", value(&user)?)])))
    });
    assembly.template_global("perms", |req| Ok(req.permissions()?.iter().cloned().collect::<Vec<_>>()));
    assembly.every(rate_limit::CLEAN_EVERY, rate_limit::clean);
    if auth.has_tokens() {
        assembly.every(api_token::SAVE_EVERY, api_token::save);
    }
}

/// Checks that the permissions of all guards are declared, that the redirects lead to pages, and that there is a login page if a guard
/// needs one.
///
/// # Errors
/// Returns the first problem and its remedy.
pub(crate) fn check_routes(app: &Application, auth: &Auth) -> Result<()> {
    let mut unknown = Vec::new();
    let mut guarded = false;
    for route in app.routes() {
        for requirement in route.requirements() {
            // A route whose errors are JSON answers 401, and does not redirect to the login page.
            guarded |= route.option::<JsonErrors>().is_none();
            let missing = requirement.permissions().iter().filter(|name| !auth.has_permission(name));
            unknown.extend(missing.map(|name| format!("{} requires \"{name}\"", route.pattern())));
        }
    }
    if !unknown.is_empty() {
        let mut known: Vec<&str> = auth.permissions().map(|(name, _)| name).collect();
        if known.is_empty() {
            known.push("none");
        }
        return Err(Error::internal(format!(
            "a route requires a permission that is not declared: {}. Declare it with App::permissions, or correct the name. Declared: {}",
            unknown.join(", "),
            known.join(", ")
        )));
    }
    check_targets(app, auth.settings())?;
    if guarded { auth.login_url(app).map(drop) } else { Ok(()) }
}

/// Checks that the paths in the settings lead to pages. The default pages may be missing, because not every application needs them.
fn check_targets(app: &Application, settings: &AuthSettings) -> Result<()> {
    let usual = AuthSettings::default();
    let redirects = [
        ("LOGIN_REDIRECT_URL", &settings.login_redirect_url, &usual.login_redirect_url),
        ("LOGOUT_REDIRECT_URL", &settings.logout_redirect_url, &usual.logout_redirect_url),
    ];
    let written = redirects.iter().filter(|(_, path, usual)| path != usual).map(|(key, path, _)| (*key, *path));
    let mut paths = written.chain(settings.login_url.iter().map(|path| ("LOGIN_URL", path)));
    match paths.find(|(_, path)| path.starts_with('/') && !app.answers(path)) {
        None => Ok(()),
        Some((key, path)) => Err(Error::internal(format!("{key} = \"{path}\" does not match any route. Write the path of a page"))),
    }
}
