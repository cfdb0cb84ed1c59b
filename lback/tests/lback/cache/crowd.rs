//! Many requests that need the same value.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use lback::cache::Cache;
use lback::prelude::*;
use lback::testing::block_on;

use super::{Meeting, client_of, computed};
use crate::unit_of_work::on_each_database;

on_each_database!(requests_that_arrive_together_share_a_computation, a_computation_that_fails_lets_another_request_compute,);

fn urls() -> Router {
    Router::new()
        .get("/plain", |req: &mut Request| -> Result<String> {
            let entry = req.cache()?.entry("value").depends_on_table("posts");
            let value = entry.get_or_set(|| {
                req.state::<Meeting>()?.gate.pass();
                computed(req)
            })?;
            Ok(value.to_string())
        })
        .get("/async", async |req: &mut Request| -> Result<String> {
            let entry = req.cache()?.entry("value").depends_on_table("posts");
            let value = entry.get_or_set_async(async move {
                let gate = req.state::<Meeting>()?.gate.clone();
                lback_wait(move || gate.pass()).await;
                computed(req)
            });
            Ok(value.await?.to_string())
        })
        .get("/fails/{how}", |req: &mut Request| -> Result<String> {
            let how: String = req.param("how")?;
            let value = req.cache()?.entry("value").get_or_set(|| {
                let number = computed(req)?;
                match (number, how.as_str()) {
                    (1, _) => req.state::<Meeting>()?.gate.pass(),
                    _ => return Ok(number),
                }
                if how == "panic" { panic!("on purpose") } else { Err(Error::not_found("on purpose")) }
            });
            Ok(value?.to_string())
        })
}

async fn lback_wait(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap();
}

fn requests_that_arrive_together_share_a_computation(on: &str) {
    for path in ["/plain", "/async"] {
        let (client, meeting) = client_of(on, urls());
        let texts = thread::scope(|scope| {
            let requests: Vec<_> = (0..16).map(|_| scope.spawn(|| client.fork().get(path).send().text().to_owned())).collect();
            meeting.gate.reached();
            meeting.gate.open();
            requests.into_iter().map(|request| request.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!((meeting.count(), texts), (1, vec!["1".to_owned(); 16]), "{path}");
    }
}

fn a_computation_that_fails_lets_another_request_compute(on: &str) {
    for how in ["error", "panic"] {
        let (client, meeting) = client_of(on, urls());
        let path = format!("/fails/{how}");
        let (first, others) = thread::scope(|scope| {
            let first = scope.spawn(|| client.fork().get(&path).send().status());
            meeting.gate.reached();
            let others: Vec<_> = (0..4).map(|_| scope.spawn(|| client.fork().get(&path).send().text().to_owned())).collect();
            meeting.gate.open();
            (first.join().unwrap(), others.into_iter().map(|other| other.join().unwrap()).collect::<Vec<_>>())
        });
        assert_eq!(first, if how == "panic" { 500 } else { 404 });
        assert_eq!((meeting.count(), others), (2, vec!["2".to_owned(); 4]), "{how}");
    }
}

#[test]
fn a_thousand_threads_share_a_computation() {
    let (client, meeting) = client_of("", Router::new());
    let cache = client.app().state::<Cache>().unwrap();
    let begin = Barrier::new(1000);
    thread::scope(|scope| {
        for _ in 0..1000 {
            thread::Builder::new()
                .stack_size(128 << 10)
                .spawn_scoped(scope, || {
                    begin.wait();
                    let value = cache.entry("value").get_or_set(|| {
                        thread::sleep(Duration::from_millis(20));
                        Ok(meeting.computations.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                    });
                    assert_eq!(*value.unwrap(), 0);
                })
                .unwrap();
        }
    });
    assert_eq!(meeting.count(), 1);
}

#[test]
fn a_thousand_tasks_share_a_computation_and_one_that_is_given_up_releases_them() {
    let (client, meeting) = client_of("", Router::new());
    let cache = client.app().state::<Cache>().unwrap().clone();
    block_on(async {
        let abandoned = tokio::spawn({
            let cache = cache.clone();
            async move { cache.entry("value").get_or_set_async(std::future::pending::<Result<usize>>()).await }
        });
        tokio::task::yield_now().await;
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let (cache, meeting) = (cache.clone(), meeting.clone());
                tokio::spawn(async move {
                    let compute = async {
                        tokio::task::yield_now().await;
                        Ok(meeting.computations.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                    };
                    *cache.entry("value").get_or_set_async(compute).await.unwrap()
                })
            })
            .collect();
        tokio::task::yield_now().await;
        abandoned.abort();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 0);
        }
    });
    assert_eq!(meeting.count(), 1);
}

#[test]
fn a_wait_has_an_end() {
    let (client, _) = client_of("CACHE_WAIT_SECONDS = 0", Router::new());
    let cache = client.app().state::<Cache>().unwrap();
    let outer = cache.entry("value").get_or_set(|| {
        // The same value, within its own computation.
        let inner = cache.entry("value").get_or_set(|| Ok(1))?;
        Ok(*inner + 1)
    });
    assert_eq!(*outer.unwrap(), 2);
}
