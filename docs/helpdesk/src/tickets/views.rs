//! The views of the app.

use lback::prelude::*;

use super::forms::{NewComment, NewTicket};
use super::models::{Comment, Ticket};
use crate::Helpdesk;

/// Lists all tickets for agents, and their own tickets for other users.
pub fn index(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let tickets = match req.has_perm("tickets.manage")? {
        true => Ticket::all(req.db()?)?,
        false => Ticket::by(req.db()?, &user)?,
    };
    req.render("tickets/index.html", context! { tickets })
}

/// Opens a ticket.
pub fn add(req: &mut Request) -> Result<Response> {
    let mut form = Form::<NewTicket>::new();
    if let Some(ticket) = form.submitted(req)? {
        let (author, now) = (req.require_login()?, req.now());
        let id = ticket.insert(req.db()?, &author, now)?;
        req.session().flash("success", "Your ticket has been opened.");
        return req.redirect_to("tickets:show", &[("id", &id)]);
    }
    req.render("tickets/add.html", context! { form })
}

/// Shows a ticket and its comments, and adds a comment.
pub fn show(req: &mut Request) -> Result<Response> {
    let ticket = visible_ticket(req)?;
    let mut form = Form::<NewComment>::new();
    if let Some(comment) = form.submitted(req)? {
        let (author, now) = (req.require_login()?, req.now());
        comment.insert(req.db()?, &ticket, &author, now)?;
        if author.id != ticket.author_id {
            mail_answer(req, &ticket, &author, &comment.body)?;
        }
        req.session().flash("success", "Your comment has been added.");
        return req.redirect_to("tickets:show", &[("id", &ticket.id)]);
    }
    let comments = Comment::on(req.db()?, &ticket)?;
    let agent = match ticket.agent_id {
        Some(id) => User::find(req.db()?, id)?,
        None => None,
    };
    req.render("tickets/show.html", context! { ticket, comments, agent, form })
}

/// Returns the ticket in the path, or a 404 if the current user may not see it.
fn visible_ticket(req: &mut Request) -> Result<Ticket> {
    let id = req.param("id")?;
    let user = req.require_login()?;
    let ticket = Ticket::find(req.db()?, id)?;
    if ticket.author_id != user.id && !req.has_perm("tickets.manage")? {
        return Err(Error::not_found("There is no such ticket."));
    }
    Ok(ticket)
}

/// Assigns a ticket to the current user.
pub fn assign(req: &mut Request) -> Result<Response> {
    let (ticket, agent) = (visible_ticket(req)?, req.require_login()?);
    ticket.assign(req.db()?, &agent)?;
    req.session().flash("success", "The ticket is assigned to you.");
    req.redirect_to("tickets:show", &[("id", &ticket.id)])
}

/// Closes a ticket.
pub fn close(req: &mut Request) -> Result<Response> {
    let ticket = visible_ticket(req)?;
    ticket.close(req.db()?)?;
    req.session().flash("success", "The ticket is closed.");
    req.redirect_to("tickets:index", &[])
}

/// Mails an answer to the author of the ticket, if the author has an e-mail address.
fn mail_answer(req: &mut Request, ticket: &Ticket, agent: &User, answer: &str) -> Result<()> {
    let author = User::find(req.db()?, ticket.author_id)?;
    let Some(address) = author.and_then(|author| author.email) else { return Ok(()) };
    let path = req.url_for("tickets:show", &[("id", &ticket.id)])?;
    let link = format!("{}{path}", req.state::<Helpdesk>()?.site_url);
    let mail = Mail::to((ticket.author.as_str(), address.as_str())).subject(format!("Answer: {}", ticket.title));
    req.send_mail(mail.template("mail/answer", context! { ticket, agent => agent.username, answer, link }))
}
