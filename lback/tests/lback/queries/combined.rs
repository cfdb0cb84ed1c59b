//! UNION, INTERSECT and EXCEPT; INSERT of the rows of a query; EXISTS; and one row of each group.

use lback::db::{Dialect, from_select};
use lback::diesel::dsl::exists;
use lback::diesel::query_dsl::positional_order_dsl::PositionalOrderDsl;
use lback::prelude::*;

use super::{NewPost, Post, client, likes, post, posts, slugs};
use crate::unit_of_work::on_each_database;

on_each_database!(
    queries_are_united_intersected_and_subtracted,
    the_rows_of_a_query_are_inserted,
    the_rows_of_a_query_are_inserted_unless_they_exist,
    the_rows_of_a_query_update_those_that_exist,
    rows_are_found_by_whether_others_exist,
    one_row_of_each_group_is_returned,
);

fn filled(db: &mut Db) -> QueryResult<()> {
    let rows = vec![
        NewPost { views: Some(1), ..post("a") },
        NewPost { views: Some(2), ..post("b") },
        NewPost { views: Some(3), status: Some("live".into()), ..post("c") },
        NewPost { views: Some(4), status: Some("live".into()), ..post("d") },
    ];
    diesel::insert_into(posts::table).values(&rows).execute(db)?;
    Ok(())
}

fn queries_are_united_intersected_and_subtracted(on: &str) {
    client(on).db(|db| {
        filled(db)?;
        let few = || posts::table.filter(posts::views.le(3)).select(posts::slug);
        let many = || posts::table.filter(posts::views.ge(2)).select(posts::slug);
        let sorted = |mut slugs: Vec<String>| {
            slugs.sort();
            slugs.concat()
        };
        assert_eq!(sorted(few().union(many()).load(db)?), "abcd");
        assert_eq!(sorted(few().union_all(many()).load(db)?), "abbccd");
        assert_eq!(sorted(few().intersect(many()).load(db)?), "bc");
        assert_eq!(sorted(few().except(many()).load(db)?), "a");
        let limited: Vec<String> = few().union(many()).positional_order_by(1).limit(2).offset(1).load(db)?;
        assert_eq!(limited, ["b", "c"]);
        QueryResult::Ok(())
    });
}

fn the_rows_of_a_query_are_inserted(on: &str) {
    client(on).db(|db| {
        filled(db)?;
        let rows = posts::table.select((posts::id, posts::id, posts::views)).filter(posts::views.gt(2));
        let insert = rows.insert_into(likes::table).into_columns((likes::user_id, likes::post_id, likes::weight));
        assert_eq!(insert.execute(db)?, 2);
        assert_eq!(likes::table.order(likes::weight).select(likes::weight).load::<i32>(db)?, [3, 4]);
        QueryResult::Ok(())
    });
}

fn the_rows_of_a_query_are_inserted_unless_they_exist(on: &str) {
    client(on).db(|db| {
        filled(db)?;
        let columns = (likes::user_id, likes::post_id, likes::weight);
        for inserted in [4, 0] {
            let rows = from_select(columns, posts::table.select((posts::id, posts::id, posts::views)));
            let target = (likes::user_id, likes::post_id);
            assert_eq!(diesel::insert_into(likes::table).values(rows).on_conflict(target).do_nothing().execute(db)?, inserted);
            let boxed = posts::table.select((posts::id, posts::id, posts::views)).into_boxed::<Dialect>();
            assert_eq!(diesel::insert_into(likes::table).values(from_select(columns, boxed)).on_conflict_do_nothing().execute(db)?, 0);
        }
        QueryResult::Ok(())
    });
}

fn the_rows_of_a_query_update_those_that_exist(on: &str) {
    client(on).db(|db| {
        filled(db)?;
        let mut weights = Vec::new();
        for _ in 0..2 {
            let rows = posts::table.filter(posts::slug.eq("d")).select((posts::id, posts::id, posts::views));
            let rows = from_select((likes::user_id, likes::post_id, likes::weight), rows);
            let insert = diesel::insert_into(likes::table).values(rows).on_conflict((likes::user_id, likes::post_id)).do_update();
            weights.push(insert.set(likes::weight.eq(likes::weight * 10)).returning(likes::weight).get_result::<i32>(db)?);
        }
        assert_eq!(weights, [4, 40]);
        QueryResult::Ok(())
    });
}

fn rows_are_found_by_whether_others_exist(on: &str) {
    client(on).db(|db| {
        filled(db)?;
        let id: i64 = posts::table.filter(posts::slug.eq("b")).select(posts::id).first(db)?;
        let like = (likes::user_id.eq(1_i64), likes::post_id.eq(id), likes::weight.eq(1));
        diesel::insert_into(likes::table).values(like).execute(db)?;
        let liked = || exists(likes::table.filter(likes::post_id.eq(posts::id)));
        assert_eq!(posts::table.filter(liked()).select(posts::slug).load::<String>(db)?, ["b"]);
        assert_eq!(posts::table.filter(diesel::dsl::not(liked())).count().get_result::<i64>(db)?, 3);
        assert!(diesel::select(exists(posts::table.find(id))).get_result::<bool>(db)?);
        let boxed = posts::table.filter(posts::id.eq_any(likes::table.select(likes::post_id).into_boxed::<Dialect>()));
        assert_eq!(boxed.select(posts::slug).load::<String>(db)?, ["b"]);
        QueryResult::Ok(())
    });
}

fn one_row_of_each_group_is_returned(on: &str) {
    client(on).db(|db| {
        filled(db)?;
        let most = posts::table.order(posts::views.desc()).select(Post::as_select()).first_of_each(posts::status).load(db)?;
        assert_eq!(most.iter().map(|post| post.slug.as_str()).collect::<Vec<_>>(), ["b", "d"]);
        let least = || posts::table.filter(posts::views.gt(1)).order((posts::views, posts::id)).select(posts::slug);
        assert_eq!(least().first_of_each(posts::status).load::<String>(db)?, ["b", "c"]);
        assert_eq!(least().limit(1).offset(1).first_of_each(posts::status).load::<String>(db)?, ["c"]);
        assert_eq!(posts::table.select(posts::slug).first_of_each((posts::status, posts::slug)).load::<String>(db)?, slugs(db)?);
        QueryResult::Ok(())
    });
}
