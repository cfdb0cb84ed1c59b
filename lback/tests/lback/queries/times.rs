//! Times in UTC: the type Timestamptz.

use lback::chrono::{DateTime, Utc};
use lback::db::{Dialect, sql_types};
use lback::diesel::dsl::{count_star, max, min};
use lback::prelude::*;
use lback::testing::Client;

use super::is_sqlite;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    times_are_read_as_they_were_written,
    times_sort_by_time_whatever_their_fractions,
    times_are_compared,
    times_are_truncated_in_utc,
    a_time_of_the_database_itself_is_read_as_utc,
    the_time_of_the_connection_is_stored_unchanged,
    the_table_is_compared_with_the_database,
);

diesel::table! {
    events (id) {
        id -> BigInt,
        at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

mod of_lback {
    lback::diesel::table! {
        use lback::db::sql_types::*;

        events (id) {
            id -> BigInt,
            ended_at -> Nullable<Timestamptz>,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(check_for_backend(Dialect))]
struct Event {
    id: i64,
    at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn event(id: i64, at: &str) -> Event {
    Event { id, at: time(at), ended_at: None }
}

/// Times in their order, with all kinds of fractions.
const IN_ORDER: [&str; 9] = [
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "2026-11-29T17:30:59Z",
    "2026-11-29T17:30:59.000001Z",
    "2026-11-29T17:30:59.1Z",
    "2026-11-29T17:30:59.100001Z",
    "2026-11-29T17:30:59.12Z",
    "2026-11-29T17:31:00Z",
    "9999-12-31T23:59:59.999999Z",
];

fn client(on: &str) -> Client {
    let client = Client::with_settings(App::new(Router::new()), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    let of_type = if is_sqlite(on) { "TIMESTAMP" } else { "TIMESTAMPTZ" };
    let default = format!("{of_type} NOT NULL DEFAULT CURRENT_TIMESTAMP");
    sql(&client, &format!("CREATE TABLE events (id BIGINT PRIMARY KEY, at {default}, ended_at {of_type})"));
    client
}

fn times_are_read_as_they_were_written(on: &str) {
    client(on).db(|db| {
        let mut expected: Vec<Event> = (1..).zip(IN_ORDER).map(|(id, at)| event(id, at)).collect();
        expected[3].ended_at = Some(time("2026-11-29T18:00:00.5Z"));
        expected[4].ended_at = Some(time("2026-11-29T19:00:00.5+01:00"));
        diesel::insert_into(events::table).values(&expected[0]).execute(db)?;
        diesel::insert_into(events::table).values(&expected[1..5]).execute(db)?;
        db.copy_into(events::table, expected[5..].iter().cloned())?;
        assert_eq!(events::table.order(events::id).select(Event::as_select()).load(db)?, expected);
        assert_eq!(events::table.filter(events::ended_at.is_null()).count().get_result::<i64>(db)?, 7);

        diesel::update(events::table.find(4)).set(events::ended_at.eq(None::<DateTime<Utc>>)).execute(db)?;
        let ended = events::table.filter(events::ended_at.is_not_null());
        let ended: Vec<(i64, Option<DateTime<Utc>>)> = ended.select((events::id, events::ended_at)).load(db)?;
        assert_eq!(ended, [(5, expected[4].ended_at)]);
        assert_eq!(of_lback::events::table.find(5).select(of_lback::events::ended_at).first(db), Ok(expected[4].ended_at));
        QueryResult::Ok(())
    });
}

fn times_sort_by_time_whatever_their_fractions(on: &str) {
    client(on).db(|db| {
        let shuffled = [5, 1, 8, 3, 0, 7, 2, 6, 4];
        let rows: Vec<Event> = (1..).zip(shuffled).map(|(id, index)| event(id, IN_ORDER[index])).collect();
        diesel::insert_into(events::table).values(&rows).execute(db)?;
        let found: Vec<DateTime<Utc>> = events::table.order(events::at).select(events::at).load(db)?;
        assert_eq!(found, IN_ORDER.map(time));
        let ends: (Option<DateTime<Utc>>, Option<DateTime<Utc>>) = events::table.select((min(events::at), max(events::at))).first(db)?;
        assert_eq!(ends, (Some(time(IN_ORDER[0])), Some(time(IN_ORDER[8]))));
        QueryResult::Ok(())
    });
}

fn times_are_compared(on: &str) {
    client(on).db(|db| {
        let rows: Vec<Event> = (1..).zip(IN_ORDER).map(|(id, at)| event(id, at)).collect();
        diesel::insert_into(events::table).values(&rows).execute(db)?;
        for (index, at) in IN_ORDER.map(time).into_iter().enumerate() {
            let mut count = |filter: Box<dyn BoxableExpression<events::table, Dialect, SqlType = sql_types::Bool>>| {
                events::table.filter(filter).count().get_result::<i64>(db).unwrap() as usize
            };
            assert_eq!(count(Box::new(events::at.lt(at))), index, "{at}");
            assert_eq!(count(Box::new(events::at.ge(at))), IN_ORDER.len() - index, "{at}");
            assert_eq!(count(Box::new(events::at.eq(at))), 1, "{at}");
            assert_eq!(count(Box::new(events::at.between(time(IN_ORDER[2]), at))), (index + 1).saturating_sub(2), "{at}");
        }
        let of_these = events::at.eq_any([IN_ORDER[2], IN_ORDER[5], "2000-01-01T00:00:00Z"].map(time));
        assert_eq!(events::table.filter(of_these).order(events::id).select(events::id).load::<i64>(db)?, [3, 6]);
        assert_eq!(events::table.filter(events::at.lt(Utc::now())).filter(events::id.eq(2)).count().get_result::<i64>(db)?, 1);
        QueryResult::Ok(())
    });
}

fn times_are_truncated_in_utc(on: &str) {
    client(on).db(|db| {
        if !is_sqlite(on) {
            diesel::sql_query("SET TIME ZONE 'Asia/Tokyo'").execute(db)?;
        }
        let rows = [event(1, "2026-11-29T17:30:59.123456Z"), event(2, "2026-11-30T00:00:00Z"), event(3, "2026-11-29T23:59:59.999999Z")];
        diesel::insert_into(events::table).values(&rows).execute(db)?;
        let at = events::at;
        let starts = (at.start_of_year(), at.start_of_month(), at.start_of_week(), at.start_of_day(), at.start_of_hour());
        type Times = (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);
        let found: Times = events::table.find(1).select(starts).first(db)?;
        let expected = (
            time("2026-01-01T00:00:00Z"),
            time("2026-11-01T00:00:00Z"),
            time("2026-11-23T00:00:00Z"),
            time("2026-11-29T00:00:00Z"),
            time("2026-11-29T17:00:00Z"),
        );
        assert_eq!(found, expected);

        let day = at.start_of_day();
        let by_day: Vec<(DateTime<Utc>, i64)> = events::table.group_by(day).select((day, count_star())).order(day).load(db)?;
        assert_eq!(by_day, [(time("2026-11-29T00:00:00Z"), 2), (time("2026-11-30T00:00:00Z"), 1)]);
        let of_day = events::table.filter(day.eq(time("2026-11-29T00:00:00Z"))).order(events::id).select(events::id);
        assert_eq!(of_day.load::<i64>(db)?, [1, 3]);
        let of_none: Option<DateTime<Utc>> = events::table.find(1).select(events::ended_at.start_of_day()).first(db)?;
        assert_eq!(of_none, None);
        QueryResult::Ok(())
    });
}

fn a_time_of_the_database_itself_is_read_as_utc(on: &str) {
    client(on).db(|db| {
        if !is_sqlite(on) {
            diesel::sql_query("SET TIME ZONE 'Asia/Tokyo'").execute(db)?;
        }
        diesel::insert_into(events::table).values(events::id.eq(1)).execute(db)?;
        let at: DateTime<Utc> = events::table.select(events::at).first(db)?;
        assert!((Utc::now() - at).num_hours() == 0, "{at}");
        QueryResult::Ok(())
    });
}

fn the_time_of_the_connection_is_stored_unchanged(on: &str) {
    let client = client(on);
    client.clock().set(time("2026-01-01T00:00:00.123456789Z"));
    client.db(|db| {
        let now = db.now();
        diesel::insert_into(events::table).values((events::id.eq(1), events::at.eq(now))).execute(db)?;
        assert_eq!(events::table.filter(events::at.eq(now)).select(events::at).first::<DateTime<Utc>>(db)?, now);
        QueryResult::Ok(())
    });
}

fn the_table_is_compared_with_the_database(on: &str) {
    let client = client(on);
    let mut db = client.database().get().unwrap();
    assert_eq!(tables![events].differences(&mut db).unwrap(), Vec::<String>::new());
    sql(&client, "DROP TABLE events; CREATE TABLE events (id BIGINT PRIMARY KEY, at BIGINT NOT NULL, ended_at BIGINT)");
    let found = tables![events].differences(&mut db).unwrap();
    assert!(found.len() == 2 && found.iter().all(|found| found.contains("is Timestamptz in table!, and ")), "{found:?}");
}
