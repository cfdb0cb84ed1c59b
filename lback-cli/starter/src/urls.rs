//! Which view answers which path.

use lback::prelude::*;

use crate::views;

#[rustfmt::skip] // one route a line
pub fn urls() -> Router {
    Router::new()
        .get("/", views::index).name("index")
}
