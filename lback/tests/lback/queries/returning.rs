//! RETURNING: what a statement has written, as a struct.

use lback::prelude::*;

use super::{NewPost, Post, client, post, posts};
use crate::unit_of_work::on_each_database;

on_each_database!(an_insert_returns_its_rows, an_update_returns_its_rows, a_delete_returns_its_rows, some_columns_are_returned);

fn an_insert_returns_its_rows(on: &str) {
    client(on).db(|db| {
        let one: Post = diesel::insert_into(posts::table).values(post("a")).returning(Post::as_returning()).get_result(db)?;
        assert_eq!((one.slug.as_str(), one.views), ("a", 7));
        let rows = vec![post("b"), NewPost { views: Some(1), ..post("c") }];
        let both = diesel::insert_into(posts::table).values(&rows).returning(Post::as_returning()).get_results(db)?;
        assert_eq!(both.iter().map(|post| (post.slug.as_str(), post.views)).collect::<Vec<_>>(), [("b", 7), ("c", 1)]);
        let whole: Post = diesel::insert_into(posts::table).values(post("d")).get_result(db)?;
        assert_eq!(whole, posts::table.find(whole.id).select(Post::as_select()).first(db)?);
        QueryResult::Ok(())
    });
}

fn an_update_returns_its_rows(on: &str) {
    client(on).db(|db| {
        let rows = [post("a"), post("b"), post("c")];
        let saved: Vec<Post> = diesel::insert_into(posts::table).values(&rows).get_results(db)?;
        let one: Post = diesel::update(&saved[0]).set(posts::views.eq(posts::views * 2)).returning(Post::as_returning()).get_result(db)?;
        assert_eq!(one, Post { views: 14, ..saved[0].clone() });
        let others = posts::table.filter(posts::views.eq(7));
        let several: Vec<Post> = diesel::update(others).set(posts::body.eq("text")).returning(Post::as_returning()).get_results(db)?;
        assert_eq!(several.len(), 2);
        assert!(several.iter().all(|post| post.body.as_deref() == Some("text")));
        QueryResult::Ok(())
    });
}

fn a_delete_returns_its_rows(on: &str) {
    client(on).db(|db| {
        let saved: Vec<Post> = diesel::insert_into(posts::table).values([post("a"), post("b"), post("c")]).get_results(db)?;
        let one: Post = diesel::delete(posts::table.find(saved[0].id)).returning(Post::as_returning()).get_result(db)?;
        assert_eq!(one, saved[0]);
        let rest = posts::table.filter(posts::slug.eq_any(["b", "c", "d"]));
        let mut rest: Vec<Post> = diesel::delete(rest).returning(Post::as_returning()).get_results(db)?;
        rest.sort_by_key(|post| post.id);
        assert_eq!(rest, saved[1..]);
        QueryResult::Ok(())
    });
}

fn some_columns_are_returned(on: &str) {
    client(on).db(|db| {
        let id: i64 = diesel::insert_into(posts::table).values(post("a")).returning(posts::id).get_result(db)?;
        let pair: (i64, i32) =
            diesel::update(posts::table.find(id)).set(posts::views.eq(1)).returning((posts::id, posts::views + 1)).get_result(db)?;
        assert_eq!(pair, (id, 2));
        QueryResult::Ok(())
    });
}
