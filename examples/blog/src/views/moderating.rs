//! The moderators' pages: publishing posts, and sending them back.

use lback::prelude::*;
use serde::Deserialize;

use crate::Blog;
use crate::models::{Signed, State};

pub fn index(req: &mut Request) -> Result<Response> {
    let posts = Signed::submitted(req.db()?)?;
    req.render("moderate/index.html", context! { posts })
}

#[derive(Deserialize)]
struct Read {
    version: i32,
}

/// Publishes the version that the moderator has read, because the author may have changed the post in the meantime.
pub fn publish(req: &mut Request) -> Result<Response> {
    let id = req.param("id")?;
    let Read { version } = req.form()?;
    let post = Signed::find(req.db()?, id)?;
    if post.state != State::Submitted {
        req.session().flash("warning", &format!("\"{}\" is not waiting for publication.", post.title));
    } else if post.version == version && post.set_state(req.db()?, State::Published, "")? {
        notify_author(req, &post, "Your post was published", "mail/published", "")?;
        req.session().flash("success", &format!("\"{}\" was published.", post.title));
    } else {
        req.session().flash("warning", &format!("{} has changed \"{}\" since you read it.", post.author, post.title));
    }
    req.redirect_to("moderate:index", &[])
}

#[derive(Form)]
struct Reason {
    #[form(textarea, max_length = 1000, help = "It is mailed to the author.")]
    reason: String,
}

/// Turns a submitted or published post into a draft again.
pub fn send_back(req: &mut Request) -> Result<Response> {
    let id = req.param("id")?;
    let post = Signed::find(req.db()?, id)?;
    if post.state == State::Draft {
        req.session().flash("warning", &format!("\"{}\" is already a draft.", post.title));
        return req.redirect_to("moderate:index", &[]);
    }
    let mut form = Form::<Reason>::new();
    if let Some(Reason { reason }) = form.submitted(req)? {
        if post.set_state(req.db()?, State::Draft, &reason)? {
            notify_author(req, &post, "Your post was sent back", "mail/returned", &reason)?;
            req.session().flash("success", &format!("\"{}\" was sent back to {}.", post.title, post.author));
        } else {
            req.session().flash("warning", &format!("\"{}\" has changed since you read it.", post.title));
        }
        return req.redirect_to("moderate:index", &[]);
    }
    req.render("moderate/return.html", context! { form, post })
}

/// Queues mail to the author. It is sent only if the change of the post is committed.
fn notify_author(req: &mut Request, post: &Signed, subject: &str, template: &str, reason: &str) -> Result<()> {
    let author = User::find(req.db()?, post.author_id)?;
    let Some(address) = author.and_then(|author| author.email) else { return Ok(()) };
    let link = format!("{}{}", req.state::<Blog>()?.site_url, req.url_for("post", &[("slug", &post.slug)])?);
    let mail = Mail::to((post.author.as_str(), address.as_str())).subject(subject);
    req.send_mail(mail.template(template, context! { post, link, reason }))
}
