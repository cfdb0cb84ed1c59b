//! What leaves a request leaves with its commit: values that it stores, and removals.

use std::thread;
use std::time::{Duration, Instant};

use lback::cache::Cache;
use lback::prelude::*;

use super::{Meeting, Post, client_of, posts, title};
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_value_is_stored_with_the_commit,
    a_removal_counts_from_the_commit_on,
    a_request_that_stays_open_sees_commits_of_other_processes,
);

fn set(db: &mut Db, to: &str) -> Result<()> {
    Ok(diesel::update(posts::table.find(1)).set(posts::title.eq(to)).execute(db).map(drop)?)
}

fn urls() -> Router {
    Router::new()
        .get("/title", |req: &mut Request| -> Result<String> {
            Ok(req.cache()?.entry("title").get_or_set(|| title(req.db()?, 1))?.to_string())
        })
        .post("/store/{end}", |req: &mut Request| -> Result<()> {
            set(req.db()?, "changed")?;
            req.cache()?.entry("title").get_or_set(|| title(req.db()?, 1))?;
            req.cache()?.set("set", &1)?;
            if req.param::<String>("end")? == "fail" { Err(Error::internal("on purpose")) } else { Ok(()) }
        })
        .post("/remove/{what}", |req: &mut Request| -> Result<()> {
            let cache = req.cache()?;
            match req.param::<String>("what")?.as_str() {
                "key" => cache.remove("title")?,
                "tag" => cache.remove_tag("x")?,
                _ => cache.clear()?,
            }
            set(req.db()?, "changed")?;
            req.state::<Meeting>()?.gate.pass();
            Ok(())
        })
        .get("/tagged", |req: &mut Request| -> Result<String> {
            Ok(req.cache()?.entry("title").tag("x").get_or_set(|| title(req.db()?, 1))?.to_string())
        })
        .get("/open", |req: &mut Request| -> Result<String> {
            let read = |req: &mut Request| -> Result<String> {
                let entry = req.cache()?.entry("open").depends_on::<Post>();
                Ok(entry.get_or_set(|| req.read_db(|db| title(db, 1)))?.to_string())
            };
            let (first, begun) = (read(req)?, Instant::now());
            req.state::<Meeting>()?.gate.pass();
            loop {
                let now = read(req)?;
                if now != first || begun.elapsed() > Duration::from_secs(30) {
                    return Ok(now);
                }
                thread::sleep(Duration::from_millis(20));
            }
        })
}

fn a_value_is_stored_with_the_commit(on: &str) {
    let (client, _) = client_of(on, urls());
    let cache = client.app().state::<Cache>().unwrap();
    client.post("/store/fail").send().assert_status(500);
    assert_eq!((cache.get::<i32>("set").unwrap(), cache.get::<String>("title").unwrap()), (None, None));
    client.post("/store/commit").send().assert_status(204);
    assert_eq!(cache.get::<i32>("set").unwrap().as_deref(), Some(&1));
    assert_eq!(cache.get::<String>("title").unwrap().as_deref().map(String::as_str), Some("changed"));
}

fn a_removal_counts_from_the_commit_on(on: &str) {
    for (what, path) in [("key", "/title"), ("all", "/title"), ("tag", "/tagged")] {
        let (client, meeting) = client_of(on, urls());
        let read = || client.fork().get(path).send().text().to_owned();
        assert_eq!(read(), "first");
        thread::scope(|scope| {
            let removing = scope.spawn(|| client.fork().post(&format!("/remove/{what}")).send().status());
            meeting.gate.reached();
            // Computed and stored again before the commit.
            assert_eq!(read(), "first");
            meeting.gate.open();
            assert_eq!(removing.join().unwrap(), 204);
        });
        assert_eq!(read(), "changed", "{what}");
    }
}

fn a_request_that_stays_open_sees_commits_of_other_processes(on: &str) {
    let (client, meeting) = client_of(on, urls());
    let other = client.restart(App::new(urls()).cache().state(meeting.clone()));
    thread::scope(|scope| {
        let open = scope.spawn(|| client.fork().get("/open").send().text().to_owned());
        meeting.gate.reached();
        other.post("/store/commit").send().assert_status(204);
        meeting.gate.open();
        assert_eq!(open.join().unwrap(), "changed");
    });
}
