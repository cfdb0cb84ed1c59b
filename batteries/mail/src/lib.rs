//! Mail for the [Lback](https://docs.rs/lback) web framework: written with templates, sent after the commit of its request, kept in
//! the database until the mail server has accepted it.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod backend;
mod battery;
mod failure;
mod mail;
mod mailer;
mod media_type;
mod message;
mod middleware;
mod mime;
mod outbox;
mod panel;
mod request;
mod sealed;
mod settings;
mod testing;
mod worker;

pub use address::MailAddress;
pub use battery::AppMail;
pub use mail::Mail;
pub use mailer::Mailer;
pub use message::{MailAttachment, MailMessage};
pub use middleware::MailMiddleware;
pub use outbox::{mail_outbox, tables};
pub use panel::MailPanel;
pub use request::RequestMail;
pub use settings::{MailBackend, MailSettings, SmtpTls};
pub use testing::ClientMail;
pub use worker::send_regularly;

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that make the table `mail_outbox`.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
