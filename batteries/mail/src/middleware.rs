//! Puts the mail of a request into the outbox if the request succeeds.

use lback_core::{Middleware, Next, Request, Response, Result};
use lback_db::{DbSession, RequestDb};

use crate::outbox::push_within;
use crate::{MailMessage, Mailer};

/// Makes [`req.send_mail()`](crate::RequestMail::send_mail) work: the request's mail is written to the outbox in the request's own
/// transaction, so it is sent if that is committed, and only then.
#[derive(Debug)]
pub struct MailMiddleware {
    mailer: Mailer,
}

/// The mail of a request so far.
#[derive(Default)]
pub(crate) struct Pending(pub(crate) Vec<MailMessage>);

impl MailMiddleware {
    /// Returns the middleware for this mailer.
    pub fn new(mailer: Mailer) -> Self {
        MailMiddleware { mailer }
    }

    async fn hand_over(&self, req: &mut Request, mails: Vec<MailMessage>) -> Result<()> {
        let mailer = self.mailer.clone();
        if req.extensions().get::<DbSession>().is_none() {
            // The view has committed by itself, or there is no database.
            return mailer.deposit(mails).await;
        }
        if mailer.uses_database() {
            let now = mailer.now();
            req.before_commit(move |db| push_within(db, &mails, now))?;
            return req.on_commit(move || mailer.wake());
        }
        req.on_commit(move || mailer.deposit_in_memory(mails))
    }
}

impl Middleware for MailMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        req.extensions_mut().insert(Pending::default());
        let result = next.run(req).await;
        let Some(Pending(mails)) = req.extensions_mut().remove::<Pending>().filter(|Pending(mails)| !mails.is_empty()) else {
            return result;
        };
        if req.conclude(result.as_ref()).commits() {
            self.hand_over(req, mails).await?;
        } else {
            tracing::info!(target: "lback::mail", request = %req.id(), "{} mails are not sent: the request has failed", mails.len());
        }
        result
    }
}
