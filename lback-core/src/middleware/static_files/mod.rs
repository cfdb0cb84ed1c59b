//! Serves the files of a folder.

mod encoding;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::response::FileRequest;
use crate::static_names::{StaticNames, is_served};
use crate::{Error, Middleware, Next, Request, Response, Result, blocking};
use encoding::{ENCODINGS, Encoding};

/// Serves the files of a folder: those of `STATIC_DIR` under `STATIC_URL`, or of another [folder](StaticFiles::folder).
///
/// Where `app.js.br`, `app.js.zst` or `app.js.gz` stands beside `app.js`, a client that takes the encoding gets that
/// one: make them when you deploy, and anew whenever the original changes. Conditional and range requests are answered
/// as [`Response::file`] does. Clients keep a file, and ask each time whether it has changed.
///
/// Outside `DEBUG` each file of `STATIC_DIR` has a second name that holds a hash of its content, which `static` in
/// templates uses: `style.1f3a9c20.css`. Under that one clients keep it for a year without asking. A hash of another
/// version of the file answers the present one, which is not kept.
///
/// Nothing outside the folder can be reached, by `..` or by a symbolic link, nor any hidden file (a part of the path
/// begins with a dot; `.well-known` is allowed). All that answers 404, as does a missing file or folder.
///
/// ```
/// use lback_core::middleware::{Stack, StaticFiles};
///
/// let mut stack = Stack::new();
/// stack.push(StaticFiles::new()).push(StaticFiles::media("/media/")).push(StaticFiles::folder("/docs/", "manual/html"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct StaticFiles {
    /// The URL and the folder, unless it is `STATIC_DIR`; no folder means `MEDIA_DIR`.
    folder: Option<(String, Option<PathBuf>)>,
}

impl StaticFiles {
    /// The folder `STATIC_DIR` under `STATIC_URL`, as the settings have them.
    pub fn new() -> Self {
        Self::default()
    }

    /// The folder `dir`, below the project's folder, under the path `url`.
    ///
    /// A browser shows what lies there as a part of your site. For files that visitors upload, allow only types that
    /// cannot carry scripts (HTML and SVG can), or serve them with [`Response::download`].
    pub fn folder(url: &str, dir: impl Into<PathBuf>) -> Self {
        StaticFiles { folder: Some((url.to_owned(), Some(dir.into()))) }
    }

    /// The folder `MEDIA_DIR`, in which the application stores files, under the path `url`. What
    /// [`folder`](Self::folder) says of uploads applies.
    pub fn media(url: &str) -> Self {
        StaticFiles { folder: Some((url.to_owned(), None)) }
    }
}

impl StaticFiles {
    /// The URL of a folder of its own; `None` for `STATIC_URL`.
    pub(crate) fn url(&self) -> Option<&str> {
        self.folder.as_ref().map(|(url, _)| url.as_str())
    }
}

impl Middleware for StaticFiles {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        match self.path_below(req) {
            // Boxed, so that the other requests, which are most, carry no room for it.
            Some(rest) => {
                let relative = safe_path(rest);
                Box::pin(self.answer(req, relative)).await
            }
            None => next.run(req).await,
        }
    }

    fn skips(&self, req: &Request) -> bool {
        self.path_below(req).is_none()
    }
}

impl StaticFiles {
    /// What of the request's path comes after the URL of the folder. `None` where it is not below it.
    fn path_below<'a>(&self, req: &'a Request) -> Option<&'a str> {
        let url = match &self.folder {
            Some((url, _)) => url,
            None => &req.app().config().static_url,
        };
        below(req.path(), url)
    }

    /// Answers a request for the file at `relative`, below the folder; `None` is a path that no file can have.
    async fn answer(&self, req: &mut Request, relative: Option<PathBuf>) -> Result<Response> {
        if *req.method() == Method::OPTIONS {
            return Response::new(StatusCode::NO_CONTENT).with_header("allow", "GET, HEAD, OPTIONS");
        }
        if !matches!(*req.method(), Method::GET | Method::HEAD) {
            return Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read.")
                .with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS")));
        }
        let missing = Error::not_found(format!("There is no file {}", req.path()));
        let Some(relative) = relative else { return Err(missing) };
        let app = req.app();
        let dir = match &self.folder {
            Some((_, Some(dir))) => app.root().join(dir),
            Some((_, None)) => app.media_dir(),
            None => app.static_dir(),
        };
        let names = self.folder.is_none().then(|| app.clone());
        let file = FileRequest::of(req);
        // A list may come in several lines.
        let listed = req.headers().get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
        let accepted = encoding::accepted(&listed.collect::<Vec<_>>().join(","));
        let serve = move || match names {
            Some(app) => serve_named(app.static_names(), &dir, &relative, &file, &accepted),
            None => serve(&dir, &relative, &file, &accepted).map(|response| (response, ASK)),
        };
        let served = blocking::on_thread(serve).await?;
        let (mut response, cache) = served.map_err(|error| if error.is_not_found() { missing } else { error })?;
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        }
        Ok(response)
    }
}

