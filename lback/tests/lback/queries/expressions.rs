//! Texts without regard to case, truncated dates, JSON, window functions and aggregates.

use lback::chrono::{NaiveDate, NaiveDateTime};
use lback::db::Dialect;
use lback::diesel::dsl::{count, count_star, max, sql, sum};
use lback::diesel::sql_types::{BigInt, Bool};
use lback::prelude::*;
use lback::serde_json::{Value, json};

use super::{NewPost, client, is_sqlite, post, posts};
use crate::sql as run;
use crate::unit_of_work::on_each_database;

on_each_database!(
    texts_are_compared_without_regard_to_case,
    a_text_that_is_searched_for_stands_for_itself,
    times_are_truncated_to_the_same_values,
    dates_are_truncated,
    json_is_saved_and_read_at_paths,
    json_that_contains_other_json_is_found,
    window_functions_and_aggregates_are_computed,
);

fn texts_are_compared_without_regard_to_case(on: &str) {
    client(on).db(|db| {
        let titles = ["Straße nach Ål", "ÉTÉ", "plain", "Plainly"];
        let rows: Vec<_> = titles.iter().map(|title| NewPost { title, ..post(title) }).collect();
        diesel::insert_into(posts::table).values(&rows).execute(db)?;
        let mut found = |filter: Box<dyn BoxableExpression<posts::table, Dialect, SqlType = Bool>>| {
            posts::table.filter(filter).order(posts::id).select(posts::title).load::<String>(db).unwrap()
        };
        assert_eq!(found(Box::new(posts::title.icontains("NACH å"))), ["Straße nach Ål"]);
        assert_eq!(found(Box::new(posts::title.iequals("été"))), ["ÉTÉ"]);
        assert_eq!(found(Box::new(posts::title.istarts_with("PLAIN"))), ["plain", "Plainly"]);
        assert_eq!(found(Box::new(posts::title.iends_with("LY"))), ["Plainly"]);
        assert_eq!(found(Box::new(posts::title.imatches("_LAI%"))), ["plain", "Plainly"]);
        assert!(found(Box::new(posts::title.iequals("plai"))).is_empty());
        let of_none: i64 = posts::table.filter(posts::body.icontains("a")).count().get_result(db)?;
        assert_eq!(of_none, 0);
        QueryResult::Ok(())
    });
}

