//! Where authors write.

use lback::prelude::*;

use crate::models::{DRAFT, Draft, PUBLISHED, Post, Refused, SUBMITTED};

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
                req.session().flash("success", "Your draft is saved. Submit it when it is ready.");
                return req.redirect_to("post", &[("slug", &slug)]);
            }
            Err(refused) => say(&mut form, refused),
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
                req.session().flash("success", "Your changes are saved.");
                return req.redirect_to("post", &[("slug", &slug)]);
            }
            Err(refused) => say(&mut form, refused),
        }
    }
    req.render("write/form.html", context! { form, post })
}

fn say(form: &mut Form<Draft>, refused: Refused) {
    match refused {
        Refused::SlugTaken => form.add_error("slug", "Another post has this address already."),
        Refused::NoSlug => form.add_error("slug", "None can be made of this title. Please choose one."),
        Refused::Overtaken => form.add_form_error(
            "Somebody has changed this post since you opened it. Copy what you have written, open the post again, and put it in.",
        ),
    }
}

pub fn submit(req: &mut Request) -> Result<Response> {
    let (post, now) = (own_post(req)?, req.now());
    if post.state == DRAFT && post.advance(req.db()?, SUBMITTED, "", now)? {
        req.session().flash("success", "Your post is submitted. You get a mail when a moderator has read it.");
    } else {
        req.session().flash("warning", "This post is submitted already.");
    }
    req.redirect_to("post", &[("slug", &post.slug)])
}

pub fn delete(req: &mut Request) -> Result<Response> {
    let post = own_post(req)?;
    if !post.delete(req.db()?)? {
        return Err(Error::new(StatusCode::CONFLICT, "Somebody has changed this post just now. Look at it again."));
    }
    req.session().flash("success", &format!("\"{}\" is deleted.", post.title));
    req.redirect_to("write:index", &[])
}

/// The post of this address, if the user may change it.
fn own_post(req: &mut Request) -> Result<Post> {
    let id: i64 = req.param("id")?;
    let post = Post::find(req.db()?, id)?;
    match may_change(req, &post)? {
        true => Ok(post),
        false if post.state == PUBLISHED => Err(Error::forbidden("This post is published. Only a moderator can change it now.")),
        false => Err(Error::forbidden("This post is somebody else's.")),
    }
}

/// Moderators may change every post, authors their own until it is published.
pub fn may_change(req: &mut Request, post: &Post) -> Result<bool> {
    if req.has_perm("blog.moderate")? {
        return Ok(true);
    }
    let is_author = req.user()?.is_some_and(|user| user.id == post.author_id);
    Ok(is_author && post.state != PUBLISHED && req.has_perm("blog.add_post")?)
}
