//! Lback with an admin for a helpdesk: customers and their tickets, on the database in `DATABASE_URL`.
//!
//! `createtables` creates the tables of the models.

use lback::models::migrate::create_tables;
use lback::prelude::*;

#[derive(Model, Clone, Debug)]
#[model(display = name)]
pub struct Customer {
    pub id: i64,
    #[model(max_length = 100)]
    pub name: String,
    #[model(email, index)]
    pub email: String,
    #[model(default = true)]
    pub active: bool,
}

#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Open,
    Waiting,
    Solved,
    Closed,
}

#[derive(Model, Clone, Debug)]
#[model(display = subject, order = "-created_at", index(state, created_at, id), index(created_at, id), index(closed_at, id))]
pub struct Ticket {
    pub id: i64,
    #[model(unique)]
    pub number: i64,
    #[model(max_length = 200)]
    pub subject: String,
    #[model(long, blank)]
    pub description: String,
    #[model(references = Customer, on_delete = restrict)]
    pub customer_id: i64,
    #[model(email, index)]
    pub sender: String,
    #[model(default = State::Open)]
    pub state: State,
    #[model(default = false)]
    pub urgent: bool,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

fn log_in(req: &mut Request) -> Result<Response> {
    #[derive(serde::Deserialize)]
    struct Login {
        username: String,
        password: String,
    }
    let Login { username, password } = req.form()?;
    match req.authenticate(&username, &password)? {
        Ok(user) => {
            req.login(&user)?;
            Ok(Response::text("in"))
        }
        Err(_) => Err(Error::bad_request("not logged in")),
    }
}

fn create(command: &mut Command) -> ProgramResult {
    create_tables(command.db()?, models![Customer, Ticket])?;
    Ok(())
}

fn main() {
    let urls =
        Router::new().get("/login", |_: &mut Request| "Send a name and a password.").name("login").post("/login", log_in).csrf_exempt();
    let admin = Admin::new()
        .title("Helpdesk")
        .model::<Ticket>(|ticket| {
            ticket
                .list(["subject", "number", "customer", "state", "urgent", "created_at"])
                .search(["=sender", "=number"])
                .filters(["state", "customer", "urgent", "created_at"])
                .dates("created_at")
        })
        .model::<Customer>(|customer| customer.list(["name", "email", "active"]).search(["name", "=email"]).filters(["active"]));
    App::new(urls)
        .models(models![Customer, Ticket])
        .auth()
        .admin_with(admin)
        .command("createtables", "creates the tables of the models", create)
        .main()
}
