//! The models of the app, and their forms.

use lback::prelude::*;

/// A ticket.
#[derive(Model, Clone, Debug, serde::Serialize)]
#[model(order = "-is_open, -id")]
pub struct Ticket {
    pub id: i64,
    #[model(references = User)]
    pub author_id: i64,
    #[model(references = User)]
    pub agent_id: Option<i64>,
    #[model(max_length = 120, help = "One line that says what is wrong.")]
    pub title: String,
    #[model(long, max_length = 10_000, label = "Description")]
    pub text: String,
    #[model(default = Priority::Normal)]
    pub priority: Priority,
    #[model(default = true)]
    pub is_open: bool,
    #[model(version)]
    pub version: i32,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
}

/// The fields that a user fills in.
#[derive(Form)]
#[form(model = Ticket)]
pub struct TicketForm {
    pub title: String,
    pub text: String,
    pub priority: Priority,
    pub version: i32,
}

/// How soon a ticket needs an answer.
#[derive(Choices, Clone, Copy, Debug, Default, PartialEq)]
pub enum Priority {
    Low,
    #[default]
    Normal,
    #[choice(label = "High: nobody can work")]
    High,
}

/// A comment on a ticket.
#[derive(Model, Clone, Debug, serde::Serialize)]
#[model(order = "id")]
pub struct Comment {
    pub id: i64,
    #[model(references = Ticket, on_delete = cascade)]
    pub ticket_id: i64,
    #[model(references = User)]
    pub author_id: i64,
    #[model(long, max_length = 10_000, label = "Comment")]
    pub text: String,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
}

/// The field of a comment that a user fills in.
#[derive(Form)]
#[form(model = Comment)]
pub struct CommentForm {
    pub text: String,
}
