//! The page of the outbox: mail that waits to be sent, and mail that was given up.

use diesel::prelude::*;
use lback_app::{InfoPage, InfoRow, InfoTable};
use lback_core::{Error, Request, Result};
use lback_db::RequestDb;

use super::database::mail_outbox;
use crate::MailMessage;

/// The maximum number of mails on the page.
const MOST: i64 = 200;

type Row = (i64, String, i32, Option<chrono::NaiveDateTime>, Option<String>, chrono::NaiveDateTime);

/// Returns the page.
pub(crate) fn page() -> InfoPage {
    InfoPage::new("outbox", "Outbox", table).action("send", "Send again", send).action("delete", "Delete", delete)
}

fn table(req: &mut Request) -> Result<InfoTable> {
    let zone = req.time_zone();
    let newest = mail_outbox::table.order(mail_outbox::id.desc()).limit(MOST);
    let rows: Vec<Row> = newest.load(req.db()?)?;
    let time = |at: chrono::NaiveDateTime| zone.local(at.and_utc()).format("%Y-%m-%d %H:%M").to_string();
    let row = |(id, mail, attempts, due_at, last_error, created_at): Row| {
        // A mail that cannot be read is still listed.
        let (to, subject) = match serde_json::from_str::<MailMessage>(&mail) {
            Ok(mail) => (mail.recipients().map(|to| to.email.as_str()).collect::<Vec<_>>().join(", "), mail.subject),
            Err(error) => ("?".to_owned(), format!("cannot be read: {error}")),
        };
        let state = due_at.map_or_else(|| "given up".to_owned(), |due| format!("next attempt {}", time(due)));
        InfoRow::new([time(created_at), to, subject, state, attempts.to_string(), last_error.unwrap_or_default()]).key(id.to_string())
    };
    Ok(InfoTable::new(["Written", "To", "Subject", "State", "Attempts", "Last error"]).rows(rows.into_iter().map(row)))
}

fn send(req: &mut Request, key: &str) -> Result<String> {
    let (id, now) = (id(key)?, req.now().naive_utc());
    let due = (mail_outbox::due_at.eq(Some(now)), mail_outbox::attempts.eq(0));
    let changed = diesel::update(mail_outbox::table.find(id)).set(due).execute(req.db()?)?;
    found(changed, "The mail is sent with the next batch.")
}

fn delete(req: &mut Request, key: &str) -> Result<String> {
    let deleted = diesel::delete(mail_outbox::table.find(id(key)?)).execute(req.db()?)?;
    found(deleted, "The mail has been deleted. It will not be sent.")
}

fn id(key: &str) -> Result<i64> {
    key.parse().map_err(|_| Error::bad_request("This is not a mail."))
}

fn found(count: usize, message: &str) -> Result<String> {
    if count > 0 { Ok(message.to_owned()) } else { Err(Error::not_found("The mail is not in the outbox any more. It may have been sent.")) }
}
