//! The battery that adds mail to an application.

use lback_app::{App, Battery, CommandSpec, Setup, TestSettings};
use lback_core::middleware::Slot;
use lback_core::{CoreSettings, ProgramError, ProgramResult, Settings};
use lback_db::MigrationSet;
use lback_jobs::{AppJobs, Jobs, jobs};

use crate::job::SendMail;
use crate::page::page;
use crate::sealed::Sealed;
use crate::{Mail, MailBackend, MailMiddleware, MailPanel, MailSettings, Mailer, SmtpTls};

/// Adds mail to [`App`].
pub trait AppMail: Sealed {
    /// Adds mail to the application: [`req.send_mail()`](crate::RequestMail::send_mail), the job that sends a mail, and the command
    /// `sendtestmail`.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn greet(req: &mut Request) -> Result<()> {
    ///     req.send_mail(Mail::to("alice@example.com").subject("Hello").text("How are you?"))
    /// }
    ///
    /// fn main() {
    ///     App::new(Router::new().post("/greet", greet)).mail().main()
    /// }
    /// ```
    fn mail(self) -> Self;
}

impl AppMail for App {
    fn mail(self) -> Self {
        self.optional_jobs(jobs![SendMail]).with(MailBattery)
    }
}

struct MailBattery;

impl Battery for MailBattery {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["jobs"]
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<MailSettings>();
    }

    fn test_settings(&self, settings: &mut TestSettings<'_>) -> ProgramResult {
        settings.prefer("MAIL_BACKEND", "memory");
        settings.move_folder("MAIL_DIR")
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![send_test_mail()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let debug = setup.settings().section::<CoreSettings>()?.debug;
        let settings: MailSettings = setup.settings().section()?;
        let jobs = setup.find_state::<Jobs>().cloned();
        let waits_in_memory = jobs.is_none();
        let mailer = Mailer::open(&settings, setup.settings().root(), debug, jobs, setup.clock_in_use().clone())?;
        setup.middleware(Slot::App, MailMiddleware::new(mailer.clone()));
        setup.state(mailer.clone());
        setup.toolbar_panel(MailPanel);
        if waits_in_memory {
            setup.background(move |_, stopping| mailer.clone().send_regularly(stopping));
        } else {
            setup.info_page(page());
        }
        setup.checks(move |_, checks| {
            if checks.deploy() {
                checks.add("mail", reaches_people(&settings));
            }
        });
        Ok(())
    }
}

fn send_test_mail() -> CommandSpec {
    CommandSpec::new("sendtestmail", "ADDRESS  sends a mail now, and prints the answer of the mail server", |command| {
        let Some(address) = command.argument::<String>(0)? else { return Err(ProgramError::new("sendtestmail takes an address")) };
        let mailer: &Mailer = command.state()?;
        let mail = Mail::to(address.as_str()).subject("A test mail").text("This is a test. Mail from your application comes this way.");
        command.block_on(mailer.send_now(mail))??;
        println!("sent to {address}, through {}", mailer.destination());
        Ok(())
    })
    .arguments(|arguments| match arguments {
        [address] if !address.starts_with('-') => Ok(()),
        [] => Err("sendtestmail takes an address: sendtestmail you@example.com".to_owned()),
        _ => Err(String::new()),
    })
}

/// Returns an error if mail does not reach its recipients.
fn reaches_people(mail: &MailSettings) -> ProgramResult {
    let local = ["localhost", "127.0.0.1", "::1"].contains(&mail.smtp_host.as_str());
    let wrong = match mail.mail_backend {
        Some(MailBackend::Smtp) if mail.smtp_tls == SmtpTls::None && mail.smtp_username.is_some() && !local => {
            "the password travels in clear: SMTP_TLS = \"none\" is for a server on this machine. Write SMTP_TLS = \"starttls\""
        }
        Some(MailBackend::Smtp) if mail.mail_from.contains("localhost") => {
            "MAIL_FROM cannot receive answers, and many servers refuse it. Write MAIL_FROM = \"Shop <shop@example.com>\""
        }
        Some(MailBackend::Smtp) => return Ok(()),
        _ => {
            "it is not delivered. Write MAIL_BACKEND = \"smtp\" and SMTP_HOST = \"smtp.example.com\" in settings.production.toml, with the \
             feature smtp of lback"
        }
    };
    Err(ProgramError::new(wrong))
}
