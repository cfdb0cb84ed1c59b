//! The API, as programs use it: real models and permissions, the same on both databases. The test client checks each response against the
//! OpenAPI document.

mod access;
mod bad_input;
mod changes;
mod contract;
mod document;
mod every_kind;
mod hooks;
mod idempotency;
mod lists;
#[cfg(feature = "sqlite")]
mod misconfiguration;
mod page;
mod tokens;
mod versions;

use lback::api::Resource;
use lback::auth::NewUser;
use lback::models::ModelOps;
use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::serde_json::{Value, json};
use lback::testing::{Client, TestResponse};

#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Open,
    Closed,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(order = "name")]
pub struct Agent {
    pub id: i64,
    #[model(max_length = 80, unique)]
    pub name: String,
    #[model(hidden)]
    pub secret: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(clean = Ticket::check)]
pub struct Ticket {
    pub id: i64,
    #[model(max_length = 20)]
    pub title: String,
    #[model(max_length = 40, unique)]
    pub code: Option<String>,
    #[model(default = State::Open)]
    pub state: State,
    #[model(references = Agent)]
    pub agent_id: i64,
    #[model(min = 0, max = 10)]
    pub points: Option<i32>,
    #[model(version)]
    pub version: i32,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
}

impl Ticket {
    fn check(&self, errors: &mut FormErrors) {
        if self.state == State::Closed && self.points.is_none() {
            errors.add("points", "A closed ticket has points.");
        }
    }
}

/// A row without a version.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Note {
    pub id: i64,
    #[model(references = Ticket)]
    pub ticket_id: i64,
    #[model(max_length = 50)]
    pub text: String,
}

fn models() -> &'static [&'static dyn ModelOps] {
    models![Agent, Ticket, Note]
}

fn tickets_resource(ticket: Resource<Ticket>) -> Resource<Ticket> {
    ticket
        .fields(["id", "title", "code", "state", "agent", "points", "created_at"])
        .writable(["title", "code", "state", "agent", "points"])
        .filter(["title", "state", "agent", "points", "created_at"])
        .search(["title", "code"])
        .order(["-created_at", "id"])
        .sortable(["points", "title"])
        .include("agent", ["id", "name"])
        .sparse_fields()
}

fn notes_resource(note: Resource<Note>) -> Resource<Note> {
    note.fields(["id", "ticket", "text"]).writable(["ticket", "text"]).include("ticket", ["title"]).numbered_pages().per_page(2, 5)
}

fn api() -> Api {
    Api::new("Helpdesk", "1").resource::<Ticket>(tickets_resource).resource::<Note>(notes_resource)
}

fn client(on: &str) -> Client {
    client_with(on, api())
}

/// An application with the tables and an API, on the database that a line of settings names.
fn client_with(on: &str, api: Api) -> Client {
    let client = Client::with_settings(app(api), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.clock().set("2026-01-01T12:00:00Z".parse().unwrap());
    client.db(|db| create_tables(db, models()));
    client
}

fn app(api: Api) -> App {
    App::new(Router::new().include("/api", api.urls())).models(models()).auth().api()
}

/// A client of a new user with these permissions.
fn user(client: &Client, name: &str, permissions: &[&str]) -> Client {
    let user = client.add_user(permissions.iter().fold(NewUser::from(name), |user, permission| user.permission(permission)));
    let user_client = client.fork();
    user_client.login(&user);
    user_client
}

/// A client of a superuser.
fn root(client: &Client) -> Client {
    let user = client.add_user(NewUser::from("root").superuser(true));
    let root = client.fork();
    root.login(&user);
    root
}

fn agent(client: &Client, name: &str) -> Agent {
    client.db(|db| Agent::create(db, NewAgent { name: name.to_owned(), secret: "hush".to_owned() }))
}

fn ticket(client: &Client, agent: &Agent, title: &str) -> Ticket {
    client.clock().advance(std::time::Duration::from_secs(60));
    client.db(|db| Ticket::create(db, NewTicket { title: title.to_owned(), agent_id: agent.id, ..Default::default() }))
}

fn note(client: &Client, ticket: &Ticket, text: &str) -> Note {
    client.db(|db| Note::create(db, NewNote { ticket_id: ticket.id, text: text.to_owned() }))
}

/// The errors of a response, as `pointer: message`.
fn errors(response: &TestResponse) -> Vec<String> {
    let body: Value = response.assert_status(422).json();
    let error = |error: &Value| format!("{}: {}", error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap());
    body["errors"].as_array().unwrap().iter().map(error).collect()
}

fn detail(response: &TestResponse, status: u16) -> String {
    response.assert_status(status).json::<Value>()["detail"].as_str().unwrap().to_owned()
}

/// The titles of a page.
fn titles(response: &TestResponse) -> Vec<String> {
    let body: Value = response.assert_status(200).json();
    body["items"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}
