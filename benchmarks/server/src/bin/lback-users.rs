//! Lback with users: login, the current user, and a form.
//!
//! `addusers N` creates the users `user0` and so on, all with the same password.

use lback::auth::{Auth, NewUser};
use lback::prelude::*;

const PASSWORD: &str = "down the rabbit hole";

#[derive(Form)]
struct Login {
    username: String,
    #[form(password)]
    password: String,
}

#[derive(Form)]
struct Entry {
    #[form(max_length = 100)]
    title: String,
    #[form(email)]
    email: String,
    #[form(range = 1..=99)]
    count: u32,
    #[form(textarea)]
    text: String,
    agree: bool,
}

fn log_in(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Login>::new();
    if let Some(Login { username, password }) = form.submitted(req)?
        && let Ok(user) = req.authenticate(&username, &password)?
    {
        req.login(&user)?;
        return Ok(Response::text("in"));
    }
    Err(Error::bad_request("not logged in"))
}

/// Logs in a user without a password, to create sessions for the measurement.
fn enter(req: &mut Request) -> Result<String> {
    let user = User::named(req.db()?, "user1")?.or_404()?;
    req.login(&user)?;
    Ok("1".to_owned())
}

async fn user(req: &mut Request) -> Result<String> {
    Ok(req.user()?.map_or("nobody".to_owned(), |user| user.username.clone()))
}

async fn entry(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Entry>::new();
    if let Some(entry) = form.submitted(req)? {
        return Ok(Response::text(format!("{} {} {} {} {}", entry.title, entry.email, entry.count, entry.text, entry.agree)));
    }
    req.render("entry.html", context! { form })
}

fn add_users(command: &mut Command) -> ProgramResult {
    let count: u32 = command.argument(0)?.unwrap_or(1);
    let hash = command.state::<Auth>()?.passwords().hash(PASSWORD)?;
    let now = command.app().clock().now();
    for number in 0..count {
        NewUser::new(&format!("user{number}"), &hash).insert(command.db()?, now)?;
    }
    Ok(())
}

fn main() {
    let urls = Router::new()
        .get("/plain", lback_benchmark_server::plain)
        .post("/login", log_in)
        .csrf_exempt()
        .post("/enter", enter)
        .csrf_exempt()
        .get("/user", user)
        .get("/form", entry)
        .post("/form", entry);
    App::new(urls).auth().command("addusers", "[N]  adds users", add_users).main()
}
