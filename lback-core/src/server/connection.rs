//! One connection, from its first byte to its last.

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

use super::connection_state::{Busy, Held};
use super::http2_streams::{MAX_STREAMS, Streams, Tasks};
use super::incoming::Incoming;
use super::lingering_close::{MAX_LINGERING, linger};
use super::response_body::Answer;
use super::run_to_end::Finish;
use super::socket::Wire;
use super::transfer_rate::{Pace, quota};
use crate::Body;
use crate::application::Application;
use crate::config::CoreSettings;
use crate::request::RequestBody;

/// How long a connection that was accepted just before the server stops may take to send its first request.
const LAST_CALL: Duration = Duration::from_secs(1);

/// How often within the shorter of its timeouts a connection is looked at.
const LOOKS: u32 = 4;

/// How much of the bodies of its requests a connection of HTTP/2 takes before views read them: of each, and of all.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// What a client says first that speaks HTTP/2. RFC 9113, 3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the connections of a server share.
pub(super) struct Shared {
    app: Arc<Application>,
    http1: http1::Builder,
    header_timeout: Duration,
    /// The window within which a body, or a response, has to get on.
    body_timeout: Duration,
    lingering: Arc<Semaphore>,
    /// Bytes of the headers of HTTP/2 requests that are not answered.
    headers: Arc<AtomicUsize>,
    /// Others wait for a connection to end.
    is_full: AtomicBool,
}

impl Shared {
    pub(super) fn new(app: Arc<Application>) -> Self {
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
            app,
        }
    }

    /// Serves HTTP/2, or HTTP/1 that begins like it.
    fn either(&self, streams: &Arc<Streams>) -> auto::Builder<Tasks> {
        let config = self.app.config();
        let mut either = auto::Builder::new(Tasks(streams.clone()));
        either.http1().header_read_timeout(None).max_buf_size(header_bytes(config));
        either
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(self.header_timeout)
            .keep_alive_timeout(self.header_timeout);
        either
    }

    /// Notes whether all places for connections are taken, and others wait for one.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }
}

/// hyper needs at least 8 KiB to work with.
fn header_bytes(config: &CoreSettings) -> usize {
    config.max_header_bytes.max(8 * 1024)
}

