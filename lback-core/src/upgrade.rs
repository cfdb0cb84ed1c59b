//! Upgrades of HTTP/1.1 connections to other protocols (RFC 9110, 7.8).

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{StatusCode, http};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::watch;

use crate::panics::catch_panic;
use crate::view::BoxFuture;
use crate::{Error, Request, Response, Result};

/// Size of the buffers between a test and an upgraded connection in memory, in bytes.
const TEST_BUFFER: usize = 64 * 1024;

impl Response {
    /// Switches the connection to another protocol: creates a response with status 101, and calls `serve` with the connection once that
    /// response has been sent.
    ///
    /// ```
    /// use lback::http::Upgraded;
    /// use lback::prelude::*;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// async fn echo(mut connection: Upgraded) {
    ///     let mut buffer = [0; 1024];
    ///     while let Ok(read @ 1..) = connection.read(&mut buffer).await {
    ///         if connection.write_all(&buffer[..read]).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// }
    ///
    /// fn start(req: &mut Request) -> Result<Response> {
    ///     Response::upgrade(req, "echo", echo)
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new().get("/", start)), "SESSION_TIMEOUT_MINUTES = 30");
    /// # client.get("/").send().assert_status(426);
    /// # let (response, connection) = client.get("/").upgrade("echo").unwrap();
    /// # response.assert_status(101);
    /// # let mut connection = connection.unwrap();
    /// # lback::testing::block_on(async {
    /// #     connection.write_all(b"hello").await.unwrap();
    /// #     let mut answer = [0; 5];
    /// #     connection.read_exact(&mut answer).await.unwrap();
    /// #     assert_eq!(&answer, b"hello");
    /// # });
    /// ```
    ///
    /// The request has ended by then: its unit of work and its session are saved, and it is in the request log with the status 101. The
    /// connection still counts as one of `MAX_CONNECTIONS`, but no timeout of the server applies to it any more. `serve` must notice
    /// clients that are gone or do not read.
    ///
    /// When the server stops, [`Upgraded::stopping`] completes. If `serve` has not ended after `SHUTDOWN_TIMEOUT_SECONDS`, it is dropped.
    /// A panic in it is logged, and closes the connection.
    ///
    /// # Errors
    /// Returns 426 unless the request asks for `protocol` over HTTP/1.1, and 400 if it has a body. HTTP/2 has no upgrades; browsers open
    /// another connection for them.
    pub fn upgrade<F, Fut>(req: &Request, protocol: &'static str, serve: F) -> Result<Self>
    where
        F: FnOnce(Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let name = HeaderValue::from_static(protocol);
        if !req.asks_for_upgrade(protocol) {
            let message = format!("This address speaks the protocol \"{protocol}\". Connect over HTTP/1.1 with Upgrade: {protocol}.");
            let error = Error::new(StatusCode::UPGRADE_REQUIRED, message).with_header(header::UPGRADE, name);
            return Err(error.with_header(header::CONNECTION, HeaderValue::from_static("upgrade")));
        }
        if has_body(req.headers()) {
            return Err(Error::bad_request("A request to switch protocols cannot have a body."));
        }
        let mut response = Response::new(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, name);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        response.extensions_mut().insert(PendingUpgrade::new(Box::new(|connection| Box::pin(serve(connection)))));
        Ok(response)
    }
}

impl Request {
    /// Returns whether the client asks to switch to `protocol`, on a connection that can.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// fn view(req: &mut Request) -> &'static str {
    ///     if req.asks_for_upgrade("websocket") { "a script" } else { "a person" }
    /// }
    /// ```
    pub fn asks_for_upgrade(&self, protocol: &str) -> bool {
        self.can_upgrade() && lists(self.headers(), &header::CONNECTION, "upgrade") && lists(self.headers(), &header::UPGRADE, protocol)
    }
}

/// Returns whether a header that is a list contains `token`.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    values.map(<[u8]>::trim_ascii).any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

/// Returns whether hyper can switch the protocol of the connection after this request.
pub(crate) fn is_possible(parts: &http::request::Parts) -> bool {
    parts.extensions.get::<OnUpgrade>().is_some()
}

/// Makes upgrades impossible for a request whose connection is not served in a way that allows them.
pub(crate) fn forbid<B>(request: &mut hyper::Request<B>) {
    request.extensions_mut().remove::<OnUpgrade>();
}

type Serve = Box<dyn FnOnce(Upgraded) -> BoxFuture<'static, ()> + Send>;

/// The function that serves the connection once its response has been sent. It is an extension of that response.
#[derive(Clone)]
pub(crate) struct PendingUpgrade(Arc<Mutex<Option<Serve>>>);

impl PendingUpgrade {
    fn new(serve: Serve) -> Self {
        PendingUpgrade(Arc::new(Mutex::new(Some(serve))))
    }

    /// Removes the upgrade of a response that still has the status 101.
    pub(crate) fn take<B>(response: &mut hyper::Response<B>) -> Option<Self> {
        let upgrade = response.extensions_mut().remove();
        upgrade.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS)
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(self, connection: Upgraded) {
        let Some(serve) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let work = async {
            serve(connection).await;
            Ok(())
        };
        if let Err(error) = catch_panic(pin!(work)).await {
            tracing::error!("an upgraded connection was closed: {error:?}");
        }
    }

    /// Serves a connection in memory, in a task of its own, and returns the end of the client.
    pub(crate) fn run_in_memory(self) -> DuplexStream {
        let (client, server) = duplex(TEST_BUFFER);
        tokio::spawn(self.run(Upgraded::in_test(server)));
        client
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection that no longer speaks HTTP; see [`Response::upgrade`].
pub struct Upgraded {
    io: Box<dyn Io>,
    /// Bytes that the client has sent right after its request.
    early: Bytes,
    stopping: watch::Receiver<bool>,
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}

impl Upgraded {
    pub(crate) fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, early: Bytes, stopping: watch::Receiver<bool>) -> Self {
        Upgraded { io: Box::new(io), early, stopping }
    }

    /// Returns a connection in a test, whose server never stops.
    pub(crate) fn in_test(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        static NEVER: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::channel(false).0);
        Upgraded::new(io, Bytes::new(), NEVER.subscribe())
    }

    /// Returns a future that completes when the server begins to stop. It does not borrow the connection.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..length]);
            self.early.advance(length);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
