//! What the site is made of.

mod urls;
mod views;

#[cfg(test)]
mod tests;

use lback::prelude::*;

/// Reads the settings and does what the command line says; without a command, serves.
fn main() -> Result<()> {
    app().main()
}

__USERS_MAIN__fn app() -> App {
    App::new(urls::urls()).migrations(migrations!()).tables(tables![])__USERS_APP__
}
