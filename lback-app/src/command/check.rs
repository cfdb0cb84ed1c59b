//! The command `check`, which finds problems and explains how to fix them.
//!
//! Invalid settings, conflicting routes, misplaced middleware and templates with syntax errors are found before the command
//! runs: the application does not start with any of them.

use lback_core::{Application, CoreSettings, Error, Result, StaticNames};

use super::CommandSpec;
use crate::Checks;
use crate::assemble::Ready;
use crate::client_address;

pub(super) fn command() -> CommandSpec {
    let about = "[--deploy]  looks for problems, with --deploy also for settings that are unsafe on a public server
If a check fails, the exit status is 1. Run it with the server's environment: LBACK_ENV=production ./mysite check --deploy";
    CommandSpec::new("check", about, |command| {
        let deploy = !command.arguments().is_empty();
        let checks = check(command.ready(), deploy);
        checks.lines().for_each(|line| command.print(line));
        if deploy {
            command.print(client_address::explain(command.app().config()));
        }
        checks.result()
    })
    .arguments(|arguments| match arguments {
        [] | ["--deploy"] => Ok(()),
        _ => Err(String::new()),
    })
}

/// Runs all checks.
fn check(Ready { app, hooks }: &Ready, deploy: bool) -> Checks {
    let mut checks = Checks::new(deploy);
    checks.add("settings, routes, middleware and templates", Ok(()));
    checks.add("folders", folders(app));
    checks.add("links in templates", links(app));
    checks.add("static files in templates", static_files(app));
    checks.add("forms in templates", forms(app));
    if deploy {
        let core = app.config();
        checks.add("DEBUG", debug(core));
        checks.add("SECRET_KEY", secret_key(core));
        checks.add("ALLOWED_HOSTS", allowed_hosts(core));
        checks.add("HTTPS", https(core));
        checks.add("visitors' addresses", client_address::check(core));
        checks.add("MAX_CONNECTIONS", connections(core));
    }
    hooks.check(app, &mut checks);
    checks
}

/// Checks that the folders named in the settings exist. The default folders may be missing.
fn folders(app: &Application) -> Result<()> {
    let core = app.config();
    let written = app.settings().entries();
    let named = [("TEMPLATES_DIR", &core.templates_dir), ("STATIC_DIR", &core.static_dir)];
    let is_missing =
        |(key, path): &(&str, &std::path::PathBuf)| written.iter().any(|entry| entry.key == *key) && !app.root().join(path).is_dir();
    match named.into_iter().find(is_missing) {
        None => Ok(()),
        Some((key, path)) => {
            problem(format!("{key} names the folder {}, which does not exist. Create it, or correct {key}", path.display()))
        }
    }
}

/// Checks that every `url_for` in a template names a route that exists.
fn links(app: &Application) -> Result<()> {
    let links = app.templates().links()?;
    let broken = links.iter().filter(|link| !app.has_route(&link.route));
    let broken: Vec<String> = broken.map(|link| format!("{}:{} \"{}\"", link.template, link.line, link.route)).collect();
    if broken.is_empty() {
        return Ok(());
    }
    problem(format!(
        "url_for refers to routes that do not exist: {}. Name the route with .name(…), or correct the template",
        broken.join(", ")
    ))
}

/// Checks that every `static` in a template names a file that exists.
fn static_files(app: &Application) -> Result<()> {
    let folder = app.static_dir();
    let names = StaticNames::read(&folder)?;
    let files = app.templates().static_files()?;
    let missing = files.iter().filter(|file| names.hashed(&file.path).is_none());
    let missing: Vec<String> = missing.map(|file| format!("{}:{} \"{}\"", file.template, file.line, file.path)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    problem(format!("these files do not exist in {}: {}. Add them, or correct the template", folder.display(), missing.join(", ")))
}

/// Checks that every form with the method POST contains a CSRF token.
fn forms(app: &Application) -> Result<()> {
    let forms = app.templates().unprotected_forms()?;
    if forms.is_empty() || !app.middleware().any(|name| name == "CsrfMiddleware") {
        return Ok(());
    }
    let places: Vec<String> = forms.iter().map(|form| format!("{}:{}", form.template, form.line)).collect();
    problem(format!(
        "these forms will be refused, because they contain no CSRF token: {}. Write {{{{ csrf_input() }}}} inside the <form>",
        places.join(", ")
    ))
}

fn debug(core: &CoreSettings) -> Result<()> {
    if !core.debug {
        return Ok(());
    }
    problem(
        "error pages show the application's internals to every visitor. Write DEBUG = false in settings.production.toml, and start with LBACK_ENV=production",
    )
}

fn secret_key(core: &CoreSettings) -> Result<()> {
    // Unless DEBUG is on, the application does not start with a key that is missing or too short.
    if core.secret_key.is_some() {
        return Ok(());
    }
    problem("it is not set, so every machine generates its own. Add a line SECRET_KEY=… to .env; openssl rand -base64 48 generates a value")
}

fn allowed_hosts(core: &CoreSettings) -> Result<()> {
    match core.allowed_hosts.as_slice() {
        [] => problem("it is empty, so every request is refused. Write ALLOWED_HOSTS = [\"example.com\"] in settings.production.toml"),
        hosts if hosts.iter().any(|host| host == "*") => {
            problem("\"*\" accepts any host that a client names. Name your own: ALLOWED_HOSTS = [\"example.com\"]")
        }
        _ => Ok(()),
    }
}

fn https(core: &CoreSettings) -> Result<()> {
    if core.trusted_proxies.is_empty() {
        return problem(
            "no proxy is trusted, so every request counts as plain HTTP. Name the proxy that terminates TLS: TRUSTED_PROXIES = [\"127.0.0.1\"], \
             or [\"private\"] in a container",
        );
    }
    if core.hsts_seconds == 0 {
        return problem("browsers are not told to use HTTPS only. Write HSTS_SECONDS = 31536000 once HTTPS works");
    }
    Ok(())
}

/// Checks that the limit of open files allows `MAX_CONNECTIONS` connections.
fn connections(core: &CoreSettings) -> Result<()> {
    match lback_core::server::connection_limit() {
        Some(limit) if limit < core.max_connections => problem(format!(
            "the limit of open files allows {limit} connections, fewer than {}. Raise it (LimitNOFILE= of systemd, ulimit -Hn), or \
             write MAX_CONNECTIONS = {limit}",
            core.max_connections
        )),
        _ => Ok(()),
    }
}

fn problem(message: impl Into<String>) -> Result<()> {
    Err(Error::internal(message))
}
