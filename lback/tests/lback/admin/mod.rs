//! The admin site, as staff see it in a browser: real models, real permissions, through the same code on both databases.

mod access;
mod acting;
mod actions;
mod attacks;
mod bad_input;
mod browser;
mod columns;
mod confirming;
mod deleting;
mod dialogs;
mod editable;
mod editing;
mod every_kind;
mod field_permissions;
mod files;
mod filters;
mod for_request;
mod history;
mod importing;
mod index_checks;
mod inline_options;
mod inline_queries;
mod inline_relations;
mod inlines;
mod keys;
mod languages;
mod leaks;
mod lists;
#[cfg(feature = "sqlite")]
mod misconfiguration;
mod narrowed_rows;
mod nested_inlines;
mod own_templates;
mod pages_of_rows;
mod saving;
mod sizes;
mod start_page;
mod system_pages;
mod undo;
mod users;
mod views;
#[cfg(feature = "admin-xlsx")]
mod xlsx;

use lback::admin::ModelAdmin;
use lback::auth::NewUser;
use lback::chrono::NaiveDate;
use lback::models::ModelOps;
use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use browser::PageForm;

#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Open,
    InReview,
    #[choice(label = "Done & dusted")]
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
#[model(order = "name")]
pub struct Label {
    pub id: i64,
    #[model(max_length = 50, unique)]
    pub name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(clean = Ticket::check, many_to_many(labels: Label))]
pub struct Ticket {
    pub id: i64,
    #[model(max_length = 120)]
    pub title: String,
    #[model(max_length = 40, unique, blank)]
    pub code: String,
    #[model(long, blank)]
    pub body: String,
    #[model(default = State::Open)]
    pub state: State,
    #[model(references = Agent, on_delete = cascade)]
    pub agent_id: i64,
    #[model(references = Agent, on_delete = set_null, no_join)]
    pub reviewer_id: Option<i64>,
    pub opened_on: Option<NaiveDate>,
    pub due_at: Option<DateTime<Utc>>,
    pub points: Option<i32>,
    #[model(default = false)]
    pub is_urgent: bool,
    #[model(hidden)]
    pub secret: String,
}

impl Ticket {
    fn check(&self, errors: &mut FormErrors) {
        if self.is_urgent && self.state == State::Closed {
            errors.add("state", "An urgent ticket is not closed yet.");
        }
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Comment {
    pub id: i64,
    #[model(references = Ticket, on_delete = cascade)]
    pub ticket_id: i64,
    #[model(references = Agent, on_delete = cascade)]
    pub author_id: i64,
    pub text: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Invoice {
    pub id: i64,
    #[model(references = Agent)]
    pub agent_id: i64,
    #[model(unique)]
    pub number: String,
}

/// A key that is a text.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Page {
    #[model(primary_key, max_length = 100)]
    pub path: String,
    #[model(blank)]
    pub text: String,
}

/// A key of two fields.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Seat {
    #[model(primary_key, max_length = 50)]
    pub hall: String,
    #[model(primary_key)]
    pub number: i32,
    pub guest: String,
}

/// A tree.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Topic {
    pub id: i64,
    #[model(max_length = 50)]
    pub name: String,
    #[model(references = Self, on_delete = cascade)]
    pub parent_id: Option<i64>,
}

/// A row that counts its changes.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Note {
    pub id: i64,
    #[model(max_length = 50)]
    pub text: String,
    #[model(version)]
    pub version: i32,
    #[model(auto_now)]
    pub updated_at: DateTime<Utc>,
}

fn models() -> &'static [&'static dyn ModelOps] {
    // Comments come before tickets, to which they refer.
    models![Agent, Label, Comment, Ticket, Invoice, Page, Seat, Topic, Note]
}

/// The admin of most tests.
fn admin() -> Admin {
    Admin::new().model::<Ticket>(tickets_admin)
}

fn tickets_admin(ticket: ModelAdmin<Ticket>) -> ModelAdmin<Ticket> {
    ticket
        .list(["title", "state", "agent", "opened_on", "points", "is_urgent"])
        .search(["title", "body", "=code", "agent.name"])
        .filters(["state", "is_urgent", "agent", "reviewer", "opened_on", "due_at", "points", "labels", "code"])
        .dates("opened_on")
        .column("shout", "Shouted", |ticket| Ok(ticket.title.to_uppercase()))
        .action("close", "Close", close)
        .on_site(|ticket| format!("/tickets/{}", ticket.id))
}

