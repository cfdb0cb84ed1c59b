//! Statements on one row of the table `sessions`. Each works on the given connection: that of the writer, or that of a request whose
//! transaction the session joins.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use lback_core::{Error, Result};
use lback_db::{Db, on_each};

use super::prepared::Write;
#[cfg(feature = "sqlite")]
use super::prepared::{Renew, RenewInPlace, WriteInPlace};
use crate::store::{ENDED_FOR, RENEWAL, Record, Save, Saved, SessionInfo, UNREADABLE, Update};
use crate::{SessionId, SessionMeta};

// Times are microseconds since 1970: SQLite has no type for times, and formatting and parsing them as text costs a tenth of a request.
diesel::table! {
    /// The sessions, if the database keeps them. Times are microseconds since 1970.
    sessions (id) {
        /// The [id](crate::SessionId): 16 bytes.
        id -> Binary,
        /// The user, if the session is that of a user.
        user_id -> Nullable<BigInt>,
        /// The data, as JSON.
        data -> Text,
        /// What Lback keeps about the session, as JSON.
        meta -> Nullable<Text>,
        /// The number of saves.
        version -> BigInt,
        /// The time when it ends, unless it is renewed.
        expires_at -> BigInt,
        /// The hour of that time, in hours since 1970.
        expiry_hour -> BigInt,
        /// The time when it began.
        created_at -> BigInt,
        /// The time when it was last saved or renewed.
        updated_at -> BigInt,
    }
}

diesel::table! {
    #[sql_name = "__lback_session_ends"]
    session_ends (id, ended_at) {
        id -> Binary,
        ended_at -> BigInt,
    }
}

lback_db::joinable_tables![sessions, session_ends];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub fn tables() -> lback_db::Tables {
    lback_db::tables![sessions, session_ends]
}

pub(crate) type Row = (Option<i64>, String, Option<String>, i64, i64, i64, i64);

/// The columns of a session except its id, in the order of [`Row`].
macro_rules! columns {
    () => {
        (
            sessions::user_id,
            sessions::data,
            sessions::meta,
            sessions::version,
            sessions::expires_at,
            sessions::created_at,
            sessions::updated_at,
        )
    };
}
#[cfg(feature = "postgres")]
pub(crate) use columns;

/// Returns the session of this id, expired or not. `None` if there is none or its data are not a JSON object.
pub(crate) fn load(db: &mut Db, id: SessionId) -> Result<Option<Record>> {
    let found = sessions::table.find(&id.as_bytes()[..]).select(columns!());
    // Not `first`: a statement with a bound LIMIT is prepared again each time on SQLite.
    let row: Option<Row> = on_each!(db, db => found.get_result(db).optional())?;
    Ok(row.and_then(|row| record(id, row)))
}

/// As [`load`], and locks the row until the transaction ends. On SQLite the whole database is locked anyway.
fn load_locked(db: &mut Db, id: SessionId) -> Result<Option<Record>> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => load(db, id),
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => {
            let row = sessions::table.find(&id.as_bytes()[..]).select(columns!()).for_update().first(db).optional()?;
            Ok(row.and_then(|row| record(id, row)))
        }
    }
}

/// Returns the session in a row, or `None` if it cannot be read.
pub(crate) fn record(id: SessionId, (user_id, data, meta, version, expires_at, created_at, updated_at): Row) -> Option<Record> {
    let meta = meta.as_deref().map_or(Ok(SessionMeta::default()), serde_json::from_str);
    let (Ok(data), Ok(meta)) = (serde_json::from_str(&data), meta) else {
        tracing::warn!(target: "lback::session", %id, "{UNREADABLE}");
        return None;
    };
    Some(Record {
        id,
        user_id,
        data,
        meta,
        version,
        expires_at: time(expires_at)?,
        created_at: time(created_at)?,
        updated_at: time(updated_at)?,
    })
}

pub(crate) fn create(db: &mut Db, record: &Record) -> Result<()> {
    let row = (
        sessions::id.eq(&record.id.as_bytes()[..]),
        sessions::user_id.eq(record.user_id),
        sessions::data.eq(json(&record.data)?),
        sessions::meta.eq(record.meta.json()?),
        sessions::version.eq(record.version),
        sessions::expires_at.eq(micros(record.expires_at)),
        sessions::expiry_hour.eq(hour(record.expires_at)),
        sessions::created_at.eq(micros(record.created_at)),
        sessions::updated_at.eq(micros(record.updated_at)),
    );
    on_each!(db, db => diesel::insert_into(sessions::table).values(row).execute(db))?;
    Ok(())
}

