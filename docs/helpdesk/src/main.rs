//! The application: its routes, migrations, models and batteries.

mod tickets;
mod urls;
mod views;

#[cfg(test)]
mod tests;

use lback::prelude::*;

/// Runs the command on the command line, or the server if there is none.
fn main() {
    app().main()
}

fn app() -> App {
    App::new(urls::urls())
        .migrations(migrations!())
        .models(models![tickets::models::Ticket, tickets::models::Comment])
        .auth()
        .accounts()
        .mail()
        .admin_with(tickets::admin::site())
        .realtime()
        .permissions([("tickets.manage", "See, assign and close all tickets")])
        .state_from(|settings| Ok(settings.table::<Helpdesk>("helpdesk")?))
}

/// The table `[helpdesk]` of the settings.
#[derive(serde::Deserialize)]
struct Helpdesk {
    /// What links in mails begin with.
    site_url: String,
}
