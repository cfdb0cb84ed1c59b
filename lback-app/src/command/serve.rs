//! The command `serve`.

use std::io::ErrorKind;

use lback_core::{CoreSettings, Error, Result, server};
use tokio::net::TcpListener;

use super::CommandSpec;
use super::spec::at_most_one;
use crate::assemble::Ready;
use crate::migrate::{differences, migrate, migrations, require_migrations};
use crate::supervisor::Supervisor;

pub(super) const NAME: &str = "serve";

pub(super) fn command() -> CommandSpec {
    let about = "[ADDRESS]  answers requests, on HOST and PORT of the settings or on ADDRESS (default)
ADDRESS is a port, a host, or both: 8080, 0.0.0.0, 0.0.0.0:8080. While DEBUG is on, pending migrations are applied first;
otherwise they stop the start. Ctrl-C and SIGTERM end it, after the requests in flight.";
    CommandSpec::new(NAME, about, |command| serve(command.ready(), command.arguments().first().map(String::as_str))).arguments(at_most_one)
}

/// Serves on `address`, or else on that of the settings.
fn serve(ready: &Ready, address: Option<&str>) -> Result<()> {
    prepare(ready)?;
    let config = ready.app.config();
    let address = match address {
        None => (config.host.clone(), config.port),
        Some(address) => parse_address(address, &config.host, config.port)?,
    };
    run(config, async {
        let listener = TcpListener::bind(&address).await.map_err(|error| cannot_listen(&address, error))?;
        let warning = if config.debug { " (DEBUG is on: never on a public server)" } else { "" };
        tracing::info!(target: "lback::serve", "listening on http://{}{warning}", listener.local_addr()?);
        server::serve(ready.app.clone(), listener, stop_signal()).await?;
        tracing::info!(target: "lback::serve", "stopped");
        Ok(())
    })
}

/// Serves below `lback runserver`, which has the socket and speaks for this program.
pub(crate) fn serve_below(ready: &Ready, supervisor: &Supervisor) -> Result<()> {
    prepare(ready)?;
    let listener = Supervisor::listener()?;
    run(ready.app.config(), async {
        let listener = TcpListener::from_std(listener)?;
        supervisor.ready()?;
        let stop = async {
            tokio::select! {
                () = stop_signal() => {}
                () = supervisor.gone() => {}
            }
        };
        server::serve(ready.app.clone(), listener, stop).await
    })
}

fn run(config: &CoreSettings, serve: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("lback")
        // Views hold at most MAX_BLOCKING_VIEWS; commits, files and the rest always find a thread beside them.
        .max_blocking_threads(config.max_blocking_views + 64)
        .build()?;
    let result = runtime.block_on(serve);
    // Views that are still running past the shutdown's deadline are not waited for.
    runtime.shutdown_background();
    result
}

/// What must be right before the first request.
fn prepare(ready: &Ready) -> Result<()> {
    prepare_database(ready)?;
    ready.hooks.migrated(&ready.app)?;
    let config = ready.app.config();
    if config.allowed_hosts.is_empty() && !config.debug && ready.app.middleware().any(|name| name == "AllowedHosts") {
        return Err(Error::internal(
            "ALLOWED_HOSTS is empty, so every request would be refused. Name your hosts in settings.toml: ALLOWED_HOSTS = [\"example.com\"]",
        ));
    }
    Ok(())
}

/// While `DEBUG` is on, pending migrations are applied; otherwise they stop the start.
fn prepare_database(ready: &Ready) -> Result<()> {
    if !ready.app.config().debug || ready.database().is_err() {
        return require_migrations(&ready.app);
    }
    for name in migrate(ready)? {
        tracing::info!(target: "lback::serve", "applied the migration {name}");
    }
    let status = migrations(&ready.app)?.status(ready.database()?)?;
    for file in status.into_iter().filter_map(|migration| migration.changed) {
        tracing::warn!(target: "lback::serve", "{file} was changed after it was applied, which changes no database; the command check says what to do");
    }
    for difference in differences(&ready.app)? {
        tracing::warn!(target: "lback::serve", "{difference}; see the command check");
    }
    Ok(())
}

/// `8080`, `0.0.0.0`, `0.0.0.0:8080`.
fn parse_address(text: &str, host: &str, port: u16) -> Result<(String, u16)> {
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
        None => Err(Error::internal(format!("\"{text}\" is not an address; write 0.0.0.0:8080, or only a port"))),
    }
}

fn cannot_listen((host, port): &(String, u16), error: std::io::Error) -> Error {
    let message = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} of {host} is taken by another program. Stop that one, or listen elsewhere: {} serve {}",
            crate::run::program(),
            port.checked_add(1).unwrap_or(8000)
        ),
        ErrorKind::PermissionDenied => format!("port {port} needs more rights than this program has; use one above 1023"),
        _ => format!("cannot listen on {host}:{port}; HOST and PORT in settings.toml name it"),
    };
    Error::internal(message).with_source(error)
}

/// Ready at SIGTERM or Ctrl-C.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
    tracing::info!(target: "lback::serve", "stopping: requests in flight may finish");
}
