//! Sends mail outside of requests.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Clock, Error, Result};
use lback_db::Db;
use lback_jobs::Jobs;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::failure::Failure;
use crate::job::SendMail;
use crate::memory_outbox::MemoryOutbox;
use crate::{Mail, MailAddress, MailMessage, MailSettings};

/// Sends mail. Cheap to clone.
///
/// Views use [`req.send_mail()`](crate::RequestMail::send_mail). This is for commands and background work, which find it by its type:
/// `command.state::<Mailer>()?.clone()`.
///
/// ```
/// use lback::app::Clock;
/// use lback_core::testing::block_on;
/// use lback::mail::{Mail, MailBackend, MailSettings, Mailer};
///
/// let settings = MailSettings { mail_backend: Some(MailBackend::Memory), ..MailSettings::default() };
/// let mailer = Mailer::open(&settings, ".".as_ref(), false, None, Clock::system()).unwrap();
///
/// let mail = Mail::to("alice@example.com").subject("Hello").text("How are you?");
/// block_on(mailer.send_now(mail)).unwrap();
/// assert_eq!(mailer.sent()[0].to, ["alice@example.com"]);
/// ```
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

/// Shows no address of a mail server, which comes with a password.
impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.0.from).finish_non_exhaustive()
    }
}

struct Inner {
    backend: Backend,
    outbox: Outbox,
    from: MailAddress,
    max_bytes: usize,
    max_attempts: u32,
    clock: Clock,
}

/// The storage of waiting mail.
enum Outbox {
    Jobs(Jobs),
    Memory(MemoryOutbox),
}

impl Mailer {
    /// Opens the backend that the settings name. Mails wait as jobs, or in memory if there are none. Paths are relative to `root`.
    ///
    /// # Errors
    /// Returns an error with the key that is wrong and what to write.
    pub fn open(settings: &MailSettings, root: &Path, debug: bool, jobs: Option<Jobs>, clock: Clock) -> Result<Self> {
        let from = MailAddress::from(&settings.mail_from);
        from.check().map_err(|error| Error::internal(format!("MAIL_FROM: {error}")))?;
        Ok(Mailer(Arc::new(Inner {
            backend: Backend::of_settings(settings, root, debug)?,
            outbox: jobs.map_or_else(|| Outbox::Memory(MemoryOutbox::default()), Outbox::Jobs),
            from,
            max_bytes: settings.mail_max_bytes,
            max_attempts: settings.mail_max_attempts,
            clock,
        })))
    }

    /// Sends a mail now and waits until it is accepted, without the outbox and without a second attempt.
    ///
    /// # Errors
    /// Returns an error if the mail is invalid, and 503 with the reason if it was not accepted.
    pub async fn send_now(&self, mail: Mail) -> Result<()> {
        let mail = self.compose(mail.without_template()?)?;
        self.0.backend.deliver(&mail).await.map_err(|failure| Error::unavailable(format!("the mail was not sent: {failure}")))
    }

    /// Enqueues a mail in the transaction of `db`: for commands and background work. A server process sends it after the commit.
    ///
    /// ```no_run
    /// # use lback::Result;
    /// # use lback::db::Db;
    /// # use lback::mail::{Mail, Mailer};
    /// fn remind(mailer: &Mailer, db: &mut Db) -> Result<()> {
    ///     mailer.queue(db, Mail::to("alice@example.com").subject("Your cart").text("It is still waiting for you."))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the mail is invalid or the database cannot be written.
    pub fn queue(&self, db: &mut Db, mail: Mail) -> Result<()> {
        let mail = self.compose(mail.without_template()?)?;
        match self.jobs() {
            Some(jobs) => enqueue(jobs, db, vec![mail]),
            None => {
                self.deposit_in_memory(vec![mail]);
                Ok(())
            }
        }
    }

    /// Returns the mails that were sent with `MAIL_BACKEND = "memory"`, oldest first.
    pub fn sent(&self) -> Vec<MailMessage> {
        match &self.0.backend {
            Backend::Memory(memory) => memory.all(),
            _ => Vec::new(),
        }
    }

