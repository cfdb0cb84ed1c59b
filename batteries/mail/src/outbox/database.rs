//! The table `mail_outbox`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use super::{Claimed, KEPT, Outcome};
use crate::MailMessage;

diesel::table! {
    /// Mail that waits to be sent, and mail that was given up.
    mail_outbox (id) {
        /// The primary key.
        id -> BigInt,
        /// The mail, as JSON.
        mail -> Text,
        /// The number of attempts to send it.
        attempts -> Integer,
        /// The time of the next attempt; NULL if the mail was given up.
        due_at -> Nullable<Timestamp>,
        /// The reason of the last failure.
        last_error -> Nullable<Text>,
        /// The time when it was put into the outbox.
        created_at -> Timestamp,
    }
}

lback_db::joinable_tables![mail_outbox];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub fn tables() -> lback_db::Tables {
    lback_db::tables![mail_outbox]
}

pub(super) fn push(db: &mut Db, mails: &[MailMessage], now: DateTime<Utc>) -> Result<()> {
    for mail in mails {
        let row = (
            mail_outbox::mail.eq(serde_json::to_string(mail)?),
            mail_outbox::attempts.eq(0),
            mail_outbox::due_at.eq(now.naive_utc()),
            mail_outbox::created_at.eq(now.naive_utc()),
        );
        diesel::insert_into(mail_outbox::table).values(row).execute(db)?;
    }
    Ok(())
}

pub(super) fn next_due(db: &mut Db) -> Result<Option<DateTime<Utc>>> {
    let due: Option<NaiveDateTime> = mail_outbox::table.select(diesel::dsl::min(mail_outbox::due_at)).get_result(db)?;
    Ok(due.map(|due| due.and_utc()))
}

pub(super) fn claim(db: &mut Db, limit: i64, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Claimed>> {
    let due = mail_outbox::table
        .filter(mail_outbox::due_at.le(now.naive_utc()))
        .order((mail_outbox::due_at, mail_outbox::id))
        .select((mail_outbox::id, mail_outbox::mail, mail_outbox::attempts))
        .limit(limit);
    let rows: Vec<(i64, String, i32)> = match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(db) => due.load(db)?,
        // Rows that another process has just claimed are locked.
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => due.for_update().skip_locked().load(db)?,
    };
    let ids: Vec<i64> = rows.iter().map(|(id, ..)| *id).collect();
    diesel::update(mail_outbox::table.filter(mail_outbox::id.eq_any(ids)))
        .set((mail_outbox::due_at.eq(until.naive_utc()), mail_outbox::attempts.eq(mail_outbox::attempts + 1)))
        .execute(db)?;
    let claimed = |(id, mail, attempts): (i64, String, i32)| Claimed {
        id,
        mail: serde_json::from_str(&mail).ok(),
        attempts: u32::try_from(attempts).unwrap_or(0).saturating_add(1),
    };
    Ok(rows.into_iter().map(claimed).collect())
}

pub(super) fn finish(db: &mut Db, id: i64, outcome: Outcome) -> Result<()> {
    let row = mail_outbox::table.find(id);
    match outcome {
        Outcome::Sent => diesel::delete(row).execute(db)?,
        Outcome::Again { due_at, error } => {
            diesel::update(row).set((mail_outbox::due_at.eq(due_at.naive_utc()), mail_outbox::last_error.eq(error))).execute(db)?
        }
        Outcome::GivenUp { now, error } => {
            let old = mail_outbox::table.filter(mail_outbox::due_at.is_null()).filter(mail_outbox::created_at.lt((now - KEPT).naive_utc()));
            diesel::delete(old).execute(db)?;
            diesel::update(row).set((mail_outbox::due_at.eq(None::<NaiveDateTime>), mail_outbox::last_error.eq(error))).execute(db)?
        }
    };
    Ok(())
}
