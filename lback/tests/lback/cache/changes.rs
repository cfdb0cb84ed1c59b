//! What changes a table or a row, and what does not.

use lback::db::from_select;
use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;
use lback::testing::Client;

use super::{Post, client_of, comments, computed, posts, title};
use crate::unit_of_work::on_each_database;

on_each_database!(
    every_way_to_change_a_table_is_noticed,
    what_does_not_change_a_table_keeps_its_values,
    a_row_is_out_of_date_by_its_own_changes,
    foreign_keys_change_other_tables,
    what_is_rolled_back_changes_nothing,
    a_request_does_not_take_what_its_own_changes_have_outdated,
    a_request_sees_what_it_has_committed_by_itself,
    work_outside_of_requests_is_noticed,
    a_migration_outdates_everything,
);

/// A change, by the path that makes it.
type Change = (&'static str, fn(&mut Db) -> Result<()>);

const CHANGES: &[Change] = &[
    ("insert", |db| Ok(diesel::insert_into(posts::table).values((posts::id.eq(3), posts::title.eq("x"))).execute(db).map(drop)?)),
    ("insert_many", |db| {
        let rows = [4, 5].map(|id| (posts::id.eq(id), posts::title.eq("x")));
        Ok(diesel::insert_into(posts::table).values(&rows[..]).execute(db).map(drop)?)
    }),
    ("insert_vec", |db| {
        let rows = vec![(posts::id.eq(6), posts::title.eq("x"))];
        Ok(diesel::insert_into(posts::table).values(rows).execute(db).map(drop)?)
    }),
    ("returning", |db| {
        let row = diesel::insert_into(posts::table).values((posts::id.eq(7), posts::title.eq("x"))).returning(posts::id);
        Ok(row.get_result::<i64>(db).map(drop)?)
    }),
    ("update", |db| Ok(diesel::update(posts::table.find(1)).set(posts::title.eq("changed")).execute(db).map(drop)?)),
    ("upsert", |db| {
        let new = (posts::id.eq(1), posts::title.eq("upserted"));
        Ok(diesel::insert_into(posts::table)
            .values(new)
            .on_conflict(posts::id)
            .do_update()
            .set(posts::title.eq("y"))
            .execute(db)
            .map(drop)?)
    }),
    ("from_select", |db| {
        let rows = from_select((posts::id, posts::title), posts::table.filter(posts::id.eq(1)).select((posts::id + 90, posts::title)));
        Ok(diesel::insert_into(posts::table).values(rows).on_conflict(posts::id).do_nothing().execute(db).map(drop)?)
    }),
    ("raw", |db| Ok(diesel::sql_query("UPDATE posts SET title = 'raw' WHERE id = 1").execute(db).map(drop)?)),
    ("cte", |db| {
        let sql = "WITH x AS (SELECT 'cte' AS t) UPDATE posts SET title = (SELECT t FROM x) WHERE id = 1";
        Ok(diesel::sql_query(sql).execute(db).map(drop)?)
    }),
    ("batch", |db| Ok(db.batch_execute("UPDATE posts SET title = 'batch' WHERE id = 1; DELETE FROM others")?)),
    ("unknown", |db| Ok(db.batch_execute("CREATE TABLE IF NOT EXISTS newer (id BIGINT)")?)),
    ("nested", |db| db.transaction(|db| Ok(diesel::update(posts::table.find(1)).set(posts::title.eq("nested")).execute(db).map(drop)?))),
    ("model", |db| {
        let mut post = Post::find(db, 1)?;
        post.title = "saved".to_owned();
        post.save(db)
    }),
    ("create", |db| Post::create(db, super::NewPost { title: "created".to_owned() }).map(drop)),
    ("delete", |db| Ok(diesel::delete(posts::table.find(1)).execute(db).map(drop)?)),
];

fn urls() -> Router {
    Router::new()
        .get("/posts", |req: &mut Request| -> Result<String> {
            let entry = req.cache()?.entry("posts").depends_on::<Post>();
            let value = entry.get_or_set(|| {
                computed(req)?;
                title(req.db()?, 1)
            })?;
            Ok(value.to_string())
        })
        .get("/row/{id:int}", |req: &mut Request| -> Result<String> {
            let id: i64 = req.param("id")?;
            let row = Post { id, title: String::new() };
            let entry = req.cache()?.entry(format!("row {id}")).depends_on_row(&row);
            let value = entry.get_or_set(|| {
                computed(req)?;
                title(req.db()?, id)
            })?;
            Ok(value.to_string())
        })
        .get("/table/{name}", |req: &mut Request| -> Result<String> {
            let name: String = req.param("name")?;
            let entry = req.cache()?.entry(format!("table {name}")).depends_on_table(&name);
            Ok(entry.get_or_set(|| computed(req))?.to_string())
        })
        .post("/change/{name}", |req: &mut Request| -> Result<()> {
            let name: String = req.param("name")?;
            let (_, change) = CHANGES.iter().find(|(known, _)| *known == name).ok_or_else(|| Error::not_found("no such change"))?;
            change(req.db()?)
        })
        .post("/fail/{name}", |req: &mut Request| -> Result<()> {
            let name: String = req.param("name")?;
            let (_, change) = CHANGES.iter().find(|(known, _)| *known == name).ok_or_else(|| Error::not_found("no such change"))?;
            change(req.db()?)?;
            Err(Error::internal("on purpose"))
        })
        .post("/read", |req: &mut Request| -> Result<String> { title(req.db()?, 1) })
        .get("/own/{first:int}", |req: &mut Request| -> Result<String> {
            let cached = |req: &mut Request| -> Result<String> {
                let entry = req.cache()?.entry("posts").depends_on::<Post>();
                Ok(entry.get_or_set(|| title(req.db()?, 1))?.to_string())
            };
            let before = if req.param::<i64>("first")? == 1 { cached(req)? } else { String::new() };
            let held = req.cache()?;
            diesel::update(posts::table.find(1)).set(posts::title.eq("own")).execute(req.db()?)?;
            let after = cached(req)?;
            let of_held = held.entry("posts").depends_on::<Post>().get_or_set(|| title(req.db()?, 1))?;
            Err(Error::bad_request(format!("{before}, {after}, {of_held}")))
        })
        .get("/commits", |req: &mut Request| -> Result<String> {
            let held = req.cache()?;
            let get = |req: &mut Request| held.entry("posts").depends_on::<Post>().get_or_set(|| title(req.db()?, 1));
            let before = get(req)?;
            req.write_db(|db| Ok(diesel::update(posts::table.find(1)).set(posts::title.eq("committed")).execute(db)?))?;
            let after = get(req)?;
            Ok(format!("{before}, {after}"))
        })
}

fn is_computed(client: &Client, meeting: &super::Meeting, path: &str) -> bool {
    let before = meeting.count();
    client.get(path).send().assert_status(200);
    meeting.count() > before
}

fn every_way_to_change_a_table_is_noticed(on: &str) {
    let (client, meeting) = client_of(on, urls());
    assert!(is_computed(&client, &meeting, "/posts"));
    for (name, _) in CHANGES {
        assert!(!is_computed(&client, &meeting, "/posts"), "before {name}");
        client.post(&format!("/change/{name}")).send().assert_status(204);
        assert!(is_computed(&client, &meeting, "/posts"), "{name}");
    }
    assert_eq!(client.get("/posts").send().text(), "");
}

fn what_does_not_change_a_table_keeps_its_values(on: &str) {
    let (client, meeting) = client_of(on, urls());
    for path in ["/posts", "/table/others", "/table/comments"] {
        assert!(is_computed(&client, &meeting, path), "{path}");
    }
    client.post("/read").send().assert_status(200);
    client.post("/change/update").send().assert_status(204);
    assert!(!is_computed(&client, &meeting, "/table/others"));
    assert!(!is_computed(&client, &meeting, "/table/comments"));
    assert!(is_computed(&client, &meeting, "/posts"));
}

fn a_row_is_out_of_date_by_its_own_changes(on: &str) {
    let (client, meeting) = client_of(on, urls());
    let computed = |expected: [bool; 2]| {
        assert_eq!([is_computed(&client, &meeting, "/row/1"), is_computed(&client, &meeting, "/row/2")], expected);
    };
    computed([true, true]);
    client.post("/change/insert").send().assert_status(204);
    client.post("/change/create").send().assert_status(204);
    computed([false, false]);
    client.post("/change/model").send().assert_status(204);
    computed([true, false]);
    assert_eq!(client.get("/row/1").send().text(), "saved");
    // A statement may change any row.
    client.post("/change/raw").send().assert_status(204);
    computed([true, true]);
    client.db(|db| Post::find(db, 1)?.delete(db));
    computed([true, false]);
    assert_eq!(client.get("/row/1").send().text(), "");
}

fn foreign_keys_change_other_tables(on: &str) {
    let (client, meeting) = client_of(on, urls());
    let paths = ["/table/posts", "/table/comments", "/table/links", "/table/others"];
    let computed = || paths.map(|path| is_computed(&client, &meeting, path));
    assert_eq!(computed(), [true; 4]);
    client.post("/change/update").send().assert_status(204);
    assert_eq!(computed(), [true, false, false, false]);
    client.post("/change/delete").send().assert_status(204);
    assert_eq!(computed(), [true, true, true, false]);
    assert_eq!(client.db(|db| comments::table.count().get_result::<i64>(db)), 0);
}

fn what_is_rolled_back_changes_nothing(on: &str) {
    let (client, meeting) = client_of(on, urls());
    assert!(is_computed(&client, &meeting, "/posts"));
    for (name, _) in CHANGES {
        client.post(&format!("/fail/{name}")).send().assert_status(500);
        assert!(!is_computed(&client, &meeting, "/posts"), "{name}");
    }
}

fn a_request_does_not_take_what_its_own_changes_have_outdated(on: &str) {
    let (client, _) = client_of(on, urls());
    assert_eq!(client.get("/posts").send().text(), "first");
    for first in [0, 1] {
        let before = if first == 1 { "first" } else { "" };
        client.get(&format!("/own/{first}")).send().assert_status(400).assert_contains(&format!("{before}, own, own"));
        // Neither was stored.
        assert_eq!(client.get("/posts").send().text(), "first");
        client.db(|db| diesel::update(posts::table.find(1)).set(posts::title.eq("first")).execute(db));
    }
}

fn a_request_sees_what_it_has_committed_by_itself(on: &str) {
    let (client, _) = client_of(on, urls());
    assert_eq!(client.get("/commits").send().text(), "first, committed");
}

fn work_outside_of_requests_is_noticed(on: &str) {
    let (client, _) = client_of(on, urls());
    let set = |db: &mut Db, to: &str| diesel::update(posts::table.find(1)).set(posts::title.eq(to)).execute(db).map(drop);
    let read = || client.get("/posts").send().text().to_owned();
    assert_eq!(read(), "first");
    client.database().write(|db| Ok(set(db, "written")?)).unwrap();
    assert_eq!(read(), "written");
    client.database().get().unwrap().transaction(|db| set(db, "in a transaction")).unwrap();
    assert_eq!(read(), "in a transaction");
    // Without a transaction, it is told when the connection is given back.
    client.db(|db| set(db, "alone"));
    assert_eq!(read(), "alone");
    let _ = client.database().get().unwrap().transaction(|db| -> QueryResult<()> {
        set(db, "rolled back")?;
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert_eq!(read(), "alone");
}

fn a_migration_outdates_everything(on: &str) {
    let (client, meeting) = client_of(on, urls());
    assert!(is_computed(&client, &meeting, "/posts"));
    // As the command `migrate` does after a migration.
    client.db(|db| db.batch_execute("ALTER TABLE posts ADD COLUMN more TEXT"));
    assert!(is_computed(&client, &meeting, "/posts"));
}
