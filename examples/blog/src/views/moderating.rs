//! Where moderators publish what others have written, or send it back.

use lback::prelude::*;
use serde::Deserialize;

use crate::Blog;
use crate::models::{DRAFT, PUBLISHED, Post, SUBMITTED};

pub fn index(req: &mut Request) -> Result<Response> {
    let posts = Post::submitted(req.db()?)?;
    req.render("moderate/index.html", context! { posts })
}

#[derive(Deserialize)]
struct Read {
    version: i32,
}

/// What is published is what the moderator has read: its author may have changed it meanwhile.
pub fn publish(req: &mut Request) -> Result<Response> {
    let (id, now) = (req.param("id")?, req.now());
    let Read { version } = req.form()?;
    let post = Post::find(req.db()?, id)?;
    if post.state != SUBMITTED {
        req.session().flash("warning", &format!("\"{}\" does not wait to be published.", post.title));
    } else if post.version == version && post.advance(req.db()?, PUBLISHED, "", now)? {
        tell_author(req, &post, "Your post is published", "mail/published", "")?;
        req.session().flash("success", &format!("\"{}\" is published.", post.title));
    } else {
        req.session().flash("warning", &format!("{} has changed \"{}\" since you read it.", post.author, post.title));
    }
    req.redirect_to("moderate:index", &[])
}

#[derive(Form)]
struct Reason {
    #[form(textarea, max_length = 1000, help = "The author gets it by mail.")]
    reason: String,
}

/// Makes a draft of it again: of one that waits, and of one that is published.
pub fn send_back(req: &mut Request) -> Result<Response> {
    let (id, now) = (req.param("id")?, req.now());
    let post = Post::find(req.db()?, id)?;
    if post.state == DRAFT {
        req.session().flash("warning", &format!("\"{}\" is a draft already.", post.title));
        return req.redirect_to("moderate:index", &[]);
    }
    let mut form = Form::<Reason>::new();
    if let Some(Reason { reason }) = form.submitted(req)? {
        if post.advance(req.db()?, DRAFT, &reason, now)? {
            tell_author(req, &post, "Your post came back", "mail/returned", &reason)?;
            req.session().flash("success", &format!("\"{}\" is sent back to {}.", post.title, post.author));
        } else {
            req.session().flash("warning", &format!("Somebody has changed \"{}\" since you read it.", post.title));
        }
        return req.redirect_to("moderate:index", &[]);
    }
    req.render("moderate/return.html", context! { form, post })
}

/// The mail leaves when what was done to the post is committed, and not otherwise.
fn tell_author(req: &mut Request, post: &Post, subject: &str, template: &str, reason: &str) -> Result<()> {
    let author = User::find(req.db()?, post.author_id)?;
    let Some(address) = author.and_then(|author| author.email) else { return Ok(()) };
    let link = format!("{}{}", req.state::<Blog>()?.site_url, req.url_for("post", &[("slug", &post.slug)])?);
    let mail = Mail::to((post.author.as_str(), address.as_str())).subject(subject);
    req.send_mail(mail.template(template, context! { post, link, reason }))
}
