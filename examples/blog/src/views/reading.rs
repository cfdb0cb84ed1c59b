//! What everybody may read.

use lback::prelude::*;
use serde::Deserialize;

use super::writing::may_change;
use crate::Blog;
use crate::models::{PUBLISHED, Post};

#[derive(Deserialize)]
struct Query {
    page: Option<u32>,
}

pub fn index(req: &mut Request) -> Result<Response> {
    let page = req.query::<Query>()?.page.unwrap_or(1);
    let per_page = req.state::<Blog>()?.posts_per_page.get();
    let (posts, pages) = Post::published(req.db()?, page, per_page)?;
    if page < 1 || page > pages {
        return Err(Error::not_found("There are not so many pages."));
    }
    req.render("index.html", context! { posts, page, pages })
}

pub fn post(req: &mut Request) -> Result<Response> {
    // In the same words for both: nobody learns what is being written.
    let none = || Error::not_found("There is no such post.");
    let slug: String = req.param("slug")?;
    let post = Post::at(req.db()?, &slug)?.ok_or_else(none)?;
    if !may_read(req, &post)? {
        return Err(none());
    }
    let may_change = may_change(req, &post)?;
    req.render("post.html", context! { post, may_change })
}

/// What is not published is there for its author and the moderators only.
fn may_read(req: &mut Request, post: &Post) -> Result<bool> {
    let is_author = req.user()?.is_some_and(|user| user.id == post.author_id);
    Ok(post.state == PUBLISHED || is_author || req.has_perm("blog.moderate")?)
}
