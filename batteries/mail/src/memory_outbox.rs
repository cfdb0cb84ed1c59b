//! The outbox in the memory of the process, for applications without a database.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

use crate::job::pause_after;
use crate::{MailMessage, Mailer};

/// Maximum number of waiting mails.
const CAPACITY: usize = 1000;

/// How long a stopping server continues to send.
const LAST_MAILS: Duration = Duration::from_secs(10);
/// How long the task sleeps at most.
const LOOK: Duration = Duration::from_secs(30);

/// The mails that wait.
#[derive(Default)]
pub(crate) struct MemoryOutbox {
    waiting: Mutex<VecDeque<Waiting>>,
    woken: Notify,
}

struct Waiting {
    mail: MailMessage,
    attempts: u32,
    due_at: DateTime<Utc>,
}

impl MemoryOutbox {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of waiting mails.
    fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Returns whether there is no room for another mail.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= CAPACITY
    }

    pub(crate) fn push(&self, mails: Vec<MailMessage>, now: DateTime<Utc>) {
        self.waiting().extend(mails.into_iter().map(|mail| Waiting { mail, attempts: 0, due_at: now }));
        self.woken.notify_one();
    }

    fn next_due(&self) -> Option<DateTime<Utc>> {
        self.waiting().iter().map(|waiting| waiting.due_at).min()
    }

    fn take_due(&self, now: DateTime<Utc>) -> Option<Waiting> {
        let mut waiting = self.waiting();
        let at = waiting.iter().position(|waiting| waiting.due_at <= now)?;
        waiting.remove(at)
    }

    /// Sends the mails that are due.
    pub(crate) async fn send_due(&self, mailer: &Mailer) {
        while let Some(mut waiting) = self.take_due(mailer.now()) {
            waiting.attempts += 1;
            match mailer.deliver(&waiting.mail).await {
                Ok(()) => mailer.log_sent(&waiting.mail),
                Err(failure) if failure.is_final || waiting.attempts >= mailer.max_attempts() => {
                    tracing::error!(target: "lback::mail", "mail to {} is given up: {failure}", waiting.mail.recipient_list());
                }
                Err(failure) => {
                    let pause = pause_after(waiting.attempts);
                    let (to, seconds) = (waiting.mail.recipient_list(), pause.as_secs());
                    tracing::warn!(target: "lback::mail", "mail to {to} was not sent, and is tried again in {seconds} s: {failure}");
                    waiting.due_at = mailer.now() + pause;
                    self.waiting().push_back(waiting);
                }
            }
        }
    }

    /// Sends mail as it becomes due, until `stopping` turns true. Then it sends the waiting mail for at most ten seconds.
    pub(crate) async fn send_regularly(&self, mailer: &Mailer, mut stopping: watch::Receiver<bool>) {
        let mut stopped = stopping.clone();
        let mut cut_off = pin!(async {
            let _ = stopped.wait_for(|stopping| *stopping).await;
            tokio::time::sleep(LAST_MAILS).await;
        });
        loop {
            let is_last = *stopping.borrow();
            tokio::select! {
                () = self.send_due(mailer) => {}
                () = &mut cut_off => break,
            }
            if is_last {
                break;
            }
            let pause = self.next_due().map_or(LOOK, |due| (due - mailer.now()).to_std().unwrap_or_default().min(LOOK));
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => {}
                () = self.woken.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if self.len() > 0 {
            tracing::error!(target: "lback::mail", "{} mails are lost: they waited in memory, as this application has no database", self.len());
        }
    }
}
