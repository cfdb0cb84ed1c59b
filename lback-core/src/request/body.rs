//! The body of a request: as it arrives, and as views read it.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use serde::de::DeserializeOwned;

use super::Multipart;
use crate::error::BoxError;
use crate::router::BodyLimit;
use crate::{Error, Request, Result};

const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const MULTIPART: &str = "multipart/form-data";

/// The body of a request.
///
/// For most routes it has been read before the view runs. A route that is marked
/// [`streaming`](crate::Router::streaming) reads it itself, frame by frame: this is an [HTTP body](hyper::body::Body).
#[derive(Default)]
pub struct RequestBody(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Stream(UnsyncBoxBody<Bytes, BoxError>),
    Read(Bytes),
    Multipart(Result<Multipart>),
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        RequestBody(Kind::Stream(Full::new(bytes).map_err(|never| match never {}).boxed_unsync()))
    }
}

/// Why a body that comes too slowly ends.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The body came too slowly.")
    }
}

impl StdError for TooSlow {}

impl RequestBody {
    /// A body that a client sends. The server bounds how slowly, and ends it with [`TooSlow`].
    pub(crate) fn of_client(body: impl Body<Data = Bytes, Error = BoxError> + Send + 'static) -> Self {
        RequestBody(Kind::Stream(body.boxed_unsync()))
    }

    /// Is there a body that nobody has read?
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.0, Kind::Stream(_))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Read(bytes) => bytes,
            _ => &[],
        }
    }

    pub(super) fn form<T: DeserializeOwned>(&self, content_type: Option<&str>) -> Result<T> {
        let result = match (&self.0, content_type) {
            (Kind::Multipart(Ok(multipart)), _) => serde_html_form::from_str(&multipart.to_urlencoded()),
            (Kind::Multipart(Err(error)), _) => return Err(Error::new(error.status(), error.message())),
            (_, Some(FORM)) if !is_text(self.as_bytes()) => {
                return Err(Error::bad_request("The form is not valid: it holds bytes that are not UTF-8."));
            }
            (_, Some(FORM)) => serde_html_form::from_bytes(self.as_bytes()),
            (_, None) if self.as_bytes().is_empty() => serde_html_form::from_bytes(b""),
            (_, found) => return Err(unsupported(FORM, found)),
        };
        result.map_err(|error| Error::bad_request(format!("The form is not valid: {error}")))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, content_type: Option<&str>) -> Result<T> {
        match content_type {
            Some(kind) if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) => {}
            found => return Err(unsupported("application/json", found)),
        }
        serde_json::from_slice(self.as_bytes()).map_err(|error| Error::bad_request(format!("The JSON is not valid: {error}")))
    }

    pub(super) fn multipart(&mut self) -> Result<&mut Multipart> {
        match &mut self.0 {
            Kind::Multipart(Ok(multipart)) => Ok(multipart),
            Kind::Multipart(Err(error)) => Err(Error::new(error.status(), error.message())),
            _ => Err(unsupported(MULTIPART, None)),
        }
    }
}

/// Is what is percent-encoded here UTF-8? The parser would put a question mark in the place of what is not.
pub(super) fn is_text(encoded: &[u8]) -> bool {
    percent_encoding::percent_decode(encoded).decode_utf8().is_ok()
}

fn unsupported(wanted: &str, found: Option<&str>) -> Error {
    let found = found.unwrap_or("not given or empty");
    Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("The body should be {wanted}, and its type is {found}."))
}

impl RequestBody {
    /// The next piece of the body, as it arrives; `None` at its end. For a route that is marked
    /// [`streaming`](crate::Router::streaming).
    ///
    /// ```
    /// # use lback_core::{Request, Result, Router};
    /// async fn length(req: &mut Request) -> Result<String> {
    ///     let mut bytes = 0;
    ///     while let Some(piece) = req.body_mut().chunk().await? {
    ///         bytes += piece.len();
    ///     }
    ///     Ok(format!("{bytes} bytes"))
    /// }
    ///
    /// let router = Router::new().put("/length", length).streaming();
    /// # let _ = router;
    /// ```
    ///
    /// # Errors
    /// Returns 400 if the client breaks off, and 408 if it sends less than 1 KiB a second over `BODY_TIMEOUT_SECONDS`.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.frame().await {
            let frame = frame.map_err(|error| {
                if error.is::<TooSlow>() {
                    Error::new(StatusCode::REQUEST_TIMEOUT, TooSlow.to_string())
                } else {
                    Error::bad_request("The body ended before it was complete.").with_source(error)
                }
            })?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Empty | Kind::Read(_) | Kind::Multipart(_) => Poll::Ready(None),
            Kind::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Read(_) | Kind::Multipart(_) => true,
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty | Kind::Read(_) | Kind::Multipart(_) => SizeHint::with_exact(0),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

/// Reads the body of `req` to its end, bounded.
pub(crate) async fn collect(req: &mut Request) -> Result<()> {
    let multipart = req.content_type().as_deref() == Some(MULTIPART);
    let config = req.app().config();
    let memory = config.upload_memory_bytes;
    let default = if multipart { config.max_upload_bytes } else { config.max_body_bytes };
    let limit = req.route().and_then(|route| route.option::<BodyLimit>()).map_or(default, |limit| limit.0);
    let body = Bounded { body: std::mem::take(&mut req.body), limit, received: 0 };
    req.body = RequestBody(if multipart {
        let content_type = req.header("content-type").unwrap_or_default().to_owned();
        let result = Multipart::read(&content_type, body, memory).await;
        if let Err(error) = &result
            && matches!(error.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT)
        {
            return Err(Error::new(error.status(), error.message()));
        }
        Kind::Multipart(result)
    } else {
        Kind::Read(body.read_all().await?)
    });
    Ok(())
}

/// A body that may be only so large.
pub(super) struct Bounded {
    body: RequestBody,
    limit: u64,
    received: u64,
}

impl Bounded {
    /// The next piece of the body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if self.received == 0 && self.body.size_hint().lower() > self.limit {
            return Err(self.too_large());
        }
        let piece = self.body.chunk().await?;
        self.received += piece.as_ref().map_or(0, |data| data.len() as u64);
        if self.received > self.limit { Err(self.too_large()) } else { Ok(piece) }
    }

    fn too_large(&self) -> Error {
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {} bytes.", self.limit))
    }

    async fn read_all(mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }
}
