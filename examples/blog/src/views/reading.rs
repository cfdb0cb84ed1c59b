//! The public pages.

use lback::prelude::*;
use serde::Deserialize;

use super::writing::may_change;
use crate::Blog;
use crate::models::{Post, Signed, State};

#[derive(Deserialize)]
struct Query {
    page: Option<u32>,
}

pub fn index(req: &mut Request) -> Result<Response> {
    let number = req.query::<Query>()?.page.unwrap_or(1);
    let per_page = req.state::<Blog>()?.posts_per_page.get();
    let page = Signed::published(req.db()?, number, per_page)?;
    if page.number != number {
        return Err(Error::not_found("This page does not exist."));
    }
    req.render("index.html", context! { page })
}

pub fn post(req: &mut Request) -> Result<Response> {
    // The same message for missing and unpublished posts, so that it does not reveal which drafts exist.
    let missing = || Error::not_found("This post does not exist.");
    let slug: String = req.param("slug")?;
    let post = Signed::at(req.db()?, &slug)?.ok_or_else(missing)?;
    if !may_read(req, &post)? {
        return Err(missing());
    }
    let may_change = may_change(req, &post)?;
    req.render("post.html", context! { post, may_change })
}

/// Returns whether the user may read a post. Unpublished ones are for their author and the moderators only.
fn may_read(req: &mut Request, post: &Post) -> Result<bool> {
    let is_author = req.user()?.is_some_and(|user| user.id == post.author_id);
    Ok(post.state == State::Published || is_author || req.has_perm("blog.moderate")?)
}
