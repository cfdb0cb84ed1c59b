//! Which view answers which path.

use lback::prelude::*;

use crate::views;

#[rustfmt::skip] // one route a line
pub fn urls() -> Router {
    Router::new()
        .get("/", views::index).name("index")
        .include("/account", lback::auth::urls()).name("account")
        .include("/tickets", crate::tickets::urls::urls()).name("tickets").login_required()
}
