//! The tables of the app, and the queries on them.

use lback::auth::auth_users;
use lback::chrono::NaiveDateTime;
use lback::db::joinable_tables;
use lback::prelude::*;

diesel::table! {
    tickets (id) {
        id -> BigInt,
        author_id -> BigInt,
        agent_id -> Nullable<BigInt>,
        title -> Text,
        body -> Text,
        is_open -> Bool,
        created_at -> Timestamp,
    }
}

joinable_tables![tickets];
diesel::joinable!(tickets -> auth_users (author_id));

/// A ticket, with the name of its author.
#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = tickets)]
pub struct Ticket {
    pub id: i64,
    pub author_id: i64,
    #[diesel(select_expression = auth_users::username)]
    pub author: String,
    pub agent_id: Option<i64>,
    pub title: String,
    pub body: String,
    pub is_open: bool,
    pub created_at: NaiveDateTime,
}

impl Ticket {
    /// Returns all tickets: open ones first, and the newest of each first.
    pub fn all(db: &mut Db) -> Result<Vec<Ticket>> {
        let all = tickets::table.inner_join(auth_users::table).order((tickets::is_open.desc(), tickets::id.desc()));
        Ok(all.select(Ticket::as_select()).load(db)?)
    }

    /// Returns the ticket with this id, or a 404 if there is none.
    pub fn find(db: &mut Db, id: i64) -> Result<Ticket> {
        let found = tickets::table.inner_join(auth_users::table).filter(tickets::id.eq(id));
        found.select(Ticket::as_select()).first(db).or_404()
    }

    /// Returns the tickets of one author, in the order of [`Ticket::all`].
    pub fn by(db: &mut Db, author: &User) -> Result<Vec<Ticket>> {
        let theirs = tickets::table.inner_join(auth_users::table).filter(tickets::author_id.eq(author.id));
        Ok(theirs.order((tickets::is_open.desc(), tickets::id.desc())).select(Ticket::as_select()).load(db)?)
    }

    /// Assigns the ticket to an agent.
    pub fn assign(&self, db: &mut Db, agent: &User) -> Result<()> {
        diesel::update(tickets::table.find(self.id)).set(tickets::agent_id.eq(agent.id)).execute(db)?;
        Ok(())
    }

    /// Closes the ticket.
    pub fn close(&self, db: &mut Db) -> Result<()> {
        diesel::update(tickets::table.find(self.id)).set(tickets::is_open.eq(false)).execute(db)?;
        Ok(())
    }
}

diesel::table! {
    comments (id) {
        id -> BigInt,
        ticket_id -> BigInt,
        author_id -> BigInt,
        body -> Text,
        created_at -> Timestamp,
    }
}

joinable_tables![comments];
diesel::joinable!(comments -> auth_users (author_id));

/// A comment on a ticket, with the name of its author.
#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = comments)]
pub struct Comment {
    #[diesel(select_expression = auth_users::username)]
    pub author: String,
    pub body: String,
    pub created_at: NaiveDateTime,
}

impl Comment {
    /// Returns the comments on a ticket, oldest first.
    pub fn on(db: &mut Db, ticket: &Ticket) -> Result<Vec<Comment>> {
        let comments = comments::table.inner_join(auth_users::table).filter(comments::ticket_id.eq(ticket.id));
        Ok(comments.order(comments::id).select(Comment::as_select()).load(db)?)
    }
}
