//! Serves one connection, from its first byte to its last.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body as _, Incoming as HyperIncoming};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::connection_state::{BusyGuard, ConnectionState};
use super::http2_streams::{MAX_STREAMS, StreamExecutor, Streams};
use super::incoming::Incoming;
use super::lingering_close::{MAX_LINGERING, linger};
use super::response_body::ResponseBody;
use super::run_to_end::RunToEnd;
use super::socket::Socket;
use super::transfer_rate::{RateWindow, quota};
use crate::Body;
use crate::application::Application;
use crate::config::CoreSettings;
use crate::request::RequestBody;
use crate::response::UntilShutdown;
use crate::upgrade::{self, PendingUpgrade, Upgraded};
use crate::view::BoxFuture;

/// How long a connection that was accepted just before the server stopped may take to send its first request.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Number of times that a connection is checked within the shorter of its timeouts.
const CHECKS_PER_TIMEOUT: u32 = 4;

/// HTTP/2 flow-control windows: how many bytes of request bodies are accepted before views read them, per stream and per
/// connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// The first bytes that an HTTP/2 client sends (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The state that all connections of a server share.
pub(super) struct Shared {
    app: Arc<Application>,
    http1: http1::Builder,
    header_timeout: Duration,
    /// The window within which a request body or a response must make progress.
    body_timeout: Duration,
    lingering: Arc<Semaphore>,
    /// Bytes of the headers of unanswered HTTP/2 requests.
    headers: Arc<AtomicUsize>,
    /// Whether clients are waiting for a connection to end.
    is_full: AtomicBool,
    /// Becomes true when the server stops, and is closed once it has stopped.
    stopping: watch::Receiver<bool>,
}

impl Shared {
    pub(super) fn new(app: Arc<Application>, stopping: watch::Receiver<bool>) -> Self {
        let config = app.config();
        // hyper would set a timer for the headers of each request; `watch` has one for the connection.
        let mut http1 = http1::Builder::new();
        http1.header_read_timeout(None).max_buf_size(header_bytes(config));
        Shared {
            http1,
            header_timeout: Duration::from_secs(config.header_timeout_seconds.max(1)),
            body_timeout: Duration::from_secs(config.body_timeout_seconds.max(1)),
            lingering: Arc::new(Semaphore::new(MAX_LINGERING)),
            headers: Arc::default(),
            is_full: AtomicBool::new(false),
            stopping,
            app,
        }
    }

    /// Returns the builder for HTTP/2, and for HTTP/1 that starts like it.
    fn auto_builder(&self, streams: &Arc<Streams>) -> auto::Builder<StreamExecutor> {
        let config = self.app.config();
        let mut auto_builder = auto::Builder::new(StreamExecutor(streams.clone()));
        auto_builder.http1().header_read_timeout(None).max_buf_size(header_bytes(config));
        auto_builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(self.header_timeout)
            .keep_alive_timeout(self.header_timeout);
        auto_builder
    }

    /// Completes when the server begins to stop.
    async fn until_stopping(&self) {
        let _ = self.stopping.clone().wait_for(|stopping| *stopping).await;
    }

    /// Records whether all permits for connections are in use and clients are waiting for one.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }
}

/// Returns the maximum size of the headers. hyper needs at least 8 KiB.
fn header_bytes(config: &CoreSettings) -> usize {
    config.max_header_bytes.max(8 * 1024)
}

/// A connection. A server may have ten thousand idle connections, so the state that they need only later is boxed.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) state: Arc<ConnectionState>,
}

