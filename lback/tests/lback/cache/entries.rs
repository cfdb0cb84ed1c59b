//! Values with a time, versions and tags, in each store.

use std::time::Duration;

use lback::cache::Cache;
use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::Redis;

use super::{Meeting, SETTINGS, client_of, computed};

const MINUTE: Duration = Duration::from_secs(60);

/// Runs the test with each store.
fn in_each_store(test: impl Fn(&str)) {
    test("");
    test("CACHE_URL = 'database:'");
    if let Some(url) = crate::postgres_url() {
        test(&format!("{url}\nCACHE_URL = 'database:'"));
    }
    if let Some(redis) = Redis::start() {
        test(&format!("CACHE_URL = '{}'", redis.url()));
    }
}

fn cache(client: &Client) -> Cache {
    client.app().state::<Cache>().unwrap().clone()
}

#[test]
fn values_are_kept_until_they_are_removed() {
    in_each_store(|on| {
        let (client, _) = client_of(on, Router::new());
        let cache = cache(&client);
        assert_eq!(cache.get::<String>("a").unwrap(), None, "{on}");
        cache.set("a", &"one".to_owned()).unwrap();
        cache.set("b", &vec![1, 2]).unwrap();
        assert_eq!(cache.get::<String>("a").unwrap().as_deref().map(String::as_str), Some("one"), "{on}");
        assert_eq!(cache.get::<Vec<i32>>("b").unwrap().as_deref(), Some(&vec![1, 2]));
        assert_eq!(cache.get::<Vec<i32>>("a").unwrap(), None, "a value of another type");
        cache.set("a", &"two".to_owned()).unwrap();
        assert_eq!(cache.get::<String>("a").unwrap().unwrap().as_str(), "two");
        cache.remove("a").unwrap();
        assert_eq!(cache.get::<String>("a").unwrap(), None);
        cache.clear().unwrap();
        assert_eq!(cache.get::<Vec<i32>>("b").unwrap(), None);
        cache.set("b", &1).unwrap();
        assert_eq!(cache.get::<i32>("b").unwrap().as_deref(), Some(&1));
    });
}

#[test]
fn a_value_is_used_for_its_time_and_a_little_longer_while_it_is_computed() {
    in_each_store(|on| {
        let (client, _) = client_of(on, Router::new());
        let cache = cache(&client);
        let get = |value: i32| {
            let entry = cache.entry("a").ttl(MINUTE).stale_for(MINUTE);
            *entry.get_or_set(|| Ok(value)).unwrap()
        };
        assert_eq!((get(1), get(2)), (1, 1), "{on}");
        client.clock().advance(MINUTE - Duration::from_secs(1));
        assert_eq!(get(3), 1);
        client.clock().advance(Duration::from_secs(1));
        // The one that computes gets its own value, and another the stale one.
        let entry = cache.entry("a").ttl(MINUTE).stale_for(MINUTE);
        let computed = entry.get_or_set(|| {
            assert_eq!(get(5), 1);
            Ok(4)
        });
        assert_eq!((*computed.unwrap(), get(6)), (4, 4), "{on}");
        client.clock().advance(2 * MINUTE);
        assert_eq!(cache.entry("a").get::<i32>().unwrap(), None);
        assert_eq!(get(7), 7);
    });
}

#[test]
fn another_version_and_a_removed_tag_are_computed_again() {
    in_each_store(|on| {
        let (client, _) = client_of(on, Router::new());
        let cache = cache(&client);
        let versioned = |version: u32, value: i32| *cache.entry("a").version(version).get_or_set(|| Ok(value)).unwrap();
        assert_eq!((versioned(1, 1), versioned(1, 2), versioned(2, 3), versioned(2, 4)), (1, 1, 3, 3), "{on}");
        let tagged = |key: &str, value: i32| *cache.entry(key).tag("x").tag(key).get_or_set(|| Ok(value)).unwrap();
        assert_eq!((tagged("b", 1), tagged("c", 2)), (1, 2));
        cache.remove_tag("b").unwrap();
        assert_eq!((tagged("b", 3), tagged("c", 4)), (3, 2));
        cache.remove_tag("x").unwrap();
        assert_eq!((tagged("b", 5), tagged("c", 6), tagged("c", 7)), (5, 6, 6));
        // What was computed before a tag was removed is not used afterwards.
        let entry = cache.entry("d").tag("x");
        let value = entry.get_or_set(|| {
            cache.remove_tag("x")?;
            Ok(1)
        });
        assert_eq!((*value.unwrap(), *cache.entry("d").tag("x").get_or_set(|| Ok(2)).unwrap()), (1, 2), "{on}");
    });
}

#[test]
fn what_is_removed_while_it_is_computed_is_computed_again() {
    in_each_store(|on| {
        let (client, _) = client_of(on, Router::new());
        let cache = cache(&client);
        for remove in [|cache: &Cache| cache.remove("a"), |cache: &Cache| cache.clear()] {
            cache.remove("a").unwrap();
            let value = cache.entry("a").get_or_set(|| {
                remove(&cache)?;
                Ok(1)
            });
            assert_eq!((*value.unwrap(), cache.get::<i32>("a").unwrap()), (1, None), "{on}");
        }
    });
}

