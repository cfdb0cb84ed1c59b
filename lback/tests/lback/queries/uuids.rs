//! UUIDs, with the feature `uuid`.

use lback::db::Dialect;
use lback::prelude::*;
use lback::testing::Client;
use lback::uuid::Uuid;

use super::is_sqlite;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    uuids_are_read_as_they_were_written,
    uuids_are_compared,
    a_text_that_is_no_uuid_is_an_error,
    the_table_is_compared_with_the_database,
);

diesel::table! {
    files (id) {
        id -> Uuid,
        folder -> Nullable<Uuid>,
    }
}

#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(check_for_backend(Dialect))]
struct File {
    id: Uuid,
    folder: Option<Uuid>,
}

fn client(on: &str) -> Client {
    let client = Client::with_settings(App::new(Router::new()), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    let of_type = if is_sqlite(on) { "TEXT" } else { "UUID" };
    sql(&client, &format!("CREATE TABLE files (id {of_type} PRIMARY KEY, folder {of_type})"));
    client
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn uuids_are_read_as_they_were_written(on: &str) {
    client(on).db(|db| {
        let rows = [
            File { id: uuid(0), folder: None },
            File { id: uuid(7), folder: Some(uuid(0xABCD)) },
            File { id: uuid(u128::MAX), folder: Some(uuid(7)) },
        ];
        diesel::insert_into(files::table).values(&rows[0]).execute(db)?;
        db.copy_into(files::table, rows[1..].iter().cloned())?;
        assert_eq!(files::table.order(files::id).select(File::as_select()).load(db)?, rows);
        assert_eq!(diesel::update(files::table.find(uuid(7))).set(files::folder.eq(None::<Uuid>)).execute(db)?, 1);
        let id = diesel::insert_into(files::table).values(files::id.eq(uuid(8))).returning(files::id).get_result::<Uuid>(db)?;
        assert_eq!(id, uuid(8));
        assert_eq!(files::table.filter(files::folder.is_null()).count().get_result::<i64>(db)?, 3);
        QueryResult::Ok(())
    });
}

fn uuids_are_compared(on: &str) {
    client(on).db(|db| {
        let rows: Vec<File> = (1..=4).map(|n| File { id: uuid(n), folder: Some(uuid(0xF0 + n % 2)) }).collect();
        diesel::insert_into(files::table).values(&rows).execute(db)?;
        let ids = |of: &[u128]| of.iter().map(|n| uuid(*n)).collect::<Vec<_>>();
        let found = files::table.filter(files::id.eq_any(ids(&[2, 4, 9]))).order(files::id).select(files::id);
        assert_eq!(found.load::<Uuid>(db)?, ids(&[2, 4]));
        let found = files::table.filter(files::folder.eq(uuid(0xF1))).filter(files::id.gt(uuid(1))).select(files::id);
        assert_eq!(found.load::<Uuid>(db)?, ids(&[3]));
        QueryResult::Ok(())
    });
}

fn a_text_that_is_no_uuid_is_an_error(on: &str) {
    if !is_sqlite(on) {
        return;
    }
    let client = client(on);
    sql(&client, "INSERT INTO files VALUES ('67E55044-10B1-426F-9247-BB680E5FE0C8', 'none')");
    client.db(|db| {
        let id: Uuid = files::table.select(files::id).first(db)?;
        assert_eq!(id.to_string(), "67e55044-10b1-426f-9247-bb680e5fe0c8");
        assert!(files::table.select(files::folder).first::<Option<Uuid>>(db).is_err());
        QueryResult::Ok(())
    });
}

fn the_table_is_compared_with_the_database(on: &str) {
    let client = client(on);
    assert_eq!(tables![files].differences(&mut client.database().get().unwrap()).unwrap(), Vec::<String>::new());
}
