//! Compression of responses.

mod encoder;
mod tags;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tempfile::NamedTempFile;

use self::encoder::{Effort, EncodedBody, Encoder};
use crate::encoding::{ENCODINGS, Encoding, accepted_by};
use crate::{Body, Middleware, Next, Request, Response, Result, blocking};

/// Content below this length, in bytes, hardly becomes smaller.
const LEAST: usize = 1024;
/// Content above this length, in bytes, is compressed on another thread, as that takes milliseconds.
const QUICK: usize = 32 * 1024;

/// Compresses responses with Brotli, Zstandard or gzip, as the client accepts.
///
/// Texts are compressed: HTML, CSS, scripts, JSON, XML, SVG and the like. Images, videos, archives and content below 1 KiB are left alone,
/// and so are parts of files (206), [events](Response::events), responses that are encoded already, and those with
/// `Cache-Control: no-transform`. The parts of a stream are sent as they come.
///
/// The entity tag of a compressed response differs from that of the original, and conditional requests with it are answered as with the
/// original one.
///
/// Routes with the option [`Uncompressed`] are left alone. While `DEBUG` is on, nothing is compressed.
#[derive(Clone, Copy, Debug)]
pub struct Compression;

/// Marks a route whose responses are not compressed: `Router::new().get(…).option(Uncompressed)`.
#[derive(Clone, Copy, Debug)]
pub struct Uncompressed;

impl Middleware for Compression {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if req.route().is_some_and(|route| route.option::<Uncompressed>().is_some()) {
            return next.run(req).await;
        }
        let accepted = accepted_by(req.headers());
        let has_conditions = req.headers().contains_key(header::IF_NONE_MATCH) || req.headers().contains_key(header::IF_MATCH);
        let asked = if has_conditions { tags::restore(req.headers_mut()) } else { Vec::new() };
        let mut response = next.run(req).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            if let Some(encoding) = tags::encoding_of(&asked, response.headers()) {
                add_vary(response.headers_mut());
                tags::mark(response.headers_mut(), encoding);
            }
            return Ok(response);
        }
        if !is_compressible(&response) {
            return Ok(response);
        }
        add_vary(response.headers_mut());
        match accepted.first() {
            Some(encoding) => compress(response, *encoding, req.method()).await,
            None => Ok(response),
        }
    }

    /// While `DEBUG` is on, other middleware adds scripts to pages.
    fn skips(&self, req: &Request) -> bool {
        req.app().config().debug
    }
}

/// Returns whether a client would gain from a compressed form of the response.
fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let has_content = !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::PARTIAL_CONTENT | StatusCode::SWITCHING_PROTOCOLS);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_large = match response.body().as_bytes() {
        // The head of a file, whose length is known.
        Some([]) => text(header::CONTENT_LENGTH).parse().is_ok_and(|length: usize| length >= LEAST),
        Some(bytes) => bytes.len() >= LEAST,
        None => true,
    };
    has_content
        && is_large
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !text(header::CACHE_CONTROL).to_ascii_lowercase().contains("no-transform")
        && is_text(text(header::CONTENT_TYPE))
}

/// Returns whether content of this media type becomes smaller. Events are left out, so that no encoder holds them back.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_named = |kinds: &[&str]| kinds.contains(&kind.as_str());
    let is_application = is_named(&[
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/wasm",
        "application/x-javascript",
        "application/x-ndjson",
        "application/xml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/x-icon",
        "image/vnd.microsoft.icon",
    ]);
    (kind.starts_with("text/") && kind != "text/event-stream") || kind.ends_with("+json") || kind.ends_with("+xml") || is_application
}

fn add_vary(headers: &mut HeaderMap) {
    let names = headers.get_all(header::VARY).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    if !names.map(str::trim).any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding")) {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

async fn compress(mut response: Response, encoding: Encoding, method: &Method) -> Result<Response> {
    let body = std::mem::take(response.body_mut());
    let encoder = Encoder::new(encoding, Effort::Quick)?;
    *response.body_mut() = match body.as_bytes() {
        // The same headers except for the length, which only the work would show.
        _ if *method == Method::HEAD => Body::stream(EncodedBody::new(Body::empty(), encoder)),
        None => Body::stream(EncodedBody::new(body, encoder)),
        Some(bytes) if bytes.len() <= QUICK => Body::from(encoder.whole(bytes)?),
        Some(_) => {
            let work = move || encoder.whole(body.as_bytes().unwrap_or_default());
            Body::from(blocking::on_thread(work).await??)
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    tags::mark(headers, encoding);
    Ok(response)
}

/// Compresses a file as well as possible into files next to it, such as `app.css.br`, which `StaticFiles` serves. Returns their paths. Files
/// that would not become smaller are left out, and their compressed forms are removed.
///
/// # Errors
/// Returns an error if a file cannot be read or written.
#[doc(hidden)]
pub fn compress_file(path: &Path) -> io::Result<Vec<PathBuf>> {
    let kind = mime_guess::from_path(path).first_raw().unwrap_or_default();
    if !is_text(kind) {
        return Ok(Vec::new());
    }
    let (content, metadata) = (fs::read(path)?, fs::metadata(path)?);
    let mut written = Vec::new();
    for encoding in ENCODINGS {
        let mut name = path.as_os_str().to_owned();
        name.push(encoding.suffix);
        let target = PathBuf::from(name);
        let encoded = if content.len() < LEAST { None } else { Some(Encoder::new(encoding, Effort::Best)?.whole(&content)?) };
        let Some(encoded) = encoded.filter(|encoded| encoded.len() < content.len()) else {
            match fs::remove_file(&target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => continue,
            }
        };
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(&encoded)?;
        // Others must be able to read it, as they could read the original.
        file.as_file().set_permissions(metadata.permissions())?;
        file.persist(&target)?;
        written.push(target);
    }
    Ok(written)
}
