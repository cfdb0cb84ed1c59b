//! The rules of sessions (`sessions.md`), by number, for every store.

mod changes;
mod combined;
mod conflicts;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod connections;
mod cookie_store;
mod cookies;
mod creating;
mod ending;
mod failing;
mod flash;
mod housekeeping;
mod interruption;
mod late;
mod logging;
mod meta;
mod reading;
#[cfg(feature = "redis")]
mod redis;
mod renewal;
mod rotation;
mod settings;
mod socket;
pub(crate) mod store;
mod values;

pub(crate) use store::{Fault, Store};

use std::time::Duration;

use lback::prelude::*;
use lback::session::SessionId;
use lback::testing::{Client, TestResponse};

/// Makes of each function one test per store. What follows `server:` needs a store that the application can reach by itself:
/// the cookie store promises less, see `cookie_store.rs`.
macro_rules! suite {
    // For tests of what happens when the store fails; memory never does.
    (failing: $($test:ident),* $(,)?) => {
        $crate::sessions::suite!(@databases $($test)*);
        $crate::sessions::suite!(@store custom: $($test)*);
        $crate::sessions::suite!(@store #[cfg(feature = "redis")] redis: $($test)*);
    };
    // For tests of what only a database can do, or have done to it.
    (databases: $($test:ident),* $(,)?) => {
        $crate::sessions::suite!(@databases $($test)*);
    };
    (@databases $($test:ident)*) => {
        $crate::sessions::suite!(@store #[cfg(feature = "sqlite")] database: $($test)*);
        $crate::sessions::suite!(@store #[cfg(feature = "postgres")] postgres: $($test)*);
    };
    (server: $($test:ident),* $(,)?) => {
        $crate::sessions::suite!(; server: $($test),*);
    };
    ($($test:ident),*; server: $($kept:ident),* $(,)?) => {
        $crate::sessions::suite!(@databases $($test)* $($kept)*);
        $crate::sessions::suite!(@store memory: $($test)* $($kept)*);
        $crate::sessions::suite!(@store custom: $($test)* $($kept)*);
        $crate::sessions::suite!(@store #[cfg(feature = "redis")] redis: $($test)* $($kept)*);
        $crate::sessions::suite!(@store cookie: $($test)*);
    };
    ($($test:ident),* $(,)?) => {
        $crate::sessions::suite!($($test),*; server:);
    };
    (@store $(#[$when:meta])? $store:ident:) => {};
    (@store $(#[$when:meta])? $store:ident: $($test:ident)+) => {
        $(#[$when])?
        mod $store {
            $(
                #[test]
                fn $test() {
                    $crate::sessions::store::run($crate::sessions::Store::$store(), super::$test);
                }
            )+
        }
    };
}
pub(crate) use suite;

const COOKIE: &str = "session_id";
const MINUTE: Duration = Duration::from_secs(60);

/// What most tests ask of an application.
fn urls() -> Router {
    Router::new()
        .get("/untouched", |_: &mut Request| "untouched")
        .get("/touch", |req: &mut Request| req.session().len().to_string())
        .get("/get/{key}", get)
        .post("/set/{key}/{value}", set)
        .post("/remove/{key}", remove)
        .post("/count/{key}", count)
        .post("/login/{id:int}", login)
        .post("/logout", |req: &mut Request| req.session().delete())
        .post("/flash/{message}", flash)
        .get("/flashes", flashes)
}

fn get(req: &mut Request) -> Result<String> {
    let key: String = req.param("key")?;
    Ok(req.session()[key.as_str()].to_string())
}

fn set(req: &mut Request) -> Result<()> {
    let (key, value): (String, String) = (req.param("key")?, req.param("value")?);
    req.session().insert(&key, value)
}

fn remove(req: &mut Request) -> Result<()> {
    let key: String = req.param("key")?;
    req.session().remove(&key);
    Ok(())
}

fn count(req: &mut Request) -> Result<String> {
    let key: String = req.param("key")?;
    Ok(req.session().update(&key, |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
}

fn login(req: &mut Request) -> Result<()> {
    let id: i64 = req.param("id")?;
    req.session().insert("user_id", id)
}

fn flash(req: &mut Request) -> Result<()> {
    let message: String = req.param("message")?;
    req.session().flash("info", &message);
    Ok(())
}

fn flashes(req: &mut Request) -> String {
    req.session().take_flashes().iter().map(|flash| format!("{}:{}", flash.category, flash.message)).collect::<Vec<_>>().join(",")
}

/// The id of the session that the browser's cookie names.
#[track_caller]
fn id(client: &Client) -> SessionId {
    client.session().expect("a stored session").id
}

/// The cookie that the browser holds.
#[track_caller]
fn held(client: &Client) -> String {
    client.cookie(COOKIE).expect("a session cookie")
}

/// Another browser that holds this session cookie for ever.
fn holding(client: &Client, cookie: &str) -> Client {
    let other = client.fork();
    other.set_cookie(COOKIE, cookie);
    other
}

/// The `Set-Cookie` of the session.
fn sent(response: &TestResponse) -> Option<&str> {
    response.headers_all("set-cookie").into_iter().find(|text| text.starts_with("session_id="))
}

#[track_caller]
fn assert_no_cookie(response: &TestResponse) {
    assert_eq!(response.headers_all("set-cookie"), Vec::<&str>::new(), "no cookie should be set by {response:?}");
}

#[track_caller]
fn assert_removes_cookie(response: &TestResponse) {
    let cookie = sent(response).unwrap_or_else(|| panic!("the cookie should be removed by {response:?}"));
    assert!(cookie.starts_with("session_id=;") && cookie.contains("Max-Age=0"), "{cookie}");
}

/// Does the store have a live session of this id?
fn is_live(client: &Client, id: SessionId) -> bool {
    client.sessions().load(id).expect("the store can be read").is_some()
}

/// That the store holds so many sessions. It is emptied by that. What is in cookies cannot be counted.
#[track_caller]
fn assert_stored(client: &Client, sessions: u64) {
    if !client.sessions().is_in_cookies() {
        assert_eq!(count_and_clear(client), sessions);
    }
}

/// How many sessions the store holds. It is emptied by that, and the clock stands a century later.
fn count_and_clear(client: &Client) -> u64 {
    client.clock().advance(Duration::from_secs(101 * 365 * 24 * 3600));
    #[cfg(feature = "redis")]
    if let Some(count) = redis::count_and_clear(client) {
        return count;
    }
    client.sessions().clear_expired().expect("expired sessions can be deleted")
}
