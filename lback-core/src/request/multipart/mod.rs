//! Forms with files: `multipart/form-data` (RFC 7578).

mod disposition;
mod storage;
mod upload;

pub(super) use storage::Storage;
pub use upload::UploadedFile;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::{fmt, mem};

use bytes::Bytes;
use futures_core::Stream;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};

use super::body::LimitedBody;
use super::budget::Share;
use crate::{Error, Result, header_parameters};
use storage::Content;

/// Maximum size of the text in all parts: names, types, and the values of text fields.
const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// Maximum size of the data between two parts: the headers of one part.
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// The parser searches its whole buffer again with each chunk, so it only gets small ones.
const CHUNK_BYTES: usize = 8 * 1024;

/// The text fields and files of a `multipart/form-data` body, in the order in which they were sent.
///
/// ```
/// # use lback::{Error, Request, Response, Result};
/// fn upload(req: &mut Request) -> Result<String> {
///     let form = req.multipart()?;
///     let title = form.field("title").unwrap_or("untitled").to_owned();
///     match form.file("photo") {
///         Some(photo) => Ok(format!("{title}: {} bytes", photo.len())),
///         None => Err(Error::bad_request("Choose a photo.")),
///     }
/// }
/// ```
///
/// A body with more than `MAX_FORM_FIELDS` parts or more than 1 MiB of text is answered with 413.
#[derive(Debug, Default)]
pub struct Multipart {
    fields: Vec<(String, String)>,
    files: Vec<UploadedFile>,
    /// The share of the memory for bodies that the fields use.
    memory: Option<Arc<Share>>,
}

impl Multipart {
    /// Returns the value of the first text field called `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Returns every text field: its name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the first file of the field `name`, or `None` if there is none or the visitor did not choose one.
    pub fn file(&self, name: &str) -> Option<&UploadedFile> {
        self.files().find(|file| file.field_name() == name)
    }

    /// Returns every file.
    pub fn files(&self) -> impl Iterator<Item = &UploadedFile> {
        self.files.iter()
    }

    /// Removes and returns the first file of the field `name`, to keep it beyond the request or to read it on another thread.
    pub fn take_file(&mut self, name: &str) -> Option<UploadedFile> {
        let at = self.files.iter().position(|file| file.field_name() == name)?;
        Some(self.files.remove(at))
    }

    /// Removes and returns all files of the field `name`.
    pub fn take_files(&mut self, name: &str) -> Vec<UploadedFile> {
        self.files.extract_if(.., |file| file.field_name() == name).collect()
    }

    /// Reads `body` to its end.
    pub(super) async fn read(content_type: &str, body: LimitedBody, storage: Storage) -> Result<Self> {
        Self::parse(content_type, Chunks(next_chunk(body)), storage).await
    }

    async fn parse<S>(content_type: &str, body: S, mut storage: Storage) -> Result<Self>
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
    {
        // The parser's own function does not accept a space before a semicolon.
        let boundary = header_parameters::parameter(content_type, "boundary").unwrap_or_default();
        if boundary.is_empty() || boundary.len() > 70 {
            return Err(Error::bad_request("The multipart body is malformed: its boundary should be 1 to 70 characters long."));
        }
        let header_budget = Arc::new(AtomicUsize::new(0));
        let mut chunks = SmallChunks::new(body, header_budget.clone());
        let mut parser = multer::Multipart::new(&mut chunks, boundary.into_owned());
        let mut multipart = Multipart::default();
        for count in 0.. {
            // The parser may take one more chunk before it examines the last one.
            header_budget.store(MAX_HEADER_BYTES + CHUNK_BYTES, Ordering::Relaxed);
            let Some(part) = parser.next_field().await.map_err(malformed)? else { break };
            header_budget.store(usize::MAX, Ordering::Relaxed);
            if count == storage.max_parts {
                return Err(too_large(format!("The form has more than {} parts.", storage.max_parts)));
            }
            let head = Head::parse(part.headers())?;
            add_text(&mut storage, head.text_bytes())?;
            match head.file_name {
                Some(claimed) => {
                    let content = read_file(part, &mut storage).await?;
                    // A file input that was left empty still sends a part.
                    if claimed.is_empty() && content.is_empty() {
                        continue;
                    }
                    multipart.files.push(UploadedFile {
                        field_name: head.name,
                        file_name: base_name(&claimed),
                        content_type: head.content_type,
                        content,
                    });
                }
                None => {
                    let value = read_text(part, &mut storage).await?;
                    let value = String::from_utf8(value)
                        .map_err(|_| Error::bad_request(format!("The field \"{}\" is not valid UTF-8.", head.name)))?;
                    multipart.fields.push((head.name, value));
                }
            }
        }
        drop(parser);
        // The connection can serve the next request only if this body has been read to its end.
        while poll_fn(|cx| Pin::new(&mut chunks.stream).poll_next(cx)).await.transpose()?.is_some() {}
        multipart.memory = Some(storage.memory);
        Ok(multipart)
    }
}

