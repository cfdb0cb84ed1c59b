//! Many rows: read one by one, and inserted at once.

use lback::db::RowByRow;
use lback::diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback::prelude::*;

use super::{NewPost, Post, client, is_sqlite, post, posts};
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_are_read_one_by_one,
    rows_arrive_while_the_query_runs,
    reading_may_stop_early,
    rows_are_copied_into_a_table,
    copied_rows_keep_every_kind_of_value,
    rows_of_different_columns_are_copied_too,
    a_copy_that_fails_inserts_nothing,
    a_copy_of_no_rows_is_no_work,
    more_values_than_a_statement_can_have_are_inserted_by_a_copy,
);

diesel::table! {
    numbers (n) {
        n -> BigInt,
        text -> Text,
    }
}

fn with_numbers(on: &str, count: usize) -> lback::testing::Client {
    let client = client(on);
    sql(&client, "CREATE TABLE numbers (n BIGINT PRIMARY KEY, text TEXT NOT NULL)");
    sql(
        &client,
        &format!(
            "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count})
             INSERT INTO numbers SELECT n, 'a text of forty characters, more or less' FROM counted"
        ),
    );
    client
}

fn rows_are_read_one_by_one(on: &str) {
    with_numbers(on, 1000).db(|db| {
        let mut sum = 0;
        for row in numbers::table.order(numbers::n).load_iter::<(i64, String), RowByRow>(db)? {
            sum += row?.0;
        }
        assert_eq!(sum, 500_500);
        let whole: i64 = numbers::table.select(diesel::dsl::count_star()).first(db)?;
        assert_eq!(whole, 1000, "the connection is free again");
        QueryResult::Ok(())
    });
}

/// If all rows were read first, the error would come before the first row.
fn rows_arrive_while_the_query_runs(on: &str) {
    with_numbers(on, 10_000).db(|db| {
        let fails_at_5000 = if is_sqlite(on) { "abs(-9223372036854775807 - (n = 5000))" } else { "1 / (5000 - n)" };
        let values = numbers::table.order(numbers::n).select(diesel::dsl::sql::<diesel::sql_types::BigInt>(fails_at_5000));
        let mut rows = values.load_iter::<i64, RowByRow>(db)?;
        assert_eq!(rows.by_ref().take_while(Result::is_ok).count(), 4999);
        drop(rows);
        assert_eq!(numbers::table.count().get_result::<i64>(db)?, 10_000, "the connection is free again");
        QueryResult::Ok(())
    });
}

fn reading_may_stop_early(on: &str) {
    with_numbers(on, 1000).db(|db| {
        let first = numbers::table.order(numbers::n).load_iter::<(i64, String), RowByRow>(db)?.next().transpose()?;
        assert_eq!(first.map(|row| row.0), Some(1));
        assert_eq!(numbers::table.count().get_result::<i64>(db)?, 1000);
        QueryResult::Ok(())
    });
}

fn rows_are_copied_into_a_table(on: &str) {
    with_numbers(on, 1).db(|db| {
        let rows = (2..=12_001).map(|n| (numbers::n.eq(n), numbers::text.eq(format!("number {n}"))));
        assert_eq!(db.copy_into(numbers::table, rows)?, 12_000);
        assert_eq!(numbers::table.count().get_result::<i64>(db)?, 12_001);
        assert_eq!(numbers::table.find(9999).select(numbers::text).first::<String>(db)?, "number 9999");
        QueryResult::Ok(())
    });
}

fn copied_rows_keep_every_kind_of_value(on: &str) {
    client(on).db(|db| {
        let time = lback::chrono::NaiveDate::from_ymd_opt(2020, 1, 2).unwrap().and_hms_micro_opt(3, 4, 5, 678_901).unwrap();
        let rows = [NewPost {
            title: "tab\tand \\N and\nline, \"é\"",
            body: Some(""),
            views: Some(-1),
            status: Some("x".into()),
            created_at: Some(time),
            ..post("a")
        }];
        assert_eq!(db.copy_into(posts::table, &rows)?, 1);
        let found: Post = posts::table.select(Post::as_select()).first(db)?;
        assert_eq!((found.title.as_str(), found.body.as_deref(), found.views), (rows[0].title, Some(""), -1));
        assert_eq!((found.status.as_deref(), found.created_at), (Some("x"), time));
        let with_null = (posts::slug.eq("b"), posts::title.eq("b"), posts::body.eq(None::<String>), posts::status.eq(None::<String>));
        assert_eq!(db.copy_into(posts::table, [with_null])?, 1);
        let found: (Option<String>, i32) = posts::table.filter(posts::slug.eq("b")).select((posts::status, posts::views)).first(db)?;
        assert_eq!(found, (None, 7));
        QueryResult::Ok(())
    });
}

fn rows_of_different_columns_are_copied_too(on: &str) {
    client(on).db(|db| {
        let slugs: Vec<String> = (0..6000).map(|n| n.to_string()).collect();
        let rows = slugs.iter().enumerate().map(|(n, slug)| NewPost { views: (n % 3 == 0).then_some(1), ..post(slug) });
        assert_eq!(db.copy_into(posts::table, rows)?, 6000);
        assert_eq!(posts::table.filter(posts::views.eq(1)).count().get_result::<i64>(db)?, 2000);
        assert_eq!(posts::table.filter(posts::views.eq(7)).count().get_result::<i64>(db)?, 4000);
        let same = (0..10).map(|n| (posts::slug.eq(format!("s{n}")), posts::title.eq("x"), posts::created_at.eq(diesel::dsl::now)));
        assert_eq!(db.copy_into(posts::table, same)?, 10);
        QueryResult::Ok(())
    });
}

fn a_copy_that_fails_inserts_nothing(on: &str) {
    with_numbers(on, 1).db(|db| {
        let rows = (2..8000).chain([1]).map(|n| (numbers::n.eq(n), numbers::text.eq("x")));
        let error = db.copy_into(numbers::table, rows).unwrap_err();
        assert!(matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)), "{error:?}");
        assert_eq!(numbers::table.count().get_result::<i64>(db)?, 1);
        QueryResult::Ok(())
    });
}

fn a_copy_of_no_rows_is_no_work(on: &str) {
    client(on).db(|db| {
        assert_eq!(db.copy_into(posts::table, Vec::<NewPost<'_>>::new())?, 0);
        QueryResult::Ok(())
    });
}

fn more_values_than_a_statement_can_have_are_inserted_by_a_copy(on: &str) {
    client(on).db(|db| {
        let slugs: Vec<String> = (0..9000).map(|n| n.to_string()).collect();
        let rows: Vec<_> =
            slugs.iter().map(|slug| NewPost { body: Some("x"), views: Some(1), status: Some("y".into()), ..post(slug) }).collect();
        assert_eq!(db.copy_into(posts::table, &rows)?, 9000);
        if is_sqlite(on) {
            diesel::delete(posts::table).execute(db)?;
            assert!(diesel::insert_into(posts::table).values(&rows).execute(db).is_err(), "in one statement they do not fit");
        }
        QueryResult::Ok(())
    });
}
