//! The battery: everything that announcements add to an application.

use std::sync::Arc;
use std::time::Duration;

use lback::app::{Application, Battery, CommandSpec, Setup};
use lback::auth::SetupAuth;
use lback::db::{Database, MigrationSet};
use lback::middleware::Slot;
use lback::prelude::*;
use lback::serde::Deserialize;
use lback::settings::{Check, Section, Settings};

use crate::announcement::{Announcement, Current};
use crate::views::{self, EDIT};

/// Shows an announcement on every page.
pub struct Announcements;

/// The battery's settings.
#[derive(Deserialize)]
#[serde(crate = "lback::serde", rename_all = "SCREAMING_SNAKE_CASE", default)]
struct AnnouncementSettings {
    /// How often each process reads the announcement, which another process may have changed, in seconds.
    announcements_refresh_seconds: u64,
}

impl Default for AnnouncementSettings {
    fn default() -> Self {
        AnnouncementSettings { announcements_refresh_seconds: 10 }
    }
}

impl Section for AnnouncementSettings {
    fn check(&self, check: &mut Check<'_>) {
        check.range("ANNOUNCEMENTS_REFRESH_SECONDS", self.announcements_refresh_seconds, 1..=3600, 10);
    }
}

impl Battery for Announcements {
    fn name(&self) -> &'static str {
        "announcements"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["database", "auth"]
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<AnnouncementSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(migrations!().into())
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("announce", "[TEXT]  shows TEXT on every page; without TEXT, removes the announcement", announce)]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let AnnouncementSettings { announcements_refresh_seconds: seconds } = setup.settings().section()?;
        setup.state(Current::default());
        setup.middleware(Slot::App, close);
        setup.permissions([(EDIT, "Edit the announcement")]);
        setup.routes(views::urls());
        setup.template("announcements/edit.html", include_str!("../templates/edit.html"));
        setup.template("announcements/closed.html", include_str!("../templates/closed.html"));
        setup.template_global("announcement", |req| Ok(req.state::<Current>()?.get()));
        setup.after_migrate(|app, database| Ok(read(app, &mut *database.get()?)?));
        setup.every(Duration::from_secs(seconds), refresh);
        setup.checks(|app, checks| {
            checks.add("announcement", site_is_open(app));
        });
        Ok(())
    }
}

/// Reads the announcement into the copy that requests use.
fn read(app: &Application, db: &mut Db) -> Result<()> {
    if let Some(current) = app.state::<Current>() {
        current.set(Announcement::load(db)?);
    }
    Ok(())
}

async fn refresh(app: Arc<Application>) -> Result<()> {
    let Some(database) = app.state::<Database>().cloned() else { return Ok(()) };
    database.run(move |db| read(&app, db)).await
}

/// Returns 503 while the announcement closes the site, except to those who may edit it and on the login page.
async fn close(req: &mut Request, next: Next<'_>) -> Result<Response> {
    let closed = req.state::<Current>()?.get().filter(|announcement| announcement.closes_site);
    match closed {
        Some(_) if !is_login(req) && !req.has_perm(EDIT)? => {
            Ok(req.render("announcements/closed.html", context! {})?.with_status(StatusCode::SERVICE_UNAVAILABLE))
        }
        _ => next.run(req).await,
    }
}

fn is_login(req: &Request) -> bool {
    req.auth().and_then(|auth| auth.login_url(req.app())).is_ok_and(|login| login == req.path())
}

fn site_is_open(app: &Application) -> Result<()> {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    match Announcement::load(&mut *database.get()?)? {
        Some(Announcement { closes_site: true, .. }) => {
            Err(Error::internal("the site is closed to visitors. Open it again with the command announce"))
        }
        _ => Ok(()),
    }
}

fn announce(command: &mut Command) -> ProgramResult {
    let text = command.arguments().join(" ");
    let announcement = (!text.is_empty()).then_some(Announcement { text, closes_site: false });
    Announcement::save(command.db()?, announcement.as_ref())?;
    command.print(announcement.map_or("announcement removed".to_owned(), |announcement| format!("announced: {}", announcement.text)));
    Ok(())
}
