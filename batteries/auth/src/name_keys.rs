//! Updating the keys of user names after the rules have changed.

use diesel::prelude::*;
use lback_core::Result;
use lback_db::{Database, Db};

use crate::name::{KEY_VERSION, username_key};
use crate::new_user::keep_skeletons;
use crate::schema::auth_username_skeletons as skeletons;
use crate::user::auth_users as users;

/// The number of users per transaction.
const BATCH: i64 = 500;

/// Computes the normal forms and skeletons of user names that were stored without them, by an earlier version or by SQL. Returns the number
/// of such users. The server does this when it starts, and `migrate` after the migrations.
///
/// If two names that used to be different now have the same normal form, both users stay: the first one gets the normal form, the other one
/// keeps the former key and still logs in with the name as it is written.
///
/// # Errors
/// Returns an error if the database fails.
pub fn update_name_keys(database: &Database) -> Result<usize> {
    let mut updated = 0;
    // There is rarely anything to write.
    while has_outdated(&mut *database.get()?)? {
        updated += database.write(update_batch)?;
    }
    Ok(updated)
}

fn has_outdated(db: &mut Db) -> Result<bool> {
    let old = users::table.filter(users::key_version.lt(KEY_VERSION)).select(users::id).limit(1);
    let old: Option<i64> = old.get_result(db).optional()?;
    Ok(old.is_some())
}

fn update_batch(db: &mut Db) -> Result<usize> {
    let old = users::table.filter(users::key_version.lt(KEY_VERSION)).order(users::id).limit(BATCH);
    let old = old.select((users::id, users::username, users::username_key));
    let rows: Vec<(i64, String, String)> = old.load(db)?;
    let ids: Vec<i64> = rows.iter().map(|(id, ..)| *id).collect();
    let former = skeletons::table.filter(skeletons::user_id.eq_any(&ids));
    diesel::delete(former).execute(db)?;
    for (id, username, stored) in &rows {
        let key = username_key(username);
        if key != *stored {
            let same = users::table.filter(users::username_key.eq(&key)).count();
            let same: i64 = same.get_result(db)?;
            if same == 0 {
                let row = users::table.find(id);
                diesel::update(row).set(users::username_key.eq(&key)).execute(db)?;
            }
        }
    }
    keep_skeletons(db, rows.iter().map(|(id, username, _)| (*id, username.as_str())))?;
    let done = users::table.filter(users::id.eq_any(&ids));
    diesel::update(done).set(users::key_version.eq(KEY_VERSION)).execute(db)?;
    Ok(rows.len())
}
