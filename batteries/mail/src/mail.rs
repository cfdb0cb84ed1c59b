//! A mail, as a view writes it.

use lback_core::{Context, Error, Request, Result};

use crate::{MailAddress, MailAttachment};

/// A mail to be sent by [`req.send_mail`](crate::RequestMail::send_mail).
///
/// ```
/// use lback_mail::Mail;
///
/// let mail = Mail::to(("Alice", "alice@example.com"))
///     .cc("bob@example.com")
///     .reply_to("Support <support@example.com>")
///     .subject("Your invoice")
///     .text("You find it attached.")
///     .html("<p>You find it attached.</p>")
///     .attach("invoice.pdf", "application/pdf", b"%PDF-...".as_slice());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a mail is sent by req.send_mail(mail)"]
pub struct Mail {
    pub(crate) from: Option<MailAddress>,
    pub(crate) to: Vec<MailAddress>,
    pub(crate) cc: Vec<MailAddress>,
    pub(crate) bcc: Vec<MailAddress>,
    pub(crate) reply_to: Vec<MailAddress>,
    pub(crate) subject: String,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<MailAttachment>,
    template: Option<(String, Context)>,
}

impl Mail {
    /// A mail to this address.
    pub fn to(address: impl Into<MailAddress>) -> Self {
        Mail {
            from: None,
            to: vec![address.into()],
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            subject: String::new(),
            text: None,
            html: None,
            headers: Vec::new(),
            attachments: Vec::new(),
            template: None,
        }
    }

    /// To this address as well. All recipients see each other.
    pub fn and_to(mut self, address: impl Into<MailAddress>) -> Self {
        self.to.push(address.into());
        self
    }

    /// A copy to this address.
    pub fn cc(mut self, address: impl Into<MailAddress>) -> Self {
        self.cc.push(address.into());
        self
    }

    /// A copy to this address, which nobody else sees.
    pub fn bcc(mut self, address: impl Into<MailAddress>) -> Self {
        self.bcc.push(address.into());
        self
    }

    /// Who sends it, in place of `MAIL_FROM`.
    pub fn from(mut self, address: impl Into<MailAddress>) -> Self {
        self.from = Some(address.into());
        self
    }

    /// Whom an answer goes to, in place of the sender.
    pub fn reply_to(mut self, address: impl Into<MailAddress>) -> Self {
        self.reply_to.push(address.into());
        self
    }

    /// The subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// What it says, in plain text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The same as HTML, for programs that show it.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// What it says, from the templates `{name}.txt` and, where there is one, `{name}.html`:
    /// `.template("mail/welcome", context! { name })`.
    ///
    /// Values are escaped in the HTML and not in the text. What [`text`](Self::text) or [`html`](Self::html) has set stays.
    pub fn template(mut self, name: impl Into<String>, context: Context) -> Self {
        self.template = Some((name.into(), context));
        self
    }

    /// A further header: `.header("List-Unsubscribe", "<https://example.com/stop>")`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A file that comes along: its name, in any script; its media type, which may have parameters; what is in it.
    ///
    /// ```
    /// # use lback_mail::Mail;
    /// # let invitation = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    /// # let mail = Mail::to("alice@example.com");
    /// let mail = mail.attach("invitation.ics", "text/calendar; charset=utf-8; method=REQUEST", invitation);
    /// ```
    ///
    /// A message (`message/rfc822`) travels as it is, so it must be in ASCII.
    pub fn attach(mut self, name: impl Into<String>, content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.attachments.push(MailAttachment { name: name.into(), content_type: content_type.into(), bytes: bytes.into() });
        self
    }

    /// The same mail with its templates rendered.
    #[track_caller]
    pub(crate) fn rendered(mut self, req: &mut Request) -> Result<Self> {
        let Some((name, context)) = self.template.take() else { return Ok(self) };
        let (text, html) = (format!("{name}.txt"), format!("{name}.html"));
        if self.html.is_none() && req.app().templates().contains(&html) {
            self.html = Some(req.render_to_string(&html, context.clone())?);
        }
        if self.text.is_none() {
            self.text = Some(req.render_to_string(&text, context)?);
        }
        Ok(self)
    }

    /// Outside of requests there is nothing to render templates with.
    pub(crate) fn without_template(self) -> Result<Self> {
        match &self.template {
            None => Ok(self),
            Some((name, _)) => Err(Error::internal(format!(
                "the template \"{name}\" of a mail is rendered with a request, and there is none here; use .text(…) and .html(…)"
            ))),
        }
    }
}
