//! Mail, without an application: what is refused, what it looks like, how it is sent and tried again.

mod composing;
mod outbox;
#[cfg(feature = "smtp")]
mod smtp;
#[cfg(feature = "smtp")]
mod stopping;

use lback_core::{Clock, Result, Settings};
use lback_db::{Database, DbSettings, Migrations};
use lback_mail::{Mail, MailSettings, Mailer};
use tempfile::TempDir;

/// An outbox in a SQLite file, and everything that sends from it.
struct Office {
    folder: TempDir,
    clock: Clock,
}

impl Office {
    fn new() -> Self {
        let clock = Clock::fixed("2026-01-01T12:00:00Z".parse().unwrap());
        let office = Office { folder: TempDir::with_prefix("lback-test-").unwrap(), clock };
        Migrations::new().battery("mail", lback_mail::MIGRATIONS).apply(&office.database()).unwrap();
        office
    }

    fn database(&self) -> Database {
        let url = format!("sqlite:{}", self.folder.path().join("db.sqlite").display());
        Database::open(&DbSettings { database_url: lback_core::Secret::new(url), ..DbSettings::default() }, self.folder.path()).unwrap()
    }

    /// As a process of its own would have it.
    fn mailer(&self, settings: &str) -> Mailer {
        self.try_mailer(settings).unwrap()
    }

    fn try_mailer(&self, settings: &str) -> Result<Mailer> {
        let settings: MailSettings = Settings::from_toml(self.folder.path(), settings)?.checked()?;
        Mailer::open(&settings, self.folder.path(), false, Some(self.database()), self.clock.clone())
    }

    fn queue(&self, mailer: &Mailer, subject: &str) {
        mailer.queue(&mut self.database().get().unwrap(), mail().subject(subject)).unwrap();
    }

    /// The waiting mails: how often each was tried, whether it is tried again, and what went wrong.
    fn rows(&self) -> Vec<(i32, bool, Option<String>)> {
        use diesel::prelude::*;
        use diesel::sql_types::{Bool, Integer, Nullable, Text};
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = Integer)]
            attempts: i32,
            #[diesel(sql_type = Bool)]
            waits: bool,
            #[diesel(sql_type = Nullable<Text>)]
            last_error: Option<String>,
        }
        let query = diesel::sql_query("SELECT attempts, due_at IS NOT NULL AS waits, last_error FROM mail_outbox ORDER BY id");
        let rows: Vec<Row> = query.load(&mut *self.database().get().unwrap()).unwrap();
        rows.into_iter().map(|row| (row.attempts, row.waits, row.last_error)).collect()
    }

    /// The mails in the folder of `MAIL_BACKEND = "file"`.
    fn files(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.folder.path().join("mails")) else { return Vec::new() };
        folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

fn mail() -> Mail {
    Mail::to("alice@example.com").subject("Hello").text("How are you?")
}
