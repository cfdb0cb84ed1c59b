//! Renders a page for its events.

use lback_core::{Rerender, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::fragment::{Captured, Fragment};

/// The result of a re-render.
pub(super) enum Shown {
    Page(Vec<Fragment>),
    /// Another page, or an error such as 404: the browser should load it.
    Other,
    /// The page has failed, but may work the next time.
    Failed,
}

/// Renders the page while `_permit` is held.
pub(super) async fn render(page: &Rerender, _permit: OwnedSemaphorePermit) -> Shown {
    let captured = Captured::default();
    let response = Box::pin(page.run(captured.clone())).await;
    of(&response, &captured)
}

fn of(response: &Response, captured: &Captured) -> Shown {
    let status = response.status();
    match status.as_u16() {
        200..300 => Shown::Page(captured.take()),
        408 | 429 => Shown::Failed,
        _ if status.is_server_error() => Shown::Failed,
        _ => Shown::Other,
    }
}
