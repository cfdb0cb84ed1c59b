//! TechEmpower's requests, with the middleware of a new project.
//!
//! Each request has a plain view, as the guide recommends for views that use the database, and an async one, for comparison.

use std::collections::BTreeSet;
use std::io::Write;

use lback::db::{Db, RowByRow};
use lback::prelude::*;

/// The number of rows in `world`.
const WORLDS: i64 = 10_000;

diesel::table! {
    world (id) {
        id -> BigInt,
        #[sql_name = "randomnumber"]
        random_number -> BigInt,
    }
}

diesel::table! {
    fortune (id) {
        id -> BigInt,
        message -> Text,
    }
}

diesel::table! {
    items (id) {
        id -> BigInt,
        number -> BigInt,
        name -> Text,
    }
}

#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = world)]
struct World {
    id: i64,
    #[serde(rename = "randomNumber")]
    random_number: i64,
}

#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = fortune)]
struct Fortune {
    id: i64,
    message: String,
}

#[derive(Insertable)]
#[diesel(table_name = items)]
struct NewItem {
    number: i64,
    name: String,
}

#[derive(serde::Deserialize)]
struct Count {
    n: usize,
}

/// Returns a random id of a row in `world`, or a new number for it.
fn random_number() -> i64 {
    fastrand::i64(1..=WORLDS)
}

// ---- queries

fn find(id: i64, db: &mut Db) -> Result<World> {
    Ok(world::table.find(id).select(World::as_select()).first(db)?)
}

fn find_random(db: &mut Db) -> Result<World> {
    find(random_number(), db)
}

fn find_all(count: usize, db: &mut Db) -> Result<Vec<World>> {
    (0..count).map(|_| find_random(db)).collect()
}

fn all_fortunes(db: &mut Db) -> Result<Vec<Fortune>> {
    let mut fortunes = fortune::table.select(Fortune::as_select()).load(db)?;
    fortunes.push(Fortune { id: 0, message: "Additional fortune added at request time.".to_owned() });
    fortunes.sort_by(|a, b| a.message.cmp(&b.message));
    Ok(fortunes)
}

fn update_all(count: usize, db: &mut Db) -> Result<Vec<World>> {
    // Distinct and in order, so that transactions do not wait for each other in a circle.
    let mut ids = BTreeSet::new();
    while ids.len() < count {
        ids.insert(random_number());
    }
    let update = |id| {
        let mut row = find(id, db)?;
        row.random_number = random_number();
        diesel::update(world::table.find(id)).set(world::random_number.eq(row.random_number)).execute(db)?;
        Ok(row)
    };
    ids.into_iter().map(update).collect()
}

fn insert_all(db: &mut Db) -> Result<usize> {
    let rows = (1..=10_000).map(|number| NewItem { number, name: format!("item {number}") });
    Ok(db.copy_into(items::table, rows)?)
}

// ---- plain views

fn world(req: &mut Request) -> Result<Response> {
    Response::json(&find_random(req.db()?)?)
}

fn worlds(req: &mut Request) -> Result<Response> {
    let Count { n } = req.query()?;
    Response::json(&find_all(n, req.db()?)?)
}

fn fortunes(req: &mut Request) -> Result<Response> {
    let fortunes = all_fortunes(req.db()?)?;
    req.render("fortunes.html", context! { fortunes })
}

fn update(req: &mut Request) -> Result<Response> {
    let Count { n } = req.query()?;
    Response::json(&update_all(n, req.db()?)?)
}

fn insert(req: &mut Request) -> Result<String> {
    Ok(insert_all(req.db()?)?.to_string())
}

fn export(req: &mut Request) -> Result<Response> {
    req.stream_db("text/csv", |db, out| {
        writeln!(out, "id,number,name")?;
        for row in items::table.order(items::id).load_iter::<(i64, i64, String), RowByRow>(db)? {
            let (id, number, name) = row?;
            writeln!(out, "{id},{number},{name}")?;
        }
        Ok(())
    })
}

// ---- async views

async fn world_async(req: &mut Request) -> Result<Response> {
    Response::json(&req.run_db(find_random).await?)
}

async fn worlds_async(req: &mut Request) -> Result<Response> {
    let Count { n } = req.query()?;
    Response::json(&req.run_db(move |db| find_all(n, db)).await?)
}

async fn fortunes_async(req: &mut Request) -> Result<Response> {
    let fortunes = req.run_db(all_fortunes).await?;
    req.render("fortunes.html", context! { fortunes })
}

async fn update_async(req: &mut Request) -> Result<Response> {
    let Count { n } = req.query()?;
    Response::json(&req.run_db(move |db| update_all(n, db)).await?)
}

fn main() {
    let urls = Router::new()
        .get("/db", world)
        .get("/queries", worlds)
        .get("/fortunes", fortunes)
        .post("/updates", update)
        .csrf_exempt()
        .post("/insert", insert)
        .csrf_exempt()
        .get("/csv", export)
        .get("/db-async", world_async)
        .get("/queries-async", worlds_async)
        .get("/fortunes-async", fortunes_async)
        .post("/updates-async", update_async)
        .csrf_exempt();
    App::new(urls).main()
}
