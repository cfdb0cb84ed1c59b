//! A demonstration of sessions: a visit counter, login and logout, a shopping cart, and a list of the user's devices.

mod models;
mod urls;
mod views;

#[cfg(test)]
mod tests;

use lback::prelude::*;

fn main() -> Result<()> {
    app().main()
}

fn app() -> App {
    App::new(urls::urls()).migrations(migrations!()).tables(tables![models::users])
}
