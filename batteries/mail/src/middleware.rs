//! Enqueues the mail of a request if the request succeeds.

use lback_core::{Middleware, Next, Request, Response, Result};
use lback_db::{DbSession, RequestDb};

use crate::mailer::enqueue;
use crate::{MailMessage, Mailer};

/// Makes [`req.send_mail()`](crate::RequestMail::send_mail) work: the request's mail is stored in the request's own
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
        if let Some(jobs) = mailer.jobs().cloned() {
            let woken = jobs.clone();
            req.before_commit(move |db| enqueue(&jobs, db, mails))?;
            return req.on_commit(move || woken.wake());
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
