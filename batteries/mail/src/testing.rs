//! Mail in tests.

use lback_app::testing::Client;

use crate::sealed::Sealed;
use crate::{MailMessage, Mailer};

/// Adds mail to the test [`Client`].
pub trait ClientMail: Sealed {
    /// Returns the mails that the application has sent since it started, oldest first: those whose requests were committed.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// fn greet(req: &mut Request) -> Result<()> {
    ///     req.send_mail(Mail::to("alice@example.com").subject("Hello").text("How are you?"))
    /// }
    ///
    /// let app = App::new(Router::new().post("/greet", greet)).mail();
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// client.post("/greet").send().assert_status(204);
    /// assert_eq!(client.mail()[0].to, ["alice@example.com"]);
    /// assert_eq!(client.mail()[0].text, "How are you?");
    /// ```
    ///
    /// No mail is delivered: it is kept in memory, unless the test's own settings name another `MAIL_BACKEND`.
    fn mail(&self) -> Vec<MailMessage>;
}

impl ClientMail for Client {
    fn mail(&self) -> Vec<MailMessage> {
        self.app().state().map(Mailer::sent).unwrap_or_default()
    }
}
