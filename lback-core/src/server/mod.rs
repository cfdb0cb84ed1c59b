//! HTTP/1.1 and HTTP/2 (without TLS) over TCP.

mod answer;
mod connection;
mod finish;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout_at;

use self::connection::{Connection, Held, Protocols};
use crate::Result;
use crate::application::Application;
use crate::signals::Announcer;

/// Serves `app` on `listener` until `stop` is ready, then lets the requests in flight finish.
///
/// Connections that do not finish within `SHUTDOWN_TIMEOUT_SECONDS` are closed. A request that has begun is carried to
/// its end even if its client hangs up, so no work is left half done.
///
/// # Errors
/// Where the listener is not usable. What goes wrong on one connection ends that connection only.
pub async fn serve(app: Arc<Application>, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
    let config = app.config();
    let shutdown_timeout = Duration::from_secs(config.shutdown_timeout_seconds);
    let places = Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let protocols = Arc::new(Protocols::new(app.config()));
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
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let held = Arc::new(Held { _alive: alive.clone(), _place: place });
        let connection = Connection { app: app.clone(), protocols: protocols.clone(), held, stopping: stopped.clone() };
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

/// Waits for a free place and a connection. `None` where accepting failed, after a pause.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Out of file descriptors, as a rule: the next try would fail at once.
            tracing::error!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
