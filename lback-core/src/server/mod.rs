//! HTTP/1.1 and HTTP/2 (without TLS) over TCP.

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
use self::connection_state::Held;
use crate::Result;
use crate::application::Application;
use crate::signals::Announcer;

/// How long to wait after a failure to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections may wait to be accepted, as far as the system permits (`net.core.somaxconn`). A client whose connection
/// finds no room tries again after a second.
#[cfg(unix)]
const BACKLOG: i32 = 4096;

/// Serves `app` on `listener` until `stop` is ready, then lets the requests in flight finish.
///
/// Connections that do not finish within `SHUTDOWN_TIMEOUT_SECONDS` are closed. A request that has begun is carried to
/// its end even if its client hangs up, so no work is left half done.
///
/// Raises the soft limit of open files of this process to the hard one, and accepts `MAX_CONNECTIONS` at once, or as many as
/// [`connection_limit`] permits if that is less.
///
/// # Errors
/// Returns an error if the listener is not usable. What goes wrong on one connection ends that connection only.
pub async fn serve(app: Arc<Application>, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    let config = app.config();
    // Whoever made the socket has usually asked for 128.
    #[cfg(unix)]
    rustix::net::listen(&listener, BACKLOG)?;
    let shutdown_timeout = Duration::from_secs(config.shutdown_timeout_seconds);
    let max_connections = fit_connections(config.max_connections);
    let places = Arc::new(Semaphore::new(max_connections));
    let shared = Arc::new(Shared::new(app.clone()));
    // Turns true when the server stops. Connections that are left when this function ends see `stopping` go, and close.
    let (stopping, stopped) = watch::channel(false);
    let background = app.start_background(&stopped);
    let mut announcer = Announcer::started(&app, &listener);
    // Every connection and every request holds a clone of `alive`; when all are gone, `all_gone` ends.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);

    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places, &shared) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let held = Arc::new(Held::new(alive.clone(), place));
        let connection = Connection { shared: shared.clone(), held, stopping: stopped.clone() };
        tokio::spawn(connection.serve(stream));
    }

    drop(listener);
    let deadline = tokio::time::Instant::now() + shutdown_timeout;
    let _ = stopping.send(true);
    announcer.stopping();
    drop(alive);
    let finished = async {
        let _ = all_gone.recv().await;
        for task in background {
            let _ = task.await;
        }
    };
    if timeout_at(deadline, finished).await.is_err() {
        tracing::warn!("some requests did not finish within {shutdown_timeout:?} and were cut off");
    }
    if timeout_at(deadline, announcer.finished()).await.is_err() {
        tracing::warn!("some listeners to signals did not end within {shutdown_timeout:?} and were cut off");
    }
    Ok(())
}

/// The most connections to accept at once. Warns if that is less than `wanted`, which the settings say.
fn fit_connections(wanted: usize) -> usize {
    let wanted = wanted.clamp(1, Semaphore::MAX_PERMITS);
    match connection_limit() {
        Some(limit) if limit < wanted => {
            tracing::warn!(
                "MAX_CONNECTIONS = {wanted}, and the limit of open files leaves room for {limit} connections, which is the most that are \
                 accepted at once. Raise the limit (ulimit -Hn; LimitNOFILE= of systemd), or write MAX_CONNECTIONS = {limit}"
            );
            limit
        }
        _ => wanted,
    }
}

/// Waits for a free place and a connection. `None` if accepting failed.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>, shared: &Shared) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = match places.clone().try_acquire_owned() {
        Ok(place) => place,
        Err(_) => {
            shared.set_full(true);
            let place = places.clone().acquire_owned().await.ok()?;
            shared.set_full(false);
            place
        }
    };
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::error!(%error, "cannot accept a connection");
            if !is_of_connection(&error) {
                // Out of file descriptors or memory, as a rule: the next try would fail at once.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

/// Returns whether the error is about the connection that was to be accepted, so that the next one is not concerned.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}
