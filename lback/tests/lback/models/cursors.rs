//! Pages by cursor: every row once, in every order, forwards and back.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection as _, InstrumentationEvent, SimpleConnection as _};
use lback::chrono::{NaiveDate, TimeDelta};
use lback::models::migrate::create_tables;
use lback::models::{Filter, List, Value};
use lback::prelude::*;
use lback::testing::Client;

use super::start;
use crate::unit_of_work::on_each_database;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(order = "-score", index(score, id), index(flag, score, id), table = "entries", module = entries)]
pub struct Entry {
    pub id: i64,
    pub score: i32,
    pub rank: Option<i32>,
    #[model(index)]
    pub name: String,
    pub day: Option<NaiveDate>,
    pub at: DateTime<Utc>,
    pub ratio: f64,
    pub flag: bool,
    #[model(references = Shelf)]
    pub shelf_id: i64,
    #[model(hidden)]
    pub secret: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "shelves", module = shelves)]
pub struct Shelf {
    pub id: i64,
    pub name: String,
}

on_each_database!(
    every_row_is_on_one_page_in_every_order,
    rows_that_come_and_go_move_no_others,
    the_first_page_is_full_when_going_back,
    rows_of_several_tables_have_pages,
    the_order_may_be_known_at_run_time_alone,
    cursors_that_do_not_fit_are_bad_requests,
    an_order_without_a_place_is_an_error,
    an_index_serves_a_page,
    an_index_serves_a_condition_beside_one_that_is_never_true,
    the_index_that_finds_few_rows_is_used,
    filters_of_any_kind_keep_the_order,
    pages_link_to_each_other,
);

fn client(on: &str) -> Client {
    client_of(App::new(Router::new()), on)
}

fn client_of(app: App, on: &str) -> Client {
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Shelf, Entry]));
    client.db(|db| Shelf::create(db, NewShelf { name: "top".into() }));
    client
}

fn entry(number: i64) -> NewEntry {
    NewEntry {
        score: i32::try_from(number % 5).unwrap(),
        rank: (number % 3 > 0).then_some(i32::try_from(number % 4).unwrap()),
        name: format!("n{}", number % 7),
        day: (number % 4 > 0).then(|| "2026-01-01".parse::<NaiveDate>().unwrap() + TimeDelta::days(number % 6)),
        at: start() + TimeDelta::microseconds(number % 9),
        ratio: f64::from(i32::try_from(number % 8).unwrap()) / 3.0 - 1.0,
        flag: number % 2 == 0,
        shelf_id: 1,
        secret: String::new(),
    }
}

/// What rows are compared by, with the smallest first.
fn compared(one: &Entry, other: &Entry, name: &str) -> std::cmp::Ordering {
    match name {
        "id" => one.id.cmp(&other.id),
        "score" => one.score.cmp(&other.score),
        "rank" => one.rank.cmp(&other.rank),
        "name" => one.name.cmp(&other.name),
        "day" => one.day.cmp(&other.day),
        "at" => one.at.cmp(&other.at),
        "ratio" => one.ratio.total_cmp(&other.ratio),
        "flag" => one.flag.cmp(&other.flag),
        _ => panic!("no such column"),
    }
}

/// A page of a list in an order that is known at run time.
fn page_of(db: &mut Db, order: &[&str], cursor: &Cursor, per_page: u32) -> Result<CursorPage<Entry>> {
    use entries::{at, day, flag, id, name, rank, ratio, score};
    let query = Entry::query();
    // Diesel's own directions, in which PostgreSQL has NULLs elsewhere.
    let query = match order {
        [] => query,
        ["-score"] => Entry::ordered(),
        ["rank"] => query.order(rank),
        ["-rank"] => query.order(rank.desc()),
        ["-rank", "name"] => query.order((rank.desc(), name.asc())),
        ["name", "-rank", "day"] => query.order((name, rank.desc(), day)),
        ["-day", "-rank", "-at"] => query.order((day.desc(), rank.desc(), at.desc())),
        ["-flag", "ratio"] => query.order(flag.desc()).then_order_by(ratio),
        ["ratio", "-id"] => query.order((ratio, id.desc())),
        ["-id", "score"] => query.order((id.desc(), score)),
        _ => panic!("no such order"),
    };
    query.cursor_page(db, cursor, per_page)
}

const ORDERS: [&[&str]; 10] = [
    &[],
    &["-score"],
    &["rank"],
    &["-rank"],
    &["-rank", "name"],
    &["name", "-rank", "day"],
    &["-day", "-rank", "-at"],
    &["-flag", "ratio"],
    &["ratio", "-id"],
    &["-id", "score"],
];

