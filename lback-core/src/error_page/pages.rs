//! The framework's own error pages: templates that are compiled into the program and need nothing from the application.

use std::sync::LazyLock;

use hyper::StatusCode;
use tera::Tera;

use super::reason;
use crate::Response;

/// `None` only if a template does not parse, which a test rules out.
pub(super) static PAGES: LazyLock<Option<Tera>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    let pages = [("plain.html", include_str!("plain.html")), ("debug.html", include_str!("debug.html"))];
    tera.add_raw_templates(pages).ok()?;
    Some(tera)
});

/// Renders one of the pages. If it fails, the response contains only the status.
pub(super) fn render(name: &str, context: &tera::Context, status: StatusCode) -> Response {
    let page = PAGES.as_ref().and_then(|pages| {
        pages.render(name, context).map_err(|error| tracing::error!(target: "lback::error", %error, "the error page failed")).ok()
    });
    page.map_or_else(|| bare(status), Response::html)
}

/// Returns a response that contains only the status.
pub(super) fn bare(status: StatusCode) -> Response {
    Response::text(format!("{} {}\n", status.as_u16(), reason(status)))
}
