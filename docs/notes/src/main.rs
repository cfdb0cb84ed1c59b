mod models;
mod urls;
mod views;

#[cfg(test)]
mod tests;

use lback::prelude::*;

fn main() {
    app().main()
}

fn app() -> App {
    App::new(urls::urls()).migrations(migrations!()).tables(tables![models::notes])
}
