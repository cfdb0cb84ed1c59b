//! Measures hits and waiting requests, beside moka and quick_cache used directly. The command `serve` serves a page and a cached one.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lback::cache::Cache;
use lback::prelude::*;
use lback::testing::Client;

const KEYS: usize = 1000;
const HITS: u32 = 2_000_000;
const WAITERS: usize = 1000;
const ROUNDS: usize = 5;

fn main() {
    if std::env::args().len() > 1 {
        return app().main();
    }
    let client = Client::with_settings(app(), "SESSION_TIMEOUT_MINUTES = 30");
    let cache = client.app().state::<Cache>().expect("a cache");
    let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(|_| hits(cache)).collect();
    for (at, name) in ["quick_cache", "moka", "Lback"].iter().enumerate() {
        let mut times: Vec<f64> = rounds.iter().map(|round| round[at]).collect();
        times.sort_by(f64::total_cmp);
        println!("hit {name:<12} {:6.1} ns ({:.1} to {:.1})", times[ROUNDS / 2], times[0], times[ROUNDS - 1]);
    }
    waiters(cache);
}

fn app() -> App {
    let plain = async |_: &mut Request| "Hello, World!";
    let cached = Cached::for_time(Duration::from_secs(3600));
    App::new(Router::new().get("/plain", plain).get("/plain-cached", plain).cached(cached)).cache()
}

/// Returns the nanoseconds of a hit.
fn hits(lback: &Cache) -> [f64; 3] {
    let keys: Vec<String> = (0..KEYS).map(|number| format!("article {number}")).collect();
    let value = || Arc::new("x".repeat(100));
    let quick = quick_cache::sync::Cache::<String, Arc<String>>::new(10_000);
    let moka = moka::sync::Cache::<String, Arc<String>>::new(10_000);
    let quick = |key: &String| quick.get_or_insert_with(key.as_str(), || Ok::<_, Error>(value())).expect("a value");
    let moka = |key: &String| moka.get_with_by_ref(key, value);
    let lback = |key: &String| lback.entry(key).get_or_set(|| Ok("x".repeat(100))).expect("a value");
    [time(&keys, quick), time(&keys, moka), time(&keys, lback)]
}

fn time(keys: &[String], get: impl Fn(&String) -> Arc<String>) -> f64 {
    for key in keys {
        get(key);
    }
    let begin = Instant::now();
    for key in keys.iter().cycle().take(HITS as usize) {
        black_box(get(black_box(key)));
    }
    begin.elapsed().as_nanos() as f64 / f64::from(HITS)
}

/// Lets many tasks ask for a value that takes 50 ms.
fn waiters(lback: &Cache) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let quick = Arc::new(quick_cache::sync::Cache::<String, Arc<u32>>::new(10_000));
    let moka = moka::future::Cache::<String, Arc<u32>>::new(10_000);
    let computations: [Arc<AtomicUsize>; 3] = Default::default();
    let compute = |at: usize| {
        let computations = computations[at].clone();
        async move {
            computations.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            42
        }
    };
    let took = [
        runtime.block_on(join(|| {
            let (cache, compute) = (quick.clone(), compute(0));
            async move { *cache.get_or_insert_async("cold", async { Ok::<_, Error>(Arc::new(compute.await)) }).await.expect("a value") }
        })),
        runtime.block_on(join(|| {
            let (cache, compute) = (moka.clone(), compute(1));
            async move { *cache.get_with_by_ref("cold", async { Arc::new(compute.await) }).await }
        })),
        runtime.block_on(join(|| {
            let (cache, compute) = (lback.clone(), compute(2));
            async move { *cache.entry("cold").get_or_set_async(async { Ok(compute.await) }).await.expect("a value") }
        })),
    ];
    for (at, name) in ["quick_cache", "moka", "Lback"].iter().enumerate() {
        let (count, took) = (computations[at].load(Ordering::SeqCst), took[at].as_secs_f64() * 1000.0);
        println!("{WAITERS} waiters {name:<12} {count} computation(s), {took:.1} ms for all");
    }
}

async fn join<F: Future<Output = u32> + Send + 'static>(task: impl Fn() -> F) -> Duration {
    let begin = Instant::now();
    let tasks: Vec<_> = (0..WAITERS).map(|_| tokio::spawn(task())).collect();
    for task in tasks {
        assert_eq!(task.await.expect("a task"), 42);
    }
    begin.elapsed()
}
