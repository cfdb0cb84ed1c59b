//! Mail through an SMTP server.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use lback_core::{Error, Result};
use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use crate::failure::Failure;
use crate::{MailAddress, MailMessage, MailSettings, SmtpTls};

/// How long the server may take to close the connection after it has accepted a mail.
const GOODBYE: Duration = Duration::from_secs(2);

/// A mail server, and how to connect to it.
pub(crate) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    /// The name with which the client introduces itself.
    hello: ClientId,
    patience: Duration,
}

enum Security {
    None,
    Starttls(TlsParameters),
    Tls(TlsParameters),
}

impl Smtp {
    pub(super) fn of_settings(settings: &MailSettings, root: &Path) -> Result<Self> {
        let host = settings.smtp_host.trim().to_owned();
        if host.is_empty() {
            return wrong("SMTP_HOST is empty. Write SMTP_HOST = \"smtp.example.com\"");
        }
        let (security, usual_port) = match settings.smtp_tls {
            SmtpTls::None => (Security::None, 25),
            SmtpTls::Starttls => (Security::Starttls(tls(settings, &host, root)?), 587),
            SmtpTls::Tls => (Security::Tls(tls(settings, &host, root)?), 465),
        };
        let credentials = match (&settings.smtp_username, &settings.smtp_password) {
            (None, None) => None,
            (Some(username), Some(password)) => Some(Credentials::new(username.clone(), password.expose().to_owned())),
            (Some(_), None) => return wrong("SMTP_USERNAME is set and SMTP_PASSWORD is not. Write SMTP_PASSWORD=… into .env"),
            (None, Some(_)) => return wrong("SMTP_PASSWORD is set and SMTP_USERNAME is not. Write SMTP_USERNAME = \"…\""),
        };
        let hello = ClientId::Domain(MailAddress::from(&settings.mail_from).domain().to_owned());
        let patience = Duration::from_secs(settings.smtp_timeout_seconds);
        Ok(Smtp { host, port: settings.smtp_port.unwrap_or(usual_port), security, credentials, hello, patience })
    }

    /// Delivers the mail, on a connection of its own.
    pub(super) async fn deliver(&self, mail: &MailMessage) -> Result<(), Failure> {
        let envelope = envelope(mail).map_err(|error| Failure::for_good(error.to_string()))?;
        let bytes = mail.to_mime().map_err(|error| Failure::for_good(error.to_string()))?;
        let sending = async {
            let mut connection = self.connect().await.map_err(|error| self.unreachable(&error))?;
            connection.send(&envelope, &bytes).await.map_err(|error| self.refused(&error))?;
            Ok(connection)
        };
        let mut connection = match tokio::time::timeout(self.patience, sending).await {
            Ok(sent) => sent?,
            Err(_) => {
                let seconds = self.patience.as_secs();
                return Err(Failure::for_now(format!("{self} did not accept the mail within {seconds} s (SMTP_TIMEOUT_SECONDS)")));
            }
        };
        // The mail was accepted. However the connection ends, it must not be sent again.
        tokio::spawn(async move { tokio::time::timeout(GOODBYE, connection.abort()).await });
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let tls = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            _ => None,
        };
        // `deliver` limits the time.
        let mut connection = AsyncSmtpConnection::connect_tokio1((self.host.as_str(), self.port), None, &self.hello, tls, None).await?;
        if let Security::Starttls(parameters) = &self.security {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }

    /// An error before a mail is mentioned, such as a wrong password, concerns every mail.
    fn unreachable(&self, error: &SmtpError) -> Failure {
        Failure::for_now(format!("{self}: {}", with_causes(error)))
    }

    fn refused(&self, error: &SmtpError) -> Failure {
        let reason = format!("{self}: {}", with_causes(error));
        match error.is_permanent() || error.is_client() {
            true => Failure::for_good(reason),
            false => Failure::for_now(reason),
        }
    }
}

/// Returns sender and recipients, those of blind copies included.
fn envelope(mail: &MailMessage) -> Result<Envelope> {
    let parse = |address: &MailAddress| address.email.parse().map_err(Error::from);
    let recipients = mail.recipients().map(parse).collect::<Result<Vec<lettre::Address>>>()?;
    Ok(Envelope::new(Some(parse(&mail.from)?), recipients)?)
}

/// Returns how the server is authenticated.
fn tls(settings: &MailSettings, host: &str, root: &Path) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = &settings.smtp_ca_file {
        let file = root.join(file);
        let unusable = || Error::internal(format!("SMTP_CA_FILE: {} cannot be used", file.display()));
        let pem = std::fs::read(&file).map_err(|error| unusable().with_source(error))?;
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(unusable().with_source(std::io::Error::other("it contains no certificate in PEM")));
        }
        let certificate = Certificate::from_pem(&pem).map_err(|error| unusable().with_source(error))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|error| Error::internal("TLS for mail cannot be set up; see SMTP_TLS and SMTP_CA_FILE").with_source(error))
}

fn wrong<T>(message: &str) -> Result<T> {
    Err(Error::internal(message))
}

fn with_causes(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// `smtp.example.com:587`.
impl fmt::Display for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
