//! Counts in a store that processes share.
//!
//! Requests queue their questions, and threads with connections of their own answer them. So a request neither blocks a thread that serves
//! connections, nor waits for a connection of the pool while it holds another one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lback_core::{Error, Result};
use tokio::sync::oneshot;

use crate::gcra::{Rate, Verdict};

/// The most questions that wait.
const MOST_WAITING: usize = 4096;
/// The pause after a failure, in which the store is not asked, so that other requests do not wait as long.
const PAUSE: Duration = Duration::from_millis(500);

/// A store, as one thread uses it.
pub(crate) trait Backend: Send + 'static {
    /// Returns the number of questions that are best asked together.
    fn most(&self) -> usize;

    /// Counts requests, or refuses them. Returns the verdicts in the same order.
    fn take(&mut self, asks: &[Ask]) -> Result<Vec<Verdict>>;
}

/// A request to be counted.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: String,
    pub(crate) rate: Rate,
    pub(crate) now: i64,
}

type Waiting = (Ask, oneshot::Sender<Verdict>);

/// The queue before the threads. They end when it is dropped.
pub(crate) struct Shared {
    name: &'static str,
    asking: SyncSender<Waiting>,
    patience: Duration,
    outage: Arc<Outage>,
}

/// The failure of a store, if there is one.
#[derive(Default)]
struct Outage {
    until: Mutex<Option<Instant>>,
    is_known: AtomicBool,
}

impl Shared {
    /// Starts a thread for each backend.
    pub(crate) fn start(name: &'static str, patience: Duration, backends: Vec<impl Backend>) -> Result<Self> {
        let (asking, asked) = sync_channel(MOST_WAITING);
        let asked = Arc::new(Mutex::new(asked));
        let outage = Arc::<Outage>::default();
        for backend in backends {
            let (asked, outage) = (asked.clone(), outage.clone());
            thread::Builder::new().name("lback-limits".to_owned()).spawn(move || serve(backend, name, &asked, &outage))?;
        }
        Ok(Shared { name, asking, patience, outage })
    }

    /// Returns the name of the store.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Counts a request, or refuses it. Returns `None` if the store does not answer in time.
    pub(crate) async fn take(&self, ask: Ask) -> Option<Verdict> {
        if self.outage.lasts() {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        if self.asking.try_send((ask, reply)).is_err() {
            self.outage.begin(self.name, &Error::unavailable(format!("{MOST_WAITING} requests wait for it")));
            return None;
        }
        match tokio::time::timeout(self.patience, answer).await {
            // The thread has told of its failure.
            Ok(answer) => answer.ok(),
            Err(_) => {
                let patience = self.patience.as_millis();
                self.outage.begin(self.name, &Error::unavailable(format!("no answer within {patience} ms (LIMITS_TIMEOUT_MS)")));
                None
            }
        }
    }

    /// Returns an error while the store is not used.
    pub(crate) fn check(&self) -> Result<()> {
        match self.outage.is_known.load(Ordering::Relaxed) {
            true => Err(Error::unavailable(format!("{} has failed, and each process counts requests by itself", self.name))),
            false => Ok(()),
        }
    }
}

impl Outage {
    fn lasts(&self) -> bool {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    fn begin(&self, name: &str, error: &Error) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
        if !self.is_known.swap(true, Ordering::Relaxed) {
            tracing::error!(target: "lback::limits", %error, "{name} has failed; each process counts the requests of rate limits by itself");
        }
    }

    fn end(&self, name: &str) {
        if self.is_known.load(Ordering::Relaxed) && self.is_known.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "lback::limits", "{name} answers again; the processes count together");
        }
    }
}

/// Answers questions until the queue is dropped.
fn serve(mut backend: impl Backend, name: &str, asked: &Mutex<Receiver<Waiting>>, outage: &Outage) {
    loop {
        let mut batch: Vec<Waiting> = Vec::new();
        {
            let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(first) = asked.recv() else { return };
            batch.push(first);
            batch.extend(asked.try_iter().take(backend.most() - 1));
        }
        // Requests that wait no longer have been counted in memory.
        batch.retain(|(_, reply)| !reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        let (asks, replies): (Vec<Ask>, Vec<oneshot::Sender<Verdict>>) = batch.into_iter().unzip();
        match backend.take(&asks) {
            Ok(verdicts) => {
                outage.end(name);
                for (reply, verdict) in replies.into_iter().zip(verdicts) {
                    // The request may have been given up.
                    let _ = reply.send(verdict);
                }
            }
            Err(error) => outage.begin(name, &error),
        }
    }
}
