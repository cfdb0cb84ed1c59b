//! The routes of the app, below `/tickets`.

use lback::prelude::*;

use super::views;

#[rustfmt::skip] // one route per line
pub fn urls() -> Router {
    Router::new()
        .get("/", views::index).name("index")
        .get("/new", views::add).name("add")
        .post("/new", views::add)
        .get("/{id:int}", views::show).name("show")
        .get("/{id:int}/edit", views::edit).name("edit")
        .post("/{id:int}/edit", views::edit)
        .post("/{id:int}/assign", views::assign).name("assign").permission_required("tickets.manage")
        .post("/{id:int}/close", views::close).name("close").permission_required("tickets.manage")
        .post("/{id:int}", views::show)
}
