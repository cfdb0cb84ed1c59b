//! The routes.

use lback::prelude::*;

use crate::views;

#[rustfmt::skip] // one route per line
pub fn urls() -> Router {
    Router::new()
        .get("/", views::index).name("index")
        .include("/tickets", crate::tickets::urls::urls()).name("tickets").login_required()
}
