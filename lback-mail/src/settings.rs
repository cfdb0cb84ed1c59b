//! The settings of mail.

use std::path::PathBuf;

use lback_core::Secret;
use serde::Deserialize;

/// The keys of `settings.toml` that speak of mail, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct MailSettings {
    /// Where mail goes; while `DEBUG` is on to the console unless this says otherwise.
    pub mail_backend: Option<MailBackend>,
    /// Who sends it, where the mail does not say: `shop@example.com`, or `Shop <shop@example.com>`.
    pub mail_from: String,
    /// The folder of `MAIL_BACKEND = "file"`, below the project's folder.
    pub mail_dir: PathBuf,
    /// The most bytes of one mail, attachments included.
    pub mail_max_bytes: usize,
    /// How often a mail is tried before it is given up; 30 times take about a day.
    pub mail_max_attempts: u32,
    /// The mail server of `MAIL_BACKEND = "smtp"`.
    pub smtp_host: String,
    /// Its port; 587, or 465 where `SMTP_TLS = "tls"`, or 25 where it is `"none"`.
    pub smtp_port: Option<u16>,
    /// Whom we log in as; none means that we do not.
    pub smtp_username: Option<String>,
    /// The password for it.
    pub smtp_password: Option<Secret>,
    /// How the connection is encrypted.
    pub smtp_tls: SmtpTls,
    /// A file with the certificates of those who may vouch for the server, in PEM; none means those that the system trusts.
    pub smtp_ca_file: Option<PathBuf>,
    /// How long the server may take for one mail, in seconds, connecting included.
    pub smtp_timeout_seconds: u64,
}

impl Default for MailSettings {
    fn default() -> Self {
        MailSettings {
            mail_backend: None,
            mail_from: "noreply@localhost".to_owned(),
            mail_dir: "mails".into(),
            mail_max_bytes: 10 * 1024 * 1024,
            mail_max_attempts: 30,
            smtp_host: "localhost".to_owned(),
            smtp_port: None,
            smtp_username: None,
            smtp_password: None,
            smtp_tls: SmtpTls::Starttls,
            smtp_ca_file: None,
            smtp_timeout_seconds: 60,
        }
    }
}

/// Where mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailBackend {
    /// To standard output, to be read.
    Console,
    /// Into files of a folder, which mail programs open.
    File,
    /// To a mail server; needs the feature `smtp`.
    Smtp,
    /// Into the memory of the process, for tests.
    Memory,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// It begins in clear and is encrypted before anything is said; a server that cannot is not spoken to.
    Starttls,
    /// From its first byte on.
    Tls,
    /// Not at all: for a server on the same machine.
    None,
}
