//! A site that installs the battery `announcements`.

#[cfg(test)]
mod tests;

use announcements::Announcements;
use lback::prelude::*;

fn main() {
    app().main()
}

fn app() -> App {
    let urls = Router::new()
        .get("/", |req: &mut Request| req.render("index.html", context! {}))
        .get("/login", log_in)
        .name("login")
        .post("/login", log_in);
    App::new(urls).auth().with(Announcements)
}

#[derive(Form)]
struct Login {
    username: String,
    #[form(password)]
    password: String,
}

fn log_in(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Login>::new();
    if let Some(Login { username, password }) = form.submitted(req)? {
        match req.authenticate(&username, &password)? {
            Ok(user) => {
                req.login(&user)?;
                return Ok(Response::redirect("/announcement"));
            }
            Err(refused) => form.add_form_error(refused.to_string()),
        }
    }
    req.render("login.html", context! { form })
}
