//! Sends mail outside of requests.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::{Clock, Error, Result};
use lback_db::{Database, Db};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::failure::{Failure, FailureKind};
use crate::outbox::{Claimed, MemoryOutbox, Outbox, Outcome, push_within};
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
    /// How long a worker may take to send a mail before others may try.
    lease: Duration,
    clock: Clock,
    woken: Notify,
}

/// Maximum number of concurrent deliveries.
const AT_ONCE: i64 = 4;

/// How much longer than the mail server's time limit a worker may take, before another one takes its mail.
const GRACE: Duration = Duration::from_secs(60);

/// The pause after the first failed attempt. It doubles with each further one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Number of attempts to record the result of a delivery, and the pause between them.
const NOTES: u32 = 5;
const NOTE_PAUSE: Duration = Duration::from_secs(2);

/// The result of one pass over the outbox.
pub(crate) enum Pass {
    /// All due mails were tried. The next one is due at this time.
    Done(Option<DateTime<Utc>>),
    /// The mail server is unavailable.
    Unreachable,
}

impl Mailer {
    /// Opens the backend that the settings name. The outbox is in `database`, or in memory if there is none. Paths are relative to
    /// `root`.
    ///
    /// # Errors
    /// Returns an error with the key that is wrong and what to write.
    pub fn open(settings: &MailSettings, root: &Path, debug: bool, database: Option<Database>, clock: Clock) -> Result<Self> {
        let from = MailAddress::from(&settings.mail_from);
        from.check().map_err(|error| Error::internal(format!("MAIL_FROM: {error}")))?;
        Ok(Mailer(Arc::new(Inner {
            backend: Backend::of_settings(settings, root, debug)?,
            outbox: database.map_or_else(|| Outbox::Memory(MemoryOutbox::default()), Outbox::Database),
            from,
            max_bytes: settings.mail_max_bytes,
            max_attempts: settings.mail_max_attempts,
            lease: Duration::from_secs(settings.smtp_timeout_seconds).saturating_add(GRACE),
            clock,
            woken: Notify::new(),
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

    /// Puts a mail into the outbox, in the transaction of `db`: for commands and background work. A server process sends it after the
    /// commit.
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
        match &self.0.backend {
            Backend::Memory(memory) => memory.push(vec![mail]),
            _ => push_within(db, &[mail], self.0.clock.now())?,
        }
        Ok(())
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

    /// Sends all due mails, and returns when each was tried. The background task of a server does this regularly.
    ///
    /// # Errors
    /// Returns an error if the outbox cannot be read or written.
    pub async fn send_due(&self) -> Result<()> {
        self.pass().await.map(drop)
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

    /// Returns whether mail waits in the database.
    pub(crate) fn uses_database(&self) -> bool {
        !matches!(self.0.backend, Backend::Memory(_)) && matches!(self.0.outbox, Outbox::Database(_))
    }

    /// Puts mail into the outbox, in a transaction of its own if it waits in the database.
    pub(crate) async fn deposit(&self, mails: Vec<MailMessage>) -> Result<()> {
        match &self.0.outbox {
            Outbox::Database(database) if self.uses_database() => {
                let now = self.now();
                database.run_write(move |db| push_within(db, &mails, now)).await?;
                self.wake();
            }
            _ => self.deposit_in_memory(mails),
        }
        Ok(())
    }

    /// Puts mail into the memory of this process, unless it waits in the database.
    pub(crate) fn deposit_in_memory(&self, mails: Vec<MailMessage>) {
        if let Backend::Memory(memory) = &self.0.backend {
            memory.push(mails);
        } else if let Outbox::Memory(outbox) = &self.0.outbox {
            outbox.push(mails, self.now());
            self.wake();
        }
    }

    /// Puts a mail into the outbox in the background.
    pub(crate) fn deposit_beside(&self, mail: MailMessage) {
        if !self.uses_database() {
            return self.deposit_in_memory(vec![mail]);
        }
        let mailer = self.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if let Err(error) = mailer.deposit(vec![mail]).await {
                    tracing::error!(target: "lback::mail", %error, "a mail is lost: it could not be put into the outbox");
                }
            })),
            Err(error) => tracing::error!(target: "lback::mail", %error, "a mail is lost: no runtime can put it into the outbox"),
        }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Wakes the background task.
    pub(crate) fn wake(&self) {
        self.0.woken.notify_one();
    }

    /// Waits until there may be something to send.
    pub(crate) async fn woken(&self) {
        self.0.woken.notified().await;
    }

    pub(crate) async fn pass(&self) -> Result<Pass> {
        loop {
            let (next, now) = (self.0.outbox.next_due().await?, self.now());
            if next.is_none_or(|next| next > now) {
                return Ok(Pass::Done(next));
            }
            let claimed = self.0.outbox.claim(AT_ONCE, now, now + self.0.lease).await?;
            if claimed.is_empty() {
                // Other workers are sending them.
                return Ok(Pass::Done(None));
            }
            let mut sending = JoinSet::new();
            for claimed in claimed {
                let mailer = self.clone();
                sending.spawn(async move { mailer.send_claimed(claimed).await });
            }
            let mut unreachable = false;
            while let Some(sent) = sending.join_next().await {
                unreachable |= sent.map_err(|error| Error::internal("a mail was not sent to its end").with_source(error))??;
            }
            if unreachable {
                return Ok(Pass::Unreachable);
            }
        }
    }

    /// Sends one mail and records the result. Returns whether the mail server was unavailable.
    async fn send_claimed(&self, Claimed { id, mail, attempts }: Claimed) -> Result<bool> {
        let result = match &mail {
            Some(mail) => self.0.backend.deliver(mail).await,
            None => Err(Failure::never("its stored form cannot be read")),
        };
        let recipients = mail.iter().flat_map(MailMessage::recipients).map(|address| address.email.as_str()).collect::<Vec<_>>().join(", ");
        let (outcome, unreachable) = match result {
            Ok(()) => {
                tracing::info!(target: "lback::mail", id, attempts, "mail to {recipients} was sent to {}", self.0.backend);
                (Outcome::Sent, false)
            }
            Err(failure) if failure.kind == FailureKind::Never || attempts >= self.0.max_attempts => {
                tracing::error!(target: "lback::mail", id, attempts, "mail to {recipients} is given up: {failure}");
                (Outcome::GivenUp { now: self.now(), error: failure.to_string() }, failure.kind == FailureKind::Unreachable)
            }
            Err(failure) => {
                let pause = pause_after(attempts);
                tracing::warn!(
                    target: "lback::mail", id, attempts,
                    "mail to {recipients} was not sent, and is tried again in {} s: {failure}", pause.as_secs()
                );
                let again = Outcome::Again { due_at: self.now() + pause, error: failure.to_string() };
                (again, failure.kind == FailureKind::Unreachable)
            }
        };
        self.note(id, outcome).await?;
        Ok(unreachable)
    }

    /// Records the result of a delivery, with several attempts: a busy database is no reason to send the mail again.
    async fn note(&self, id: i64, outcome: Outcome) -> Result<()> {
        for _ in 1..NOTES {
            match self.0.outbox.finish(id, outcome.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(target: "lback::mail", id, %error, "the result of a delivery cannot be recorded yet"),
            }
            tokio::time::sleep(NOTE_PAUSE).await;
        }
        self.0.outbox.finish(id, outcome).await
    }
}

/// Returns the pause after this number of attempts.
pub(crate) fn pause_after(attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}