pub(crate) fn update(db: &mut Db, update: &Update) -> Result<bool> {
    if update.rotates() {
        outlasts_a_crash(db)?;
    }
    let meta = update.meta.json()?;
    let write = Write {
        id: update.id.as_bytes(),
        version: update.version,
        now: micros(update.now),
        new_id: update.new_id.as_bytes(),
        user_id: update.user_id,
        data: &update.json,
        meta: meta.as_deref(),
        new_version: update.version + 1,
        expires_at: micros(update.expires_at),
        expiry_hour: hour(update.expires_at),
    };
    #[cfg(feature = "sqlite")]
    if let Db::Sqlite(db) = db
        && !update.rotates()
        && WriteInPlace(&write).execute(db)? == 1
    {
        return Ok(true);
    }
    let written = on_each!(db, db => write.execute(db))? == 1;
    if written && update.rotates() {
        note_ends(db, &[update.id.as_bytes().to_vec()], update.now)?;
    }
    Ok(written)
}

/// Saves a session, keeping the changes of faster requests. It runs in a transaction that may write, so no other request can write
/// between the second read and the second attempt.
pub(crate) fn save(db: &mut Db, save: &Save) -> Result<Saved> {
    let first = save.first()?;
    if update(db, &first)? {
        return Ok(Saved::As(first.new_id, first.expires_at));
    }
    let Some(fresh) = load_locked(db, save.base.id)?.filter(|fresh| fresh.expires_at > save.now) else { return Ok(Saved::Gone) };
    let second = save.again(&fresh)?;
    match update(db, &second)? {
        true => Ok(Saved::As(second.new_id, second.expires_at)),
        false => Err(Error::internal(format!("the session {} changed inside a transaction that had locked it", save.base.id))),
    }
}

/// Deletes a session that was ended. Returns whether it existed.
pub(crate) fn end(db: &mut Db, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
    outlasts_a_crash(db)?;
    let row = diesel::delete(sessions::table.find(&id.as_bytes()[..]));
    let found = on_each!(db, db => row.execute(db))? == 1;
    if found {
        note_ends(db, &[id.as_bytes().to_vec()], now)?;
    }
    Ok(found)
}

/// Records that the sessions of these ids were ended.
fn note_ends(db: &mut Db, ids: &[Vec<u8>], now: DateTime<Utc>) -> Result<()> {
    let row = |id| (session_ends::id.eq(id), session_ends::ended_at.eq(micros(now)));
    match db {
        // Not in one statement: Diesel would begin a transaction for that, and there is one already.
        #[cfg(feature = "sqlite")]
        Db::Sqlite(db) => {
            for id in ids {
                diesel::insert_into(session_ends::table).values(row(id)).execute(db)?;
            }
        }
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => {
            let rows: Vec<_> = ids.iter().map(row).collect();
            diesel::insert_into(session_ends::table).values(rows).execute(db)?;
        }
    }
    Ok(())
}

/// Returns whether the session of this id was ended in the last minute.
pub(crate) fn has_ended(db: &mut Db, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
    let ends =
        session_ends::table.filter(session_ends::id.eq(&id.as_bytes()[..])).filter(session_ends::ended_at.gt(micros(now - ENDED_FOR)));
    Ok(on_each!(db, db => diesel::select(diesel::dsl::exists(ends)).get_result(db))?)
}

#[cfg(feature = "sqlite")]
pub(crate) fn renew(db: &mut Db, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
    let renewal = Renew {
        id: id.as_bytes(),
        now: micros(now),
        at_most: micros(expires_at - RENEWAL),
        expires_at: micros(expires_at),
        expiry_hour: hour(expires_at),
    };
    if let Db::Sqlite(db) = db
        && RenewInPlace(&renewal).execute(db)? == 1
    {
        return Ok(true);
    }
    if on_each!(db, db => renewal.execute(db))? == 1 {
        return Ok(true);
    }
    // Another request renewed it further, or it is gone.
    let live = sessions::table.find(&id.as_bytes()[..]).filter(sessions::expires_at.gt(micros(now)));
    Ok(on_each!(db, db => diesel::select(diesel::dsl::exists(live)).get_result(db))?)
}

