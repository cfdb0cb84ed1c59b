//! Sessions at work: counting visits, logging in and out, a cart, and the devices where somebody is logged in.

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
