//! The page of mails that wait to be sent or were given up.

use lback_app::{InfoPage, InfoRow, InfoTable};
use lback_core::{Error, Request, Result};
use lback_db::RequestDb;
use lback_jobs::{Job, RequestJobs};

use crate::MailMessage;
use crate::job::SendMail;

/// The maximum number of mails on the page.
const MOST: u32 = 200;

/// Returns the page.
pub(crate) fn page() -> InfoPage {
    InfoPage::new("outbox", "Outbox", table).action("send", "Send again", send).action("delete", "Delete", delete)
}

fn table(req: &mut Request) -> Result<InfoTable> {
    let zone = req.time_zone();
    let jobs = req.jobs()?.list_queue(req.db()?, SendMail::QUEUE, MOST)?;
    let time = |at| zone.local(at).format("%Y-%m-%d %H:%M").to_string();
    let rows = jobs.into_iter().map(|job| {
        // A mail that cannot be read is still listed.
        let (to, subject) = match serde_json::from_str::<MailMessage>(&job.payload) {
            Ok(mail) => (mail.recipient_list(), mail.subject),
            Err(error) => ("?".to_owned(), format!("cannot be read: {error}")),
        };
        let cells = [time(job.created_at), to, subject, job.state.to_string(), time(job.due_at), job.attempts.to_string()];
        InfoRow::new(cells.into_iter().chain([job.last_error.unwrap_or_default()])).key(job.id.to_string())
    });
    Ok(InfoTable::new(["Written", "To", "Subject", "State", "Due", "Attempts", "Last error"]).rows(rows))
}

fn send(req: &mut Request, key: &str) -> Result<String> {
    let id = mail(req, key)?;
    found(req.jobs()?.retry(req.db()?, id)?, "The mail is sent as soon as possible.")
}

fn delete(req: &mut Request, key: &str) -> Result<String> {
    let id = mail(req, key)?;
    found(req.jobs()?.delete(req.db()?, id)?, "The mail has been deleted. It will not be sent.")
}

/// Returns the id of a mail.
fn mail(req: &mut Request, key: &str) -> Result<i64> {
    let id = key.parse().map_err(|_| Error::bad_request("This is not a mail."))?;
    let job = req.jobs()?.find(req.db()?, id)?.filter(|job| job.name == SendMail::NAME);
    job.map(|job| job.id).ok_or_else(gone)
}

fn found(is_found: bool, message: &str) -> Result<String> {
    if is_found { Ok(message.to_owned()) } else { Err(gone()) }
}

fn gone() -> Error {
    Error::not_found("The mail is not in the outbox any more. It may have been sent.")
}
