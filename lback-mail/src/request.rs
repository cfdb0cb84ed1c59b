//! Mail, as a view sends it.

use lback_core::{Error, Request, Result};

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
}

impl RequestMail for Request {
    #[track_caller]
    fn send_mail(&mut self, mail: Mail) -> Result<()> {
        let mailer = self.state::<Mailer>()?.clone();
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
}
