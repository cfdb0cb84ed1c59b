//! What `Db` can do: each kind of statement through the same code on both databases.

mod clock;
mod combined;
mod expressions;
mod inserts;
mod locks;
mod prepared;
mod returning;
mod rows;
mod streams;
#[cfg(feature = "time-zones")]
mod time_zones;
mod times;
mod upserts;
#[cfg(feature = "uuid")]
mod uuids;

use lback::chrono::NaiveDateTime;
use lback::db::Dialect;
use lback::prelude::*;
use lback::testing::Client;

use crate::sql;

diesel::table! {
    posts (id) {
        id -> BigInt,
        slug -> Text,
        title -> Text,
        body -> Nullable<Text>,
        views -> Integer,
        status -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    likes (user_id, post_id) {
        user_id -> BigInt,
        post_id -> BigInt,
        weight -> Integer,
    }
}

diesel::allow_tables_to_appear_in_same_query!(posts, likes);
diesel::joinable!(likes -> posts (post_id));

#[derive(Clone, Debug, PartialEq, Identifiable, Queryable, Selectable)]
#[diesel(check_for_backend(Dialect))]
struct Post {
    id: i64,
    slug: String,
    title: String,
    body: Option<String>,
    views: i32,
    status: Option<String>,
    created_at: NaiveDateTime,
}

/// A post of which all but the slug and the title may be left to the table.
#[derive(Clone, Debug, Default, Insertable)]
#[diesel(table_name = posts)]
struct NewPost<'a> {
    slug: &'a str,
    title: &'a str,
    body: Option<&'a str>,
    views: Option<i32>,
    status: Option<String>,
    created_at: Option<NaiveDateTime>,
}

fn post(slug: &str) -> NewPost<'_> {
    NewPost { slug, title: slug, ..NewPost::default() }
}

fn is_sqlite(on: &str) -> bool {
    on.is_empty()
}

/// An application with the tables, on the database that a line of settings names.
fn client(on: &str) -> Client {
    let client = Client::with_settings(App::new(Router::new()), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    let (id, unicode) = if is_sqlite(on) { ("INTEGER PRIMARY KEY", "") } else { ("BIGSERIAL PRIMARY KEY", "COLLATE \"und-x-icu\"") };
    sql(
        &client,
        &format!(
            "CREATE TABLE posts (
                 id {id},
                 slug TEXT NOT NULL UNIQUE,
                 title TEXT {unicode} NOT NULL,
                 body TEXT,
                 views INTEGER NOT NULL DEFAULT 7,
                 status TEXT DEFAULT 'draft',
                 created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
             );
             CREATE TABLE likes (user_id BIGINT NOT NULL, post_id BIGINT NOT NULL, weight INTEGER NOT NULL, PRIMARY KEY (user_id, post_id))"
        ),
    );
    client
}

fn slugs(db: &mut Db) -> QueryResult<Vec<String>> {
    posts::table.order(posts::id).select(posts::slug).load(db)
}
