//! Sends a mail from a job.

use lback_core::{Error, Result};
use lback_jobs::JobContext;

use crate::sealed::Sealed;
use crate::{Mail, Mailer};

/// Adds mail to [`JobContext`].
pub trait JobMail: Sealed {
    /// Sends a mail after the commit of the job, once. A job that fails sends nothing.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Remind {
    ///     email: String,
    /// }
    ///
    /// impl Job for Remind {
    ///     const NAME: &'static str = "remind";
    ///
    ///     fn run(self, job: &mut JobContext) -> Result<()> {
    ///         job.send_mail(Mail::to(self.email.as_str()).subject("Your cart").text("It is still waiting for you."))
    ///     }
    /// }
    /// ```
    ///
    /// Templates need a request; use [`Mail::text`] and [`Mail::html`].
    ///
    /// # Errors
    /// Returns an error if the mail is invalid, the application has no mail, or the database cannot be written.
    fn send_mail(&mut self, mail: Mail) -> Result<()>;
}

impl JobMail for JobContext {
    #[track_caller]
    fn send_mail(&mut self, mail: Mail) -> Result<()> {
        let missing = || Error::internal("this application cannot send mail. Write App::new(urls).mail()");
        let mailer = self.app().state::<Mailer>().cloned().ok_or_else(missing)?;
        mailer.queue(self.db()?, mail)
    }
}
