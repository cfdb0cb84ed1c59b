//! How the admin shows tickets.

use lback::prelude::*;

use super::models::{Comment, Ticket, tickets};

/// Returns the admin of the helpdesk.
pub fn site() -> Admin {
    Admin::new()
        .model::<Ticket>(|ticket| {
            ticket
                .list(["title", "author", "agent", "priority", "is_open", "created_at"])
                .search(["title", "text"])
                .filters(["is_open", "priority", "agent", "created_at"])
                .editable(["priority"])
                .inline::<Comment>()
                .action("close", "Close", close)
                .on_site(|ticket| format!("/tickets/{}", ticket.id))
        })
        .title("Helpdesk")
        .number("Open tickets", "/admin/tickets?is_open=true", open_tickets)
}

/// Returns the number of open tickets, for the start page.
fn open_tickets(req: &mut Request) -> Result<String> {
    req.require_permission("tickets.view")?;
    Ok(Ticket::query().filter(tickets::is_open).row_count(req.db()?)?.to_string())
}

/// Closes the tickets that are selected in the list.
fn close(req: &mut Request, tickets: Vec<Ticket>) -> Result<String> {
    let count = tickets.len();
    for mut ticket in tickets {
        ticket.is_open = false;
        ticket.save(req.db()?)?;
    }
    Ok(format!("Closed tickets: {count}"))
}
