//! What mail brings to an application.

use lback_core::{Assembly, Clock, Result, Settings};
use lback_db::Database;
use lback_mail::{MailBackend, MailSettings, Mailer, send_regularly};

/// The mailer that the settings ask for.
pub(crate) fn mailer(settings: &Settings, debug: bool, database: Option<Database>, clock: Clock) -> Result<Mailer> {
    let mail: MailSettings = settings.section()?;
    Mailer::open(&mail, settings.root(), debug, database, clock)
}

/// What mail brings besides its middleware.
pub(crate) fn add(assembly: &mut Assembly, mailer: &Mailer) {
    assembly.state(mailer.clone());
    let mailer = mailer.clone();
    assembly.background(move |_, stopping| send_regularly(mailer.clone(), stopping));
}

/// For a test: mail goes into memory, unless the test's own settings say where.
pub(crate) fn keep_in_memory(settings: &mut Settings, of_project: bool) -> Result<()> {
    if of_project || settings.section::<MailSettings>()?.mail_backend.is_none() {
        settings.set("MAIL_BACKEND", "memory");
    }
    Ok(())
}

/// The command `sendtestmail`.
pub(crate) fn send_test_mail(app: &lback_core::Application, address: &str) -> Result<()> {
    let Some(mailer) = app.state::<Mailer>() else { return Err(crate::run::missing("mail")) };
    let text = "This is a test. Mail from your application comes this way.";
    let mail = lback_mail::Mail::to(address).subject("A test mail").text(text);
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(mailer.send_now(mail))?;
    println!("sent to {address}, through {}", mailer.destination());
    Ok(())
}

/// Is mail sent to where people read it?
pub(crate) fn check_deployed(settings: &Settings) -> Result<()> {
    let mail: MailSettings = settings.section()?;
    let local = ["localhost", "127.0.0.1", "::1"].contains(&mail.smtp_host.as_str());
    let wrong = match mail.mail_backend {
        Some(MailBackend::Smtp) if mail.smtp_tls == lback_mail::SmtpTls::None && mail.smtp_username.is_some() && !local => {
            "the password travels in clear: SMTP_TLS = \"none\" is for a server on this machine. Write SMTP_TLS = \"starttls\""
        }
        Some(MailBackend::Smtp) if mail.mail_from.contains("localhost") => {
            "nobody can answer MAIL_FROM, and many servers refuse it. Write MAIL_FROM = \"Shop <shop@example.com>\""
        }
        Some(MailBackend::Smtp) => return Ok(()),
        _ => {
            "none reaches anybody. Write MAIL_BACKEND = \"smtp\" and SMTP_HOST = \"smtp.example.com\" in settings.production.toml, with the \
             feature smtp of lback"
        }
    };
    Err(lback_core::Error::internal(wrong))
}