#[test]
fn failures_are_not_kept() {
    let (client, _) = client_of("", Router::new());
    let cache = cache(&client);
    let failed = cache.entry("a").get_or_set(|| -> Result<i32> { Err(Error::not_found("none")) });
    assert_eq!(failed.unwrap_err().status(), 404);
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.entry("a").get_or_set(|| -> Result<i32> { panic!("on purpose") })));
    assert!(panicked.is_err());
    assert_eq!(*cache.entry("a").get_or_set(|| Ok(1)).unwrap(), 1);
}

#[test]
fn a_value_that_is_too_large_is_refused_and_a_page_still_works() {
    in_each_store(|on| {
        let (client, _) = client_of(&format!("{on}\nCACHE_MAX_VALUE_KB = 1"), Router::new());
        let cache = cache(&client);
        let large = "x".repeat(2000);
        let message = cache.set("a", &large).unwrap_err().to_string();
        assert!(message.contains("CACHE_MAX_VALUE_KB"), "{message}");
        assert_eq!(cache.entry("a").get_or_set(|| Ok(large.clone())).unwrap().len(), 2000);
        assert_eq!(cache.get::<String>("a").unwrap(), None, "{on}");
    });
}

#[test]
fn hostile_keys_are_harmless() {
    in_each_store(|on| {
        let (client, _) = client_of(on, Router::new());
        let cache = cache(&client);
        let long = "x".repeat(1_000_000);
        let keys = ["", "\0", "a\nb", "'; DROP TABLE cache_entries; --", "\u{1f600}", "tag:1", " tag:1", "*", &long, &format!("{long}y")];
        for (number, key) in keys.iter().enumerate() {
            cache.set(key, &number).unwrap();
        }
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(cache.get::<usize>(key).unwrap().as_deref(), Some(&number), "{on}");
        }
    });
}

#[test]
fn the_memory_is_bounded() {
    let (client, _) = client_of("CACHE_MEMORY_MB = 1", Router::new());
    let cache = cache(&client);
    for number in 0..20_000 {
        cache.set(&format!("key {number}"), &"x".repeat(1000)).unwrap();
    }
    let found = (0..20_000).filter(|number| cache.get::<String>(&format!("key {number}")).unwrap().is_some()).count();
    // A value takes a little more than its text.
    assert!((100..=1048).contains(&found), "{found}");
}

#[test]
fn a_view_reads_and_computes() {
    let router = Router::new()
        .get("/plain", |req: &mut Request| -> Result<String> {
            let value = req.cache()?.entry("plain").get_or_set(|| computed(req))?;
            Ok(value.to_string())
        })
        .get("/async", async |req: &mut Request| -> Result<String> {
            let entry = req.cache()?.entry("async");
            let value = entry.get_or_set_async(async move { computed(req) }).await?;
            Ok(value.to_string())
        });
    let (client, meeting) = client_of("", router);
    for path in ["/plain", "/plain", "/async", "/async"] {
        client.get(path).send().assert_status(200);
    }
    assert_eq!((meeting.count(), client.get("/async").send().text()), (2, "2"));
    let counts = cache(&client).counts();
    assert_eq!((counts.hits, counts.misses), (3, 2));
}

#[test]
fn wrong_use_says_what_to_do() {
    let (client, _) = client_of("", Router::new());
    let cache = cache(&client);
    let message = cache.entry("a").depends_on_table("posts").set(&1).unwrap_err().to_string();
    assert!(message.contains("get_or_set"), "{message}");
    let message = cache.entry("a").depends_on_table("sessions").get_or_set(|| Ok(1)).unwrap_err().to_string();
    assert!(message.contains("sessions"), "{message}");
    let message = cache.entry("a").depends_on_table("postz").get_or_set(|| Ok(1)).unwrap_err().to_string();
    assert!(message.contains("postz"), "{message}");
    let app = App::new(Router::new()).without_database().without_sessions().cache().state(Meeting::default());
    let client = Client::with_settings(app, "ALLOWED_HOSTS = ['*']");
    let cache = client.app().state::<Cache>().unwrap();
    assert_eq!(*cache.entry("a").get_or_set(|| Ok(1)).unwrap(), 1);
    let message = cache.entry("a").depends_on_table("posts").get_or_set(|| Ok(1)).unwrap_err().to_string();
    assert!(message.contains("no database"), "{message}");
    let refused = crate::start_error(App::new(Router::new()).cache(), &format!("{SETTINGS}\nCACHE_URL = 'memcached://x'"));
    assert!(refused.contains("CACHE_URL"), "{refused}");
    let none = |req: &mut Request| -> Result<()> { req.cache().map(drop) };
    let client = Client::with_settings(App::new(Router::new().get("/", none)), SETTINGS);
    client.get("/").send().assert_status(500);
}
