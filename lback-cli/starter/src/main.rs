//! The application: its routes, migrations, models and batteries.

mod urls;
mod views;

#[cfg(test)]
mod tests;

use lback::prelude::*;

/// Runs the command on the command line, or the server if there is none.
fn main() {
    app().main()
}

__USERS_MAIN__fn app() -> App {
    App::new(urls::urls()).migrations(migrations!()).models(models![])__USERS_APP__
}
