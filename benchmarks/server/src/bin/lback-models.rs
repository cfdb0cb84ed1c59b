//! Rows of a model beside the same rows with Diesel by hand, on the database in `DATABASE_URL`: `lback-models [SECONDS]`.

use std::time::{Duration, Instant};

use lback::db::{Database, DbSettings};
use lback::diesel::connection::SimpleConnection;
use lback::diesel::result::Error as DieselError;
use lback::prelude::*;
use lback::settings::Secret;

#[derive(Model, Clone, Debug)]
#[model(order = "-id")]
pub struct Post {
    pub id: i64,
    pub author_id: i64,
    #[model(max_length = 120)]
    pub title: String,
    #[model(max_length = 120, unique)]
    pub slug: String,
    pub body: String,
    pub likes: i32,
    pub is_public: bool,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
}

mod by_hand {
    #![expect(dead_code, reason = "rows are read, but their fields are not")]

    use lback::chrono::{DateTime, Utc};
    use lback::diesel;
    use lback::diesel::prelude::*;

    use super::posts;

    #[derive(Clone, Debug, Queryable, Selectable)]
    #[diesel(table_name = posts)]
    pub struct Post {
        pub id: i64,
        pub author_id: i64,
        pub title: String,
        pub slug: String,
        pub body: String,
        pub likes: i32,
        pub is_public: bool,
        pub created_at: DateTime<Utc>,
        pub published_at: Option<DateTime<Utc>>,
    }

    #[derive(Clone, Debug, Insertable)]
    #[diesel(table_name = posts)]
    pub struct NewPost {
        pub author_id: i64,
        pub title: String,
        pub slug: String,
        pub body: String,
        pub likes: i32,
        pub is_public: bool,
        pub created_at: DateTime<Utc>,
        pub published_at: Option<DateTime<Utc>>,
    }
}

const BODY: &str = "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do.";
/// How many rows there are, for `find` and `page`.
const ROWS: i64 = 10_000;

fn new(number: i64) -> NewPost {
    NewPost {
        author_id: number % 100,
        title: format!("Chapter {number}"),
        slug: format!("chapter-{number}"),
        body: BODY.to_owned(),
        published_at: Some(DateTime::UNIX_EPOCH),
        ..Default::default()
    }
}

fn new_by_hand(number: i64) -> by_hand::NewPost {
    let NewPost { author_id, title, slug, body, likes, is_public, published_at } = new(number);
    by_hand::NewPost { author_id, title, slug, body, likes, is_public, created_at: Utc::now(), published_at }
}

type Work = fn(&mut Db, i64) -> Result<()>;

/// A name, the work by hand, and the work with the model. The number is another one at each call.
const TASKS: [(&str, Work, Work); 4] = [
    (
        "find",
        |db, number| {
            let found = posts::table.find(number % ROWS + 1).select(by_hand::Post::as_select());
            found.first::<by_hand::Post>(db).map(drop).map_err(Into::into)
        },
        |db, number| Post::find(db, number % ROWS + 1).map(drop),
    ),
    (
        "create",
        |db, number| {
            let insert = diesel::insert_into(posts::table).values(new_by_hand(ROWS + number)).returning(by_hand::Post::as_returning());
            insert.get_result::<by_hand::Post>(db).map(drop).map_err(Into::into)
        },
        |db, number| Post::create(db, new(ROWS + number)).map(drop),
    ),
    (
        "page",
        |db, number| {
            let _: i64 = posts::table.count().get_result(db)?;
            let newest = posts::table.order(posts::id.desc()).limit(20).offset(number % 100 * 20);
            newest.select(by_hand::Post::as_select()).load::<by_hand::Post>(db).map(drop).map_err(Into::into)
        },
        |db, number| Post::ordered().page::<Post>(db, u32::try_from(number % 100)? + 1, 20).map(drop),
    ),
    (
        "create 10,000",
        |db, number| {
            let rows: Vec<_> = (0..10_000).map(|row| new_by_hand(number * 10_000 + ROWS + row)).collect();
            for rows in rows.chunks(1000) {
                diesel::insert_into(posts::table).values(rows).execute(db)?;
            }
            Ok(())
        },
        |db, number| Post::create_many(db, (0..10_000).map(|row| new(number * 10_000 + ROWS + row))).map(drop),
    ),
];

/// Runs the work for some time, in a transaction that is rolled back, and returns how often it was done per second.
fn rate(db: &mut Db, work: Work, time: Duration) -> Result<f64> {
    let mut rate = 0.0;
    let undone = db.transaction(|db| -> Result<()> {
        for number in 0..3 {
            work(db, number)?;
        }
        let (start, mut count) = (Instant::now(), 3);
        while start.elapsed() < time {
            work(db, count)?;
            count += 1;
        }
        rate = f64::from(count as i32 - 3) / start.elapsed().as_secs_f64();
        Err(DieselError::RollbackTransaction.into())
    });
    match undone {
        Err(error) if !matches!(error.find_source(), Some(DieselError::RollbackTransaction)) => Err(error),
        _ => Ok(rate),
    }
}

fn main() -> Result<()> {
    let seconds = std::env::args().nth(1).and_then(|argument| argument.parse().ok()).unwrap_or(1.0);
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let settings = DbSettings { database_url: Secret::new(url), ..DbSettings::default() };
    let db = &mut Database::open(&settings, std::path::Path::new("."))?.connect()?;
    let (id, moment) = match db.kind().is_server() {
        false => ("INTEGER NOT NULL PRIMARY KEY", "TIMESTAMP"),
        true => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "TIMESTAMPTZ"),
    };
    db.batch_execute(&format!(
        "CREATE TABLE posts (id {id}, author_id BIGINT NOT NULL, title TEXT NOT NULL, slug TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
            likes INTEGER NOT NULL, is_public BOOLEAN NOT NULL, created_at {moment} NOT NULL, published_at {moment})"
    ))?;
    Post::create_many(db, (0..ROWS).map(new))?;
    println!("| task | Diesel by hand, per second | model, per second | ratio |\n| --- | ---: | ---: | ---: |");
    for (name, by_hand, model) in TASKS {
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..5 {
            rates[0].push(rate(db, by_hand, Duration::from_secs_f64(seconds))?);
            rates[1].push(rate(db, model, Duration::from_secs_f64(seconds))?);
        }
        let [by_hand, model] = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        println!("| {name} | {by_hand:.0} | {model:.0} | {:.2} |", model / by_hand);
    }
    db.batch_execute("DROP TABLE posts")?;
    Ok(())
}
