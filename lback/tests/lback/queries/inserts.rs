//! INSERT of several rows, with columns that are left to their defaults.

use lback::chrono::NaiveDate;
use lback::diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback::prelude::*;

use super::{NewPost, Post, client, post, posts, slugs};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_of_one_shape_are_inserted_with_the_tables_defaults,
    rows_may_leave_out_different_columns,
    defaults_of_every_form_are_written_as_the_table_declares_them,
    a_batch_that_fails_inserts_nothing,
    rows_come_as_vectors_slices_arrays_and_tuples,
    an_array_is_inserted_as_its_rows_are_each_time,
    no_rows_are_no_work,
    thousands_of_rows_are_one_statement,
);

fn rows_of_one_shape_are_inserted_with_the_tables_defaults(on: &str) {
    client(on).db(|db| {
        let rows = vec![post("a"), post("b"), post("c")];
        assert_eq!(diesel::insert_into(posts::table).values(&rows).execute(db)?, 3);
        let posts: Vec<Post> = posts::table.order(posts::id).select(Post::as_select()).load(db)?;
        assert_eq!(posts.iter().map(|post| post.slug.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(posts.iter().all(|post| (post.views, post.status.as_deref(), &post.body) == (7, Some("draft"), &None)), "{posts:?}");
        QueryResult::Ok(())
    });
}

fn rows_may_leave_out_different_columns(on: &str) {
    client(on).db(|db| {
        let time = NaiveDate::from_ymd_opt(2020, 1, 2).and_then(|day| day.and_hms_opt(3, 4, 5)).unwrap();
        let rows = vec![
            post("a"),
            NewPost { views: Some(1), ..post("b") },
            NewPost { views: Some(2), body: Some("text"), ..post("c") },
            NewPost { status: Some("live".into()), created_at: Some(time), ..post("d") },
            post("e"),
        ];
        assert_eq!(diesel::insert_into(posts::table).values(&rows).execute(db)?, 5);
        let found: Vec<(i32, Option<String>, Option<String>)> =
            posts::table.order(posts::id).select((posts::views, posts::status, posts::body)).load(db)?;
        let draft = Some("draft".to_owned());
        let expected = [
            (7, draft.clone(), None),
            (1, draft.clone(), None),
            (2, draft.clone(), Some("text".into())),
            (7, Some("live".into()), None),
            (7, draft, None),
        ];
        assert_eq!(found, expected);
        assert_eq!(posts::table.filter(posts::slug.eq("d")).select(posts::created_at).first::<lback::chrono::NaiveDateTime>(db)?, time);
        QueryResult::Ok(())
    });
}

diesel::table! {
    oddities (id) {
        id -> BigInt,
        word -> Text,
        quoted -> Text,
        negative -> Integer,
        computed -> Integer,
        flag -> Bool,
        blank -> Nullable<Text>,
    }
}

#[derive(Clone, Debug, Default, Insertable)]
#[diesel(table_name = oddities)]
struct NewOddity {
    word: Option<String>,
    quoted: Option<String>,
    negative: Option<i32>,
    computed: Option<i32>,
    flag: Option<bool>,
    blank: Option<String>,
}

fn defaults_of_every_form_are_written_as_the_table_declares_them(on: &str) {
    let client = client(on);
    let id = if super::is_sqlite(on) { "INTEGER PRIMARY KEY" } else { "BIGSERIAL PRIMARY KEY" };
    let word = if super::is_sqlite(on) { "red" } else { "'red'" };
    sql(
        &client,
        &format!(
            "CREATE TABLE oddities (id {id}, word TEXT NOT NULL DEFAULT {word}, quoted TEXT NOT NULL DEFAULT 'it''s (1)',
             negative INTEGER NOT NULL DEFAULT -5, computed INTEGER NOT NULL DEFAULT (2 + 3), flag BOOLEAN NOT NULL DEFAULT TRUE,
             blank TEXT)"
        ),
    );
    client.db(|db| {
        let all_left_out = vec![NewOddity::default(), NewOddity::default()];
        assert_eq!(diesel::insert_into(oddities::table).values(&all_left_out).execute(db)?, 2);
        let mixed =
            vec![NewOddity { flag: Some(false), ..NewOddity::default() }, NewOddity { word: Some("blue".into()), ..NewOddity::default() }];
        assert_eq!(diesel::insert_into(oddities::table).values(&mixed).execute(db)?, 2);
        type Row = (String, String, i32, i32, bool, Option<String>);
        let columns = (oddities::word, oddities::quoted, oddities::negative, oddities::computed, oddities::flag, oddities::blank);
        let rows: Vec<Row> = oddities::table.order(oddities::id).select(columns).load(db)?;
        let row = |word: &str, flag| (word.to_owned(), "it's (1)".to_owned(), -5, 5, flag, None);
        assert_eq!(rows, [row("red", true), row("red", true), row("red", false), row("blue", true)]);
        QueryResult::Ok(())
    });
}

fn a_batch_that_fails_inserts_nothing(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(post("a")).execute(db)?;
        let rows = vec![post("b"), NewPost { views: Some(1), ..post("a") }];
        let error = diesel::insert_into(posts::table).values(&rows).execute(db).unwrap_err();
        assert!(matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)), "{error:?}");
        assert_eq!(slugs(db)?, ["a"]);
        QueryResult::Ok(())
    });
}

