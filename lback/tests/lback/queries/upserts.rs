//! ON CONFLICT.

use lback::diesel::query_dsl::methods::FilterDsl;
use lback::diesel::upsert::excluded;
use lback::prelude::*;

use super::{NewPost, Post, client, likes, post, posts, slugs};
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_that_exist_are_left_as_they_are,
    rows_that_exist_are_updated,
    an_update_may_be_limited_to_some_rows,
    the_target_may_be_several_columns,
    a_batch_updates_and_inserts_and_returns_both,
);

fn rows_that_exist_are_left_as_they_are(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        let changed = NewPost { title: "changed", ..post("a") };
        assert_eq!(diesel::insert_into(posts::table).values(&changed).on_conflict_do_nothing().execute(db)?, 0);
        assert_eq!(diesel::insert_into(posts::table).values(&changed).on_conflict(posts::slug).do_nothing().execute(db)?, 0);
        let rows = vec![changed, post("b")];
        assert_eq!(diesel::insert_into(posts::table).values(&rows).on_conflict(posts::slug).do_nothing().execute(db)?, 1);
        assert_eq!(diesel::insert_into(posts::table).values(&rows).on_conflict_do_nothing().execute(db)?, 0);
        assert_eq!(posts::table.order(posts::id).select(posts::title).load::<String>(db)?, ["a", "b"]);
        QueryResult::Ok(())
    });
}

#[derive(AsChangeset)]
#[diesel(table_name = posts)]
struct Change<'a> {
    title: &'a str,
    body: Option<&'a str>,
}

fn rows_that_exist_are_updated(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(NewPost { body: Some("kept"), ..post("a") }).execute(db)?;
        let insert = diesel::insert_into(posts::table).values(NewPost { title: "new", ..post("a") });
        let update = insert.on_conflict(posts::slug).do_update();
        let set = (posts::title.eq(excluded(posts::title)), posts::views.eq(posts::views + 1));
        assert_eq!(update.set(set).execute(db)?, 1);
        let found: (String, i32) = posts::table.select((posts::title, posts::views)).first(db)?;
        assert_eq!(found, ("new".into(), 8));

        let insert = diesel::insert_into(posts::table).values(post("a"));
        let saved: Post = insert.on_conflict(posts::slug).do_update().set(&Change { title: "of a struct", body: None }).get_result(db)?;
        assert_eq!((saved.title.as_str(), saved.body.as_deref()), ("of a struct", Some("kept")));
        QueryResult::Ok(())
    });
}

fn an_update_may_be_limited_to_some_rows(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        for (least, changed) in [(100, 0), (7, 1)] {
            let insert = diesel::insert_into(posts::table).values(post("a")).on_conflict(posts::slug).do_update();
            let upsert = FilterDsl::filter(insert.set(posts::title.eq("changed")), posts::views.ge(least));
            assert_eq!(upsert.execute(db)?, changed);
        }
        QueryResult::Ok(())
    });
}

fn the_target_may_be_several_columns(on: &str) {
    client(on).db(|db| {
        let rows = vec![
            (likes::user_id.eq(1_i64), likes::post_id.eq(1_i64), likes::weight.eq(1)),
            (likes::user_id.eq(1), likes::post_id.eq(2), likes::weight.eq(2)),
        ];
        for _ in 0..2 {
            let insert = diesel::insert_into(likes::table).values(&rows).on_conflict((likes::user_id, likes::post_id));
            assert_eq!(insert.do_update().set(likes::weight.eq(likes::weight + excluded(likes::weight))).execute(db)?, 2);
        }
        assert_eq!(likes::table.order(likes::post_id).select(likes::weight).load::<i32>(db)?, [2, 4]);
        QueryResult::Ok(())
    });
}

fn a_batch_updates_and_inserts_and_returns_both(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        let rows = vec![NewPost { title: "new a", ..post("a") }, NewPost { title: "new b", views: Some(3), ..post("b") }];
        let saved: Vec<Post> = diesel::insert_into(posts::table)
            .values(&rows)
            .on_conflict(posts::slug)
            .do_update()
            .set((posts::title.eq(excluded(posts::title)), posts::views.eq(posts::views + 1)))
            .returning(Post::as_returning())
            .get_results(db)?;
        let saved: Vec<_> = saved.iter().map(|post| (post.title.as_str(), post.views)).collect();
        assert_eq!(saved, [("new a", 8), ("new b", 3)]);
        assert_eq!(slugs(db)?, ["a", "b"]);
        QueryResult::Ok(())
    });
}
