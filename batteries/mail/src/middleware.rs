//! Hands over the mail of a request when it has succeeded.

use lback_core::{Middleware, Next, Request, Response, Result};
use lback_db::{DbSession, RequestDb};

use crate::backend::Backend;
use crate::outbox::{Outbox, push_within};
use crate::{MailMessage, Mailer};

/// Makes [`req.send_mail()`](crate::RequestMail::send_mail) work: what a view has sent is written into the outbox in the
/// request's own transaction, and so is sent if that is committed, and never if not.
pub struct MailMiddleware {
    mailer: Mailer,
}

/// What a request has sent so far.
#[derive(Default)]
pub(crate) struct Pending(pub(crate) Vec<MailMessage>);

impl MailMiddleware {
    /// With this mailer.
    pub fn new(mailer: Mailer) -> Self {
        MailMiddleware { mailer }
    }

    async fn hand_over(&self, req: &mut Request, mails: Vec<MailMessage>) -> Result<()> {
        let mailer = self.mailer.clone();
        let in_transaction = req.extensions().get::<DbSession>().is_some();
        match (mailer.backend(), mailer.outbox()) {
            (Backend::Memory(memory), _) => {
                let memory = memory.clone();
                if in_transaction {
                    return req.on_commit(move || memory.push(mails));
                }
                memory.push(mails);
            }
            (_, Outbox::Database(_)) if in_transaction => {
                // A transaction of SQLite that has only read cannot be turned into one that writes.
                req.db_session()?.joins_writes()?;
                let now = mailer.now();
                req.run_db(move |db| push_within(db, &mails, now)).await?;
                return req.on_commit(move || mailer.wake());
            }
            (_, Outbox::Memory(_)) if in_transaction => {
                let now = mailer.now();
                return req.on_commit(move || {
                    if let Outbox::Memory(outbox) = mailer.outbox() {
                        outbox.push(mails, now);
                    }
                    mailer.wake();
                });
            }
            // The view has committed by itself, or there is no database.
            (_, outbox) => {
                outbox.push(mails, mailer.now()).await?;
                mailer.wake();
            }
        }
        Ok(())
    }
}

impl Middleware for MailMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        req.extensions_mut().insert(Pending::default());
        let result = next.run(req).await;
        let Some(Pending(mails)) = req.extensions_mut().remove::<Pending>().filter(|Pending(mails)| !mails.is_empty()) else {
            return result;
        };
        match result {
            Ok(response) if !response.status().is_server_error() => {
                self.hand_over(req, mails).await?;
                Ok(response)
            }
            failed => {
                tracing::info!(target: "lback::mail", request = %req.id(), "{} mails are not sent: the request has failed", mails.len());
                failed
            }
        }
    }
}
