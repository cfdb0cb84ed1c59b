//! The job that sends a mail.

use std::time::Duration;

use lback_core::{Error, Result};
use lback_jobs::{Job, JobContext, doubled_pause};
use serde::{Deserialize, Serialize};

use crate::{MailMessage, Mailer};

/// The pause after the first failed attempt. It doubles with each further one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// A mail that waits to be sent.
#[derive(Serialize, Deserialize)]
pub(crate) struct SendMail(pub(crate) MailMessage);

impl Job for SendMail {
    const NAME: &'static str = "send_mail";
    const QUEUE: &'static str = "mail";
    // A mail server that hangs does not hold up other jobs.
    const QUEUE_LIMIT: Option<u32> = Some(2);
    // `MAIL_MAX_ATTEMPTS` is lower.
    const MAX_ATTEMPTS: u32 = u32::MAX;
    // `SMTP_TIMEOUT_SECONDS` is lower.
    const TIMEOUT: Duration = Duration::from_secs(2 * 24 * 3600);
    // `MAIL_MAX_BYTES`, in base64.
    const MAX_BYTES: usize = 2 * 1024 * 1024 * 1024;

    fn pause(attempts: u32) -> Duration {
        pause_after(attempts)
    }

    fn run(self, job: &mut JobContext) -> Result<()> {
        let mailer = job.app().state::<Mailer>().cloned().ok_or_else(|| Error::internal("this application cannot send mail"))?;
        let Err(failure) = job.block_on(mailer.deliver(&self.0))? else {
            mailer.log_sent(&self.0);
            return Ok(());
        };
        let (to, reason) = (self.0.recipient_list(), failure.to_string());
        if failure.is_final || job.attempt() >= mailer.max_attempts() {
            tracing::error!(target: "lback::mail", "mail to {to} is given up: {failure}");
            return Err(job.give_up(&reason));
        }
        tracing::warn!(target: "lback::mail", "mail to {to} was not sent, and is tried again: {failure}");
        Err(Error::unavailable(reason))
    }
}

/// Returns the pause after this number of attempts.
pub(crate) fn pause_after(attempts: u32) -> Duration {
    doubled_pause(FIRST_PAUSE, attempts, LONGEST_PAUSE)
}