impl Connection {
    pub(super) async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let upgraded = tokio::select! {
            biased;
            upgraded = self.run(stream) => upgraded,
            why = self.watch() => {
                tracing::debug!("connection closed: {why}");
                None
            }
        };
        if let Some((upgrade, connection)) = upgraded {
            Box::pin(self.serve_upgraded(upgrade, connection)).await;
        }
    }

    /// Serves HTTP. Returns the connection if a response has switched it to another protocol.
    async fn run(&self, stream: TcpStream) -> Option<(PendingUpgrade, Upgraded)> {
        let mut shutdown = pin!(self.shutdown());
        let looks_like_http2 = tokio::select! {
            biased;
            looks_like_http2 = starts_like_http2(&stream) => looks_like_http2,
            () = shutdown.as_mut() => return None,
        };
        let peer = stream.peer_addr().ok();
        let stream = TokioIo::new(Socket::new(stream, self.state.clone(), looks_like_http2));
        if looks_like_http2 {
            Box::pin(self.http2(stream, peer, shutdown)).await;
            return None;
        }
        let service = service_fn(|request| answer(self.shared.clone(), request, peer, self.state.begin(None), None));
        let mut connection = self.shared.http1.serve_connection(stream, service);
        let result = self.finish(Pin::new(&mut connection), shutdown).await;
        if let Some(upgrade) = self.state.upgrade.get().filter(|_| result.is_ok()) {
            let parts = connection.into_parts();
            let stream = parts.io.into_inner().into_stream();
            return Some((upgrade.clone(), Upgraded::new(stream, parts.read_buf, self.shared.stopping.clone())));
        }
        if self.state.was_left_unread() || result.is_err_and(|error| error.is_parse()) {
            let stream = connection.into_parts().io.into_inner().into_stream();
            Box::pin(self.linger(stream)).await;
        }
        None
    }

    /// Serves another protocol, until its connection ends or the server has stopped.
    async fn serve_upgraded(&self, upgrade: PendingUpgrade, connection: Upgraded) {
        tokio::select! {
            biased;
            () = upgrade.run(connection) => {}
            () = self.server_gone() => tracing::debug!("upgraded connection closed: the server has stopped"),
        }
    }

    async fn http2(&self, stream: TokioIo<Socket>, peer: Option<SocketAddr>, shutdown: Pin<&mut impl Future<Output = ()>>) {
        let streams = self.state.streams.get_or_init(|| Streams::new(self.shared.headers.clone()));
        let service = service_fn(|mut request: hyper::Request<HyperIncoming>| {
            upgrade::forbid(&mut request);
            // HTTP/1 needs no stream, because it answers one request at a time.
            let stream = streams.begin();
            let reserved = stream.reserve_headers(request.headers_mut());
            let busy = self.state.begin(Some(stream));
            let (shared, streams) = (self.shared.clone(), streams.clone());
            async move {
                if let Err(status) = reserved {
                    tracing::debug!("request refused with {status}: its headers take too much memory");
                    return Ok(refusal(status, busy));
                }
                let permit = streams.view_permit().await;
                answer(shared, request, peer, busy, permit).await
            }
        });
        let auto_builder = self.shared.auto_builder(streams);
        let mut connection = pin!(auto_builder.serve_connection(stream, service));
        let _ = self.finish(connection.as_mut(), shutdown).await;
    }

    /// Serves `connection` until it ends. Once `shutdown` completes, answers only the requests that have already arrived.
    async fn finish<C>(&self, mut connection: Pin<&mut C>, shutdown: Pin<&mut impl Future<Output = ()>>) -> Result<(), C::Error>
    where
        C: GracefulConnection<Error: Display>,
    {
        let ended = tokio::select! {
            biased;
            result = connection.as_mut() => Some(result),
            () = shutdown => None,
        };
        let result = match ended {
            Some(result) => result,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    result = connection => result,
                    () = Box::pin(self.server_gone()) => {
                        tracing::debug!("connection closed: the server has stopped");
                        Ok(())
                    }
                }
            }
        };
        if let Err(error) = &result {
            tracing::debug!(%error, "connection ended");
        }
        result
    }

    /// Keeps reading after the response, because the client may still be sending.
    async fn linger(&self, stream: TcpStream) {
        tokio::select! {
            biased;
            () = linger(stream, &self.shared.lingering) => {}
            () = self.server_gone() => {}
        }
    }

    /// Completes when the server stops and the connection has no first request left to wait for.
    async fn shutdown(&self) {
        self.shared.until_stopping().await;
        // hyper would close a connection that has not sent anything yet, although its request may be on its way.
        if self.state.begun() == 0 {
            let first = Box::pin(tokio::time::timeout(FIRST_REQUEST_TIMEOUT, self.state.first.notified()));
            tokio::select! {
                _ = first => {}
                () = Box::pin(self.server_gone()) => {}
            }
        }
    }

    /// Checks the connection regularly until its client has kept it waiting for too long. Returns the reason to close it.
    async fn watch(&self) -> &'static str {
        let Shared { header_timeout, body_timeout, .. } = *self.shared;
        let interval = header_timeout.min(body_timeout) / CHECKS_PER_TIMEOUT;
        let checks_in = |timeout: Duration| u32::try_from(timeout.as_nanos().div_ceil(interval.as_nanos())).unwrap_or(u32::MAX);
        let (header_checks, body_checks, quota) = (checks_in(header_timeout), checks_in(body_timeout), quota(body_timeout));
        let (mut begun, mut idle_checks) = (0, 0);
        let (mut sent, mut half_closed_checks) = (0, 0);
        let mut rate = RateWindow::default();
        loop {
            tokio::time::sleep(interval).await;
            let now = self.state.begun();
            idle_checks = if now == begun && !self.state.is_busy() { idle_checks + 1 } else { 0 };
            begun = now;
            // An idle client gets less time if others are waiting for a connection.
            if idle_checks >= header_checks || (idle_checks > 0 && self.shared.is_full.load(Ordering::Relaxed)) {
                return "no request arrived";
            }
            let streams = self.state.streams.get();
            // A stalled stream is reset first, so that the other streams of its connection can continue.
            let max_checks = if streams.is_some() { 2 * body_checks } else { body_checks };
            if rate.check(&self.state.progress, quota) > max_checks || streams.is_some_and(|streams| streams.check(quota, body_checks)) {
                return "the client does not read the response";
            }
            let now = self.state.progress.sent();
            half_closed_checks = if now == sent && self.state.may_be_gone() { half_closed_checks + 1 } else { 0 };
            sent = now;
            if half_closed_checks >= header_checks {
                return "the client has closed its side and there is nothing to send";
            }
        }
    }

    /// Completes when the server has stopped, which drops the sender of the channel.
    async fn server_gone(&self) {
        let mut stopping = self.shared.stopping.clone();
        while stopping.changed().await.is_ok() {}
    }
}

