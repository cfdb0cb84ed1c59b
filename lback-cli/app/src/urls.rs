//! The routes of the app, below `/__APP__`.

use lback::prelude::*;

use super::views;

#[rustfmt::skip] // one route per line
pub fn urls() -> Router {
    Router::new()
        .get("/", views::index).name("index")
        .post("/", views::add).name("add")
}