fn every_row_is_on_one_page_in_every_order(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..61).map(|number| entry(number * 37 % 61)))?;
        let all: Vec<Entry> = Entry::query().load(db)?;
        for (order, per_page) in ORDERS.iter().flat_map(|order| [1, 7, 61].map(|per_page| (*order, per_page))) {
            let mut sorted = all.clone();
            let is_descending = order.last().is_some_and(|last| last.starts_with('-'));
            sorted.sort_by(|one, other| {
                let by = order.iter().map(|name| match name.strip_prefix('-') {
                    Some(name) => compared(other, one, name),
                    None => compared(one, other, name),
                });
                let by_key = if is_descending { other.id.cmp(&one.id) } else { one.id.cmp(&other.id) };
                by.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(by_key)
            });
            let expected: Vec<i64> = sorted.iter().map(|entry| entry.id).collect();
            let ids = |page: &CursorPage<Entry>| page.items.iter().map(|entry| entry.id).collect::<Vec<_>>();
            let mut pages = vec![page_of(db, order, &Cursor::default(), per_page)?];
            while let Some(after) = pages.last().and_then(|page| page.next.clone()) {
                pages.push(page_of(db, order, &Cursor { after: Some(after), before: None }, per_page)?);
            }
            assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), expected, "{order:?} by {per_page}");
            // And back again.
            for back in (1..pages.len()).rev() {
                let before = pages[back].previous.clone();
                assert_eq!(page_of(db, order, &Cursor { before, after: None }, per_page)?.items, pages[back - 1].items, "{order:?}");
            }
            assert_eq!(pages[0].previous, None);
        }
        Ok(())
    });
}

fn ids(page: &CursorPage<Entry>) -> Vec<i64> {
    page.items.iter().map(|entry| entry.id).collect()
}

fn after(page: &CursorPage<Entry>) -> Cursor {
    Cursor { after: page.next.clone(), before: None }
}

fn before(page: &CursorPage<Entry>) -> Cursor {
    Cursor { before: page.previous.clone(), after: None }
}

fn rows_that_come_and_go_move_no_others(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..10).map(|number| NewEntry { score: number / 3, ..entry(number.into()) }))?;
        let list = |db: &mut Db, cursor: &Cursor| Entry::ordered().cursor_page::<Entry>(db, cursor, 4);
        let first = list(db, &Cursor::default())?;
        assert_eq!((ids(&first), &first.previous), (vec![10, 9, 8, 7], &None));
        // The row that the cursor names is deleted, and others come before it.
        Entry::find(db, 7)?.delete(db)?;
        Entry::create_many(db, (0..3).map(|number| NewEntry { score: 9, ..entry(number) }))?;
        let second = list(db, &after(&first))?;
        assert_eq!(ids(&second), [6, 5, 4, 3]);
        assert_eq!(ids(&list(db, &before(&second))?), [11, 10, 9, 8]);
        // All rows after a cursor are gone.
        diesel::delete(entries::table.filter(entries::id.lt(3))).execute(db)?;
        let last = list(db, &after(&second))?;
        assert_eq!((ids(&last), &last.next), (vec![6, 5, 4, 3], &None));
        assert_eq!(ids(&list(db, &before(&last))?), [11, 10, 9, 8]);
        Ok(())
    });
}

fn the_first_page_is_full_when_going_back(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..9).map(entry))?;
        let list = |db: &mut Db, cursor: &Cursor| Entry::query().cursor_page::<Entry>(db, cursor, 4);
        let first = list(db, &Cursor::default())?;
        let second = list(db, &after(&first))?;
        diesel::delete(entries::table.filter(entries::id.le(3))).execute(db)?;
        let first = list(db, &before(&second))?;
        assert_eq!((ids(&first), &first.previous), (vec![4, 5, 6, 7], &None));
        // Nothing is before a cursor, or anywhere.
        diesel::delete(entries::table).execute(db)?;
        assert_eq!(list(db, &before(&second))?, CursorPage { items: vec![], next: None, previous: None });
        Ok(())
    });
}

