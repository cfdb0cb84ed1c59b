//! Responses.

mod body;
mod events;
mod file;
mod into_response;
mod with_header;
mod written;

pub use body::Body;
pub use events::Event;
pub(crate) use file::FileRequest;
pub use into_response::IntoResponse;
pub use with_header::WithHeader;
pub use written::BodyWriter;
pub(crate) use written::MAX_WRITTEN;

use std::path::Path;

use bytes::Bytes;
use cookie::Cookie;
use futures_core::Stream;
use hyper::StatusCode;
use hyper::body::Body as _;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::error::BoxError;
use crate::{Error, Request, Result};

/// An HTTP response: status, headers, body.
///
/// ```
/// use lback::Response;
/// use lback::http::StatusCode;
///
/// let response = Response::text("gone").with_status(StatusCode::GONE).with_header("x-reason", "moved").unwrap();
/// assert_eq!(response.status(), 410);
/// assert_eq!(response.body().as_bytes(), Some(&b"gone"[..]));
/// ```
// Boxed, because it moves from layer to layer many times.
#[derive(Debug, Default)]
#[must_use = "a response is sent only if the view or middleware returns it"]
pub struct Response(Box<hyper::Response<Body>>);

impl Response {
    /// Creates a response with this status and no body.
    pub fn new(status: StatusCode) -> Self {
        Self::default().with_status(status)
    }

