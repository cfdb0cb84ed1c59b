use lback::prelude::*;

use crate::views;

#[rustfmt::skip] // one route a line
pub fn urls() -> Router {
    Router::new()
        .get("/", views::index).name("index")
        .post("/notes", views::add).name("add")
        .get("/notes/{id:int}", views::show).name("note")
}