/// Answers a request. Holds its connection and its view permit until the view ends; the connection stays busy until the
/// response has been sent.
fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<HyperIncoming>,
    peer: Option<SocketAddr>,
    busy: BusyGuard,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Future<Output = Result<hyper::Response<ResponseBody>, Infallible>> + Send + use<> {
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        RequestBody::default()
    } else {
        RequestBody::of_client(Incoming::new(body, busy.clone(), shared.body_timeout, shared.lingering.clone()))
    };
    let response = RunToEnd::new(shared.app.clone().handle(parts, body, peer), (busy, permit));
    async move {
        let (response, (busy, _permit)) = response.await;
        let mut response = response.into_hyper();
        if let Some(upgrade) = PendingUpgrade::take(&mut response) {
            let _ = busy.state().upgrade.set(upgrade);
        }
        let end = response.extensions().get::<UntilShutdown>().is_some().then(|| end_of_endless(shared, busy.state().clone()));
        Ok(response.map(|body| ResponseBody::new(body, busy, end)))
    }
}

/// Completes when a body that has no end of its own should end.
fn end_of_endless(shared: Arc<Shared>, state: Arc<ConnectionState>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        tokio::select! {
            () = shared.until_stopping() => {}
            // The client has most likely disconnected. It could be waiting for the rest of any other body.
            () = state.half_closed() => {}
        }
    })
}

/// Returns a response without calling the application, like hyper's response to headers that are too large.
fn refusal(status: StatusCode, busy: BusyGuard) -> hyper::Response<ResponseBody> {
    let mut response = hyper::Response::new(ResponseBody::new(Body::empty(), busy, None));
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Returns whether the client's first bytes look like HTTP/2. Those of an HTTP/1 client may, too, for a letter or two.
///
/// Peeks instead of reading. hyper-util distinguishes the protocols by reading: it passes the first bytes to hyper in a
/// separate buffer, so hyper allocates another 8 KiB to read the rest, and it reserves space for the HTTP/2 state in every
/// connection.
async fn starts_like_http2(stream: &TcpStream) -> bool {
    let mut first = [0; HTTP2_PREFACE.len()];
    match stream.peek(&mut first).await {
        Ok(0) | Err(_) => false,
        Ok(length) => HTTP2_PREFACE.starts_with(&first[..length]),
    }
}
