//! Statements that come again, which are prepared.

use lback::diesel::sql_types::{BigInt, Text};
use lback::prelude::*;

use super::{NewPost, client, is_sqlite, post, posts};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_statement_that_comes_again_does_what_its_values_say,
    an_update_of_other_columns_is_another_statement,
    a_table_may_change_between_two_runs,
    a_pragma_takes_effect_each_time,
);

fn views(db: &mut Db, slug: &str) -> i32 {
    posts::table.filter(posts::slug.eq(slug)).select(posts::views).first(db).unwrap()
}

fn a_statement_that_comes_again_does_what_its_values_say(on: &str) {
    client(on).db(|db| {
        for n in 0..5_i32 {
            let slugs = [format!("a{n}"), format!("b{n}")];
            let rows: Vec<_> = slugs.iter().map(|slug| NewPost { views: Some(n), ..post(slug) }).collect();
            assert_eq!(diesel::insert_into(posts::table).values(&rows).execute(db)?, 2);
            let updated = diesel::update(posts::table.filter(posts::slug.eq(&slugs[0]))).set(posts::views.eq(n + 100)).execute(db)?;
            assert_eq!((updated, views(db, &slugs[0]), views(db, &slugs[1])), (1, n + 100, n));
            let placeholder = if is_sqlite(on) { "?" } else { "$1" };
            let raw = format!("UPDATE posts SET body = 'raw' WHERE slug = {placeholder}");
            assert_eq!(diesel::sql_query(raw).bind::<Text, _>(&slugs[1]).execute(db)?, 1);
            let listed = posts::table.filter(posts::slug.eq_any(&slugs)).count().get_result::<i64>(db)?;
            assert_eq!(listed, 2);
        }
        assert_eq!(posts::table.filter(posts::body.eq("raw")).count().get_result::<i64>(db)?, 5);
        QueryResult::Ok(())
    });
}

#[derive(AsChangeset)]
#[diesel(table_name = posts)]
struct Change<'a> {
    title: Option<&'a str>,
    views: Option<i32>,
}

fn an_update_of_other_columns_is_another_statement(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        for n in 0..4 {
            let title = format!("title {n}");
            diesel::update(posts::table).set(Change { title: Some(&title), views: None }).execute(db)?;
            diesel::update(posts::table).set(Change { title: None, views: Some(n) }).execute(db)?;
            let found: (String, i32) = posts::table.select((posts::title, posts::views)).first(db)?;
            assert_eq!(found, (title, n));
        }
        QueryResult::Ok(())
    });
}

fn a_table_may_change_between_two_runs(on: &str) {
    let client = client(on);
    client.db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        for n in 0..4 {
            for views in 0..3 {
                assert_eq!(diesel::update(posts::table).set(posts::views.eq(views)).execute(db)?, 1);
                assert_eq!(diesel::sql_query("DELETE FROM posts WHERE views > 3").execute(db)?, 0);
            }
            diesel::sql_query(format!("ALTER TABLE posts ADD COLUMN more{n} TEXT")).execute(db)?;
        }
        QueryResult::Ok(())
    });
    sql(&client, "DROP TABLE likes; DROP TABLE posts");
    client.db(|db| {
        assert!(diesel::update(posts::table).set(posts::views.eq(1)).execute(db).is_err());
        QueryResult::Ok(())
    });
}

fn a_pragma_takes_effect_each_time(on: &str) {
    if !is_sqlite(on) {
        return;
    }
    client(on).db(|db| {
        for _ in 0..4 {
            for size in [100, 200] {
                diesel::sql_query(format!("PRAGMA cache_size = {size}")).execute(db)?;
                let found = diesel::dsl::sql::<BigInt>("SELECT cache_size FROM pragma_cache_size").get_result::<i64>(db)?;
                assert_eq!(found, size);
            }
        }
        QueryResult::Ok(())
    });
}
