//! Sends mail from a request.

use std::panic::Location;

use lback_core::{Error, Request, Result};
use lback_db::{DbSession, RequestDb};

use crate::middleware::Pending;
use crate::sealed::Sealed;
use crate::{Mail, Mailer, panel};

/// Adds mail to [`Request`].
pub trait RequestMail: Sealed {
    /// Sends a mail after the commit of the request. A view that returns an error or is rolled back sends nothing.
    ///
    /// ```no_run
    /// use lback::{Request, Response, Result};
    /// use lback::templates::context;
    /// use lback::mail::{Mail, RequestMail};
    ///
    /// fn register(req: &mut Request) -> Result<Response> {
    ///     let name = "Alice";
    ///     let mail = Mail::to((name, "alice@example.com")).subject("Welcome").template("mail/welcome", context! { name });
    ///     req.send_mail(mail)?;
    ///     Ok(Response::redirect("/welcome"))
    /// }
    /// ```
    ///
    /// It does not wait for the mail server.
    ///
    /// # Errors
    /// Returns 400 if an address or a header is invalid or the mail is too large, and 500 if the mail has no subject or text, a
    /// template fails, or `MAIL_BACKEND` is not set.
    fn send_mail(&mut self, mail: Mail) -> Result<()>;

    /// As [`send_mail`](Self::send_mail), but neither the response nor its time tells whether a mail was sent: if `really` is false,
    /// everything except the sending is done. This is for pages on which strangers enter the address of an account.
    ///
    /// The mail is not part of the request's transaction. It is stored in the background after the commit. An error is
    /// logged then, and a crash of the process at that moment loses the mail.
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
            Some(Pending(mails)) => {
                panel::record(&mail, Location::caller());
                mails.push(mail);
            }
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
        if really {
            panel::record(&mail, Location::caller());
        }
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
