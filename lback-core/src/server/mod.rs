//! The server: HTTP/1.1 and HTTP/2 (without TLS) over TCP.

mod connection;
mod connection_state;
mod descriptors;
mod http2_streams;
mod incoming;
mod lingering_close;
mod response_body;
mod run_to_end;
mod socket;
mod transfer_rate;

pub use descriptors::connection_limit;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout_at;

use self::connection::{Connection, Shared};
use self::connection_state::ConnectionState;
use crate::Result;
use crate::application::Application;
use crate::signals::Announcer;

/// How long to wait after a failure to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Maximum number of connections that wait to be accepted, as far as the system permits (`net.core.somaxconn`). If the queue is
/// full, a client tries again after a second.
#[cfg(unix)]
const BACKLOG: i32 = 4096;

/// Serves `app` on `listener` until `stop` completes, then waits for the requests in flight.
///
/// Connections that do not finish within `SHUTDOWN_TIMEOUT_SECONDS` are closed. A request that has started runs to its end even
/// if its client disconnects, so that no work is left half done.
///
/// Raises the process's soft limit on open files to the hard limit, and keeps up to `MAX_CONNECTIONS` connections open at the
/// same time, or fewer if [`connection_limit`] is lower.
///
/// # Errors
/// Returns an error if the listener is unusable. An error on one connection ends only that connection.
pub async fn serve(app: Arc<Application>, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    let config = app.config();
    // Sockets are usually created with a backlog of 128.
    #[cfg(unix)]
    rustix::net::listen(&listener, BACKLOG)?;
    let shutdown_timeout = Duration::from_secs(config.shutdown_timeout_seconds);
    let max_connections = effective_max_connections(config.max_connections);
    let permits = Arc::new(Semaphore::new(max_connections));
    // Becomes true when the server stops. `stopping` is dropped when this function returns; the remaining connections then
    // close.
    let (stopping, stopped) = watch::channel(false);
    let shared = Arc::new(Shared::new(app.clone(), stopped.clone()));
    let background = app.start_background(&stopped);
    let mut announcer = Announcer::started(&app, &listener);
    // Every connection and every request holds a clone of `alive`; `all_done` ends when all of them have been dropped.
    let (alive, mut all_done) = mpsc::channel::<()>(1);

    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &permits, &shared) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let state = Arc::new(ConnectionState::new(alive.clone(), permit));
        let connection = Connection { shared: shared.clone(), state };
        tokio::spawn(connection.serve(stream));
    }

    drop(listener);
    let deadline = tokio::time::Instant::now() + shutdown_timeout;
    let _ = stopping.send(true);
    announcer.stopping();
    drop(alive);
    let finished = async {
        let _ = all_done.recv().await;
        for task in background {
            let _ = task.await;
        }
    };
    if timeout_at(deadline, finished).await.is_err() {
        tracing::warn!("some requests did not finish within {shutdown_timeout:?} and were cut off");
    }
    if timeout_at(deadline, announcer.finished()).await.is_err() {
        tracing::warn!("some signal listeners did not finish within {shutdown_timeout:?} and were cut off");
    }
    Ok(())
}

/// Returns the maximum number of open connections. Logs a warning if it is lower than `wanted`, the value in the settings.
fn effective_max_connections(wanted: usize) -> usize {
    let wanted = wanted.clamp(1, Semaphore::MAX_PERMITS);
    match connection_limit() {
        Some(limit) if limit < wanted => {
            tracing::warn!(
                "MAX_CONNECTIONS = {wanted}, but the limit on open files leaves room for only {limit} connections, so no more are \
                 accepted at once. Raise the limit (ulimit -Hn; LimitNOFILE= in systemd) or set MAX_CONNECTIONS = {limit}"
            );
            limit
        }
        _ => wanted,
    }
}

/// Waits for a permit and a connection. Returns `None` if accepting fails.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>, shared: &Shared) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = match permits.clone().try_acquire_owned() {
        Ok(permit) => permit,
        Err(_) => {
            shared.set_full(true);
            let permit = permits.clone().acquire_owned().await.ok()?;
            shared.set_full(false);
            permit
        }
    };
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::error!(%error, "cannot accept a connection");
            if !affects_one_connection(&error) {
                // Usually out of file descriptors or memory: the next attempt would fail at once.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

/// Returns whether the error concerns only the connection that was being accepted, so that the next one may succeed.
fn affects_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}
