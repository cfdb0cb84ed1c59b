//! Files as responses.

mod condition;
mod range;
mod stream;

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::file_state::{FileState, fingerprint};
use crate::{Body, Error, Request, Response, Result};
use condition::{Validators, Verdict};
use range::RequestedRange;
use stream::{CHUNK_BYTES, FileBody, read_chunk};

/// The parts of a request that are needed to answer it with a file. Unlike a `&Request`, they can move to another thread.
pub(crate) struct FileRequest {
    method: Method,
    headers: HeaderMap,
}

/// The headers that decide how a file is sent.
const HEADERS: [HeaderName; 6] =
    [header::IF_MATCH, header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH, header::IF_RANGE, header::IF_UNMODIFIED_SINCE, header::RANGE];

impl FileRequest {
    pub(crate) fn of(req: &Request) -> Self {
        let mut headers = HeaderMap::new();
        for name in HEADERS {
            for value in req.headers().get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        FileRequest { method: req.method().clone(), headers }
    }

    /// Answers with the file at `path`. Opens the file, and also reads it if it is small, so this may block briefly.
    pub(crate) fn open(&self, path: &Path) -> Result<Response> {
        self.open_encoded(path, path, None)
    }

    /// Answers with the file at `path`, which contains the file `name` in this content encoding. The extension of `name`
    /// determines the media type.
    pub(crate) fn open_encoded(&self, path: &Path, name: &Path, encoding: Option<&str>) -> Result<Response> {
        let (mut file, metadata) = open_regular(path)?;
        let size = metadata.len();
        let validators = self.validators(&mut file, &metadata, encoding).map_err(|error| unreadable(path, error))?;
        let mut response = match self.verdict(&validators) {
            Verdict::Send => self.content(file, path, size, &validators, content_type(name))?,
            Verdict::NotModified => Response::new(StatusCode::NOT_MODIFIED),
            Verdict::Failed => {
                let refusal = Response::text("The file is not the requested version.");
                return Ok(refusal.with_status(StatusCode::PRECONDITION_FAILED));
            }
        };
        let sent = response.status().is_success();
        let headers = response.headers_mut();
        headers.insert(header::ETAG, HeaderValue::from_str(&validators.etag)?);
        if let Some(date) = validators.last_modified() {
            headers.insert(header::LAST_MODIFIED, HeaderValue::from_str(&date)?);
        }
        if let Some(encoding) = encoding
            && sent
        {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_str(encoding)?);
        }
        Ok(response)
    }

    fn validators(&self, file: &mut File, metadata: &Metadata, encoding: Option<&str>) -> io::Result<Validators> {
        let (state, now) = (FileState::of(metadata), SystemTime::now());
        let mut validators = Validators::of(state.length, state.modified, encoding);
        validators.distinguish(state.time_tells(now), &self.headers, || fingerprint(file, &state, now))?;
        Ok(validators)
    }

    /// Evaluates the conditions. A view that answers a POST with a file sends the whole file.
    fn verdict(&self, validators: &Validators) -> Verdict {
        match self.method {
            Method::GET | Method::HEAD => validators.evaluate(&self.headers),
            _ => Verdict::Send,
        }
    }

    /// Returns the requested range. The standard defines ranges only for GET.
    fn requested_range(&self, size: u64, validators: &Validators) -> RequestedRange {
        let mut ranges = self.headers.get_all(header::RANGE).iter();
        match (ranges.next().and_then(|value| value.to_str().ok()), ranges.next()) {
            (Some(value), None) if self.method == Method::GET && validators.range_applies(&self.headers) => range::parse(value, size),
            _ => RequestedRange::Whole,
        }
    }

    fn content(&self, mut file: File, path: &Path, size: u64, validators: &Validators, kind: Cow<'static, str>) -> Result<Response> {
        let mut response = Response::default();
        let mut length = size;
        match self.requested_range(size, validators) {
            RequestedRange::Whole => {}
            RequestedRange::Part { start, length: part } => {
                length = part;
                file.seek(SeekFrom::Start(start)).map_err(|error| unreadable(path, error))?;
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let range = format!("bytes {start}-{}/{size}", start + part - 1);
                response.headers_mut().insert(header::CONTENT_RANGE, HeaderValue::from_str(&range)?);
            }
            RequestedRange::Unsatisfiable => {
                return Response::text("The file is shorter than the requested range.")
                    .with_status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .with_header("content-range", format!("bytes */{size}"));
            }
        }
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&kind)?);
        *response.body_mut() = match length {
            _ if self.method == Method::HEAD => Body::empty(),
            // A single chunk is read here, which saves small files another switch of threads.
            0..=CHUNK_BYTES => Body::from(read_whole(&mut file, length).map_err(|error| unreadable(path, error))?),
            _ => Body::stream(FileBody::new(file, length)),
        };
        Ok(response)
    }
}

fn read_whole(file: &mut File, length: u64) -> io::Result<bytes::Bytes> {
    let bytes = read_chunk(file, length)?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Opens `path` if it is a regular file. This is checked first, because opening a pipe would wait for its other end.
fn open_regular(path: &Path) -> Result<(File, Metadata)> {
    let regular = |metadata: Metadata| match metadata.is_file() {
        true => Ok(metadata),
        false => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is not a regular file")),
    };
    let open = || {
        regular(std::fs::metadata(path)?)?;
        let file = File::open(path)?;
        let metadata = regular(file.metadata()?)?;
        Ok((file, metadata))
    };
    open().map_err(|error: io::Error| unreadable(path, error))
}

/// Returns 404 if there is no such file, and 500 if there is one. The client does not learn the path.
fn unreadable(path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
    let kind = error.kind();
    let cause = io::Error::new(kind, format!("{}: {error}", path.display()));
    match kind {
        NotFound | NotADirectory | IsADirectory | InvalidInput | InvalidFilename => Error::not_found("There is no such file."),
        _ => Error::internal("the file cannot be read"),
    }
    .with_source(cause)
}

/// Returns the media type for the extension of `name`.
fn content_type(name: &Path) -> Cow<'static, str> {
    let guess = mime_guess::from_path(name);
    let Some(kind) = guess.first_raw() else { return Cow::Borrowed("application/octet-stream") };
    let textual = kind.starts_with("text/")
        || kind.ends_with("+xml")
        || matches!(kind, "application/javascript" | "application/json" | "application/xml");
    match textual && !kind.contains("charset") {
        true => Cow::Owned(format!("{kind}; charset=utf-8")),
        false => Cow::Borrowed(kind),
    }
}

/// Returns the `Content-Disposition` that makes a browser save the response as `name` (RFC 6266).
pub(super) fn attachment(name: &str) -> Result<HeaderValue> {
    /// `attr-char` of RFC 5987.
    const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'!')
        .remove(b'#')
        .remove(b'$')
        .remove(b'&')
        .remove(b'+')
        .remove(b'-')
        .remove(b'.')
        .remove(b'^')
        .remove(b'_')
        .remove(b'`')
        .remove(b'|')
        .remove(b'~');
    let name: String = name.chars().filter(|c| !c.is_control()).map(|c| if matches!(c, '/' | '\\') { '_' } else { c }).collect();
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '%');
    let fallback: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let value = match fallback == name {
        true => format!("attachment; filename=\"{fallback}\""),
        false => format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, EXTENDED)),
    };
    Ok(HeaderValue::from_str(&value)?)
}

#[cfg(test)]
mod tests;
