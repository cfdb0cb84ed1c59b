//! What the site is made of.

mod tickets;
mod urls;
mod views;

#[cfg(test)]
mod tests;

use lback::prelude::*;

/// Reads the settings and does what the command line says; without a command, serves.
fn main() {
    app().main()
}

fn app() -> App {
    App::new(urls::urls())
        .migrations(migrations!())
        .tables(tables![tickets::models::tickets, tickets::models::comments, tickets::models::auth_users])
        .auth()
        .mail()
        .permissions([("tickets.manage", "See, assign and close all tickets")])
        .state_from(|settings| Ok(settings.table::<Helpdesk>("helpdesk")?))
}

/// The table `[helpdesk]` of the settings.
#[derive(serde::Deserialize)]
struct Helpdesk {
    /// What links in mails begin with.
    site_url: String,
}
