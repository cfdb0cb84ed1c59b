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

use super::budget::Share;
use super::multipart::Storage;
use super::{Multipart, fields};
use crate::error::BoxError;
use crate::router::BodyLimit;
use crate::{Error, Request, Result};

const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const MULTIPART: &str = "multipart/form-data";

/// The body of a request.
///
/// For most routes, the body has been read before the view runs. A route that is marked as
/// [`streaming`](crate::Router::streaming) reads it itself, frame by frame: this type is an [HTTP body](hyper::body::Body).
#[derive(Default)]
pub struct RequestBody(Kind);

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Stream(UnsyncBoxBody<Bytes, BoxError>),
    /// The bytes, and their share of the memory for bodies.
    Read(Bytes, Share),
    Multipart(Result<Multipart>),
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        RequestBody(Kind::Stream(Full::new(bytes).map_err(|never| match never {}).boxed_unsync()))
    }
}

/// The error of a body that arrives too slowly.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The body arrived too slowly.")
    }
}

impl StdError for TooSlow {}

impl RequestBody {
    /// Creates a body that a client sends. The server enforces a minimum rate and ends the body with [`TooSlow`].
    pub(crate) fn of_client(body: impl Body<Data = Bytes, Error = BoxError> + Send + 'static) -> Self {
        RequestBody(Kind::Stream(body.boxed_unsync()))
    }

    /// Returns whether there is a body that has not been read.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.0, Kind::Stream(_))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Read(bytes, _) => bytes,
            _ => &[],
        }
    }

    #[track_caller]
    pub(super) fn form<T: DeserializeOwned>(&self, content_type: Option<&str>) -> Result<T> {
        let pairs = match (&self.0, content_type) {
            (Kind::Multipart(Ok(multipart)), _) => multipart.fields().map(|(name, value)| (name.into(), value.into())).collect(),
            (Kind::Multipart(Err(error)), _) => return Err(Error::new(error.status(), error.message())),
            (_, Some(FORM)) => match fields::decode(self.as_bytes()) {
                Some(pairs) => pairs,
                None => return Err(Error::bad_request("The form is not valid: it contains bytes that are not UTF-8.")),
            },
            (_, None) if self.as_bytes().is_empty() => Vec::new(),
            (_, found) => return Err(unsupported(FORM, found)),
        };
        match fields::read(&pairs) {
            Ok(value) => Ok(value),
            Err(mismatch) => Err(Error::bad_request(format!("The form is not valid: {mismatch}."))),
        }
    }

    #[track_caller]
    pub(super) fn json<T: DeserializeOwned>(&self, content_type: Option<&str>) -> Result<T> {
        match content_type {
            Some(kind) if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) => {}
            found => return Err(unsupported("application/json", found)),
        }
        if let Kind::Read(bytes, share) = &self.0 {
            share.raise_to(bytes.len() as u64 + json_memory(bytes))?;
        }
        match serde_json::from_slice(self.as_bytes()) {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::bad_request(format!("The JSON is not valid: {error}"))),
        }
    }

    #[track_caller]
    pub(super) fn multipart(&mut self) -> Result<&mut Multipart> {
        match &mut self.0 {
            Kind::Multipart(Ok(multipart)) => Ok(multipart),
            Kind::Multipart(Err(error)) => Err(Error::new(error.status(), error.message())),
            _ => Err(unsupported(MULTIPART, None)),
        }
    }
}

/// Returns the approximate number of bytes that a [`serde_json::Value`] takes for this JSON in addition to its strings: a map
/// allocates room for eleven entries when it gets its first one, a list for four.
fn json_memory(json: &[u8]) -> u64 {
    let (mut memory, mut in_text, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => {
                in_text = !in_text;
                memory += 16;
            }
            _ if in_text => {}
            b'{' => memory += 640,
            b'[' => memory += 144,
            b',' => memory += 64,
            _ => {}
        }
    }
    memory
}

#[track_caller]
fn unsupported(wanted: &str, found: Option<&str>) -> Error {
    let found = found.unwrap_or("missing or different");
    Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("The body should be {wanted}, but its type is {found}."))
}

impl RequestBody {
    /// Returns the next chunk of the body as it arrives, or `None` at its end. For a route that is marked as
    /// [`streaming`](crate::Router::streaming).
    ///
    /// ```
    /// # use lback::{Request, Result, Router};
    /// async fn length(req: &mut Request) -> Result<String> {
    ///     let mut bytes = 0;
    ///     while let Some(chunk) = req.body_mut().chunk().await? {
    ///         bytes += chunk.len();
    ///     }
    ///     Ok(format!("{bytes} bytes"))
    /// }
    ///
    /// let router = Router::new().put("/length", length).streaming();
    /// # let _ = router;
    /// ```
    ///
    /// # Errors
    /// Returns 400 if the client disconnects, and 408 if it sends less than 1 KiB a second over `BODY_TIMEOUT_SECONDS`.
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
            Kind::Empty | Kind::Read(..) | Kind::Multipart(_) => Poll::Ready(None),
            Kind::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Read(..) | Kind::Multipart(_) => true,
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty | Kind::Read(..) | Kind::Multipart(_) => SizeHint::with_exact(0),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

/// Reads the body of `req` to its end, within its limits.
pub(crate) async fn collect(req: &mut Request) -> Result<()> {
    let kind = req.content_type();
    let (multipart, form) = (kind.as_deref() == Some(MULTIPART), kind.as_deref() == Some(FORM));
    let config = req.app().config();
    let max_fields = config.max_form_fields;
    let default = if multipart { config.max_upload_bytes } else { config.max_body_bytes };
    let limit = req.route().and_then(|route| route.option::<BodyLimit>()).map_or(default, |limit| limit.0);
    let body = LimitedBody { body: std::mem::take(&mut req.body), limit, received: 0 };
    req.body = RequestBody(if multipart {
        let content_type = req.header("content-type").unwrap_or_default().to_owned();
        let result = Multipart::read(&content_type, body, Storage::new(req.app())).await;
        if let Err(error) = &result
            && matches!(error.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE)
        {
            return Err(Error::new(error.status(), error.message()));
        }
        Kind::Multipart(result)
    } else {
        let share = req.app().budgets().memory();
        let bytes = body.read_all(&share).await?;
        if form && fields::count(&bytes) > max_fields {
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The form has more than {max_fields} fields.")));
        }
        Kind::Read(bytes, share)
    });
    Ok(())
}

/// A body with a maximum size.
pub(super) struct LimitedBody {
    body: RequestBody,
    limit: u64,
    received: u64,
}

impl LimitedBody {
    /// Returns the next chunk of the body, or `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if self.received == 0 && self.body.size_hint().lower() > self.limit {
            return Err(self.too_large());
        }
        let chunk = self.body.chunk().await?;
        self.received += chunk.as_ref().map_or(0, |data| data.len() as u64);
        if self.received > self.limit { Err(self.too_large()) } else { Ok(chunk) }
    }

    fn too_large(&self) -> Error {
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {} bytes.", self.limit))
    }

    async fn read_all(mut self, share: &Share) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        share.raise_to(first.len() as u64)?;
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(more) = next {
            share.raise_to((all.len() + more.len()).max(all.capacity()) as u64)?;
            all.extend_from_slice(&more);
            next = self.chunk().await?;
        }
        Ok(all.freeze())
    }
}
