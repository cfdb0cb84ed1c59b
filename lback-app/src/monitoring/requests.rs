//! Counts requests and measures their times, by method, route and status.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lback_core::{Method, Request, Route, StatusCode};

use super::metrics::{MetricKind, Metrics};

/// The upper limits of the buckets in seconds, without the last one, which has none.
const LIMITS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The methods by their names; all others are counted together, as clients can invent them.
const METHODS: [Method; 7] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The address of the route, 0 if there is none; the number of the method; the status.
type Key = (usize, usize, u16);

/// The requests since the start of the program.
#[derive(Default)]
pub(super) struct Requests {
    series: RwLock<HashMap<Key, Arc<Series>>>,
    running: AtomicU64,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("running", &self.running).finish_non_exhaustive()
    }
}

/// The requests with the same labels.
struct Series {
    route: String,
    buckets: [AtomicU64; LIMITS.len() + 1],
    nanoseconds: AtomicU64,
}

/// A request that is being answered.
pub(super) struct Running<'a>(&'a AtomicU64);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Requests {
    pub(super) fn begin(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(&self.running)
    }

    pub(super) fn end(&self, req: &Request, status: StatusCode, time: Duration) {
        let route = req.route();
        let method = METHODS.iter().position(|method| method == req.method()).unwrap_or(METHODS.len());
        let key = (route.map_or(0, |route| std::ptr::from_ref::<Route>(route).addr()), method, status.as_u16());
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let series = known.unwrap_or_else(|| {
            let new = || Arc::new(Series::new(route.map_or("none", Route::pattern)));
            self.series.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert_with(new).clone()
        });
        series.add(time);
    }

    pub(super) fn write(&self, metrics: &mut Metrics) {
        let running = self.running.load(Ordering::Relaxed);
        metrics.family("lback_http_requests_running", MetricKind::Gauge, "Requests that are being answered.").sample(&[], running);
        let mut all: Vec<(Key, Arc<Series>)> =
            self.series.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(key, series)| (*key, series.clone())).collect();
        all.sort_by(|((_, method, status), one), ((_, other_method, other_status), other)| {
            (&one.route, method, status).cmp(&(&other.route, other_method, other_status))
        });
        let help = "Times until the heads of responses, by method, route and status.";
        let mut family = metrics.family("lback_http_request_duration_seconds", MetricKind::Histogram, help);
        for ((_, method, status), series) in all {
            let (method, status) = (METHODS.get(method).map_or("other", Method::as_str), status.to_string());
            let labels = [("method", method), ("route", &series.route), ("status", &status)];
            let mut count = 0;
            for (at, bucket) in series.buckets.iter().enumerate() {
                count += bucket.load(Ordering::Relaxed);
                let limit = LIMITS.get(at).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
                let [method, route, status] = labels;
                family.sample_of("_bucket", &[method, route, status, ("le", &limit)], count);
            }
            let sum = Duration::from_nanos(series.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
            family.sample_of("_sum", &labels, sum);
            family.sample_of("_count", &labels, count);
        }
    }
}

impl Series {
    fn new(route: &str) -> Self {
        Series { route: route.to_owned(), buckets: Default::default(), nanoseconds: AtomicU64::new(0) }
    }

    fn add(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = LIMITS.iter().position(|limit| seconds <= *limit).unwrap_or(LIMITS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
