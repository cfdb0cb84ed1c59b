//! Row locks, which SQLite does without.

use lback::diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback::prelude::*;

use super::{Post, client, is_sqlite, post, posts};
use crate::unit_of_work::on_each_database;

on_each_database!(rows_are_locked_for_others, locked_rows_are_passed_over, every_lock_runs);

fn rows_are_locked_for_others(on: &str) {
    let client = client(on);
    let id: i64 = client.db(|db| diesel::insert_into(posts::table).values(post("a")).returning(posts::id).get_result(db));
    client.db(|db| {
        db.transaction(|db| {
            let locked: Post = posts::table.find(id).for_update().select(Post::as_select()).first(db)?;
            assert_eq!(locked.id, id);
            let mut other = client.database().connect().unwrap();
            let result = posts::table.find(id).for_update().no_wait().select(posts::id).first::<i64>(&mut other);
            if is_sqlite(on) {
                assert_eq!(result, Ok(id));
            } else {
                assert!(matches!(result, Err(DieselError::DatabaseError(DatabaseErrorKind::Unknown, _))), "{result:?}");
            }
            QueryResult::Ok(())
        })
    });
}

fn locked_rows_are_passed_over(on: &str) {
    let client = client(on);
    let ids: Vec<i64> =
        client.db(|db| diesel::insert_into(posts::table).values([post("a"), post("b")]).returning(posts::id).get_results(db));
    client.db(|db| {
        db.transaction(|db| {
            posts::table.find(ids[0]).for_update().select(posts::id).first::<i64>(db)?;
            let mut other = client.database().connect().unwrap();
            let free: Vec<i64> = posts::table.order(posts::id).for_update().skip_locked().select(posts::id).load(&mut other)?;
            assert_eq!(free, if is_sqlite(on) { &ids[..] } else { &ids[1..] });
            QueryResult::Ok(())
        })
    });
}

fn every_lock_runs(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        db.transaction(|db| {
            let posts = || posts::table.filter(posts::views.gt(0)).select(Post::as_select());
            assert_eq!(posts().for_share().load(db)?.len(), 1);
            assert_eq!(posts().for_key_share().load(db)?.len(), 1);
            assert_eq!(posts().for_no_key_update().no_wait().load(db)?.len(), 1);
            assert_eq!(posts().for_update().skip_locked().limit(1).load(db)?.len(), 1);
            QueryResult::Ok(())
        })
    });
}
