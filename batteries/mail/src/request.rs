//! Mail, as a view sends it.

use lback_core::{Error, Request, Result};
use lback_db::{DbSession, RequestDb};

use crate::middleware::Pending;
use crate::{Mail, Mailer};

/// Adds mail to [`Request`].
pub trait RequestMail {
    /// Sends a mail once the request has succeeded and its transaction is committed. A view that returns an error, and one
    /// that is rolled back, sends nothing.
    ///
    /// ```no_run
    /// use lback_core::{Request, Response, Result, context};
    /// use lback_mail::{Mail, RequestMail};
    ///
    /// fn register(req: &mut Request) -> Result<Response> {
    ///     let name = "Alice";
    ///     let mail = Mail::to((name, "alice@example.com")).subject("Welcome").template("mail/welcome", context! { name });
    ///     req.send_mail(mail)?;
    ///     Ok(Response::redirect("/welcome"))
    /// }
    /// ```
    ///
    /// This waits for no mail server.
    ///
    /// # Errors
    /// 400 where an address or a header is none, or the mail is too large; 500 where it lacks a subject or a text, a template
    /// fails, or `MAIL_BACKEND` is not set.
    fn send_mail(&mut self, mail: Mail) -> Result<()>;

    /// The same, so that nobody learns from the answer, nor from the time it takes, whether a mail was sent: where `really` is
    /// false, all is done but that. A page on which strangers type in the address of an account answers so.
    ///
    /// The mail is not part of the request's transaction, but put into the outbox when that is committed, beside the answer.
    /// What goes wrong then is logged; a process that dies in this moment loses the mail.
    ///
    /// # Errors
    /// As [`send_mail`](Self::send_mail).
    fn send_mail_unnoticed(&mut self, mail: Mail, really: bool) -> Result<()>;
}

impl RequestMail for Request {
    #[track_caller]
    fn send_mail(&mut self, mail: Mail) -> Result<()> {
        let mailer = mailer(self)?;
        let mail = mailer.compose(mail.rendered(self)?)?;
        match self.extensions_mut().get_mut::<Pending>() {
            Some(Pending(mails)) => mails.push(mail),
            None => {
                return Err(Error::internal(
                    "this request can send no mail: the MailMiddleware is not in the stack, or stands inside the one that asks",
                ));
            }
        }
        Ok(())
    }

    #[track_caller]
    fn send_mail_unnoticed(&mut self, mail: Mail, really: bool) -> Result<()> {
        let mailer = mailer(self)?;
        let mail = mailer.compose(mail.rendered(self)?)?;
        match self.extensions().get::<DbSession>() {
            _ if !really => {}
            Some(_) => self.on_commit(move || mailer.deposit_beside(mail))?,
            None => mailer.deposit_beside(mail),
        }
        Ok(())
    }
}

#[track_caller]
fn mailer(req: &Request) -> Result<Mailer> {
    let missing = || Error::internal("this application cannot send mail. Write App::new(urls).mail()");
    req.app().state::<Mailer>().cloned().ok_or_else(missing)
}
