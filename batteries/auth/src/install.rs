//! What users bring to an application besides their middleware.

use lback_core::{Application, Assembly, Error, Result};

use crate::request::somebody;
use crate::{Auth, AuthSettings, RequestAuth, Requirement, RouteAuth, rate_limit};

/// Gives an application its users: the state, the templates' `user` and `perms`, and the task that forgets old failures.
pub(crate) fn install(assembly: &mut Assembly, auth: &Auth) {
    assembly.state(auth.clone());
    let users = auth.clone();
    assembly.template_global("user", move |req| somebody(req)?.map(|somebody| users.accounts().to_value(&somebody)).transpose());
    assembly.template_global("perms", |req| Ok(req.permissions()?.iter().cloned().collect::<Vec<_>>()));
    assembly.every(rate_limit::CLEAN_EVERY, rate_limit::clean);
}

/// Does every route ask for a permission that is declared, and is there a page to log in where one is needed?
///
/// # Errors
/// Says which does not, and what mends it.
pub(crate) fn check_routes(app: &Application, auth: &Auth) -> Result<()> {
    let mut unknown = Vec::new();
    let mut guarded = false;
    for route in app.routes() {
        for requirement in route.requirements() {
            guarded = true;
            if let Requirement::Permission(name) = requirement
                && !auth.has_permission(name)
            {
                unknown.push(format!("{} asks for \"{name}\"", route.pattern()));
            }
        }
    }
    if !unknown.is_empty() {
        let mut known: Vec<&str> = auth.permissions().map(|(name, _)| name).collect();
        if known.is_empty() {
            known.push("none");
        }
        return Err(Error::internal(format!(
            "no permission has the name that is asked for: {}. Declare it with App::permissions, or correct it; declared: {}",
            unknown.join(", "),
            known.join(", ")
        )));
    }
    check_targets(app, auth.settings())?;
    if guarded { auth.login_url(app).map(drop) } else { Ok(()) }
}

/// Do the paths that the settings name lead to a page? What they are by default may be missing, as long as nobody logs in.
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
        Some((key, path)) => {
            Err(Error::internal(format!("{key} = \"{path}\" leads nowhere: no route answers it. Write the path of a page")))
        }
    }
}