fn a_text_that_is_searched_for_stands_for_itself(on: &str) {
    client(on).db(|db| {
        for text in ["100%", "a_b", r"back\slash", "it's"] {
            diesel::insert_into(posts::table).values(post(text)).execute(db)?;
        }
        for (part, times) in [("%", 1), ("_", 1), (r"\", 1), ("'S", 1), ("0%", 1), ("a%b", 0), ("", 4)] {
            assert_eq!(posts::table.filter(posts::slug.icontains(part)).count().get_result::<i64>(db)?, times, "{part}");
        }
        for (text, times) in [("100%", 1), ("A_B", 1), ("%", 0), ("a%", 0), ("a__", 0), (r"BACK\SLASH", 1), (r"back\\slash", 0), ("", 0)] {
            assert_eq!(posts::table.filter(posts::slug.iequals(text)).count().get_result::<i64>(db)?, times, "{text}");
        }
        for (start, times) in [("a_", 1), ("a%", 0), ("1__%", 0), (r"back\", 1)] {
            assert_eq!(posts::table.filter(posts::slug.istarts_with(start)).count().get_result::<i64>(db)?, times, "{start}");
        }
        assert_eq!(posts::table.filter(posts::slug.imatches(r"a\_%")).count().get_result::<i64>(db)?, 1);
        QueryResult::Ok(())
    });
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn times_are_truncated_to_the_same_values(on: &str) {
    client(on).db(|db| {
        let time = day(2026, 11, 29).and_hms_micro_opt(17, 30, 59, 123_456).unwrap();
        diesel::insert_into(posts::table).values(NewPost { created_at: Some(time), ..post("a") }).execute(db)?;
        let at = posts::created_at;
        let starts = (at.start_of_year(), at.start_of_month(), at.start_of_week(), at.start_of_day(), at.start_of_hour());
        type Times = (NaiveDateTime, NaiveDateTime, NaiveDateTime, NaiveDateTime, NaiveDateTime);
        let found: Times = posts::table.select(starts).first(db)?;
        let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).unwrap();
        let expected = (
            midnight(day(2026, 1, 1)),
            midnight(day(2026, 11, 1)),
            midnight(day(2026, 11, 23)),
            midnight(day(2026, 11, 29)),
            day(2026, 11, 29).and_hms_opt(17, 0, 0).unwrap(),
        );
        assert_eq!(found, expected);

        for (slug, month) in [("b", 10), ("c", 10)] {
            let created_at = Some(midnight(day(2026, month, 5)));
            diesel::insert_into(posts::table).values(NewPost { created_at, ..post(slug) }).execute(db)?;
        }
        let month = at.start_of_month();
        let by_month: Vec<(NaiveDateTime, i64)> = posts::table.group_by(month).select((month, count_star())).order(month).load(db)?;
        assert_eq!(by_month, [(midnight(day(2026, 10, 1)), 2), (midnight(day(2026, 11, 1)), 1)]);
        let in_november: i64 = posts::table.filter(month.eq(midnight(day(2026, 11, 1)))).count().get_result(db)?;
        assert_eq!(in_november, 1);
        QueryResult::Ok(())
    });
}

diesel::table! {
    things (id) {
        id -> BigInt,
        day -> Nullable<Date>,
        data -> Jsonb,
        extra -> Nullable<Jsonb>,
    }
}

fn with_things(on: &str) -> lback::testing::Client {
    let client = client(on);
    let json = if is_sqlite(on) { "TEXT" } else { "JSONB" };
    run(&client, &format!("CREATE TABLE things (id BIGINT PRIMARY KEY, day DATE, data {json} NOT NULL, extra {json})"));
    client
}

fn dates_are_truncated(on: &str) {
    with_things(on).db(|db| {
        let row = |id, day| (things::id.eq(id), things::day.eq(day), things::data.eq(json!(null)));
        let days = [Some(day(2025, 12, 31)), Some(day(2024, 2, 29)), None];
        let rows: Vec<_> = (1_i64..).zip(days).map(|(id, day)| row(id, day)).collect();
        diesel::insert_into(things::table).values(rows).execute(db)?;
        type Days = (Option<NaiveDate>, Option<NaiveDate>, Option<NaiveDate>);
        let starts = (things::day.start_of_year(), things::day.start_of_month(), things::day.start_of_week());
        let found: Vec<Days> = things::table.order(things::id).select(starts).load(db)?;
        let expected = [
            (Some(day(2025, 1, 1)), Some(day(2025, 12, 1)), Some(day(2025, 12, 29))),
            (Some(day(2024, 1, 1)), Some(day(2024, 2, 1)), Some(day(2024, 2, 26))),
            (None, None, None),
        ];
        assert_eq!(found, expected);
        QueryResult::Ok(())
    });
}

fn json_is_saved_and_read_at_paths(on: &str) {
    with_things(on).db(|db| {
        let data = json!({
            "name": "Ada \"the first\"", "age": 36, "height": 1.5, "alive": false, "nothing": null,
            "address": { "city": "London", "odd key": 1 }, "tags": ["math", { "deep": true }]
        });
        let row = (things::id.eq(1_i64), things::data.eq(&data), things::extra.eq(None::<Value>));
        diesel::insert_into(things::table).values(row).execute(db)?;
        let (read, extra): (Value, Option<Value>) = things::table.select((things::data, things::extra)).first(db)?;
        assert_eq!((read, extra), (data.clone(), None));

        for (path, text) in [
            ("name", Some("Ada \"the first\"")),
            ("age", Some("36")),
            ("height", Some("1.5")),
            ("alive", Some("false")),
            ("nothing", None),
            ("address.city", Some("London")),
            ("address.odd key", Some("1")),
            ("tags.0", Some("math")),
            ("tags.1.deep", Some("true")),
            ("tags.9", None),
            ("name.first", None),
        ] {
            let found: Option<String> = things::table.select(things::data.text_at(path)).first(db)?;
            assert_eq!(found.as_deref(), text, "{path}");
        }
        let numbers = (things::data.number_at("age"), things::data.number_at("name"), things::data.number_at("tags"));
        assert_eq!(things::table.select(numbers).first::<(Option<f64>, Option<f64>, Option<f64>)>(db)?, (Some(36.0), None, None));
        let part: Option<Value> = things::table.select(things::data.json_at("tags")).first(db)?;
        assert_eq!(part, Some(data["tags"].clone()));
        let found = things::table.filter(things::data.text_at("address.city").eq("London")).filter(things::data.number_at("age").gt(30.0));
        assert_eq!(found.count().get_result::<i64>(db)?, 1);

        let changed = json!({ "name": "Grace" });
        diesel::update(things::table).set((things::data.eq(&changed), things::extra.eq(Some(json!([1]))))).execute(db)?;
        assert_eq!(things::table.select(things::extra.text_at("0")).first::<Option<String>>(db)?.as_deref(), Some("1"));
        QueryResult::Ok(())
    });
}

fn json_that_contains_other_json_is_found(on: &str) {
    with_things(on).db(|db| {
        let data = json!({ "a": { "b": 1, "c": [1, 2, { "d": null }] }, "e": "x" });
        diesel::insert_into(things::table).values((things::id.eq(1_i64), things::data.eq(data))).execute(db)?;
        for (part, contains) in [
            (json!({}), true),
            (json!({ "e": "x" }), true),
            (json!({ "a": { "b": 1.0 } }), true),
            (json!({ "a": { "c": [2, 1, 1] } }), true),
            (json!({ "a": { "c": [{ "d": null }] } }), true),
            (json!({ "a": { "c": [3] } }), false),
            (json!({ "a": { "b": "1" } }), false),
            (json!({ "e": ["x"] }), false),
            (json!([]), false),
        ] {
            let found: bool = things::table.select(things::data.contains_json(&part)).first(db)?;
            assert_eq!(found, contains, "{part}");
        }
        let of_null: Option<bool> = things::table.select(things::extra.contains_json(&json!({}))).first(db)?;
        assert_eq!(of_null, None);
        QueryResult::Ok(())
    });
}

fn window_functions_and_aggregates_are_computed(on: &str) {
    client(on).db(|db| {
        let rows: Vec<_> = [("a", 1, "x"), ("b", 3, "x"), ("c", 2, "y")]
            .map(|(slug, views, status)| NewPost { views: Some(views), status: Some(status.to_owned()), ..post(slug) })
            .into();
        diesel::insert_into(posts::table).values(&rows).execute(db)?;
        let place = sql::<BigInt>("rank() OVER (PARTITION BY status ORDER BY views DESC)");
        let places: Vec<(String, i64)> = posts::table.order(posts::slug).select((posts::slug, place)).load(db)?;
        assert_eq!(places, [("a".into(), 2), ("b".into(), 1), ("c".into(), 1)]);
        type Status = (Option<String>, i64, Option<i64>, Option<i32>);
        let by_status: Vec<Status> = posts::table
            .group_by(posts::status)
            .select((posts::status, count(posts::id), sum(posts::views), max(posts::views)))
            .having(count(posts::id).gt(1))
            .load(db)?;
        assert_eq!(by_status, [(Some("x".into()), 2, Some(4), Some(3))]);
        let popular: i64 = posts::table.select(count(posts::id).aggregate_filter(posts::views.gt(1))).first(db)?;
        assert_eq!(popular, 2);
        QueryResult::Ok(())
    });
}