/// What a cache is told of a file that may change: ask whether it has.
const ASK: &str = "no-cache";

/// What a cache is told of a file whose name says what is in it.
const KEEP: &str = "public, max-age=31536000, immutable";

/// What of `path` comes after `url`, which may lack its slashes. `None` where `path` is not below it.
fn below<'a>(path: &'a str, url: &str) -> Option<&'a str> {
    let url = url.trim_matches('/');
    let rest = path.strip_prefix('/')?;
    if url.is_empty() { Some(rest) } else { rest.strip_prefix(url)?.strip_prefix('/') }
}

/// No system opens a file by a longer path.
const MAX_PATH: usize = 4096;

/// A path from a URL as a relative path of plain names. `None` for all that could mean anything else.
fn safe_path(encoded: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    // A colon can name a drive or a stream on Windows.
    let means_more = |c: char| c.is_control() || c == '\\' || (cfg!(windows) && c == ':');
    if decoded.len() > MAX_PATH || decoded.contains(means_more) {
        return None;
    }
    // An empty name, from a slash at either end or two in a row, is none that is served either.
    decoded.split('/').all(is_served).then(|| PathBuf::from(&*decoded))
}

/// Serves a file by its own name, or else by one that holds its hash, and says what a cache may do.
fn serve_named(
    names: &StaticNames,
    dir: &Path,
    relative: &Path,
    file: &FileRequest,
    accepted: &[Encoding],
) -> Result<(Response, &'static str)> {
    let error = match serve(dir, relative, file, accepted) {
        Ok(response) => return Ok((response, ASK)),
        Err(error) => error,
    };
    let named = relative.to_str().filter(|_| error.is_not_found()).and_then(|name| names.resolve(dir, name));
    let Some(named) = named else { return Err(error) };
    let response = serve(dir, Path::new(&named.plain), file, accepted)?;
    Ok((response, if named.for_good { KEEP } else { ASK }))
}

fn serve(dir: &Path, relative: &Path, file: &FileRequest, accepted: &[Encoding]) -> Result<Response> {
    let dir = dir.canonicalize().map_err(|error| not_found().with_source(error))?;
    let original = dir.join(relative);
    let path = inside(&dir, &original)?;
    let beside = |encoding: &Encoding| {
        let mut name = OsString::from(&original);
        name.push(encoding.suffix);
        inside(&dir, Path::new(&name)).ok().filter(|path| path.is_file())
    };
    let chosen = accepted.iter().find_map(|encoding| Some((beside(encoding)?, encoding.name)));
    let mut response = match &chosen {
        Some((encoded, encoding)) if path.is_file() => file.open_encoded(encoded, &original, Some(encoding))?,
        _ => file.open_encoded(&path, &original, None)?,
    };
    // A cache must know that other clients get other bytes, also where this one got the original.
    if chosen.is_some() || ENCODINGS.iter().any(|encoding| beside(encoding).is_some()) {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Ok(response)
}

/// `path` with its links followed, if that is still in `dir`.
fn inside(dir: &Path, path: &Path) -> Result<PathBuf> {
    let path = path.canonicalize().map_err(|error| not_found().with_source(error))?;
    if path.starts_with(dir) { Ok(path) } else { Err(not_found()) }
}

/// The middleware says which, by its URL.
fn not_found() -> Error {
    Error::not_found("There is no such file.")
}

#[cfg(test)]
mod tests;
