//! HTTP/1.1 and HTTP/2 (without TLS) over TCP.

mod answer;
mod finish;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout_at;
use tokio_io_timeout::TimeoutStream;

use self::answer::Answer;
use self::finish::Finish;
use crate::Result;
use crate::application::Application;
use crate::request::RequestBody;
use crate::signals::Announcer;

/// The most requests of one connection that are answered at once. A request that an HTTP/2 client has reset still counts
/// until its view has ended, so that opening and resetting streams costs the client as much as the server.
const MAX_STREAMS: u32 = 128;

/// How long a connection that was accepted just before the server stops may take to send its first request.
const LAST_CALL: Duration = Duration::from_secs(1);

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
    let builder = Arc::new(builder(&app));
    let (stopping, stopped) = watch::channel(false);
    let background = app.start_background(&stopped);
    let mut announcer = Announcer::started(&app, &listener);
    // Every connection and every request holds a clone of `alive`; when all are gone, `all_gone` ends.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    // Connections that are left when this function ends see `_serving` go, and close.
    let (_serving, serving) = watch::channel(());

    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let held = Arc::new(Held { _alive: alive.clone(), _place: place });
        let connection = Connection { app: app.clone(), held, stopping: stopped.clone(), serving: serving.clone() };
        let builder = builder.clone();
        tokio::spawn(async move { connection.run(&builder, stream).await });
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

type Builder = auto::Builder<TokioExecutor>;

fn builder(app: &Application) -> Builder {
    let config = app.config();
    let header_timeout = Duration::from_secs(config.header_timeout_seconds.max(1));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // hyper needs at least 8 KiB to work with.
        .max_buf_size(config.max_header_bytes.max(8 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(header_timeout)
        .keep_alive_timeout(header_timeout);
    builder
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

/// What a connection and every request of it hold on to: a request whose client hung up still keeps its connection's
/// place, and has the server wait for it.
struct Held {
    _alive: mpsc::Sender<()>,
    _place: OwnedSemaphorePermit,
}

struct Connection {
    app: Arc<Application>,
    held: Arc<Held>,
    stopping: watch::Receiver<bool>,
    serving: watch::Receiver<()>,
}

impl Connection {
    async fn run(mut self, builder: &Builder, stream: TcpStream) {
        let peer = stream.peer_addr().ok();
        let _ = stream.set_nodelay(true);
        let header_timeout = Duration::from_secs(self.app.config().header_timeout_seconds.max(1));
        let begun = AtomicUsize::new(0);
        let first = Notify::new();
        let busy = Arc::new(());
        let streams = Arc::new(Semaphore::new(MAX_STREAMS as usize));
        let service = service_fn(|request: hyper::Request<Incoming>| {
            if begun.fetch_add(1, Ordering::Relaxed) == 0 {
                first.notify_one();
            }
            let (app, held, streams, busy) = (self.app.clone(), self.held.clone(), streams.clone(), busy.clone());
            async move {
                let turn = streams.acquire_owned().await;
                let (parts, body) = request.into_parts();
                let answer = Finish::new(async move {
                    let response = app.handle(parts, RequestBody::from(body), peer).await;
                    drop((turn, held));
                    response
                });
                Ok::<_, Infallible>(answer.await.into_hyper().map(|body| Answer { body, _busy: busy }))
            }
        });
        // hyper's own header timeout begins only once it knows which HTTP this is, and not at all for HTTP/2.
        let silent = async {
            let mut seen = 0;
            loop {
                tokio::time::sleep(header_timeout).await;
                let now = begun.load(Ordering::Relaxed);
                if now == seen && Arc::strong_count(&busy) == 1 {
                    return;
                }
                seen = now;
            }
        };
        // A client that does not read what it asked for must not keep its place for ever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(header_timeout));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let stopping = async {
            // The other end of the channel goes when the server does.
            let _ = self.stopping.wait_for(|stopping| *stopping).await;
            // hyper would close a connection that has not said anything yet, though its request may be on its way.
            if begun.load(Ordering::Relaxed) == 0 {
                let _ = tokio::time::timeout(LAST_CALL, first.notified()).await;
            }
        };
        let served = async {
            tokio::select! {
                result = connection.as_mut() => return result,
                () = stopping => connection.as_mut().graceful_shutdown(),
            }
            connection.await
        };
        tokio::select! {
            result = served => if let Err(error) = result {
                tracing::debug!(%error, "connection ended");
            },
            () = silent => tracing::debug!("connection closed: no request within {header_timeout:?}"),
            _ = self.serving.changed() => tracing::debug!("connection closed: the server has stopped"),
        }
    }
}