fn rows_of_several_tables_have_pages(on: &str) {
    client(on).db(|db| -> Result<()> {
        let other = Shelf::create(db, NewShelf { name: "bottom".into() })?;
        Entry::create_many(db, (0..9).map(|number| NewEntry { shelf_id: 1 + number % 2, ..entry(number) }))?;
        // Both tables have an id and a name.
        let list = |db: &mut Db, cursor: &Cursor| {
            let joined = entries::table.inner_join(shelves::table).filter(shelves::id.eq(other.id)).order(entries::name.desc());
            joined.select((Entry::as_select(), shelves::name, Shelf::as_select())).cursor_page::<(Entry, String, Shelf)>(db, cursor, 3)
        };
        let first = list(db, &Cursor::default())?;
        let second = list(db, &Cursor { after: first.next.clone(), before: None })?;
        let names: Vec<_> =
            first.items.iter().chain(&second.items).map(|(entry, shelf, _)| (entry.name.as_str(), shelf.as_str())).collect();
        assert_eq!(names, [("n5", "bottom"), ("n3", "bottom"), ("n1", "bottom"), ("n0", "bottom")]);
        assert_eq!(entries::table.filter(entries::flag).row_count(db)?, 5);
        Ok(())
    });
}

fn the_order_may_be_known_at_run_time_alone(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..9).map(entry))?;
        let [entries] = models![Entry];
        let mut cursor = Cursor::default();
        let mut found = Vec::new();
        loop {
            let page = entries.list().order_by(&["-rank", "name"])?.page(db, &cursor, 2)?;
            found.extend(page.items.into_iter().map(|row| row[0].clone()));
            cursor.after = page.next;
            if cursor.after.is_none() {
                break;
            }
        }
        let typed = page_of(db, &["-rank", "name"], &Cursor::default(), 100)?;
        assert_eq!(found, ids(&typed).into_iter().map(Value::Int).collect::<Vec<_>>());
        let of_model = entries.list().page(db, &Cursor::default(), 100)?;
        let typed = ids(&page_of(db, &["-score"], &Cursor::default(), 100)?);
        assert_eq!(
            of_model.items.iter().map(|row| row[0].clone()).collect::<Vec<_>>(),
            typed.into_iter().map(Value::Int).collect::<Vec<_>>()
        );
        for order in ["", "-", "titel", "--id", "secret", "id; DROP TABLE entries", "id\"", "id`", "(SELECT 1)", "entries.id"] {
            let error = entries.list().order_by(&[order]).unwrap_err();
            assert_eq!(error.status(), 400, "{order}");
        }
        Ok(())
    });
}

fn encoded(json: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json)
}

fn cursors_that_do_not_fit_are_bad_requests(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..9).map(entry))?;
        let by_rank = page_of(db, &["rank"], &Cursor::default(), 2)?;
        let long = "a".repeat(100_000);
        let name = "entries:day,at,ratio,name,id";
        let parts = |parts: &str| encoded(&format!("[\"{name}\",[{parts}]]"));
        let hostile = [
            by_rank.next.unwrap(),
            "'; DROP TABLE entries; --".to_owned(),
            "%00".to_owned(),
            long.clone(),
            encoded(&format!("[\"{name}\",[\"{long}\"]]")),
            encoded("{}"),
            encoded("[[[[[["),
            encoded("[\"entries:id\",[\"1\"]]"),
            parts(""),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\""),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\",\"1\",\"2\""),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\",null"),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\",1"),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\",\"99999999999999999999\""),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\\u0000\",\"1\""),
            parts("\"-9999-01-01\",\"2026-01-01T00:00:00\",\"0\",\"a\",\"1\""),
            parts("\"2026-01-01\",\"now()\",\"0\",\"a\",\"1\""),
            parts("\"2026-01-01\",\"2026-01-01T00:00:00\",\"0 OR 1=1\",\"a\",\"1\""),
        ];
        let list = |db: &mut Db, cursor: &Cursor| {
            let query = Entry::query().order((entries::day, entries::at, entries::ratio, entries::name));
            query.cursor_page::<Entry>(db, cursor, 2)
        };
        for text in hostile {
            let error = list(db, &Cursor { after: Some(text.clone()), before: None }).unwrap_err();
            assert_eq!(error.status(), 400, "{text}: {error}");
            assert_eq!(list(db, &Cursor { before: Some(text), after: None }).unwrap_err().status(), 400);
        }
        // Values that no row has.
        for part in
            ["\"+262000-12-31\",\"+262000-12-31T00:00:00\",\"NaN\",\"'; --\",\"-1\"", "null,\"-4712-01-01T00:00:00\",\"-inf\",\"\",\"1\""]
        {
            let text = parts(part);
            list(db, &Cursor { after: Some(text.clone()), before: None })?;
            list(db, &Cursor { before: Some(text), after: None })?;
        }
        let both = Cursor { after: Some("a".into()), before: Some("b".into()) };
        assert_eq!(list(db, &both).unwrap_err().status(), 400);
        // A parameter without a value counts as missing.
        assert_eq!(list(db, &Cursor { after: Some(String::new()), before: None })?.previous, None);
        Ok(())
    });
}

