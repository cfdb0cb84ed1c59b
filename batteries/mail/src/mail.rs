//! A mail that the application writes.

use std::fmt;

use lback_core::{Context, Error, Request, Result, TimeZone};

use crate::{MailAddress, MailAttachment};

/// A mail for [`req.send_mail`](crate::RequestMail::send_mail).
///
/// ```
/// use lback::mail::Mail;
///
/// let mail = Mail::to(("Alice", "alice@example.com"))
///     .cc("bob@example.com")
///     .reply_to("Support <support@example.com>")
///     .subject("Your invoice")
///     .text("Please find it attached.")
///     .html("<p>Please find it attached.</p>")
///     .attach("invoice.pdf", "application/pdf", b"%PDF-...".as_slice());
/// ```
#[derive(Clone)]
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
    time_zone: Option<TimeZone>,
}

/// Shows no text, which may contain a link with a token.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("to", &self.to)
            .field("subject", &self.subject)
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

impl Mail {
    /// Returns a mail to this address.
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
            time_zone: None,
        }
    }

    /// Adds a recipient. All recipients see each other.
    pub fn and_to(mut self, address: impl Into<MailAddress>) -> Self {
        self.to.push(address.into());
        self
    }

    /// Adds a recipient of a copy.
    pub fn cc(mut self, address: impl Into<MailAddress>) -> Self {
        self.cc.push(address.into());
        self
    }

    /// Adds a recipient of a blind copy, whom the others do not see.
    pub fn bcc(mut self, address: impl Into<MailAddress>) -> Self {
        self.bcc.push(address.into());
        self
    }

    /// Sets the sender, in place of `MAIL_FROM`.
    pub fn from(mut self, address: impl Into<MailAddress>) -> Self {
        self.from = Some(address.into());
        self
    }

    /// Sets the address for replies, in place of the sender's.
    pub fn reply_to(mut self, address: impl Into<MailAddress>) -> Self {
        self.reply_to.push(address.into());
        self
    }

    /// Sets the subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Sets the plain text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets the HTML, for programs that show it.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Sets the text from the template `{name}.txt` and, if it exists, the HTML from `{name}.html`:
    /// `.template("mail/welcome", context! { name })`.
    ///
    /// Values are escaped in the HTML and not in the text. A text or HTML that [`text`](Self::text) or [`html`](Self::html) has set is kept.
    pub fn template(mut self, name: impl Into<String>, context: Context) -> Self {
        self.template = Some((name.into(), context));
        self
    }

    /// Sets the time zone in which the template shows times: that of the recipient. Otherwise, it is that of `TIME_ZONE` in the settings,
    /// not that of the visitor whose request sends the mail.
    pub fn time_zone(mut self, zone: TimeZone) -> Self {
        self.time_zone = Some(zone);
        self
    }

    /// Adds a header: `.header("List-Unsubscribe", "<https://example.com/stop>")`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Attaches a file: its name, in any script; its media type, which may have parameters; its content.
    ///
    /// ```
    /// # use lback::mail::Mail;
    /// # let invitation = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    /// # let mail = Mail::to("alice@example.com");
    /// let mail = mail.attach("invitation.ics", "text/calendar; charset=utf-8; method=REQUEST", invitation);
    /// ```
    ///
    /// A message (`message/rfc822`) is sent without encoding, so it must be ASCII.
    pub fn attach(mut self, name: impl Into<String>, content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.attachments.push(MailAttachment { name: name.into(), content_type: content_type.into(), bytes: bytes.into() });
        self
    }

    /// Returns the mail with its templates rendered.
    #[track_caller]
    pub(crate) fn rendered(mut self, req: &mut Request) -> Result<Self> {
        let Some((name, context)) = self.template.take() else { return Ok(self) };
        let of_visitor = req.time_zone();
        req.set_time_zone(self.time_zone.unwrap_or(req.app().time_zone()));
        let rendered = self.render(req, &name, context);
        req.set_time_zone(of_visitor);
        rendered?;
        Ok(self)
    }

    #[track_caller]
    fn render(&mut self, req: &mut Request, name: &str, context: Context) -> Result<()> {
        let (text, html) = (format!("{name}.txt"), format!("{name}.html"));
        if self.html.is_none() && req.app().templates().contains(&html) {
            self.html = Some(req.render_to_string(&html, context.clone())?);
        }
        if self.text.is_none() {
            self.text = Some(req.render_to_string(&text, context)?);
        }
        Ok(())
    }

    /// Refuses templates, which cannot be rendered outside of requests.
    pub(crate) fn without_template(self) -> Result<Self> {
        match &self.template {
            None => Ok(self),
            Some((name, _)) => Err(Error::internal(format!(
                "the template \"{name}\" of a mail is rendered with a request, and there is none here; use .text(…) and .html(…)"
            ))),
        }
    }
}
