//! The forms of the app.

use lback::chrono::{DateTime, Utc};
use lback::prelude::*;

use super::models::{Ticket, comments, tickets};

/// A new ticket.
#[derive(Form)]
pub struct NewTicket {
    #[form(max_length = 120, help = "One line that says what is wrong.")]
    title: String,
    #[form(label = "Description", textarea, max_length = 10_000)]
    body: String,
}

impl NewTicket {
    /// Stores the ticket and returns its id.
    pub fn insert(&self, db: &mut Db, author: &User, now: DateTime<Utc>) -> Result<i64> {
        let row = (
            tickets::author_id.eq(author.id),
            tickets::title.eq(&self.title),
            tickets::body.eq(&self.body),
            tickets::created_at.eq(now.naive_utc()),
        );
        Ok(diesel::insert_into(tickets::table).values(row).returning(tickets::id).get_result(db)?)
    }
}

/// A new comment on a ticket.
#[derive(Form)]
pub struct NewComment {
    #[form(label = "Comment", textarea, max_length = 10_000)]
    pub body: String,
}

impl NewComment {
    /// Stores the comment.
    pub fn insert(&self, db: &mut Db, ticket: &Ticket, author: &User, now: DateTime<Utc>) -> Result<()> {
        let row = (
            comments::ticket_id.eq(ticket.id),
            comments::author_id.eq(author.id),
            comments::body.eq(&self.body),
            comments::created_at.eq(now.naive_utc()),
        );
        diesel::insert_into(comments::table).values(row).execute(db)?;
        Ok(())
    }
}