fn an_order_without_a_place_is_an_error(on: &str) {
    client(on).db(|db| -> Result<()> {
        Shelf::create(db, NewShelf { name: "one".into() })?;
        Entry::create_many(db, (0..9).map(entry))?;
        let refused = |error: Error, says: &str| {
            assert_eq!(error.status(), 500);
            assert!(error.to_string().contains(says), "{error}");
        };
        let start = Cursor::default();
        let sql = diesel::dsl::sql::<diesel::sql_types::Integer>("abs(score)");
        refused(Entry::query().order(sql).cursor_page::<Entry>(db, &start, 2).unwrap_err(), "ordered only by columns of entries");
        refused(Entry::query().order(entries::score + 1).cursor_page::<Entry>(db, &start, 2).unwrap_err(), "ordered only by columns");
        refused(Entry::ordered().limit(3).cursor_page::<Entry>(db, &start, 2).unwrap_err(), "must not have a limit");
        refused(Entry::query().order(entries::secret).cursor_page::<Entry>(db, &start, 2).unwrap_err(), "hidden");
        let joined = entries::table.inner_join(shelves::table).order(shelves::name).select(Entry::as_select());
        refused(joined.cursor_page::<Entry>(db, &start, 2).unwrap_err(), "columns of entries");
        Ok(())
    });
}

fn filters_of_any_kind_keep_the_order(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..30).map(entry))?;
        let list = |db: &mut Db, cursor: &Cursor| {
            let of_shelf = shelves::table.filter(shelves::name.eq("top")).order(shelves::name).limit(1).select(shelves::id);
            let found = Entry::ordered().filter(entries::name.icontains("N1").or(entries::name.istarts_with("n2(')")));
            found.filter(entries::shelf_id.eq_any(of_shelf)).cursor_page::<Entry>(db, cursor, 3)
        };
        let first = list(db, &Cursor::default())?;
        let second = list(db, &after(&first))?;
        let expected: Vec<i64> = entries::table
            .filter(entries::name.eq("n1"))
            .order((entries::score.desc(), entries::id.desc()))
            .select(entries::id)
            .load(db)?;
        assert_eq!([ids(&first), ids(&second)].concat(), expected);
        let counted: Page<Entry> = Entry::ordered().filter(entries::name.icontains("n1")).page(db, 1, 3)?;
        assert_eq!((counted.total, ids(&first)), (5, counted.items.iter().map(|entry| entry.id).collect()));
        Ok(())
    });
}

/// Returns the plans of the statements that `work` sends.
fn plans(db: &mut Db, work: impl FnOnce(&mut Db) -> Result<()>) -> Result<Vec<String>> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    db.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            seen.lock().unwrap().push(query.to_string());
        }
    });
    work(db)?;
    db.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let sent: Vec<String> = sent.lock().unwrap().clone();
    let mut plans = Vec::new();
    for statement in sent {
        let sql = statement.split(" -- binds: ").next().unwrap().to_owned();
        let explained = match db.kind().is_server() {
            true => {
                let values = vec!["NULL"; sql.matches('$').count()].join(", ");
                db.batch_execute(&format!(
                    "SET enable_seqscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan; PREPARE listed AS {sql}"
                ))?;
                format!("EXPLAIN EXECUTE listed({values})")
            }
            false => format!("EXPLAIN QUERY PLAN {sql}"),
        };
        let lines: Vec<Line> = diesel::sql_query(explained).load(db)?;
        plans.push(lines.into_iter().map(|line| line.0).collect::<Vec<_>>().join("\n"));
        if db.kind().is_server() {
            db.batch_execute("DEALLOCATE listed")?;
        }
    }
    Ok(plans)
}

/// A line of a plan.
struct Line(String);

impl<DB: diesel::backend::Backend> QueryableByName<DB> for Line
where
    String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
{
    fn build<'a>(row: &impl diesel::row::NamedRow<'a, DB>) -> diesel::deserialize::Result<Self> {
        let named = |column: &str| diesel::row::NamedRow::get::<diesel::sql_types::Text, String>(row, column);
        Ok(Line(named("detail").or_else(|_| named("QUERY PLAN"))?))
    }
}

