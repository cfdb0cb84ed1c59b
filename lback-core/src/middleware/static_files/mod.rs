//! Static files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::encoding::{self, ENCODINGS, Encoding};
use crate::response::FileRequest;
use crate::static_names::StaticNames;
use crate::stored_path::{self, inside, not_found};
use crate::{Error, Middleware, Next, Request, Response, Result, blocking};

/// Serves the files of a folder: `STATIC_DIR` under `STATIC_URL`, or another [folder](StaticFiles::folder).
///
/// If `app.js.br`, `app.js.zst` or `app.js.gz` exists next to `app.js`, clients that accept the encoding get that file. Create
/// these files when you deploy, and again whenever the original changes. Conditional and range requests are answered as by
/// [`Response::file`]. Clients store a file, and ask before each use whether it has changed.
///
/// While `DEBUG` is off, each file in `STATIC_DIR` also has a name that contains a hash of its content, which `static` in
/// templates uses: `style.1f3a9c20.css`. Clients store a file with such a name for a year without asking again. A name with the
/// hash of another version returns the current file, about which clients ask again.
///
/// Answers 404 to paths that lead outside the folder (through `..` or a symbolic link), to hidden files (a part of the path
/// starts with a dot; `.well-known` is allowed), and to missing files and folders.
///
/// ```
/// use lback::middleware::{Stack, StaticFiles};
///
/// let mut stack = Stack::new();
/// stack.push(StaticFiles::new()).push(StaticFiles::media("/media/")).push(StaticFiles::folder("/docs/", "manual/html"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct StaticFiles {
    /// The URL and the folder. `None` means `STATIC_DIR`; a URL without a folder means `MEDIA_DIR`.
    folder: Option<(String, Option<PathBuf>)>,
}

impl StaticFiles {
    /// Serves the folder `STATIC_DIR` under `STATIC_URL`, both from the settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves the folder `dir`, relative to the project's folder, under the path `url`.
    ///
    /// A browser treats these files as a part of your site. If visitors upload them, allow only types that cannot contain
    /// scripts (HTML and SVG can), or serve them with [`Response::download`].
    pub fn folder(url: &str, dir: impl Into<PathBuf>) -> Self {
        StaticFiles { folder: Some((url.to_owned(), Some(dir.into()))) }
    }

    /// Serves the folder `MEDIA_DIR`, in which the application stores files, under the path `url`. The advice about uploads on
    /// [`folder`](Self::folder) applies.
    pub fn media(url: &str) -> Self {
        StaticFiles { folder: Some((url.to_owned(), None)) }
    }
}

impl StaticFiles {
    /// Returns the URL of another folder, or `None` for `STATIC_URL`.
    pub(crate) fn url(&self) -> Option<&str> {
        self.folder.as_ref().map(|(url, _)| url.as_str())
    }
}

impl Middleware for StaticFiles {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        match self.path_below(req) {
            // Boxed, so that the future takes no space for it in other requests, which are the majority.
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
    /// Returns the part of the request's path after the folder's URL, or `None` if the path is not below that URL.
    fn path_below<'a>(&self, req: &'a Request) -> Option<&'a str> {
        let url = match &self.folder {
            Some((url, _)) => url,
            None => &req.app().config().static_url,
        };
        below(req.path(), url)
    }

    /// Answers a request for the file at `relative` in the folder. `None` stands for a path that no file can have.
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
        let accepted = encoding::accepted_by(req.headers());
        let serve = move || match names {
            Some(app) => serve_named(app.static_names(), &dir, &relative, &file, &accepted),
            None => serve(&dir, &relative, &file, &accepted).map(|response| (response, REVALIDATE)),
        };
        let served = blocking::on_thread(serve).await?;
        let (mut response, cache) = served.map_err(|error| if error.is_not_found() { missing } else { error })?;
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        }
        Ok(response)
    }
}

/// `Cache-Control` for a file that may change: caches ask before each use whether it has.
const REVALIDATE: &str = "no-cache";

/// `Cache-Control` for a file whose name identifies its content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Returns the part of `path` after `url`, or `None` if `path` is not below it. `url` may lack its slashes.
fn below<'a>(path: &'a str, url: &str) -> Option<&'a str> {
    let url = url.trim_matches('/');
    let rest = path.strip_prefix('/')?;
    if url.is_empty() { Some(rest) } else { rest.strip_prefix(url)?.strip_prefix('/') }
}

/// Converts a path from a URL into a relative path of plain names. Returns `None` if it could mean anything else.
fn safe_path(encoded: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    stored_path::plain(&decoded)
}

/// Serves a file by its own name or else by a name with its hash, and returns the response with its `Cache-Control`.
fn serve_named(
    names: &StaticNames,
    dir: &Path,
    relative: &Path,
    file: &FileRequest,
    accepted: &[Encoding],
) -> Result<(Response, &'static str)> {
    let error = match serve(dir, relative, file, accepted) {
        Ok(response) => return Ok((response, REVALIDATE)),
        Err(error) => error,
    };
    let named = relative.to_str().filter(|_| error.is_not_found()).and_then(|name| names.resolve(dir, name));
    let Some(named) = named else { return Err(error) };
    let response = serve(dir, Path::new(&named.plain), file, accepted)?;
    Ok((response, if named.for_good { IMMUTABLE } else { REVALIDATE }))
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
    // Caches must know that other clients may get other bytes, even if this client gets the original.
    if chosen.is_some() || ENCODINGS.iter().any(|encoding| beside(encoding).is_some()) {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