    /// Creates a plain-text response in UTF-8.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self::of_type(const { HeaderValue::from_static("text/plain; charset=utf-8") }, text)
    }

    /// Creates an HTML response in UTF-8. The page is sent unchanged: escape untrusted text, or use
    /// [`Request::render`](crate::Request::render), which escapes it.
    pub fn html(page: impl Into<Bytes>) -> Self {
        Self::of_type(const { HeaderValue::from_static("text/html; charset=utf-8") }, page)
    }

    /// Creates a JSON response from `value`.
    ///
    /// # Errors
    /// Returns an error if `value` cannot be represented as JSON, such as a map whose keys are not strings.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        let json = serde_json::to_vec(value)?;
        Ok(Self::of_type(const { HeaderValue::from_static("application/json") }, json))
    }

    /// Redirects with status 303: the client requests `location` with GET. This is the usual response to a POST.
    ///
    /// `location` is a path or a URL, as returned by [`Request::url_for`](crate::Request::url_for). A location that the client
    /// sent (`?next=…`) could lead to another site: check it first.
    pub fn redirect(location: &str) -> Self {
        let mut response = Self::new(StatusCode::SEE_OTHER);
        response.0.headers_mut().insert(header::LOCATION, location_value(location));
        response
    }

    /// Creates a response that streams the file at `path`, with `ETag` and `Last-Modified`, and answers `Range` and conditional
    /// requests.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn manual(req: &mut Request) -> Result<Response> {
    ///     let path = req.app().root().join("manual.pdf");
    ///     Response::file(req, path)
    /// }
    /// ```
    ///
    /// Works in plain and async views alike: it opens and inspects the file, and everything after the first 64 KiB is read on
    /// other threads while the response is sent. If `path` contains input from a visitor, check it first;
    /// [`StaticFiles::folder`](crate::middleware::StaticFiles::folder) serves a folder with such checks.
    ///
    /// # Errors
    /// Returns 404 if there is no regular file at `path`, and 500 if it cannot be read.
    pub fn file(req: &Request, path: impl AsRef<Path>) -> Result<Self> {
        FileRequest::of(req).open(path.as_ref())
    }

    /// Like [`Response::file`], but the browser saves the file under `name` instead of showing it.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn invoice(req: &mut Request) -> Result<Response> {
    ///     let path = req.app().root().join("invoices/7.pdf");
    ///     Response::download(req, path, "Rechnung für Müller.pdf")
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns the same errors as [`Response::file`].
    pub fn download(req: &Request, path: impl AsRef<Path>, name: &str) -> Result<Self> {
        let mut response = Self::file(req, path)?;
        if response.0.status().is_success() {
            response.0.headers_mut().insert(header::CONTENT_DISPOSITION, file::attachment(name)?);
        }
        Ok(response)
    }

    /// Creates a response whose body is produced while it is sent.
    ///
    /// ```
    /// use lback::Response;
    /// use std::convert::Infallible;
    ///
    /// let lines = (1..=3).map(|n| Ok::<_, Infallible>(format!("{n}\n")));
    /// let response = Response::stream(lines);
    /// # assert!(response.body().as_bytes().is_none());
    /// ```
    ///
    /// The iterator runs on the threads that serve connections, so it must not block; for a stream that waits, see
    /// [`Response::body_stream`].
    pub fn stream<I, T, E>(parts: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: Send + 'static,
        T: Into<Bytes>,
        E: Into<BoxError> + 'static,
    {
        let mut parts = Box::new(parts.into_iter());
        let stream = IterBody(move || parts.next().map(|part| part.map(Into::into).map_err(Into::into)));
        Self::body_stream(stream)
    }

    /// Creates a response from any HTTP body.
    pub fn body_stream<B>(body: B) -> Self
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::of_body(Body::stream(body))
    }

    /// Creates a response that sends events to the page, in which an `EventSource` receives them.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use lback::http::Event;
    /// use lback::prelude::*;
    /// use tokio::sync::broadcast;
    /// use tokio_stream::StreamExt;
    /// use tokio_stream::wrappers::BroadcastStream;
    ///
    /// struct News(broadcast::Sender<String>);
    ///
    /// async fn news(req: &mut Request) -> Result<Response> {
    ///     let News(sender) = req.state()?;
    ///     let messages = BroadcastStream::new(sender.subscribe());
    ///     Ok(Response::events(messages.map(|message| Event::text(message?))))
    /// }
    /// # fn two(_: &mut Request) -> Response { Response::events(tokio_stream::iter([Event::text("one"), Event::text("two")])) }
    /// # let app = App::new(Router::new().get("/news", news).get("/two", two)).state(News(broadcast::channel(16).0));
    /// # let client = lback::testing::Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// # assert_eq!(client.get("/two").send().text(), "data: one\n\ndata: two\n\n");
    /// ```
    ///
    /// The stream is polled on the threads that serve connections, so it must not block. It is polled only while the client reads; a
    /// client that does not read is disconnected after `BODY_TIMEOUT_SECONDS`. While the stream is quiet, a comment is sent every 15
    /// seconds.
    ///
    /// The response ends when the stream ends or fails, when the client disconnects, and when the server stops, as with
    /// [`Response::until_shutdown`]. An error is logged. The browser then connects again, unless it is answered with 204, and sends the
    /// id of the last event that it has received: [`Request::last_event_id`](crate::Request::last_event_id).
    pub fn events<S, E>(events: S) -> Self
    where
        S: Stream<Item = Result<Event, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        let mut response = Self::body_stream(events::EventBody::new(events)).until_shutdown();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, const { HeaderValue::from_static("text/event-stream") });
        headers.insert(header::CACHE_CONTROL, const { HeaderValue::from_static("no-store") });
        // nginx would collect the events until they fill a buffer.
        headers.insert(HeaderName::from_static("x-accel-buffering"), const { HeaderValue::from_static("no") });
        response
    }

    /// Creates a response with the media type `content_type`, whose body `write` writes while it is sent: an archive, or a file too
    /// large for the memory.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// use lback::prelude::*;
    ///
    /// fn squares(req: &mut Request) -> Result<Response> {
    ///     Response::written(req, "text/csv; charset=utf-8", |out| {
    ///         for n in 0..100_000_u64 {
    ///             writeln!(out, "{n},{}", n * n)?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new().get("/", squares)), "SESSION_TIMEOUT_MINUTES = 30");
    /// # client.get("/").send().assert_contains("\n99999,9999800001\n");
    /// ```
    ///
    /// `write` runs on a thread of its own and may block. It starts after the request has ended, so the unit of work and the session
    /// are saved by then. Rows of the database are written by `req.stream_db`. If `write` fails or panics, the connection is closed before the
    /// body is complete, so that the client does not take it for a whole one, and the error is logged.
    ///
    /// # Errors
    /// Returns 503 if 32 such responses are being sent, and 500 if `content_type` is not valid in a header.
    pub fn written(req: &Request, content_type: &str, write: impl FnOnce(&mut BodyWriter) -> Result<()> + Send + 'static) -> Result<Self> {
        let Ok(permit) = req.app().written_permits().clone().try_acquire_owned() else {
            return Err(Error::unavailable(format!("{MAX_WRITTEN} responses are being written, which is the limit")));
        };
        Self::body_stream(written::WrittenBody::new(permit, write)).with_header("content-type", content_type)
    }

    /// Returns the response with a body that also ends when the server stops or the client closes its sending side, for a streamed body
    /// that has no end of its own. The server would otherwise wait for it until `SHUTDOWN_TIMEOUT_SECONDS` have passed.
    ///
    /// ```
    /// # use lback::{Request, Response};
    /// use std::convert::Infallible;
    ///
    /// fn noise(_: &mut Request) -> Response {
    ///     Response::stream(std::iter::repeat(Ok::<_, Infallible>("noise\n"))).until_shutdown()
    /// }
    /// ```
    pub fn until_shutdown(mut self) -> Self {
        self.0.extensions_mut().insert(UntilShutdown);
        self
    }

    /// Creates a response from bytes without a specific type.
    pub(crate) fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::of_type(const { HeaderValue::from_static("application/octet-stream") }, bytes)
    }

    /// Creates a response with the media type `content_type`.
    pub(crate) fn of_type(content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut response = Self::of_body(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }

    fn of_body(body: Body) -> Self {
        Response(Box::new(hyper::Response::new(body)))
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// Returns a mutable reference to the status.
    pub fn status_mut(&mut self) -> &mut StatusCode {
        self.0.status_mut()
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Returns a mutable reference to the headers.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers_mut()
    }

    /// Returns the body.
    pub fn body(&self) -> &Body {
        self.0.body()
    }

    /// Returns a mutable reference to the body.
    pub fn body_mut(&mut self) -> &mut Body {
        self.0.body_mut()
    }

    /// Returns the response with this status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    /// Returns the response with this header, which replaces any header of the same name.
    ///
    /// # Errors
    /// Returns an error if the name or the value is not valid in a header.
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self> {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        self.0.headers_mut().insert(name, HeaderValue::from_bytes(value.as_ref())?);
        Ok(self)
    }

    /// Returns the response with an additional cookie.
    ///
    /// # Errors
    /// Returns an error if the cookie is not valid in a header.
    pub fn with_cookie(mut self, cookie: Cookie<'_>) -> Result<Self> {
        let name = cookie.name().to_owned();
        let value = crate::request::cookie_header(cookie);
        let value =
            value.ok_or_else(|| Error::internal(format!("the cookie \"{name}\" cannot be sent: its name, path or domain is not valid")))?;
        self.0.headers_mut().append(header::SET_COOKIE, value);
        Ok(self)
    }

    /// Removes the body but keeps its length in the header, as in the response to HEAD.
    pub(crate) fn strip_body(&mut self) {
        // RFC 9110, 8.6: responses with these statuses never state the length of their content.
        let has_content = !matches!(self.0.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if has_content
            && let Some(length) = self.0.body().size_hint().exact()
            && !self.0.headers().contains_key(header::CONTENT_LENGTH)
        {
            self.0.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        *self.0.body_mut() = Body::empty();
    }

    pub(crate) fn extensions_mut(&mut self) -> &mut hyper::http::Extensions {
        self.0.extensions_mut()
    }

    pub(crate) fn into_hyper(self) -> hyper::Response<Body> {
        *self.0
    }
}

/// Marks a response whose body the server ends when it stops. It is not part of the body, which middleware may wrap.
#[derive(Clone, Copy)]
pub(crate) struct UntilShutdown;

/// Returns `location` as the value of a `Location` header, with control and non-ASCII characters percent-encoded.
pub(crate) fn location_value(location: &str) -> HeaderValue {
    let encoded = percent_encoding::utf8_percent_encode(location, percent_encoding::CONTROLS).to_string();
    HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static("/"))
}

/// A body from an iterator, with one frame per item.
struct IterBody<F>(F);

impl<F> hyper::body::Body for IterBody<F>
where
    F: FnMut() -> Option<Result<Bytes, BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, BoxError>>> {
        let next = (self.get_mut().0)();
        std::task::Poll::Ready(next.map(|part| part.map(hyper::body::Frame::data)))
    }
}
