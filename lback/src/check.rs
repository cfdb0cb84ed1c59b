//! The command `check`: what is wrong, and what mends it.
//!
//! That the settings are understood, the routes do not collide, the middleware stands in order and every template parses
//! has been checked by the time this runs: otherwise the application would not have come so far.

use lback_core::{CoreSettings, Error, Result, StaticNames};
use lback_session::SessionSettings;

use crate::app::Ready;
use crate::command::require_migrations;
use crate::visitors;

/// Prints a line for everything that is looked at.
///
/// # Errors
/// Where something is wrong; the message says how much.
pub(crate) fn check(ready: &Ready, deploy: bool) -> Result<()> {
    let mut checks = vec![
        ("settings, routes, middleware and templates", Ok(())),
        ("folders", folders(ready)),
        ("links in templates", links(ready)),
        ("static files in templates", static_files(ready)),
        ("forms in templates", forms(ready)),
        ("database", database(ready)),
        ("migrations", require_migrations(ready)),
        ("sessions", sessions(ready)),
    ];
    #[cfg(feature = "auth")]
    checks.push(("permissions and the login page", crate::auth::check(ready)));
    if deploy {
        let core = ready.app.config();
        let settings: SessionSettings = ready.app.settings().section()?;
        checks.extend([
            ("DEBUG", debug(core)),
            ("SECRET_KEY", secret_key(core)),
            ("ALLOWED_HOSTS", allowed_hosts(core)),
            ("secure cookies", secure_cookies(core, &settings)),
            ("HTTPS", https(core)),
            ("visitors' addresses", visitors::check(core)),
        ]);
        #[cfg(feature = "auth-pages")]
        checks.push(("links in mails", crate::auth::check_deployed(ready)));
        #[cfg(feature = "mail")]
        checks.push(("mail", crate::mail::check_deployed(ready.app.settings())));
    }
    let mut wrong = 0;
    for (what, result) in &checks {
        match result {
            Ok(()) => println!("ok    {what}"),
            Err(error) => {
                wrong += 1;
                println!("WRONG {what}: {error}");
            }
        }
    }
    if deploy {
        println!("{}", visitors::explain(ready.app.config()));
    }
    match wrong {
        0 => Ok(()),
        _ => Err(Error::internal(format!("{wrong} of {} checks found something wrong", checks.len()))),
    }
}

/// Finds folders that the settings name and that are missing. One that is not named may be: nothing needs it.
fn folders(ready: &Ready) -> Result<()> {
    let core = ready.app.config();
    let written = ready.app.settings().entries();
    let named = [("TEMPLATES_DIR", &core.templates_dir), ("STATIC_DIR", &core.static_dir)];
    let is_missing =
        |(key, path): &(&str, &std::path::PathBuf)| written.iter().any(|entry| entry.key == *key) && !ready.app.root().join(path).is_dir();
    match named.into_iter().find(is_missing) {
        None => Ok(()),
        Some((key, path)) => mend(format!("{key} names {}, and there is no such folder. Make it, or correct {key}", path.display())),
    }
}

/// Does every `url_for` in a template name a route that exists?
fn links(ready: &Ready) -> Result<()> {
    let links = ready.app.templates().links()?;
    let broken = links.iter().filter(|link| !ready.app.has_route(&link.route));
    let broken: Vec<String> = broken.map(|link| format!("{}:{} \"{}\"", link.template, link.line, link.route)).collect();
    if broken.is_empty() {
        return Ok(());
    }
    mend(format!(
        "no route has the name that url_for asks for: {}. Name the route with .name(…), or correct the template",
        broken.join(", ")
    ))
}

/// Does every `static` in a template name a file that exists?
fn static_files(ready: &Ready) -> Result<()> {
    let folder = ready.app.static_dir();
    let names = StaticNames::read(&folder)?;
    let files = ready.app.templates().static_files()?;
    let missing = files.iter().filter(|file| names.hashed(&file.path).is_none());
    let missing: Vec<String> = missing.map(|file| format!("{}:{} \"{}\"", file.template, file.line, file.path)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    mend(format!("there are no such files in {}: {}. Put them there, or correct the template", folder.display(), missing.join(", ")))
}

/// Does every form that posts carry a CSRF token?
fn forms(ready: &Ready) -> Result<()> {
    let forms = ready.app.templates().unprotected_forms()?;
    if forms.is_empty() || !ready.app.middleware().any(|name| name == "CsrfMiddleware") {
        return Ok(());
    }
    let places: Vec<String> = forms.iter().map(|form| format!("{}:{}", form.template, form.line)).collect();
    mend(format!(
        "what these send will be refused, as it carries no CSRF token: {}. Write {{{{ csrf_input() }}}} inside the <form>",
        places.join(", ")
    ))
}

fn database(ready: &Ready) -> Result<()> {
    match &ready.database {
        Some(database) => database.get().map(drop),
        None => Ok(()),
    }
}

/// Can the store be read?
fn sessions(ready: &Ready) -> Result<()> {
    match &ready.sessions {
        Some(sessions) if !sessions.is_in_cookies() && require_migrations(ready).is_ok() => {
            sessions.load(lback_session::SessionId::random()).map(drop)
        }
        _ => Ok(()),
    }
}

fn debug(core: &CoreSettings) -> Result<()> {
    if !core.debug {
        return Ok(());
    }
    mend(
        "it shows the inside of the application to everybody. Write DEBUG = false in settings.production.toml, and start with LBACK_ENV=production",
    )
}

fn secret_key(core: &CoreSettings) -> Result<()> {
    // Outside of DEBUG the application would not have been built with one that is missing or short.
    if core.secret_key.is_some() {
        return Ok(());
    }
    mend("none is set, so every machine makes its own. Put a line SECRET_KEY=… into .env; openssl rand -base64 48 makes a value")
}

fn allowed_hosts(core: &CoreSettings) -> Result<()> {
    match core.allowed_hosts.as_slice() {
        [] => mend("none is named, so every request is refused. Write ALLOWED_HOSTS = [\"example.com\"] in settings.production.toml"),
        hosts if hosts.iter().any(|host| host == "*") => {
            mend("\"*\" believes whatever host a client names. Name your own: ALLOWED_HOSTS = [\"example.com\"]")
        }
        _ => Ok(()),
    }
}

fn secure_cookies(core: &CoreSettings, settings: &SessionSettings) -> Result<()> {
    if settings.session_cookie_secure.unwrap_or(!core.debug) {
        return Ok(());
    }
    mend("the session's cookie travels over plain HTTP too. Remove SESSION_COOKIE_SECURE = false, and turn DEBUG off")
}

fn https(core: &CoreSettings) -> Result<()> {
    if core.trusted_proxies.is_empty() {
        return mend(
            "no proxy is trusted, so every request counts as plain HTTP. Name the one that ends TLS: TRUSTED_PROXIES = [\"127.0.0.1\"], \
             or [\"private\"] in a container",
        );
    }
    if core.hsts_seconds == 0 {
        return mend("browsers are not told to come by HTTPS only. Write HSTS_SECONDS = 31536000 once HTTPS works");
    }
    Ok(())
}

fn mend(message: impl Into<String>) -> Result<()> {
    Err(Error::internal(message))
}