/// The contents of a part's headers.
struct Head {
    name: String,
    /// Present for a file, although it may be empty.
    file_name: Option<String>,
    content_type: Option<String>,
}

impl Head {
    fn parse(headers: &HeaderMap) -> Result<Self> {
        let disposition = headers.get(header::CONTENT_DISPOSITION).map_or(&b""[..], |value| value.as_bytes());
        let name = disposition::parameter(disposition, "name")
            .and_then(|name| String::from_utf8(name).ok())
            .ok_or_else(|| Error::bad_request("The multipart body is malformed: a part has no name in UTF-8."))?;
        let file_name = disposition::parameter(disposition, "filename").map(|name| String::from_utf8_lossy(&name).into_owned());
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Head { name, file_name, content_type })
    }

    fn text_bytes(&self) -> usize {
        [Some(&self.name), self.file_name.as_ref(), self.content_type.as_ref()].into_iter().flatten().map(String::len).sum()
    }
}

/// Returns the last component of a path in the syntax of any system, or `None` if there is no usable name.
fn base_name(claimed: &str) -> Option<String> {
    let last = claimed.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    (!matches!(clean, "" | "." | "..")).then(|| clean.to_owned())
}

async fn read_text(mut part: multer::Field<'_>, storage: &mut Storage) -> Result<Vec<u8>> {
    let mut value = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(malformed)? {
        add_text(storage, chunk.len())?;
        value.extend_from_slice(&chunk);
    }
    Ok(value)
}

fn add_text(storage: &mut Storage, bytes: usize) -> Result<()> {
    match storage.add_text(bytes)? {
        ..=MAX_TEXT_BYTES => Ok(()),
        _ => Err(too_large(format!("The text fields of the form are larger than {MAX_TEXT_BYTES} bytes."))),
    }
}

async fn read_file(mut part: multer::Field<'_>, storage: &mut Storage) -> Result<Content> {
    let mut content = storage.begin();
    while let Some(chunk) = part.chunk().await.map_err(malformed)? {
        storage.add(&mut content, &chunk).await?;
    }
    storage.end(content).await
}

fn too_large(message: String) -> Error {
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// Converts a parser error. An error of ours that passed through the parser is returned unchanged.
fn malformed(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<BodyError>() {
            Ok(error) => error.0,
            Err(cause) => Error::bad_request("The body ended before it was complete.").with_source(cause),
        },
        error => Error::bad_request(format!("The multipart body is malformed: {error}.")).with_source(error),
    }
}

/// One of our errors while it passes through the parser.
#[derive(Debug)]
struct BodyError(Error);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BodyError {}

/// The body as a stream.
struct Chunks(NextChunk);

type NextChunk = Pin<Box<dyn Future<Output = (LimitedBody, Result<Option<Bytes>>)> + Send>>;

fn next_chunk(mut body: LimitedBody) -> NextChunk {
    Box::pin(async move {
        let chunk = body.chunk().await;
        (body, chunk)
    })
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (body, chunk) = ready!(self.0.as_mut().poll(cx));
        self.0 = next_chunk(body);
        Poll::Ready(chunk.transpose())
    }
}

/// The stream in small chunks, as the parser needs it.
///
/// The parser takes all available data before it examines any of it. Therefore this stream pauses after each chunk, which keeps
/// the body out of memory, and fails if the headers of a part do not end.
struct SmallChunks<S> {
    stream: S,
    rest: Bytes,
    paused: bool,
    header_budget: Arc<AtomicUsize>,
}

impl<S> SmallChunks<S> {
    fn new(stream: S, header_budget: Arc<AtomicUsize>) -> Self {
        SmallChunks { stream, rest: Bytes::new(), paused: false, header_budget }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for SmallChunks<S> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if mem::take(&mut this.paused) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
                Some(Ok(chunk)) => this.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(BodyError(error)))),
                None => return Poll::Ready(None),
            }
        }
        let chunk = this.rest.split_to(this.rest.len().min(CHUNK_BYTES));
        let budget = this.header_budget.load(Ordering::Relaxed);
        if budget == 0 {
            let message = "The multipart body is malformed: the headers of a part are too long.";
            return Poll::Ready(Some(Err(BodyError(Error::bad_request(message)))));
        }
        if budget != usize::MAX {
            this.header_budget.store(budget.saturating_sub(chunk.len()), Ordering::Relaxed);
        }
        this.paused = true;
        Poll::Ready(Some(Ok(chunk)))
    }
}

#[cfg(test)]
mod tests;
