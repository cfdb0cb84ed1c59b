//! Requests with which the application renders a page again that a visitor has open.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Uri};

use crate::csrf::Mask;
use crate::request::RequestBody;
use crate::{Application, Error, Request, Response, Result};

/// Maximum length of the address of a page, in bytes.
const MAX_PAGE_BYTES: usize = 4096;

/// Headers that describe the request of a script, and not the visitor.
static DROPPED: [HeaderName; 11] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::ORIGIN,
    header::PRAGMA,
    header::RANGE,
    header::REFERER,
    header::UPGRADE,
];
const DROPPED_PREFIXES: [&str; 4] = ["if-", "last-event-id", "sec-fetch-", "sec-websocket-"];

/// A page that a visitor has open, to be rendered again for that visitor.
///
/// It is requested with GET inside the process, through the router and all middleware, with the cookies, the language and the address
/// of the visitor. [`Request::is_rerender`] tells it from the visit. Nothing of it is kept: its database work is rolled back, its
/// session is not saved or renewed, and its cookies are not sent. It is logged only at the level `debug`, and sends no signals of HTTP.
///
/// ```
/// use lback::{Request, Response, Result};
/// use lback::http::Rerender;
///
/// async fn length(req: &mut Request) -> Result<Response> {
///     let page = Rerender::of(req, "/tickets?state=open")?;
///     let response = page.run(()).await;
///     Ok(Response::text(format!("{} bytes", response.body().as_bytes().unwrap_or_default().len())))
/// }
/// ```
#[derive(Clone)]
pub struct Rerender {
    app: Arc<Application>,
    page: Uri,
    headers: HeaderMap,
    peer: Option<SocketAddr>,
    /// The same for all runs, so that a form does not change between them.
    mask: Mask,
}

// Not derived: the headers contain the visitor's cookies.
impl fmt::Debug for Rerender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rerender").field("page", &self.page).finish_non_exhaustive()
    }
}

impl Rerender {
    /// Prepares `page`, a path with or without a query, for the visitor of `req`.
    ///
    /// # Errors
    /// Returns 400 if `page` is not the path of a page, such as the URL of another site, or longer than 4 KiB. Returns 404 if no route
    /// of the application answers it, and if `req` is itself a re-render.
    pub fn of(req: &Request, page: &str) -> Result<Self> {
        let is_path = page.starts_with('/') && !page.starts_with("//") && !page.contains(['\\', '#']) && page.len() <= MAX_PAGE_BYTES;
        let path = Some(page).filter(|_| is_path).and_then(|page| PathAndQuery::from_str(page).ok());
        let path =
            path.ok_or_else(|| Error::bad_request("The page should be the path of a page of this site, such as /tickets?page=2."))?;
        if req.is_rerender() || !req.app().answers(path.path()) {
            return Err(Error::not_found("There is no such page."));
        }
        let mut headers = req.headers().clone();
        let dropped: Vec<HeaderName> = headers.keys().filter(|name| is_dropped(name)).cloned().collect();
        for name in &dropped {
            headers.remove(name);
        }
        headers.insert(header::ACCEPT, const { HeaderValue::from_static("text/html,*/*;q=0.8") });
        // HTTP/2 sends the host in another place.
        if let Some(host) = req.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
            headers.insert(header::HOST, host);
        }
        Ok(Rerender { app: req.app().clone(), page: Uri::from(path), headers, peer: req.peer_addr(), mask: Mask::random()? })
    }

    /// Renders the page. `extension` is put into the [extensions](Request::extensions_mut) of its request.
    ///
    /// The response is what the visitor would get, including error pages. Only its status, its headers and what the page has noted in
    /// `extension` are of use for anything but a test.
    pub fn run<T: Send + Sync + 'static>(&self, extension: T) -> impl Future<Output = Response> + Send + use<T> {
        let (mut parts, ()) = hyper::Request::new(()).into_parts();
        parts.method = Method::GET;
        parts.uri = self.page.clone();
        parts.headers = self.headers.clone();
        let mut req = Request::new(self.app.clone(), parts, RequestBody::default(), self.peer);
        req.set_rerender();
        req.extensions_mut().insert(self.mask);
        req.extensions_mut().insert(extension);
        async move { Application::respond(&mut req).await }
    }
}

fn is_dropped(name: &HeaderName) -> bool {
    DROPPED.contains(name) || DROPPED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}
