//! Forms with files: `multipart/form-data`, RFC 7578.

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

use super::body::Bounded;
use super::budget::Share;
use crate::{Error, Result, header_parameters};
use storage::Content;

/// What the parts say as text: names, types, and the values of text fields.
const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// What may come between two parts: the headers of one.
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// The parser searches what it holds anew with each piece, so it never gets much.
const PIECE_BYTES: usize = 8 * 1024;

/// The text fields and files of a `multipart/form-data` body, in the order in which they came.
///
/// ```
/// # use lback_core::{Error, Request, Response, Result};
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
/// A body of more than `MAX_FORM_FIELDS` parts or 1 MiB of text answers 413.
#[derive(Debug, Default)]
pub struct Multipart {
    fields: Vec<(String, String)>,
    files: Vec<UploadedFile>,
    /// What the fields take of the memory for bodies.
    memory: Option<Arc<Share>>,
}

impl Multipart {
    /// The value of the first text field called `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Every text field: name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first file of the field `name`; `None` also where the visitor chose none.
    pub fn file(&self, name: &str) -> Option<&UploadedFile> {
        self.files().find(|file| file.field_name() == name)
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = &UploadedFile> {
        self.files.iter()
    }

    /// Takes the first file of the field `name` out, to keep it beyond the request or to read it on another thread.
    pub fn take_file(&mut self, name: &str) -> Option<UploadedFile> {
        let at = self.files.iter().position(|file| file.field_name() == name)?;
        Some(self.files.remove(at))
    }

    /// Takes all files of the field `name` out.
    pub fn take_files(&mut self, name: &str) -> Vec<UploadedFile> {
        self.files.extract_if(.., |file| file.field_name() == name).collect()
    }

    /// Reads `body` to its end.
    pub(super) async fn read(content_type: &str, body: Bounded, storage: Storage) -> Result<Self> {
        Self::parse(content_type, Chunks(next_chunk(body)), storage).await
    }

    async fn parse<S>(content_type: &str, body: S, mut storage: Storage) -> Result<Self>
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
    {
        // The parser's own function for this takes no space before a semicolon.
        let boundary = header_parameters::parameter(content_type, "boundary").unwrap_or_default();
        if boundary.is_empty() || boundary.len() > 70 {
            return Err(Error::bad_request("The multipart body is malformed: its boundary should be 1 to 70 characters long."));
        }
        let header_room = Arc::new(AtomicUsize::new(0));
        let mut pieces = Pieces::new(body, header_room.clone());
        let mut parser = multer::Multipart::new(&mut pieces, boundary.into_owned());
        let mut multipart = Multipart::default();
        for count in 0.. {
            // The parser may take one piece more before it looks at the last.
            header_room.store(MAX_HEADER_BYTES + PIECE_BYTES, Ordering::Relaxed);
            let Some(part) = parser.next_field().await.map_err(malformed)? else { break };
            header_room.store(usize::MAX, Ordering::Relaxed);
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
        // The connection serves the next request only if this one's body was read to its end.
        while poll_fn(|cx| Pin::new(&mut pieces.stream).poll_next(cx)).await.transpose()?.is_some() {}
        multipart.memory = Some(storage.memory);
        Ok(multipart)
    }
}

/// What the headers of a part say.
struct Head {
    name: String,
    /// Present for a file, though it may be empty.
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

/// The last component of what may be a path of any system; `None` where that names nothing.
fn base_name(claimed: &str) -> Option<String> {
    let last = claimed.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    (!matches!(clean, "" | "." | "..")).then(|| clean.to_owned())
}

async fn read_text(mut part: multer::Field<'_>, storage: &mut Storage) -> Result<Vec<u8>> {
    let mut value = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(malformed)? {
        add_text(storage, piece.len())?;
        value.extend_from_slice(&piece);
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
    while let Some(piece) = part.chunk().await.map_err(malformed)? {
        storage.add(&mut content, &piece).await?;
    }
    storage.end(content).await
}

fn too_large(message: String) -> Error {
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// The parser's error as ours; one that was ours before comes out as it went in.
fn malformed(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Failed>() {
            Ok(failed) => failed.0,
            Err(cause) => Error::bad_request("The body ended before it was complete.").with_source(cause),
        },
        error => Error::bad_request(format!("The multipart body is malformed: {error}.")).with_source(error),
    }
}

/// One of our errors on its way through the parser.
#[derive(Debug)]
struct Failed(Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

/// The body as a stream.
struct Chunks(NextChunk);

type NextChunk = Pin<Box<dyn Future<Output = (Bounded, Result<Option<Bytes>>)> + Send>>;

fn next_chunk(mut body: Bounded) -> NextChunk {
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

/// The stream in small pieces, as the parser wants it.
///
/// The parser takes all that it can get before it looks at any of it. So this pauses after each piece, which keeps the
/// body out of memory, and breaks off where the headers of a part do not end.
struct Pieces<S> {
    stream: S,
    rest: Bytes,
    paused: bool,
    header_room: Arc<AtomicUsize>,
}

impl<S> Pieces<S> {
    fn new(stream: S, header_room: Arc<AtomicUsize>) -> Self {
        Pieces { stream, rest: Bytes::new(), paused: false, header_room }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for Pieces<S> {
    type Item = Result<Bytes, Failed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if mem::take(&mut this.paused) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
                Some(Ok(chunk)) => this.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(Failed(error)))),
                None => return Poll::Ready(None),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        let room = this.header_room.load(Ordering::Relaxed);
        if room == 0 {
            let message = "The multipart body is malformed: the headers of a part are too long.";
            return Poll::Ready(Some(Err(Failed(Error::bad_request(message)))));
        }
        if room != usize::MAX {
            this.header_room.store(room.saturating_sub(piece.len()), Ordering::Relaxed);
        }
        this.paused = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests;
