//! The answers to forms that the script of live pages sends.

use lback_core::header::{self, HeaderName, HeaderValue};
use lback_core::middleware::Next;
use lback_core::{Method, Request, Response, Result, StatusCode};

/// The page that has sent the form: its path and query.
const PAGE: &str = "x-live-page";
/// The page that the browser should open.
static LOCATION: HeaderName = HeaderName::from_static("x-live-location");

/// Lets the script open the page to which a form redirects, unless that is the page of the form. If the script followed the redirect
/// itself, the page would be requested twice, and what it shows once, such as flash messages, would be lost.
pub(super) async fn live_forms(req: &mut Request, next: Next<'_>) -> Result<Response> {
    // The address of a form only: caches keep redirects of others.
    let page = req.header(PAGE).filter(|_| req.method() == Method::POST).map(str::to_owned);
    let mut response = next.run(req).await?;
    let Some(page) = page.filter(|_| response.status().is_redirection()) else { return Ok(response) };
    if let Some(location) = response.headers_mut().remove(header::LOCATION) {
        if is_page(&location, &page) {
            response.headers_mut().insert(header::LOCATION, location);
        } else {
            response.headers_mut().insert(&LOCATION, location);
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
    }
    Ok(response)
}

fn is_page(location: &HeaderValue, page: &str) -> bool {
    let location = location.to_str().unwrap_or_default();
    location.split('#').next() == Some(page)
}
