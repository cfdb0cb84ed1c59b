//! One computation for all requests that wait for the same value.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lback_core::blocking;
use tokio::sync::Notify;

use crate::store::Stored;

/// The computations that are running, by their keys.
#[derive(Default)]
pub(crate) struct Flights {
    running: Mutex<HashMap<String, Arc<Flight>>>,
    removals: AtomicU64,
}

/// A running computation.
#[derive(Default)]
pub(crate) struct Flight {
    end: Mutex<Option<End>>,
    ended: Condvar,
    ended_async: Notify,
}

/// How a computation ended.
#[derive(Clone)]
pub(crate) enum End {
    /// With this value.
    Value(Arc<Stored>),
    /// It has failed or was given up. Another request computes the value.
    Nothing,
    /// With a value that only its own request may get. All others compute theirs.
    NotShared,
}

pub(crate) enum Role {
    /// This request computes the value.
    Leader(Lead),
    /// Another one does.
    Follower(Arc<Flight>),
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Flight>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the computation for the key, or begins one.
    pub(crate) fn join(self: &Arc<Self>, key: &str) -> Role {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(key) {
            return Role::Follower(flight.clone());
        }
        let flight = Arc::<Flight>::default();
        flights.insert(key.to_owned(), flight.clone());
        Role::Leader(Lead { flights: self.clone(), key: key.to_owned(), flight, end: End::Nothing })
    }

    /// Lets requests that come from now on compute the value again: what is being computed is not stored.
    pub(crate) fn detach(&self, key: &str) {
        self.removals.fetch_add(1, Ordering::SeqCst);
        self.lock().remove(key);
    }

    /// Does the same for all keys.
    pub(crate) fn detach_all(&self) {
        self.removals.fetch_add(1, Ordering::SeqCst);
        self.lock().clear();
    }

    /// Returns how often keys were removed.
    pub(crate) fn removals(&self) -> u64 {
        self.removals.load(Ordering::SeqCst)
    }
}

/// The right to compute a value. When it is dropped, those who wait are woken.
pub(crate) struct Lead {
    flights: Arc<Flights>,
    key: String,
    flight: Arc<Flight>,
    end: End,
}

impl Lead {
    /// Returns whether the value may be stored: its key has not been removed since the computation began.
    pub(crate) fn is_current(&self) -> bool {
        self.flights.lock().get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
    }

    /// Hands the value, which has been stored, to those who wait. Returns whether its key is still [current](Self::is_current).
    pub(crate) fn finish(mut self, value: &Arc<Stored>) -> bool {
        self.end = End::Value(value.clone());
        self.is_current()
    }

    /// Lets those who wait compute values of their own.
    pub(crate) fn share_nothing(mut self) {
        self.end = End::NotShared;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        if flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            flights.remove(&self.key);
        }
        drop(flights);
        *self.flight.lock() = Some(std::mem::replace(&mut self.end, End::Nothing));
        self.flight.ended.notify_all();
        self.flight.ended_async.notify_waiters();
    }
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end. Returns `None` if it has not come at `deadline`.
    pub(crate) fn wait(&self, deadline: Instant) -> Option<End> {
        blocking::in_place(|| {
            let mut end = self.lock();
            loop {
                if let Some(end) = &*end {
                    return Some(end.clone());
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                end = self.ended.wait_timeout(end, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        })
    }

    /// As [`wait`](Self::wait), for async code.
    pub(crate) async fn wait_async(&self, deadline: Instant) -> Option<End> {
        let wait = async {
            loop {
                let ended = self.ended_async.notified();
                let end = self.lock().clone();
                if let Some(end) = end {
                    return end;
                }
                ended.await;
            }
        };
        tokio::time::timeout_at(deadline.into(), wait).await.ok()
    }
}
