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

/// `http.request.received`: a request has come, and its route is known. Nothing has been done yet.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestReceived {
    /// The request, as the log and the client know it.
    pub id: RequestId,
    /// GET, POST …
    #[serde(serialize_with = "text")]
    pub method: Method,
    /// The pattern of its route, `/posts/{id:int}`; `None` where no route answers.
    pub route: Option<String>,
    /// The [client's address](Request::client_addr).
    pub client: Option<IpAddr>,
}

impl Signal for RequestReceived {
    const NAME: &'static str = "http.request.received";
}

/// `http.request.failed`: an error or a panic was answered with a status of 500 or above. What the error says is in the
/// log, under the same id; it may quote what is secret.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestFailed {
    /// The request, as the log and the client know it.
    pub id: RequestId,
    /// GET, POST …
    #[serde(serialize_with = "text")]
    pub method: Method,
    /// The pattern of its route; `None` where no route answers.
    pub route: Option<String>,
    /// The status that the client sees.
    pub status: u16,
    /// Where in the source the error was made, as `file:line:column`, where that is known.
    pub location: Option<String>,
    /// Was it a panic?
    pub panicked: bool,
}

impl Signal for RequestFailed {
    const NAME: &'static str = "http.request.failed";
}

/// `http.response.sent`: the last byte of a response was handed to the connection, or the client has gone before.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ResponseSent {
    /// The request, as the log and the client know it.
    pub id: RequestId,
    /// GET, POST …
    #[serde(serialize_with = "text")]
    pub method: Method,
    /// The pattern of its route; `None` where no route answers.
    pub route: Option<String>,
    /// The status.
    pub status: u16,
    /// How many bytes of the body were sent.
    pub bytes: u64,
    /// The time since the request came.
    pub duration: Duration,
    /// Was that the whole body?
    pub complete: bool,
}

impl Signal for ResponseSent {
    const NAME: &'static str = "http.response.sent";
}

fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Tells that `error` was answered with `status`.
pub(crate) fn failed(req: &Request, error: &Error, status: StatusCode) {
    if !status.is_server_error() {
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

/// A request whose response is waited for by a listener.
pub(crate) struct Exchange {
    app: Arc<Application>,
    begun: Instant,
    sent: ResponseSent,
}

impl Exchange {
    /// Tells that a request has come. `None` where nobody wants to know what becomes of it.
    pub(crate) fn begin(req: &Request, lookup: &Lookup) -> Option<Box<Self>> {
        let app = req.app();
        if app.listeners().is_empty() {
            return None;
        }
        let begun = Instant::now();
        let route = match lookup {
            Lookup::Found(matched) => Some(&*matched.route),
            Lookup::Fallback(_) => None,
        };
        let (id, route) = (req.id(), || route.map(Route::pattern).map(str::to_owned));
        app.send_with(|| RequestReceived { id, method: req.method().clone(), route: route(), client: req.client_addr() });
        app.wants::<ResponseSent>().then(|| {
            let (method, route) = (req.method().clone(), route());
            let sent = ResponseSent { id, method, route, status: 0, bytes: 0, duration: Duration::ZERO, complete: false };
            Box::new(Exchange { app: app.clone(), begun, sent })
        })
    }

    /// Watches the body on its way.
    pub(crate) fn answer(mut self: Box<Self>, response: &mut Response) {
        self.sent.status = response.status().as_u16();
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = Body::stream(Watched { body, exchange: self, broken: false });
    }
}

/// A body that tells when it is gone.
struct Watched {
    body: Body,
    exchange: Box<Exchange>,
    broken: bool,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.exchange.sent.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Poll::Ready(Some(Err(_))) => self.broken = true,
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

impl Drop for Watched {
    fn drop(&mut self) {
        // A runtime that ends drops what it has, at a time when nothing can listen any more.
        if Handle::try_current().is_err() {
            return;
        }
        let Exchange { app, begun, sent } = &mut *self.exchange;
        sent.duration = begun.elapsed();
        // Who knows how long a body is does not ask whether there is more.
        let at_end = self.body.is_end_stream() || self.body.size_hint().exact() == Some(0);
        sent.complete = (sent.complete || at_end) && !self.broken;
        app.send(sent.clone());
    }
}