fn rows_come_as_vectors_slices_arrays_and_tuples(on: &str) {
    client(on).db(|db| {
        let rows = [post("a"), post("b"), post("c")];
        diesel::insert_into(posts::table).values(&rows[..2]).execute(db)?;
        diesel::insert_into(posts::table).values(vec![post("c")]).execute(db)?;
        diesel::insert_into(posts::table).values([post("d"), post("e")]).execute(db)?;
        diesel::insert_into(posts::table).values(&[post("f"), post("g")]).execute(db)?;
        let pair = |slug| (posts::slug.eq(slug), posts::title.eq("x"));
        diesel::insert_into(posts::table).values([pair("h"), pair("i")]).execute(db)?;
        diesel::insert_into(posts::table).values(vec![pair("j"), pair("k")]).execute(db)?;
        let optional = |slug, views: Option<i32>| (posts::slug.eq(slug), posts::title.eq("x"), views.map(|views| posts::views.eq(views)));
        diesel::insert_into(posts::table).values(vec![optional("l", None), optional("m", Some(3))]).execute(db)?;
        assert_eq!(slugs(db)?.concat(), "abcdefghijklm");
        assert_eq!(posts::table.filter(posts::slug.eq_any(["l", "m"])).order(posts::id).select(posts::views).load::<i32>(db)?, [7, 3]);
        QueryResult::Ok(())
    });
}

/// The statement of an array can be prepared once, but not if rows of the same type leave out different columns.
fn an_array_is_inserted_as_its_rows_are_each_time(on: &str) {
    client(on).db(|db| {
        for (n, views) in [None, Some(1), None, Some(2)].into_iter().enumerate() {
            let row = |slug: String, views: Option<i32>| (posts::slug.eq(slug), posts::title.eq("x"), views.map(|n| posts::views.eq(n)));
            diesel::insert_into(posts::table).values([row(format!("a{n}"), views), row(format!("b{n}"), None)]).execute(db)?;
            let pairs = [format!("c{n}"), format!("d{n}")].map(|slug| (posts::slug.eq(slug), posts::title.eq("x")));
            diesel::insert_into(posts::table).values(pairs).execute(db)?;
        }
        let views = posts::table.filter(posts::slug.like("a%")).order(posts::slug).select(posts::views).load::<i32>(db)?;
        assert_eq!(views, [7, 1, 7, 2]);
        assert_eq!(slugs(db)?.len(), 16);
        QueryResult::Ok(())
    });
}

fn no_rows_are_no_work(on: &str) {
    client(on).db(|db| {
        diesel::insert_into(posts::table).values(&vec![post("a"), post("b")]).execute(db)?;
        let none: Vec<NewPost<'_>> = Vec::new();
        for _ in 0..2 {
            assert_eq!(diesel::insert_into(posts::table).values(&none).execute(db)?, 0);
            assert_eq!(diesel::insert_into(posts::table).values(&none).on_conflict_do_nothing().execute(db)?, 0);
        }
        let returned: Vec<i64> = diesel::insert_into(posts::table).values(&none).returning(posts::id).get_results(db)?;
        assert!(returned.is_empty());
        assert_eq!(slugs(db)?, ["a", "b"]);
        QueryResult::Ok(())
    });
}

fn thousands_of_rows_are_one_statement(on: &str) {
    client(on).db(|db| {
        let slugs: Vec<String> = (0..4000).map(|n| format!("post {n}")).collect();
        let rows: Vec<NewPost<'_>> =
            slugs.iter().enumerate().map(|(n, slug)| NewPost { views: (n % 2 == 0).then_some(1), ..post(slug) }).collect();
        assert_eq!(diesel::insert_into(posts::table).values(&rows).execute(db)?, 4000);
        assert_eq!(posts::table.filter(posts::views.eq(1)).count().get_result::<i64>(db)?, 2000);
        QueryResult::Ok(())
    });
}