/// A connection. A server may hold ten thousand that wait for a request, so what they need only later is boxed.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) held: Arc<Held>,
    /// Turns true when the server stops, and goes when it has stopped.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Connection {
    pub(super) async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        tokio::select! {
            biased;
            () = self.run(stream) => {}
            why = self.watch() => tracing::debug!("connection closed: {why}"),
        }
    }

    async fn run(&self, stream: TcpStream) {
        let mut last_call = pin!(self.last_call());
        let like_http2 = tokio::select! {
            biased;
            like_http2 = begins_like_http2(&stream) => like_http2,
            () = last_call.as_mut() => return,
        };
        let peer = stream.peer_addr().ok();
        let stream = TokioIo::new(Wire::new(stream, self.held.clone(), like_http2));
        if like_http2 {
            return Box::pin(self.http2(stream, peer, last_call)).await;
        }
        let service = service_fn(|request| answer(&self.shared, request, peer, self.held.begin(None), None));
        let mut connection = self.shared.http1.serve_connection(stream, service);
        let result = self.finish(Pin::new(&mut connection), last_call).await;
        if self.held.was_left_unread() || result.is_err_and(|error| error.is_parse()) {
            let stream = connection.into_parts().io.into_inner().into_stream();
            Box::pin(self.linger(stream)).await;
        }
    }

    async fn http2(&self, stream: TokioIo<Wire>, peer: Option<SocketAddr>, last_call: Pin<&mut impl Future<Output = ()>>) {
        let streams = self.held.streams.get_or_init(|| Streams::new(self.shared.headers.clone()));
        let service = service_fn(|mut request: hyper::Request<HyperIncoming>| {
            // HTTP/1 has its requests answered one by one.
            let stream = streams.begin();
            let taken_in = stream.take_in(request.headers_mut());
            let busy = self.held.begin(Some(stream));
            let (shared, streams) = (self.shared.clone(), streams.clone());
            async move {
                if let Err(status) = taken_in {
                    tracing::debug!("request refused with {status}: its headers take too much");
                    return Ok(refusal(status, busy));
                }
                let turn = streams.turn().await;
                answer(&shared, request, peer, busy, turn).await
            }
        });
        let either = self.shared.either(streams);
        let mut connection = pin!(either.serve_connection(stream, service));
        let _ = self.finish(connection.as_mut(), last_call).await;
    }

    /// Serves `connection` until it ends, and from `last_call` on only what has been asked already.
    async fn finish<C>(&self, mut connection: Pin<&mut C>, last_call: Pin<&mut impl Future<Output = ()>>) -> Result<(), C::Error>
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

    /// Reads on after the answer to a client that may still be sending.
    async fn linger(&self, stream: TcpStream) {
        tokio::select! {
            biased;
            () = linger(stream, &self.shared.lingering) => {}
            () = self.server_gone() => {}
        }
    }

    /// Ends when the server stops and no first request is to be waited for.
    async fn last_call(&self) {
        let _ = self.stopping.clone().wait_for(|stopping| *stopping).await;
        // hyper would close a connection that has not said anything yet, though its request may be on its way.
        if self.held.begun() == 0 {
            let first = Box::pin(tokio::time::timeout(LAST_CALL, self.held.first.notified()));
            tokio::select! {
                _ = first => {}
                () = Box::pin(self.server_gone()) => {}
            }
        }
    }

    /// Looks at the connection now and then, and ends when its client has kept it waiting for too long. Returns for what.
    async fn watch(&self) -> &'static str {
        let Shared { header_timeout, body_timeout, .. } = *self.shared;
        let interval = header_timeout.min(body_timeout) / LOOKS;
        let looks_of = |timeout: Duration| u32::try_from(timeout.as_nanos().div_ceil(interval.as_nanos())).unwrap_or(u32::MAX);
        let (header_looks, body_looks, quota) = (looks_of(header_timeout), looks_of(body_timeout), quota(body_timeout));
        let (mut begun, mut quiet) = (0, 0);
        let (mut taken, mut dumb) = (0, 0);
        let mut pace = Pace::default();
        loop {
            tokio::time::sleep(interval).await;
            let now = self.held.begun();
            quiet = if now == begun && !self.held.is_busy() { quiet + 1 } else { 0 };
            begun = now;
            // A client that others wait for must not take as long as one that is alone.
            if quiet >= header_looks || (quiet > 0 && self.shared.is_full.load(Ordering::Relaxed)) {
                return "no request came";
            }
            let streams = self.held.streams.get();
            // A stream that stalls is reset first, and the others of its connection may go on.
            let patience = if streams.is_some() { 2 * body_looks } else { body_looks };
            if pace.look(&self.held.progress, quota) > patience || streams.is_some_and(|streams| streams.look(quota, body_looks)) {
                return "the client does not take the response";
            }
            let now = self.held.progress.taken();
            dumb = if now == taken && self.held.may_be_gone() { dumb + 1 } else { 0 };
            taken = now;
            if dumb >= header_looks {
                return "the client has closed its side, and there is nothing to send";
            }
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
    shared: &Shared,
    request: hyper::Request<HyperIncoming>,
    peer: Option<SocketAddr>,
    busy: Busy,
    turn: Option<OwnedSemaphorePermit>,
) -> impl Future<Output = Result<hyper::Response<Answer>, Infallible>> + Send + use<> {
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        RequestBody::default()
    } else {
        RequestBody::of_client(Incoming::new(body, busy.clone(), shared.body_timeout, shared.lingering.clone()))
    };
    let response = Finish::new(shared.app.clone().handle(parts, body, peer), (busy, turn));
    async move {
        let (response, (busy, _turn)) = response.await;
        Ok(response.into_hyper().map(|body| Answer::new(body, busy)))
    }
}

/// An answer without the application, as hyper gives it to headers that are too large.
fn refusal(status: StatusCode, busy: Busy) -> hyper::Response<Answer> {
    let mut response = hyper::Response::new(Answer::new(Body::empty(), busy));
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
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
