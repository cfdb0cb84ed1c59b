//! Mail: messages from templates that are sent after the request's data has been committed.

#[doc(inline)]
pub use lback_mail::{
    AppMail, JobMail, Mail, MailAddress, MailAttachment, MailBackend, MailMessage, MailMiddleware, MailSettings, Mailer, RequestMail,
    SmtpTls,
};
