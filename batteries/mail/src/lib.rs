//! Mail for the [Lback](https://docs.rs/lback) web framework: written with templates, sent after the commit of its request, kept in
//! the database as a job until the mail server has accepted it.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod backend;
mod battery;
mod failure;
mod from_job;
mod job;
mod mail;
mod mailer;
mod media_type;
mod memory_outbox;
mod message;
mod middleware;
mod mime;
mod page;
mod panel;
mod request;
mod sealed;
mod settings;
mod testing;

pub use address::MailAddress;
pub use battery::AppMail;
pub use from_job::JobMail;
pub use mail::Mail;
pub use mailer::Mailer;
pub use message::{MailAttachment, MailMessage};
pub use middleware::MailMiddleware;
pub use panel::MailPanel;
pub use request::RequestMail;
pub use settings::{MailBackend, MailSettings, SmtpTls};
pub use testing::ClientMail;

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that made the table `mail_outbox`, and those that move its mails to the jobs.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
