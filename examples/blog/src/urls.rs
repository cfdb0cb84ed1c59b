use lback::prelude::*;

use crate::views::{members, moderating, reading, writing};

/// Returns the routes. All permissions are checked here; views only check who has written a post.
#[rustfmt::skip] // one route per line
pub fn urls() -> Router {
    Router::new()
        .get("/", reading::index).name("index")
        .get("/posts/{slug:slug}", reading::post).name("post")
        .include("/write", writing()).name("write").permission_required("blog.add_post")
        .include("/moderate", moderating()).name("moderate").permission_required("blog.moderate")
}

#[rustfmt::skip]
fn writing() -> Router {
    Router::new()
        .get("/", writing::index).name("index")
        .get("/new", writing::add).name("add")
        .post("/new", writing::add)
        .get("/{id:int}", writing::edit).name("edit")
        .post("/{id:int}", writing::edit)
        .post("/{id:int}/submit", writing::submit).name("submit")
        .post("/{id:int}/delete", writing::delete).name("delete")
}

#[rustfmt::skip]
fn moderating() -> Router {
    Router::new()
        .get("/", moderating::index).name("index")
        .post("/{id:int}/publish", moderating::publish).name("publish")
        .get("/{id:int}/return", moderating::send_back).name("return")
        .post("/{id:int}/return", moderating::send_back)
        .get("/members", members::index).name("members")
        .post("/members/{id:int}/admit", members::admit).name("admit")
        .post("/members/{id:int}/dismiss", members::dismiss).name("dismiss")
        .post("/members/{id:int}/appoint", members::appoint).name("appoint").permission_required("blog.appoint")
        .post("/members/{id:int}/depose", members::depose).name("depose").permission_required("blog.appoint")
}
