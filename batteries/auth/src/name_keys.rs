//! Keys of user names that an earlier version of the rules has made.

use diesel::prelude::*;
use lback_core::Result;
use lback_db::{Database, Db, on_each};

use crate::name::{KEY_VERSION, username_key};
use crate::new_user::keep_skeletons;
use crate::schema::{auth_username_skeletons as skeletons, auth_users as users};

/// The users of one transaction.
const BATCH: i64 = 500;

/// Computes the normal form of user names, and what they look like, for users that were stored without: by an earlier version,
/// or by SQL. Returns how many there were. The server does so at its start, and `migrate` after the migrations.
///
/// Two users whose names were different and have the same normal form today both stay: the one who came first has it, the
/// other keeps the former key and still logs in with the name as it is written.
///
/// # Errors
/// Those of the database.
pub fn update_name_keys(database: &Database) -> Result<usize> {
    let mut updated = 0;
    // Seldom there is anything to write.
    while is_anything_old(&mut *database.get()?)? {
        updated += database.write(update_some)?;
    }
    Ok(updated)
}

fn is_anything_old(db: &mut Db) -> Result<bool> {
    let old = users::table.filter(users::key_version.lt(KEY_VERSION)).select(users::id).limit(1);
    let old: Option<i64> = on_each!(db, db => old.get_result(db).optional())?;
    Ok(old.is_some())
}

fn update_some(db: &mut Db) -> Result<usize> {
    let old = users::table.filter(users::key_version.lt(KEY_VERSION)).order(users::id).limit(BATCH);
    let old = old.select((users::id, users::username, users::username_key));
    let rows: Vec<(i64, String, String)> = on_each!(db, db => old.load(db))?;
    let ids: Vec<i64> = rows.iter().map(|(id, ..)| *id).collect();
    let former = skeletons::table.filter(skeletons::user_id.eq_any(&ids));
    on_each!(db, db => diesel::delete(former).execute(db))?;
    for (id, username, stored) in &rows {
        let key = username_key(username);
        if key != *stored {
            let same = users::table.filter(users::username_key.eq(&key)).count();
            let same: i64 = on_each!(db, db => same.get_result(db))?;
            if same == 0 {
                let row = users::table.find(id);
                on_each!(db, db => diesel::update(row).set(users::username_key.eq(&key)).execute(db))?;
            }
        }
    }
    keep_skeletons(db, rows.iter().map(|(id, username, _)| (*id, username.as_str())))?;
    let done = users::table.filter(users::id.eq_any(&ids));
    on_each!(db, db => diesel::update(done).set(users::key_version.eq(KEY_VERSION)).execute(db))?;
    Ok(rows.len())
}
