//! The views of the app.

use lback::prelude::*;
use serde::Deserialize;

use super::models::{Comment, CommentForm, NewComment, NewTicket, Ticket, TicketForm, comments, tickets};
use crate::Helpdesk;

#[derive(Deserialize)]
struct Search {
    q: Option<String>,
    page: Option<u32>,
}

/// Lists all tickets for agents, and their own tickets for other users.
pub fn index(req: &mut Request) -> Result<Response> {
    let user = req.require_login()?;
    let Search { q, page } = req.query()?;
    let mut found = Ticket::ordered();
    if !req.has_perm("tickets.manage")? {
        found = found.filter(tickets::author_id.eq(user.id));
    }
    if let Some(q) = &q {
        found = found.filter(tickets::title.icontains(q).or(tickets::text.icontains(q)));
    }
    let page: Page<Ticket> = found.page(req.db()?, page.unwrap_or(1), 20)?;
    let authors = Ticket::author_of(req.db()?, &page.items)?;
    let comments = Comment::by_ticket(req.db()?, &page.items)?;
    req.render("tickets/index.html", context! { page, q, authors, comments })
}

/// Shows a ticket and its comments, and adds a comment.
pub fn show(req: &mut Request) -> Result<Response> {
    let ticket = ticket(req)?;
    let user = req.require_login()?;
    let mut form = Form::<CommentForm>::new();
    if let Some(values) = form.submitted(req)? {
        let new = NewComment { ticket_id: ticket.id, author_id: user.id, ..values.into_new() };
        if let Some(comment) = form.create::<Comment>(req.db()?, new)? {
            if user.id != ticket.author_id {
                mail_answer(req, &ticket, &user, &comment)?;
            }
            req.session().flash("success", "Your comment has been added.");
            req.broadcast("tickets", &ticket.id)?;
            return req.redirect_to("tickets:show", &[("id", &ticket.id)]);
        }
    }
    let author = ticket.author(req.db()?)?;
    let agent = ticket.agent(req.db()?)?;
    let comments: Vec<Comment> = Comment::ordered().filter(comments::ticket_id.eq(ticket.id)).load(req.db()?)?;
    let authors = Comment::author_of(req.db()?, &comments)?;
    req.render("tickets/show.html", context! { ticket, author, agent, comments, authors, form })
}

/// Opens a ticket.
pub fn add(req: &mut Request) -> Result<Response> {
    let author = req.require_login()?;
    let mut form = Form::<TicketForm>::new();
    if let Some(values) = form.submitted(req)? {
        let new = NewTicket { author_id: author.id, ..values.into_new() };
        if let Some(ticket) = form.create::<Ticket>(req.db()?, new)? {
            req.session().flash("success", "Your ticket has been opened.");
            req.broadcast("tickets", &ticket.id)?;
            return req.redirect_to("tickets:show", &[("id", &ticket.id)]);
        }
    }
    req.render("tickets/form.html", context! { form })
}

/// Changes a row.
pub fn edit(req: &mut Request) -> Result<Response> {
    let mut ticket = ticket(req)?;
    let mut form = Form::<TicketForm>::editing(&ticket);
    if let Some(changes) = form.submitted(req)? {
        changes.apply(&mut ticket);
        if form.save(req.db()?, &mut ticket)? {
            req.session().flash("success", "Saved.");
            req.broadcast("tickets", &ticket.id)?;
            return req.redirect_to("tickets:show", &[("id", &ticket.id)]);
        }
    }
    req.render("tickets/form.html", context! { form, ticket })
}

/// Assigns a ticket to the current user.
pub fn assign(req: &mut Request) -> Result<Response> {
    let (mut ticket, agent) = (ticket(req)?, req.require_login()?);
    ticket.agent_id = Some(agent.id);
    ticket.save(req.db()?)?;
    req.session().flash("success", "The ticket is assigned to you.");
    req.broadcast("tickets", &ticket.id)?;
    req.redirect_to("tickets:show", &[("id", &ticket.id)])
}

/// Closes a ticket.
pub fn close(req: &mut Request) -> Result<Response> {
    let mut ticket = ticket(req)?;
    ticket.is_open = false;
    ticket.save(req.db()?)?;
    req.session().flash("success", "The ticket is closed.");
    req.broadcast("tickets", &ticket.id)?;
    req.redirect_to("tickets:index", &[])
}

/// Returns the ticket in the path, or a 404 if the current user may not see it.
fn ticket(req: &mut Request) -> Result<Ticket> {
    let id = req.param("id")?;
    let user = req.require_login()?;
    let ticket = Ticket::find(req.db()?, id)?;
    if ticket.author_id != user.id && !req.has_perm("tickets.manage")? {
        return Err(Error::not_found("There is no such ticket."));
    }
    Ok(ticket)
}

/// Mails an answer to the author of the ticket, if the author has an e-mail address.
fn mail_answer(req: &mut Request, ticket: &Ticket, agent: &User, comment: &Comment) -> Result<()> {
    let author = ticket.author(req.db()?)?;
    let Some(address) = &author.email else { return Ok(()) };
    let path = req.url_for("tickets:show", &[("id", &ticket.id)])?;
    let link = format!("{}{path}", req.state::<Helpdesk>()?.site_url);
    let mail = Mail::to((author.username.as_str(), address.as_str())).subject(format!("Answer: {}", ticket.title));
    req.send_mail(mail.template("mail/answer", context! { author, agent, ticket, comment, link }))
}
