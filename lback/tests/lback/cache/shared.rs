//! Values in a store that processes share.

use lback::cache::Cache;
use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::Redis;

use super::{Meeting, Post, SETTINGS, client_of, computed, posts, title};

fn urls() -> Router {
    Router::new()
        .get("/title", |req: &mut Request| -> Result<String> {
            let entry = req.cache()?.entry("title").depends_on::<Post>();
            let value = entry.get_or_set(|| Ok(format!("{} {}", title(req.db()?, 1)?, computed(req)?)))?;
            Ok(value.to_string())
        })
        .get("/async", async |req: &mut Request| -> Result<String> {
            let entry = req.cache()?.entry("async").tag("x");
            Ok(entry.get_or_set_async(async move { computed(req) }).await?.to_string())
        })
        .get("/page", |req: &mut Request| -> Result<String> { Ok(format!("<p>\u{e4} {}</p>", computed(req)?)) })
        .cached(Cached::until_changed().depends_on::<Post>())
}

fn app(meeting: &Meeting) -> App {
    App::new(urls()).cache().state(meeting.clone())
}

/// Values survive the process, and are still compared with the changes of the database.
fn survives(on: &str, flush: impl Fn(&Client)) {
    let (client, meeting) = client_of(on, urls());
    let all = |client: &Client| ["/title", "/async", "/page"].map(|path| client.get(path).send().assert_status(200).text().to_owned());
    let first = all(&client);
    assert_eq!(first, ["first 1", "2", "<p>\u{e4} 3</p>"], "{on}");
    flush(&client);
    let again = client.restart(app(&meeting));
    assert_eq!((all(&again), meeting.count()), (first.clone(), 3), "{on}");
    // A process that does not serve changes the table.
    client.db(|db| diesel::update(posts::table.find(1)).set(posts::title.eq("second")).execute(db));
    assert_eq!(all(&again), ["second 4".to_owned(), "2".to_owned(), "<p>\u{e4} 5</p>".to_owned()], "{on}");
    flush(&again);
    let third = again.restart(app(&meeting));
    assert_eq!((all(&third), meeting.count()), (["second 4".to_owned(), "2".to_owned(), "<p>\u{e4} 5</p>".to_owned()], 5), "{on}");
    assert_eq!(third.command("clearcache", &[]).trim(), "removed all values");
    assert_eq!(all(&third), ["second 6".to_owned(), "7".to_owned(), "<p>\u{e4} 8</p>".to_owned()], "{on}");
}

/// Waits until the values are in the database.
fn written(client: &Client) {
    let begin = std::time::Instant::now();
    while crate::number(client, "SELECT count(*) FROM cache_entries") < 3 {
        assert!(begin.elapsed().as_secs() < 30, "the values are not written");
        std::thread::yield_now();
    }
    client.app().state::<Cache>().unwrap().get::<i32>("none").unwrap();
}

#[test]
fn in_the_database() {
    survives("CACHE_URL = 'database:'", written);
    if let Some(url) = crate::postgres_url() {
        survives(&format!("{url}\nCACHE_URL = 'database:'"), written);
    }
}

#[test]
fn in_redis() {
    let Some(redis) = Redis::start() else { return };
    survives(&format!("CACHE_URL = '{}'\nCACHE_PREFIX = 'one:'", redis.url()), |_| {});
    if let Some(url) = crate::postgres_url() {
        survives(&format!("{url}\nCACHE_URL = '{}'\nCACHE_PREFIX = 'two:'", redis.url()), |_| {});
    }
}

#[test]
fn pages_work_without_redis() {
    let Some(mut redis) = Redis::start() else { return };
    let (client, meeting) = client_of(&format!("CACHE_URL = '{}'\nCACHE_TIMEOUT_MS = 200", redis.url()), urls());
    let all = || ["/title", "/async", "/page"].map(|path| client.get(path).send().assert_status(200).text().to_owned());
    all();
    redis.command(&["FLUSHALL"]);
    all();
    assert_eq!(meeting.count(), 6);
    redis.pause();
    all();
    redis.resume();
    redis.kill();
    let before = meeting.count();
    all();
    all();
    assert_eq!(meeting.count(), before + 6);
    redis.start_again();
    let begin = std::time::Instant::now();
    loop {
        let before = meeting.count();
        all();
        if meeting.count() == before {
            break;
        }
        assert!(begin.elapsed().as_secs() < 30, "Redis is not used again");
    }
}

#[test]
fn clearing_the_memory_of_a_server_is_refused() {
    let client = Client::with_settings(app(&Meeting::default()), SETTINGS);
    let message = client.try_command("clearcache", &[]).unwrap_err().to_string();
    assert!(message.contains("Restart"), "{message}");
}
