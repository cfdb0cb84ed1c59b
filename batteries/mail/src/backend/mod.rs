//! The backends that deliver mail.

mod console;
mod file;
#[cfg(feature = "smtp")]
mod smtp;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lback_core::{Error, Result};

use crate::failure::Failure;
use crate::{MailBackend, MailMessage, MailSettings};

/// The backend that the settings name.
pub(crate) enum Backend {
    /// No backend is set, and `DEBUG` is off. Printing mail to a console would hide that none is sent.
    Unset,
    Console,
    File(PathBuf),
    Memory(Memory),
    #[cfg(feature = "smtp")]
    Smtp(smtp::Smtp),
}

/// The sent mails, for tests.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<MailMessage>>>);

impl Memory {
    pub(crate) fn push(&self, mails: Vec<MailMessage>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(mails);
    }

    pub(crate) fn all(&self) -> Vec<MailMessage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Backend {
    /// Returns the backend of the settings, checked. Paths are relative to `root`.
    pub(crate) fn of_settings(settings: &MailSettings, root: &Path, debug: bool) -> Result<Self> {
        Ok(match settings.mail_backend {
            None if debug => Backend::Console,
            None => Backend::Unset,
            Some(MailBackend::Console) => Backend::Console,
            Some(MailBackend::File) => Backend::File(root.join(&settings.mail_dir)),
            Some(MailBackend::Memory) => Backend::Memory(Memory::default()),
            Some(MailBackend::Smtp) => smtp(settings, root)?,
        })
    }

    /// Delivers a mail.
    pub(crate) async fn deliver(&self, mail: &MailMessage) -> Result<(), Failure> {
        match self {
            Backend::Unset => Err(Failure::for_now(UNSET)),
            Backend::Console => console::print(mail),
            Backend::File(folder) => file::write(folder, mail).await,
            Backend::Memory(memory) => {
                memory.push(vec![mail.clone()]);
                Ok(())
            }
            #[cfg(feature = "smtp")]
            Backend::Smtp(smtp) => smtp.deliver(mail).await,
        }
    }

    /// Returns an error if no backend is set.
    pub(crate) fn check_set(&self) -> Result<()> {
        match self {
            Backend::Unset => Err(Error::internal(UNSET)),
            _ => Ok(()),
        }
    }
}

const UNSET: &str = "no mail is sent: MAIL_BACKEND is not set. Write MAIL_BACKEND = \"smtp\" and SMTP_HOST = \"smtp.example.com\" in \
                     settings.production.toml";

#[cfg(feature = "smtp")]
fn smtp(settings: &MailSettings, root: &Path) -> Result<Backend> {
    Ok(Backend::Smtp(smtp::Smtp::of_settings(settings, root)?))
}

#[cfg(not(feature = "smtp"))]
fn smtp(_: &MailSettings, _: &Path) -> Result<Backend> {
    Err(Error::internal(
        "MAIL_BACKEND = \"smtp\" needs the feature smtp of lback. Write lback = { …, features = [\"smtp\"] } in Cargo.toml",
    ))
}

/// The destination, in words.
impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Backend::Unset => f.write_str("nowhere"),
            Backend::Console => f.write_str("the console"),
            Backend::File(folder) => write!(f, "a file in {}", folder.display()),
            Backend::Memory(_) => f.write_str("the memory of this process"),
            #[cfg(feature = "smtp")]
            Backend::Smtp(smtp) => smtp.fmt(f),
        }
    }
}
