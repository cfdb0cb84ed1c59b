//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_io_timeout::TimeoutWriter;

use super::answer::Answer;
use super::finish::Finish;
use crate::application::Application;
use crate::config::CoreSettings;
use crate::request::RequestBody;

/// The most requests of one connection that are answered at once. A request that an HTTP/2 client has reset still counts
/// until its view has ended, so that opening and resetting streams costs the client as much as the server.
const MAX_STREAMS: u32 = 128;

/// How long a connection that was accepted just before the server stops may take to send its first request.
const LAST_CALL: Duration = Duration::from_secs(1);

/// How often within its timeout a connection is looked at.
const LOOKS: u32 = 4;

/// What a client says first that speaks HTTP/2. RFC 9113, 3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How connections are served, by what is spoken on them.
pub(super) struct Protocols {
    http1: http1::Builder,
    /// HTTP/2, or HTTP/1 that begins like it.
    either: auto::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(config: &CoreSettings) -> Self {
        let header_timeout = header_timeout(config);
        // hyper needs at least 8 KiB to work with.
        let header_bytes = config.max_header_bytes.max(8 * 1024);
        // hyper would set a timer for the headers of each request; `silence` has one for the connection.
        let mut http1 = http1::Builder::new();
        http1.header_read_timeout(None).max_buf_size(header_bytes);
        let mut either = auto::Builder::new(TokioExecutor::new());
        either.http1().header_read_timeout(None).max_buf_size(header_bytes);
        either
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(header_timeout)
            .keep_alive_timeout(header_timeout);
        Protocols { http1, either }
    }
}

/// How long a client may take to send the headers of a request.
fn header_timeout(config: &CoreSettings) -> Duration {
    Duration::from_secs(config.header_timeout_seconds.max(1))
}

/// What a connection holds on to, and every request and response of it: a request whose client hung up still keeps its
/// connection's place, and has the server wait for it.
pub(super) struct Held {
    pub(super) _alive: mpsc::Sender<()>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// A connection. A server may hold ten thousand that wait for a request, so what they need only later is boxed.
pub(super) struct Connection {
    pub(super) app: Arc<Application>,
    pub(super) protocols: Arc<Protocols>,
    pub(super) held: Arc<Held>,
    /// Turns true when the server stops, and goes when it has stopped.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Connection {
    pub(super) async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let header_timeout = header_timeout(self.app.config());
        let requests = Requests::default();
        tokio::select! {
            biased;
            () = self.run(stream, &requests) => {}
            () = self.silence(header_timeout, &requests) => tracing::debug!("connection closed: no request within {header_timeout:?}"),
        }
    }

    async fn run(&self, stream: TcpStream, requests: &Requests) {
        let mut last_call = pin!(self.last_call(requests));
        let like_http2 = tokio::select! {
            biased;
            like_http2 = begins_like_http2(&stream) => like_http2,
            () = last_call.as_mut() => return,
        };
        let peer = stream.peer_addr().ok();
        let stream = TokioIo::new(bounded(stream, header_timeout(self.app.config())));
        let begin = || {
            requests.count();
            (self.app.clone(), self.held.clone())
        };
        if like_http2 {
            // HTTP/1 has its requests answered one by one.
            let turns = Arc::new(Semaphore::new(MAX_STREAMS as usize));
            let service = service_fn(|request| {
                let ((app, held), turns) = (begin(), turns.clone());
                async move {
                    let turn = turns.acquire_owned().await.ok();
                    answer(app, request, peer, (held, turn)).await
                }
            });
            let mut connection = Box::pin(self.protocols.either.serve_connection(stream, service));
            self.finish(connection.as_mut(), last_call).await;
        } else {
            let service = service_fn(|request| {
                let (app, held) = begin();
                answer(app, request, peer, (held, None))
            });
            let connection = pin!(self.protocols.http1.serve_connection(stream, service));
            self.finish(connection, last_call).await;
        }
    }

    /// Serves `connection` until it ends, and from `last_call` on only what has been asked already.
    async fn finish<C>(&self, mut connection: Pin<&mut C>, last_call: Pin<&mut impl Future<Output = ()>>)
    where
        C: GracefulConnection<Error: Display>,
    {
        let ended = tokio::select! {
            biased;
            result = connection.as_mut() => Some(result),
            () = last_call => None,
        };
        let result = match ended {
            Some(result) => result,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    result = connection => result,
                    () = Box::pin(self.server_gone()) => return tracing::debug!("connection closed: the server has stopped"),
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "connection ended");
        }
    }

    /// Ends when the server stops and no first request is to be waited for.
    async fn last_call(&self, requests: &Requests) {
        let _ = self.stopping.clone().wait_for(|stopping| *stopping).await;
        // hyper would close a connection that has not said anything yet, though its request may be on its way.
        if requests.begun.load(Ordering::Relaxed) == 0 {
            let first = Box::pin(tokio::time::timeout(LAST_CALL, requests.first.notified()));
            tokio::select! {
                _ = first => {}
                () = Box::pin(self.server_gone()) => {}
            }
        }
    }

    /// Ends when no request has begun for `header_timeout`, or at most a quarter longer, and none is in the works.
    async fn silence(&self, header_timeout: Duration, requests: &Requests) {
        let (mut seen, mut quiet) = (0, 0);
        while quiet < LOOKS {
            tokio::time::sleep(header_timeout / LOOKS).await;
            let now = requests.begun.load(Ordering::Relaxed);
            let is_quiet = now == seen && Arc::strong_count(&self.held) == 1;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            seen = now;
        }
    }

    /// Ends when the server has stopped: the other end of the channel goes with it.
    async fn server_gone(&self) {
        let mut stopping = self.stopping.clone();
        while stopping.changed().await.is_ok() {}
    }
}

/// Answers a request. It holds on to its connection, and to its turn, to the end of the view; the connection is busy until the
/// response has left.
fn answer(
    app: Arc<Application>,
    request: hyper::Request<Incoming>,
    peer: Option<SocketAddr>,
    held: (Arc<Held>, Option<OwnedSemaphorePermit>),
) -> impl Future<Output = Result<hyper::Response<Answer>, Infallible>> + Send {
    let (parts, body) = request.into_parts();
    let response = Finish::new(app.handle(parts, RequestBody::from(body), peer), held);
    async move {
        let (response, (held, _turn)) = response.await;
        Ok(response.into_hyper().map(|body| Answer::new(body, held)))
    }
}

/// The requests of one connection that have begun.
#[derive(Default)]
struct Requests {
    begun: AtomicUsize,
    first: Notify,
}

impl Requests {
    fn count(&self) {
        if self.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.first.notify_one();
        }
    }
}

/// A client that does not read what it asked for must not keep its place for ever.
fn bounded(stream: TcpStream, timeout: Duration) -> Pin<Box<TimeoutWriter<TcpStream>>> {
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(timeout));
    Box::pin(stream)
}

/// Does the client begin as one that speaks HTTP/2 does? One that speaks HTTP/1 may too, for a letter or two.
///
/// Looks without reading. hyper-util tells the two apart by reading: it hands the first bytes to hyper in a buffer of their
/// own, for which hyper takes a second 8 KiB to read the rest into, and keeps room for the state of HTTP/2 in every
/// connection.
async fn begins_like_http2(stream: &TcpStream) -> bool {
    let mut first = [0; HTTP2_PREFACE.len()];
    match stream.peek(&mut first).await {
        Ok(0) | Err(_) => false,
        Ok(length) => HTTP2_PREFACE.starts_with(&first[..length]),
    }
}
