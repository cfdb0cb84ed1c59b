//! The health check of the outbox.

use chrono::TimeDelta;
use diesel::prelude::*;
use lback_app::Health;
use lback_core::{Application, Result};
use lback_db::Database;

use super::database::mail_outbox;

/// The maximum number of mails that are counted.
const MOST: i64 = 1000;
/// The delay after which a due mail needs attention.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Returns the numbers of waiting mails and of those that were given up.
pub(crate) fn health(app: &Application) -> Result<Health> {
    let Some(database) = app.state::<Database>() else { return Ok(Health::ok("in memory")) };
    let late = (app.clock().now() - LATE).naive_utc();
    database.read(|db| {
        let ids = mail_outbox::table.select(mail_outbox::id).limit(MOST);
        let waiting: Vec<i64> = ids.filter(mail_outbox::due_at.is_not_null()).load(db)?;
        let given_up: Vec<i64> = ids.filter(mail_outbox::due_at.is_null()).load(db)?;
        let overdue = mail_outbox::table.filter(mail_outbox::due_at.lt(late)).select(mail_outbox::id);
        let overdue: Option<i64> = overdue.first(db).optional()?;
        let text = format!("{} waiting, {} given up", counted(waiting.len()), counted(given_up.len()));
        Ok(match overdue {
            Some(_) => Health::warning(format!("{text}; some have been due for more than ten minutes")),
            None => Health::ok_if(given_up.is_empty(), text),
        })
    })
}

fn counted(count: usize) -> String {
    if i64::try_from(count).is_ok_and(|count| count < MOST) { count.to_string() } else { format!("{MOST} or more") }
}
