//! Mail, without an application: what is refused, what it looks like, how it is sent and tried again.

mod composing;
mod outbox;
#[cfg(feature = "smtp")]
mod smtp;

use lback::jobs::JobState;
use lback::testing::{Client, ClientJobs};
use lback::{App, Router};
use lback_core::{Clock, Result, Settings};
use lback_mail::{AppMail, Mail, MailSettings, Mailer};
use tempfile::TempDir;

/// An application that sends mail, with its database.
struct Office {
    folder: TempDir,
    client: Client,
    mailer: Mailer,
}

impl Office {
    fn new(settings: &str) -> Self {
        let folder = TempDir::with_prefix("lback-test-").unwrap();
        let mails = folder.path().join("mails");
        let settings = format!("SESSION_TIMEOUT_MINUTES = 30\nMAIL_DIR = '{}'\n{settings}", mails.display());
        let client = Client::with_settings(Self::app(), &settings);
        client.clock().set("2026-01-01T12:00:00Z".parse().unwrap());
        let mailer = client.app().state::<Mailer>().unwrap().clone();
        Office { folder, client, mailer }
    }

    fn app() -> App {
        App::new(Router::new()).mail()
    }

    fn queue(&self, subject: &str) {
        self.client.db(|db| self.mailer.queue(db, mail().subject(subject)));
    }

    /// Tries to send what is due.
    fn send_due(&self) {
        self.client.try_run_jobs();
    }

    /// The waiting mails: how often each was tried, whether it is tried again, and what went wrong.
    fn rows(&self) -> Vec<(u32, bool, Option<String>)> {
        self.client.jobs().into_iter().map(|job| (job.attempts, job.state != JobState::Failed, job.last_error)).collect()
    }

    /// The mails in the folder of `MAIL_BACKEND = "file"`.
    fn files(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.folder.path().join("mails")) else { return Vec::new() };
        folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

/// Opens a mailer without an application.
fn try_mailer(folder: &TempDir, settings: &str) -> Result<Mailer> {
    let settings: MailSettings = Settings::from_toml(folder.path(), settings)?.checked()?;
    Mailer::open(&settings, folder.path(), false, None, Clock::fixed("2026-01-01T12:00:00Z".parse().unwrap()))
}

fn mail() -> Mail {
    Mail::to("alice@example.com").subject("Hello").text("How are you?")
}
