//! A custom session store, with a JSON file for each session and without a database.

mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use lback::prelude::*;

use crate::store::FileStore;

fn main() -> Result<()> {
    app("sessions".into()).main()
}

fn app(folder: PathBuf) -> App {
    let urls = Router::new().get("/", index).post("/login/{name}", login).post("/logout", |req: &mut Request| req.session().delete());
    App::new(urls).without_database().session_store(FileStore(folder))
}

fn index(req: &mut Request) -> Result<String> {
    let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    let name: String = req.session().get("name")?.unwrap_or("stranger".to_owned());
    Ok(format!("Hello, {name}. You have been here {visits} times."))
}

fn login(req: &mut Request) -> Result<()> {
    let name: String = req.param("name")?;
    req.session().insert("name", name)?;
    req.session().insert("user_id", 7)
}