/// As [`renew`], in a transaction with work of a view, which a failed renewal must not undo.
pub(crate) fn renew_within(db: &mut Db, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
    match db {
        // A failed statement of SQLite undoes only itself, and no other connection locks the row.
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => renew(db, id, expires_at, now),
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => renew_in_savepoint(db.diesel_unrecorded()?, id, expires_at, now),
    }
}

/// Renews the session in a savepoint, which contains a failure. A row that another transaction has locked is skipped: that may be the
/// renewal by another request, and if it is not, the next request renews it soon enough.
#[cfg(feature = "postgres")]
fn renew_in_savepoint(db: &mut diesel::PgConnection, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
    use diesel::connection::SimpleConnection;

    let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let (at_most, new, hour, micros_now) = (micros(expires_at - RENEWAL), micros(expires_at), hour(expires_at), micros(now));
    // Sent together, with literal numbers: one round trip.
    let renewal = format!(
        "SAVEPOINT lback_renewal;
         UPDATE sessions SET expires_at = {new}, expiry_hour = {hour}, updated_at = {micros_now} WHERE id = (
             SELECT id FROM sessions WHERE id = decode('{hex}', 'hex') AND expires_at > {micros_now} AND expires_at <= {at_most}
             FOR UPDATE SKIP LOCKED);
         RELEASE SAVEPOINT lback_renewal"
    );
    if let Err(error) = db.batch_execute(&renewal) {
        db.batch_execute("ROLLBACK TO SAVEPOINT lback_renewal; RELEASE SAVEPOINT lback_renewal")?;
        return Err(error.into());
    }
    let live = sessions::table.find(&id.as_bytes()[..]).filter(sessions::expires_at.gt(micros_now)).select(sessions::expires_at);
    match live.get_result::<i64>(db).optional()? {
        None => Ok(false),
        Some(end) if end > at_most => Ok(true),
        Some(_) => Err(Error::unavailable("another transaction holds its row")),
    }
}

pub(crate) fn for_user(db: &mut Db, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
    let of_user = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::expires_at.gt(micros(now)))
        .order((sessions::updated_at.desc(), sessions::id.desc()))
        .select((sessions::id, sessions::created_at, sessions::updated_at, sessions::expires_at));
    let rows: Vec<(Vec<u8>, i64, i64, i64)> = on_each!(db, db => of_user.load(db))?;
    let info = |(id, created_at, last_seen, expires_at): (Vec<u8>, i64, i64, i64)| {
        Some(SessionInfo {
            id: SessionId::from_slice(&id)?,
            created_at: time(created_at)?,
            last_seen: time(last_seen)?,
            expires_at: time(expires_at)?,
        })
    };
    Ok(rows.into_iter().filter_map(info).collect())
}

/// Deletes the ended sessions of a user, except one. Returns their number.
pub(crate) fn end_user(db: &mut Db, user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Result<u64> {
    outlasts_a_crash(db)?;
    let of_user = sessions::table.filter(sessions::user_id.eq(user_id));
    let ended: Vec<Vec<u8>> = match except {
        Some(id) => {
            let others = of_user.filter(sessions::id.ne(id.as_bytes().to_vec()));
            on_each!(db, db => diesel::delete(others).returning(sessions::id).load(db))?
        }
        None => on_each!(db, db => diesel::delete(of_user).returning(sessions::id).load(db))?,
    };
    if !ended.is_empty() {
        note_ends(db, &ended, now)?;
    }
    Ok(ended.len() as u64)
}

/// Makes the transaction durable even if the server is set up to lose a little in a crash: a session that has ended must not come
/// back.
fn outlasts_a_crash(db: &mut Db) -> Result<()> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => Ok(()),
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => Ok(diesel::connection::SimpleConnection::batch_execute(db, OUTLAST_A_CRASH)?),
    }
}

/// Turns `synchronous_commit` on if it is off, and leaves stricter values, such as those that wait for a standby.
#[cfg(feature = "postgres")]
pub(crate) const OUTLAST_A_CRASH: &str =
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

pub(crate) fn json(data: &crate::store::Data) -> Result<String> {
    Ok(serde_json::to_string(data)?)
}

/// Returns a time as it is stored.
pub(crate) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// Returns a stored time, or `None` if it is beyond the range of the calendar.
fn time(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

pub(crate) fn hour(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(3600)
}
