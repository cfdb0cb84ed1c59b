//! The settings of mail.

use std::path::PathBuf;

use lback_core::Secret;
use lback_core::settings::{Check, Section};
use serde::Deserialize;

use crate::MailAddress;

/// The settings of mail in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct MailSettings {
    /// The backend for mail. If it is not set and `DEBUG` is on, mail goes to the console.
    pub mail_backend: Option<MailBackend>,
    /// The default sender: `shop@example.com`, or `Shop <shop@example.com>`.
    pub mail_from: String,
    /// The folder of `MAIL_BACKEND = "file"`, below the project's folder.
    pub mail_dir: PathBuf,
    /// Maximum size of a mail in bytes, attachments included.
    pub mail_max_bytes: usize,
    /// Number of attempts before a mail is given up; 30 attempts take about a day.
    pub mail_max_attempts: u32,
    /// The mail server of `MAIL_BACKEND = "smtp"`.
    pub smtp_host: String,
    /// Its port. The default is 587, 465 if `SMTP_TLS = "tls"`, and 25 if it is `"none"`.
    pub smtp_port: Option<u16>,
    /// The user name for the mail server. Without one, there is no login.
    pub smtp_username: Option<String>,
    /// The password for the mail server.
    pub smtp_password: Option<Secret>,
    /// How the connection is encrypted.
    pub smtp_tls: SmtpTls,
    /// A PEM file with the trusted certificate authorities. Without one, those of the system are trusted.
    pub smtp_ca_file: Option<PathBuf>,
    /// Seconds that the server may take for one mail, including the connection.
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

/// Maximum of `SMTP_TIMEOUT_SECONDS`: a day.
const LONGEST_TIMEOUT: u64 = 24 * 3600;

impl Section for MailSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = MailSettings::default();
        check.accept("MAIL_FROM", MailAddress::from(&self.mail_from).check().map_err(|error| format!("MAIL_FROM: {error}")));
        check.require_folder("MAIL_DIR", &self.mail_dir, "mails");
        check.require_not_served("MAIL_DIR", &self.mail_dir, "mails");
        // The headers of a mail take about a kilobyte.
        check.range("MAIL_MAX_BYTES", self.mail_max_bytes, 1024..=1024 * 1024 * 1024, usual.mail_max_bytes);
        check.range("MAIL_MAX_ATTEMPTS", self.mail_max_attempts, 1..=10_000, usual.mail_max_attempts);
        let is_host = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let is_server = is_host(self.smtp_host.trim()) || self.smtp_host.trim().parse::<std::net::IpAddr>().is_ok();
        check.require("SMTP_HOST", is_server, "the name or address of a server, without scheme and port", "smtp.example.com");
        self.check_port(check);
        let is_set = |text: Option<&str>| text.is_none_or(|text| !text.is_empty());
        check.require("SMTP_USERNAME", is_set(self.smtp_username.as_deref()), "a name, or left out", "shop@example.com");
        check.require("SMTP_PASSWORD", is_set(self.smtp_password.as_ref().map(Secret::expose)), "a password, or left out", "…");
        check.require_file("SMTP_CA_FILE", self.smtp_ca_file.as_deref());
        let vouches = self.smtp_ca_file.is_none() || self.smtp_tls != SmtpTls::None;
        check.require("SMTP_TLS", vouches, "encrypted, as SMTP_CA_FILE vouches for the server", "starttls");
        check.range("SMTP_TIMEOUT_SECONDS", self.smtp_timeout_seconds, 1..=LONGEST_TIMEOUT, usual.smtp_timeout_seconds);
    }
}

impl MailSettings {
    /// Checks that port and encryption fit (RFC 8314): 465 is encrypted from the first byte, 587 begins unencrypted. On the wrong port,
    /// each side waits for the other.
    fn check_port(&self, check: &mut Check<'_>) {
        let Some(port) = self.smtp_port else { return };
        check.range("SMTP_PORT", port, 1..=65_535, 587);
        check.require("SMTP_TLS", port != 465 || self.smtp_tls == SmtpTls::Tls, "\"tls\" with SMTP_PORT = 465", "tls");
        check.require("SMTP_TLS", port != 587 || self.smtp_tls != SmtpTls::Tls, "\"starttls\" with SMTP_PORT = 587", "starttls");
    }
}

/// The backends for mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MailBackend {
    /// Prints mail to standard output.
    Console,
    /// Writes mail to files in a folder, which mail programs can open.
    File,
    /// Sends mail through a mail server; needs the feature `smtp`.
    Smtp,
    /// Keeps mail in the memory of the process, for tests.
    Memory,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SmtpTls {
    /// The connection begins unencrypted, and is encrypted before anything is sent. A server that cannot do this is refused.
    Starttls,
    /// The connection is encrypted from its first byte.
    Tls,
    /// The connection is not encrypted: for a server on the same machine.
    None,
}

#[cfg(test)]
mod tests {
    use lback_core::settings::Settings;

    use super::MailSettings;

    #[test]
    fn a_folder_that_visitors_may_ask_for_is_refused() {
        let refusal =
            |toml: &str| Settings::from_toml("/srv/shop", toml).unwrap().checked::<MailSettings>().err().map(|error| error.to_string());
        for toml in ["MAIL_DIR = 'static'", "MAIL_DIR = 'media/mails'", "MEDIA_DIR = '/data'\nMAIL_DIR = '/data/mails'"] {
            let message = refusal(toml).unwrap_or_else(|| panic!("{toml} should be refused"));
            assert!(message.contains("should be outside of ") && message.contains("Write MAIL_DIR = \"mails\""), "{toml}: {message}");
        }
        for toml in ["", "MAIL_DIR = 'mails'", "MEDIA_DIR = '/data/media'\nMAIL_DIR = '/data/mails'"] {
            assert_eq!(refusal(toml), None, "{toml}");
        }
    }
}
