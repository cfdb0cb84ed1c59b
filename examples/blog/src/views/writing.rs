//! The authors' pages.

use lback::prelude::*;

use crate::models::{Draft, NewPost, Post, State, posts};

pub fn index(req: &mut Request) -> Result<Response> {
    let author = req.require_login()?;
    let theirs = Post::query().filter(posts::author_id.eq(author.id)).order((posts::updated_at.desc(), posts::id.desc()));
    let posts: Vec<Post> = theirs.load(req.db()?)?;
    req.render("write/index.html", context! { posts })
}

pub fn add(req: &mut Request) -> Result<Response> {
    let author = req.require_login()?;
    let mut form = Form::<Draft>::new();
    if let Some(draft) = form.submitted(req)? {
        let new = Post::with_slug(NewPost { author_id: author.id, ..draft.into_new() });
        if let Some(post) = form.create::<Post>(req.db()?, new)? {
            req.session().flash("success", "Your draft was saved. Submit it when it is ready.");
            return req.redirect_to("post", &[("slug", &post.slug)]);
        }
    }
    req.render("write/form.html", context! { form })
}

pub fn edit(req: &mut Request) -> Result<Response> {
    let mut post = own_post(req)?;
    let mut form = Form::<Draft>::editing(&post);
    if let Some(draft) = form.submitted(req)? {
        draft.apply(&mut post);
        if form.save(req.db()?, &mut post)? {
            req.session().flash("success", "Your changes were saved.");
            return req.redirect_to("post", &[("slug", &post.slug)]);
        }
    }
    req.render("write/form.html", context! { form, post })
}

pub fn submit(req: &mut Request) -> Result<Response> {
    let post = own_post(req)?;
    if post.state == State::Draft && post.set_state(req.db()?, State::Submitted, "")? {
        req.session().flash("success", "Your post was submitted. You will get a mail when a moderator has read it.");
    } else {
        req.session().flash("warning", "This post was already submitted.");
    }
    req.redirect_to("post", &[("slug", &post.slug)])
}

pub fn delete(req: &mut Request) -> Result<Response> {
    let post = own_post(req)?;
    let title = post.title.clone();
    post.delete(req.db()?)?;
    req.session().flash("success", &format!("\"{title}\" was deleted."));
    req.redirect_to("write:index", &[])
}

/// Returns the post in the path, if the user may change it.
fn own_post(req: &mut Request) -> Result<Post> {
    let id = req.param("id")?;
    let post = Post::find(req.db()?, id)?;
    match may_change(req, &post)? {
        true => Ok(post),
        false if post.state == State::Published => Err(Error::forbidden("This post is published. Only a moderator can change it.")),
        false => Err(Error::forbidden("This post belongs to another author.")),
    }
}

/// Returns whether the user may change a post. Moderators may change all posts, and authors their own until it is published.
pub fn may_change(req: &mut Request, post: &Post) -> Result<bool> {
    if req.has_perm("blog.moderate")? {
        return Ok(true);
    }
    let is_author = req.user()?.is_some_and(|user| user.id == post.author_id);
    Ok(is_author && post.state != State::Published && req.has_perm("blog.add_post")?)
}