fn close(req: &mut Request, tickets: Vec<Ticket>) -> Result<String> {
    let count = tickets.len();
    for mut ticket in tickets {
        if ticket.title == "stuck" {
            return Err(Error::bad_request("This ticket is stuck."));
        }
        ticket.state = State::Closed;
        ticket.save(req.db()?)?;
    }
    Ok(format!("{count} tickets are closed."))
}

const START: &str = "2026-01-01T12:00:00.123456Z";

fn client(on: &str) -> Client {
    client_with(on, admin())
}

/// An application with the tables and an admin, on the database that a line of settings names.
fn client_with(on: &str, admin: Admin) -> Client {
    let client = Client::with_settings(app(admin), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.clock().set(START.parse().unwrap());
    client.db(|db| create_tables(db, models()));
    client
}

fn app(admin: Admin) -> App {
    let urls =
        Router::new().get("/login", |_: &mut Request| "log in here").name("login").post("/log-out", |req: &mut Request| req.logout());
    App::new(urls).models(models()).auth().admin_with(admin)
}

/// The browser of a new user.
fn login(client: &Client, user: NewUser) -> Client {
    let user = client.add_user(user);
    let browser = client.fork();
    browser.login(&user);
    browser
}

/// The browser of a new member of the staff with these permissions.
fn staff(client: &Client, name: &str, permissions: &[&str]) -> Client {
    login(client, permissions.iter().fold(NewUser::from(name).staff(true), |user, permission| user.permission(permission)))
}

/// The browser of a superuser.
fn root(client: &Client) -> Client {
    login(client, NewUser::from("root").staff(true).superuser(true))
}

fn agent(client: &Client, name: &str) -> Agent {
    client.db(|db| Agent::create(db, NewAgent { name: name.to_owned(), secret: format!("secret of {name}") }))
}

fn label(client: &Client, name: &str) -> Label {
    client.db(|db| Label::create(db, NewLabel { name: name.to_owned() }))
}

fn ticket(client: &Client, agent: &Agent, title: &str) -> Ticket {
    ticket_with(client, new_ticket(agent, title))
}

fn new_ticket(agent: &Agent, title: &str) -> NewTicket {
    NewTicket {
        title: title.to_owned(),
        code: title.to_lowercase().replace(' ', "-"),
        agent_id: agent.id,
        secret: format!("secret of {title}"),
        ..Default::default()
    }
}

fn ticket_with(client: &Client, new: NewTicket) -> Ticket {
    client.db(|db| Ticket::create(db, new))
}

fn comment(client: &Client, ticket: &Ticket, author: &Agent, text: &str) -> Comment {
    client.db(|db| Comment::create(db, NewComment { ticket_id: ticket.id, author_id: author.id, text: text.to_owned() }))
}

/// The ticket in the database, if it exists.
fn ticket_now(client: &Client, id: i64) -> Option<Ticket> {
    client.db(|db| Ticket::query().filter(tickets::id.eq(id)).first(db).optional())
}

fn row_path(ticket: &Ticket) -> String {
    format!("/admin/tickets/row/{}", ticket.id)
}

/// Changes fields in the form of a page, and presses the first button.
fn edit(browser: &Client, path: &str, changes: &[(&str, &str)]) -> TestResponse {
    changes.iter().fold(PageForm::open(browser, path), |form, (name, value)| form.set(name, value)).send(browser)
}

/// The texts of the first column of a list, in order.
fn first_column(page: &TestResponse) -> Vec<String> {
    let text = page.assert_status(200).text();
    text.split("<th scope=\"row\"")
        .skip(1)
        .map(|part| browser::text_of(&part[part.find('>').unwrap() + 1..part.find("</th>").unwrap()]))
        .collect()
}

/// The entries of the history, the oldest first.
fn changes(client: &Client) -> Vec<lback::admin::Change> {
    use lback::admin::{Change, admin_history};
    client.db(|db| Change::query().order(admin_history::id).load(db))
}

/// The batch of the latest change.
fn last_batch(client: &Client) -> String {
    changes(client).pop().expect("a change").batch
}

fn undo(browser: &Client, batch: &str) -> TestResponse {
    browser.post(&format!("/admin/-/history/{batch}/undo")).send()
}

/// All rows of all models, and the history.
fn contents(client: &Client) -> String {
    format!("{}\n{:?}", client.command("dumpdata", &[]), changes(client))
}
