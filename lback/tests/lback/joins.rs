//! Tables of an application in one query with those of the framework.

#[cfg(feature = "auth")]
use lback::auth::auth_users;
#[cfg(all(feature = "auth", feature = "jobs"))]
use lback::auth::{NewUser, auth_groups, auth_users_groups};
use lback::db::joinable_tables;
use lback::prelude::*;
use lback::session::{Record, sessions};
use lback::testing::Client;

use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(the_frameworks_tables_join_those_of_an_application);

#[cfg(all(feature = "auth", feature = "jobs"))]
mod of_batteries {
    use super::three_tables_of_three_crates_join;
    use crate::unit_of_work::on_each_database;

    on_each_database!(three_tables_of_three_crates_join);
}

mod posts_of_members {
    lback::diesel::table! {
        posts (id) {
            id -> BigInt,
            author_id -> BigInt,
            title -> Text,
        }
    }
    lback::diesel::table! {
        comments (id) {
            id -> BigInt,
            post_id -> BigInt,
        }
    }
}
use posts_of_members::{comments, posts};

joinable_tables![posts_of_members::posts, posts_of_members::comments];
diesel::joinable!(comments -> posts (post_id));
#[cfg(feature = "auth")]
diesel::joinable!(posts -> auth_users (author_id));

fn client(on: &str) -> Client {
    let app = App::new(Router::new());
    #[cfg(feature = "auth")]
    let app = app.auth();
    #[cfg(feature = "mail")]
    let app = app.mail();
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    sql(
        &client,
        "CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, title TEXT NOT NULL);
         CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL);
         INSERT INTO posts VALUES (1, 1, 'First'), (2, 9, 'of nobody');
         INSERT INTO comments VALUES (1, 1)",
    );
    client
}

fn session_of(client: &Client, user_id: i64) -> Record {
    let data = lback::serde_json::json!({ "user_id": user_id });
    client.sessions().create(data.as_object().unwrap().clone()).unwrap()
}

fn the_frameworks_tables_join_those_of_an_application(on: &str) {
    let client = client(on);
    let record = session_of(&client, 1);
    let on_line = posts::table.inner_join(sessions::table.on(sessions::user_id.eq(posts::author_id.nullable())));
    let found: Vec<(String, i64)> = client.db(|db| on_line.select((posts::title, sessions::version)).load(db));
    assert_eq!(found, [("First".to_owned(), record.version)]);
    let within = posts::table.filter(posts::author_id.nullable().eq_any(sessions::table.select(sessions::user_id)));
    let count: i64 = client.db(|db| within.count().get_result(db));
    assert_eq!(count, 1);
    let both = posts::table.inner_join(comments::table).select((posts::id, comments::id));
    assert_eq!(client.db(|db| both.load::<(i64, i64)>(db)), [(1, 1)]);
}

#[cfg(all(feature = "auth", feature = "jobs"))]
fn three_tables_of_three_crates_join(on: &str) {
    use lback::jobs::job_queue;

    let client = client(on);
    let alice = client.db(|db| NewUser::new("alice", "a long enough secret").insert(db, lback::chrono::Utc::now()));
    assert_eq!(alice.id, 1);
    session_of(&client, alice.id);
    // From the battery's table and from the application's.
    let from_users = auth_users::table.inner_join(posts::table).select((auth_users::username, posts::title));
    let from_posts = posts::table.inner_join(auth_users::table).select((auth_users::username, posts::title));
    let expected = [("alice".to_owned(), "First".to_owned())];
    assert_eq!(client.db(|db| from_users.load::<(String, String)>(db)), expected);
    assert_eq!(client.db(|db| from_posts.load::<(String, String)>(db)), expected);
    let all = posts::table
        .inner_join(auth_users::table)
        .inner_join(comments::table)
        .inner_join(sessions::table.on(sessions::user_id.eq(auth_users::id.nullable())))
        .left_join(auth_users_groups::table.on(auth_users_groups::user_id.eq(auth_users::id)))
        .left_join(auth_groups::table.on(auth_groups::id.eq(auth_users_groups::group_id)))
        .left_join(job_queue::table.on(job_queue::id.eq(posts::id)))
        .select((
            posts::title,
            auth_users::username,
            comments::id,
            sessions::user_id,
            auth_groups::name.nullable(),
            job_queue::id.nullable(),
        ));
    type Row = (String, String, i64, Option<i64>, Option<String>, Option<i64>);
    let rows: Vec<Row> = client.db(|db| all.load(db));
    assert_eq!(rows, [("First".to_owned(), "alice".to_owned(), 1, Some(1), None, None)]);
}
