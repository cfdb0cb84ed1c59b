//! Computations and commits at the same time.

use std::thread;

use lback::prelude::*;

use super::{Meeting, Post, client_of, computed, posts, title};
use crate::unit_of_work::on_each_database;

on_each_database!(
    what_was_computed_before_a_commit_is_not_used_after_it,
    a_waiting_request_is_not_given_what_is_older_than_itself,
    a_transaction_that_sees_an_older_state_stores_nothing_newer,
);

/// Reads the title, and waits at the gate if it is the first to compute it.
fn read(req: &mut Request) -> Result<String> {
    let title = title(req.db()?, 1)?;
    if computed(req)? == 1 {
        req.state::<Meeting>()?.gate.pass();
    }
    Ok(title)
}

fn urls() -> Router {
    Router::new()
        .get("/title", |req: &mut Request| -> Result<String> {
            Ok(req.cache()?.entry("title").depends_on::<Post>().get_or_set(|| read(req))?.to_string())
        })
        .get("/open-first", |req: &mut Request| -> Result<String> {
            title(req.db()?, 2)?;
            Ok(req.cache()?.entry("title").depends_on::<Post>().get_or_set(|| read(req))?.to_string())
        })
        .get("/handle-first", |req: &mut Request| -> Result<String> {
            let cache = req.cache()?;
            title(req.db()?, 2)?;
            Ok(cache.entry("title").depends_on::<Post>().get_or_set(|| read(req))?.to_string())
        })
        .get("/one-state/{when}", |req: &mut Request| -> Result<String> {
            req.isolation(lback::db::Isolation::RepeatableRead)?;
            let when: String = req.param("when")?;
            let early = if when == "before" { Some(req.cache()?) } else { None };
            // The transaction sees the database as it is now.
            title(req.db()?, 2)?;
            req.state::<Meeting>()?.gate.pass();
            let cache = match early {
                Some(cache) => cache,
                None => req.cache()?,
            };
            Ok(cache.entry("title").depends_on::<Post>().get_or_set(|| title(req.db()?, 1))?.to_string())
        })
        .post("/title/{to}", |req: &mut Request| -> Result<()> {
            let to: String = req.param("to")?;
            diesel::update(posts::table.find(1)).set(posts::title.eq(to)).execute(req.db()?)?;
            Ok(())
        })
}

fn what_was_computed_before_a_commit_is_not_used_after_it(on: &str) {
    for path in ["/title", "/open-first", "/handle-first"] {
        let (client, meeting) = client_of(on, urls());
        thread::scope(|scope| {
            let early = scope.spawn(|| client.fork().get(path).send().text().to_owned());
            meeting.gate.reached();
            client.post("/title/second").send().assert_status(204);
            meeting.gate.open();
            assert_eq!(early.join().unwrap(), "first");
        });
        assert_eq!((client.get(path).send().text(), meeting.count()), ("second", 2), "{path}");
        client.get(path).send();
        // A transaction that began before the change was known is not trusted to have seen it.
        let computations = meeting.count();
        assert!(computations <= 3 && (computations == 2 || path == "/handle-first"), "{path}: {computations}");
        assert_eq!((client.get(path).send().text(), meeting.count()), ("second", computations), "{path}");
    }
}

fn a_waiting_request_is_not_given_what_is_older_than_itself(on: &str) {
    let (client, meeting) = client_of(on, urls());
    thread::scope(|scope| {
        let early = scope.spawn(|| client.fork().get("/title").send().text().to_owned());
        meeting.gate.reached();
        client.post("/title/second").send().assert_status(204);
        // This request waits for the early one.
        let late = scope.spawn(|| client.fork().get("/title").send().text().to_owned());
        thread::sleep(std::time::Duration::from_millis(30));
        meeting.gate.open();
        assert_eq!((early.join().unwrap().as_str(), late.join().unwrap().as_str()), ("first", "second"));
    });
}

fn a_transaction_that_sees_an_older_state_stores_nothing_newer(on: &str) {
    for when in ["before", "after"] {
        let (client, meeting) = client_of(on, urls());
        thread::scope(|scope| {
            let early = scope.spawn(|| client.fork().get(&format!("/one-state/{when}")).send().text().to_owned());
            meeting.gate.reached();
            client.post("/title/second").send().assert_status(204);
            meeting.gate.open();
            assert_eq!(early.join().unwrap(), "first", "{when}");
        });
        meeting.computations.store(5, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(client.get("/title").send().text(), "second", "{when}");
    }
}
