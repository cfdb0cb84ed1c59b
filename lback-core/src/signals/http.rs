//! The signals of a request.

use std::fmt::Display;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use hyper::StatusCode;
use hyper::body::{Body as _, Frame, SizeHint};
use serde::{Serialize, Serializer};
use tokio::runtime::Handle;

use super::Signal;
use crate::application::Application;
use crate::error::BoxError;
use crate::router::{Lookup, Route};
use crate::{Body, Error, Request, RequestId, Response};

/// `http.request.received`: a request has arrived and its route is known. It has not been handled yet.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestReceived {
    /// The id of the request in the log and in the response.
    pub id: RequestId,
    /// The method: GET, POST …
    #[serde(serialize_with = "text")]
    pub method: Method,
    /// The pattern of the route, such as `/posts/{id:int}`, or `None` if no route matches.
    pub route: Option<String>,
    /// The [client's address](Request::client_addr).
    pub client: Option<IpAddr>,
}

impl Signal for RequestReceived {
    const NAME: &'static str = "http.request.received";
}

/// `http.request.failed`: an error or a panic was answered with a status of 500 or above. The error's message may contain secrets,
/// so it is only in the log, under the same id.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestFailed {
    /// The id of the request in the log and in the response.
    pub id: RequestId,
    /// The method: GET, POST …
    #[serde(serialize_with = "text")]
    pub method: Method,
    /// The pattern of the route, or `None` if no route matches.
    pub route: Option<String>,
    /// The status that the client sees.
    pub status: u16,
    /// The location in the source code where the error was created, as `file:line:column`, if it is known.
    pub location: Option<String>,
    /// Whether it was a panic.
    pub panicked: bool,
}

impl Signal for RequestFailed {
    const NAME: &'static str = "http.request.failed";
}

/// `http.response.sent`: the last byte of a response was handed to the connection, or the client has disconnected before that.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ResponseSent {
    /// The id of the request in the log and in the response.
    pub id: RequestId,
    /// The method: GET, POST …
    #[serde(serialize_with = "text")]
    pub method: Method,
    /// The pattern of the route, or `None` if no route matches.
    pub route: Option<String>,
    /// The status.
    pub status: u16,
    /// Number of bytes of the body that were sent.
    pub bytes: u64,
    /// The time since the request arrived.
    pub duration: Duration,
    /// Whether the whole body was sent.
    pub complete: bool,
}

impl Signal for ResponseSent {
    const NAME: &'static str = "http.response.sent";
}

fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Sends [`RequestFailed`] if `status`, with which `error` was answered, is a server error.
pub(crate) fn failed(req: &Request, error: &Error, status: StatusCode) {
    if !status.is_server_error() || req.is_rerender() {
        return;
    }
    req.app().send_with(|| RequestFailed {
        id: req.id(),
        method: req.method().clone(),
        route: req.route().map(|route| route.pattern().to_owned()),
        status: status.as_u16(),
        location: error.location().map(str::to_owned),
        panicked: error.is_panic(),
    });
}

/// A request whose [`ResponseSent`] a listener waits for.
pub(crate) struct Exchange {
    app: Arc<Application>,
    start: Instant,
    sent: ResponseSent,
}

impl Exchange {
    /// Sends [`RequestReceived`]. Returns `None` if no listener waits for [`ResponseSent`].
    pub(crate) fn begin(req: &Request, lookup: &Lookup) -> Option<Box<Self>> {
        let app = req.app();
        if app.listeners().is_empty() || req.is_rerender() {
            return None;
        }
        let start = Instant::now();
        let route = match lookup {
            Lookup::Found(matched) => Some(&*matched.route),
            Lookup::Fallback(_) => None,
        };
        let (id, route) = (req.id(), || route.map(Route::pattern).map(str::to_owned));
        app.send_with(|| RequestReceived { id, method: req.method().clone(), route: route(), client: req.client_addr() });
        app.wants::<ResponseSent>().then(|| {
            let (method, route) = (req.method().clone(), route());
            let sent = ResponseSent { id, method, route, status: 0, bytes: 0, duration: Duration::ZERO, complete: false };
            Box::new(Exchange { app: app.clone(), start, sent })
        })
    }

    /// Wraps the body of the response to track how it is sent.
    pub(crate) fn answer(mut self: Box<Self>, response: &mut Response) {
        self.sent.status = response.status().as_u16();
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = Body::stream(TrackedBody { body, exchange: self, failed: false });
    }
}

/// A body that sends [`ResponseSent`] when it is dropped.
struct TrackedBody {
    body: Body,
    exchange: Box<Exchange>,
    failed: bool,
}

impl hyper::body::Body for TrackedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.exchange.sent.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Poll::Ready(Some(Err(_))) => self.failed = true,
            Poll::Ready(None) => self.exchange.sent.complete = true,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        // A runtime that shuts down drops its tasks, at a time when no listener can run any more.
        if Handle::try_current().is_err() {
            return;
        }
        let Exchange { app, start, sent } = &mut *self.exchange;
        sent.duration = start.elapsed();
        // If the length of a body is known, hyper does not poll for its end.
        let at_end = self.body.is_end_stream() || self.body.size_hint().exact() == Some(0);
        sent.complete = (sent.complete || at_end) && !self.failed;
        app.send(sent.clone());
    }
}
