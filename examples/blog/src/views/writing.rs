//! The authors' pages.

use lback::prelude::*;

use crate::models::{DRAFT, Draft, NotSaved, PUBLISHED, Post, SUBMITTED};

pub fn index(req: &mut Request) -> Result<Response> {
    let author = req.require_login()?;
    let posts = Post::by(req.db()?, &author)?;
    req.render("write/index.html", context! { posts })
}

pub fn add(req: &mut Request) -> Result<Response> {
    let author = req.require_login()?;
    let mut form = Form::<Draft>::new().initial("version", 0);
    if let Some(draft) = form.submitted(req)? {
        let now = req.now();
        match draft.insert(req.db()?, &author, now)? {
            Ok(slug) => {
                req.session().flash("success", "Your draft was saved. Submit it when it is ready.");
                return req.redirect_to("post", &[("slug", &slug)]);
            }
            Err(reason) => add_error(&mut form, reason),
        }
    }
    req.render("write/form.html", context! { form })
}

pub fn edit(req: &mut Request) -> Result<Response> {
    let post = own_post(req)?;
    let mut form = Form::new().fill(&Draft::of(&post));
    if let Some(draft) = form.submitted(req)? {
        let now = req.now();
        match draft.update(req.db()?, &post, now)? {
            Ok(slug) => {
                req.session().flash("success", "Your changes were saved.");
                return req.redirect_to("post", &[("slug", &slug)]);
            }
            Err(reason) => add_error(&mut form, reason),
        }
    }
    req.render("write/form.html", context! { form, post })
}

fn add_error(form: &mut Form<Draft>, reason: NotSaved) {
    match reason {
        NotSaved::SlugTaken => form.add_error("slug", "Another post already has this address."),
        NotSaved::NoSlug => form.add_error("slug", "No address can be derived from this title. Please enter one."),
        NotSaved::Conflict => {
            form.add_form_error("This post has changed since you opened it. Copy your text, open the post again, and paste it.")
        }
    }
}

pub fn submit(req: &mut Request) -> Result<Response> {
    let (post, now) = (own_post(req)?, req.now());
    if post.state == DRAFT && post.set_state(req.db()?, SUBMITTED, "", now)? {
        req.session().flash("success", "Your post was submitted. You will get a mail when a moderator has read it.");
    } else {
        req.session().flash("warning", "This post was already submitted.");
    }
    req.redirect_to("post", &[("slug", &post.slug)])
}

pub fn delete(req: &mut Request) -> Result<Response> {
    let post = own_post(req)?;
    if !post.delete(req.db()?)? {
        return Err(Error::new(StatusCode::CONFLICT, "This post has just been changed. Please read it again."));
    }
    req.session().flash("success", &format!("\"{}\" was deleted.", post.title));
    req.redirect_to("write:index", &[])
}

/// Returns the post in the path, if the user may change it.
fn own_post(req: &mut Request) -> Result<Post> {
    let id: i64 = req.param("id")?;
    let post = Post::find(req.db()?, id)?;
    match may_change(req, &post)? {
        true => Ok(post),
        false if post.state == PUBLISHED => Err(Error::forbidden("This post is published. Only a moderator can change it.")),
        false => Err(Error::forbidden("This post belongs to another author.")),
    }
}

/// Returns whether the user may change a post. Moderators may change all posts, and authors their own until it is published.
pub fn may_change(req: &mut Request, post: &Post) -> Result<bool> {
    if req.has_perm("blog.moderate")? {
        return Ok(true);
    }
    let is_author = req.user()?.is_some_and(|user| user.id == post.author_id);
    Ok(is_author && post.state != PUBLISHED && req.has_perm("blog.add_post")?)
}