    /// Returns the destination of mail, in words: `smtp.example.com:587`.
    pub fn destination(&self) -> String {
        self.0.backend.to_string()
    }

    /// Sends the due mails that wait in memory, in an application without a database. The background task of a server does this
    /// regularly.
    pub async fn send_due(&self) {
        if let Outbox::Memory(memory) = &self.0.outbox {
            memory.send_due(self).await;
        }
    }

    /// Sends the mails that wait in memory until `stopping` turns true.
    pub(crate) async fn send_regularly(self, stopping: watch::Receiver<bool>) {
        if let Outbox::Memory(memory) = &self.0.outbox {
            memory.send_regularly(&self, stopping).await;
        }
    }

    /// Returns the mail, checked and complete.
    #[track_caller]
    pub(crate) fn compose(&self, mail: Mail) -> Result<MailMessage> {
        self.0.backend.check_set()?;
        let from = mail.from.unwrap_or_else(|| self.0.from.clone());
        let message = MailMessage {
            id: format!("{}@{}", uuid::Uuid::new_v4().simple(), from.domain()),
            date: self.0.clock.now(),
            from,
            to: mail.to,
            cc: mail.cc,
            bcc: mail.bcc,
            reply_to: mail.reply_to,
            subject: mail.subject,
            text: mail.text.unwrap_or_default(),
            html: mail.html,
            headers: mail.headers,
            attachments: mail.attachments,
        };
        message.check(self.0.max_bytes)?;
        if matches!(&self.0.outbox, Outbox::Memory(waiting) if waiting.is_full()) {
            return Err(Error::unavailable(
                "too many mails are waiting to be sent; they are kept in memory, as this application has no database",
            ));
        }
        Ok(message)
    }

    /// Returns the jobs as which mail waits, unless it waits in memory.
    pub(crate) fn jobs(&self) -> Option<&Jobs> {
        match (&self.0.backend, &self.0.outbox) {
            (Backend::Memory(_), _) | (_, Outbox::Memory(_)) => None,
            (_, Outbox::Jobs(jobs)) => Some(jobs),
        }
    }

    /// Enqueues mails in a transaction of their own, or in memory.
    pub(crate) async fn deposit(&self, mails: Vec<MailMessage>) -> Result<()> {
        let Some(jobs) = self.jobs() else {
            self.deposit_in_memory(mails);
            return Ok(());
        };
        let own = jobs.clone();
        jobs.database().run_write(move |db| enqueue(&own, db, mails)).await?;
        jobs.wake();
        Ok(())
    }

    /// Puts mails into the memory of this process.
    pub(crate) fn deposit_in_memory(&self, mails: Vec<MailMessage>) {
        match (&self.0.backend, &self.0.outbox) {
            (Backend::Memory(memory), _) => memory.push(mails),
            (_, Outbox::Memory(outbox)) => outbox.push(mails, self.now()),
            (_, Outbox::Jobs(_)) => {}
        }
    }

    /// Enqueues a mail in the background.
    pub(crate) fn deposit_beside(&self, mail: MailMessage) {
        if self.jobs().is_none() {
            return self.deposit_in_memory(vec![mail]);
        }
        let mailer = self.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if let Err(error) = mailer.deposit(vec![mail]).await {
                    tracing::error!(target: "lback::mail", %error, "a mail is lost: it could not be stored");
                }
            })),
            Err(error) => tracing::error!(target: "lback::mail", %error, "a mail is lost: no runtime can store it"),
        }
    }

    pub(crate) async fn deliver(&self, mail: &MailMessage) -> Result<(), Failure> {
        self.0.backend.deliver(mail).await
    }

    pub(crate) fn log_sent(&self, mail: &MailMessage) {
        tracing::info!(target: "lback::mail", "mail to {} was sent to {}", mail.recipient_list(), self.0.backend);
    }

    pub(crate) fn max_attempts(&self) -> u32 {
        self.0.max_attempts
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }
}

/// Enqueues mails in the transaction of this connection.
pub(crate) fn enqueue(jobs: &Jobs, db: &mut Db, mails: Vec<MailMessage>) -> Result<()> {
    jobs.enqueue_all(db, mails.into_iter().map(SendMail)).map(drop)
}
