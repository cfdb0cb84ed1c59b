//! The command `serve`.

use std::io::ErrorKind;

use lback_core::{CoreSettings, ProgramError, ProgramResult, server};
use tokio::net::TcpListener;

use super::CommandSpec;
use super::spec::at_most_one;
use crate::assemble::Ready;
use crate::migrate::{differences, migrate, migrations, require_migrations};
use crate::stop::stop_signal;
use crate::supervisor::Supervisor;

pub(super) const NAME: &str = "serve";

pub(super) fn command() -> CommandSpec {
    let about = "[ADDRESS]  serves requests on ADDRESS, or on HOST and PORT in the settings (default command)
ADDRESS is a port, a host, or both: 8080, 0.0.0.0, 0.0.0.0:8080. If DEBUG is on, pending migrations are applied first;
otherwise the server does not start while there are any. Ctrl-C and SIGTERM stop it after the requests in flight.";
    CommandSpec::new(NAME, about, |command| serve(command.ready(), command.arguments().first().map(String::as_str))).arguments(at_most_one)
}

/// Serves requests on `address`, or on the address in the settings.
fn serve(ready: &Ready, address: Option<&str>) -> ProgramResult {
    prepare(ready)?;
    let config = ready.app.config();
    let address = match address {
        None => (config.host.clone(), config.port),
        Some(address) => parse_address(address, &config.host, config.port)?,
    };
    run(config, async {
        let listener = TcpListener::bind(&address).await.map_err(|error| cannot_listen(&address, error))?;
        let warning = if config.debug { " (DEBUG is on; never use it on a public server)" } else { "" };
        tracing::info!(target: "lback::serve", "listening on http://{}{warning}", listener.local_addr()?);
        server::serve(ready.app.clone(), listener, stop_signal("requests in flight may finish")).await?;
        tracing::info!(target: "lback::serve", "stopped");
        Ok(())
    })
}

/// Serves requests as a child of `lback runserver`, which owns the socket and writes the messages about startup.
pub(crate) fn serve_below(ready: &Ready, supervisor: &Supervisor) -> ProgramResult {
    prepare(ready)?;
    let listener = Supervisor::listener()?;
    run(ready.app.config(), async {
        let listener = TcpListener::from_std(listener)?;
        supervisor.ready()?;
        let stop = async {
            tokio::select! {
                () = stop_signal("requests in flight may finish") => {}
                () = supervisor.gone() => {}
            }
        };
        Ok(server::serve(ready.app.clone(), listener, stop).await?)
    })
}

fn run(config: &CoreSettings, serve: impl Future<Output = ProgramResult>) -> ProgramResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("lback")
        // Plain views have MAX_BLOCKING_VIEWS threads of their own. These are for commits, files, and the database work of async views.
        .max_blocking_threads(config.max_blocking_views + 64)
        .build()?;
    let result = runtime.block_on(serve);
    // Does not wait for views that are still running after the shutdown timeout.
    runtime.shutdown_background();
    result
}

/// Prepares the database, and checks the settings that the server needs.
fn prepare(ready: &Ready) -> ProgramResult {
    prepare_database(ready)?;
    ready.hooks.migrated(&ready.app)?;
    let config = ready.app.config();
    if config.allowed_hosts.is_empty() && !config.debug && ready.app.middleware().any(|name| name == "AllowedHosts") {
        let settings = ready.app.settings();
        let own = format!("settings.{}.toml", settings.environment());
        let file = if settings.root().join(&own).exists() { own.as_str() } else { "settings.toml" };
        return Err(ProgramError::new(format!(
            "ALLOWED_HOSTS is empty, so every request would be refused. Name your hosts in {file}: ALLOWED_HOSTS = [\"example.com\"]",
        )));
    }
    Ok(())
}

/// Applies pending migrations if `DEBUG` is on.
///
/// # Errors
/// Returns an error if migrations are pending and `DEBUG` is off, or if one cannot be applied.
fn prepare_database(ready: &Ready) -> ProgramResult {
    if !ready.app.config().debug || ready.database().is_err() {
        return require_migrations(&ready.app);
    }
    for applied in migrate(ready, None)? {
        tracing::info!(target: "lback::serve", "applied the migration {}", applied.name);
    }
    let status = migrations(&ready.app)?.status(ready.database()?)?;
    for file in status.into_iter().filter_map(|migration| migration.changed) {
        tracing::warn!(target: "lback::serve", "{file} was edited after it was applied, which has no effect on the database; run check for what to do");
    }
    for difference in differences(&ready.app)? {
        tracing::warn!(target: "lback::serve", "{difference}; run check for what to do");
    }
    Ok(())
}

/// Parses a port, a host, or both: `8080`, `0.0.0.0`, `0.0.0.0:8080`.
fn parse_address(text: &str, host: &str, port: u16) -> ProgramResult<(String, u16)> {
    if let Ok(port) = text.parse() {
        return Ok((host.to_owned(), port));
    }
    let (host, given) = match text.rsplit_once(':') {
        Some((host, given)) if !host.ends_with(':') => (host.trim_matches(['[', ']']), given.parse().ok()),
        _ => (text, Some(port)),
    };
    let is_host = !host.is_empty() && !host.contains('/') && !host.bytes().all(|byte| byte.is_ascii_digit());
    match given.filter(|_| is_host) {
        Some(port) => Ok((host.to_owned(), port)),
        None => Err(ProgramError::new(format!("\"{text}\" is not an address; write 0.0.0.0:8080, or just a port from 0 to 65535"))),
    }
}

fn cannot_listen((host, port): &(String, u16), error: std::io::Error) -> ProgramError {
    let message = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} on {host} is in use by another program. Stop that program, or use another port: {} serve {}",
            crate::run::program(),
            port.checked_add(1).unwrap_or(8000)
        ),
        ErrorKind::PermissionDenied => format!("this program has no permission to use port {port}; choose a port above 1023"),
        _ => format!("cannot listen on {host}:{port}; check HOST and PORT in settings.toml, or the address on the command line"),
    };
    ProgramError::new(message).with_source(error)
}