fn an_index_serves_a_page(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..300).map(entry))?;
        db.batch_execute("CREATE INDEX by_rank ON entries (rank, id)")?;
        let first = Entry::ordered().cursor_page::<Entry>(db, &Cursor::default(), 20)?;
        let by_rank = page_of(db, &["-rank"], &Cursor::default(), 20)?;
        let plans = plans(db, |db| {
            let second = Entry::ordered().filter(entries::flag).cursor_page::<Entry>(db, &after(&first), 20)?;
            let third = Entry::ordered().cursor_page::<Entry>(db, &after(&second), 20)?;
            Entry::ordered().cursor_page::<Entry>(db, &before(&third), 20)?;
            page_of(db, &["-rank"], &after(&by_rank), 20)?;
            // From the rows with a rank to those without.
            page_of(db, &["-rank"], &after(&by_rank), 290)?;
            page_of(db, &["-rank"], &Cursor::default(), 20)?;
            // From the rows without a rank to those with one.
            page_of(db, &["rank"], &Cursor::default(), 290)?;
            Ok(())
        })?;
        assert_eq!(plans.len(), 9, "{plans:#?}");
        for plan in plans {
            let is_served = plan.contains("Index Cond:") || plan.contains("SEARCH entries USING INDEX");
            assert!(is_served && !plan.contains("Sort") && !plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
        Ok(())
    });
}

fn an_index_serves_a_condition_beside_one_that_is_never_true(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..300).map(entry))?;
        let (score, rank) = (Entry::META.field("score").unwrap(), Entry::META.field("rank").unwrap());
        let scores = Filter::OneOf(score, vec![Value::Int(3), Value::Int(4)]);
        let never = [Filter::Any(Vec::new()), Filter::OneOf(rank, Vec::new())];
        let never = never.iter().cloned().chain([Filter::All(vec![Filter::Null(rank, true), never[0].clone()])]);
        let list = List::of(Entry::META).filter(Filter::Any(never.chain([scores.clone()]).collect()));
        let expected = List::of(Entry::META).filter(scores).page(db, &Cursor::default(), 20)?;
        let plans = plans(db, |db| {
            assert_eq!(list.page(db, &Cursor::default(), 20)?, expected);
            Ok(())
        })?;
        let [plan] = plans.as_slice() else { panic!("{plans:#?}") };
        assert!(plan.contains("Index Cond:") || plan.contains("SEARCH entries USING INDEX"), "{plan}");
        Ok(())
    });
}

fn the_index_that_finds_few_rows_is_used(on: &str) {
    client(on).db(|db| -> Result<()> {
        Entry::create_many(db, (0..300).map(entry))?;
        let (flag, name) = (Entry::META.field("flag").unwrap(), Entry::META.field("name").unwrap());
        let found = Filter::Any(vec![Filter::OneOf(name, vec![Value::Text("n1".into())]), Filter::Any(Vec::new())]);
        let list = List::of(Entry::META).filter(Filter::equal(flag, Value::Bool(true))).filter(found);
        let plans = plans(db, |db| {
            assert_eq!(list.page(db, &Cursor::default(), 100)?.items.len(), 21);
            Ok(())
        })?;
        let [plan] = plans.as_slice() else { panic!("{plans:#?}") };
        // PostgreSQL has statistics, which EXPLAIN without values does not use.
        assert!(db.kind().is_server() || plan.contains("USING INDEX entries_name_idx (name=?)"), "{plan}");
        Ok(())
    });
}

fn pages_link_to_each_other(on: &str) {
    let list = |req: &mut Request| -> Result<lback::serde_json::Value> {
        let cursor: Cursor = req.query()?;
        let page: CursorPage<Entry> = Entry::ordered().cursor_page(req.db()?, &cursor, 4)?;
        Ok(lback::serde_json::json!(page.map(|entry| entry.id)))
    };
    let client = client_of(App::new(Router::new().get("/", list)), on);
    client.db(|db| Entry::create_many(db, (0..10).map(entry)));
    let first: CursorPage<i64> = read(&client, "/");
    let second = read(&client, &format!("/?q=x&after={}", first.next.unwrap()));
    assert_eq!((first.items.len(), second.items.len()), (4, 4));
    assert_eq!(read(&client, &format!("/?before={}", second.previous.unwrap())).items, first.items);
    client.get("/?after=nonsense").send().assert_status(400).assert_contains("no longer fits");
}

fn read(client: &Client, path: &str) -> CursorPage<i64> {
    let json: lback::serde_json::Value = client.get(path).send().json();
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let items = json["items"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    CursorPage { items, next: text("next"), previous: text("previous") }
}
