//! The counts of an application.

use std::sync::Arc;

use lback_core::Keys;

use crate::gcra::{Rate, Verdict};
use crate::key::Key;
use crate::store::{Ask, Memory, Shared};

/// The counts of an application: in memory, and in a store that processes share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Limits(Arc<Inner>);

struct Inner {
    /// With a shared store: what this process knows of it. A count that was refused there is refused here until its time has come, and
    /// costs the store nothing.
    memory: Memory,
    shared: Option<Shared>,
    keys: Keys,
}

impl Limits {
    pub(crate) fn new(shared: Option<Shared>, keys: Keys) -> Self {
        Limits(Arc::new(Inner { memory: Memory::new(), shared, keys }))
    }

    /// Counts a request, or refuses it.
    pub(crate) async fn take(&self, key: Key, rate: Rate, now: i64) -> Verdict {
        let Inner { memory, shared, keys } = &*self.0;
        let Some(shared) = shared else { return memory.take(key, rate, now) };
        if let Some(refusal) = memory.refusal(key, rate, now) {
            return refusal;
        }
        match shared.take(Ask { id: key.id(keys), rate, now }).await {
            Some(verdict) => {
                memory.learn(key, verdict.full_at, now);
                verdict
            }
            None => memory.take(key, rate, now),
        }
    }

    /// Returns the refusal of a request that this process can tell without asking others. It counts nothing.
    pub(crate) fn known_refusal(&self, key: Key, rate: Rate, now: i64) -> Option<Verdict> {
        self.0.memory.refusal(key, rate, now)
    }

    /// Returns the shared store, if there is one.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        self.0.shared.as_ref()
    }
}
