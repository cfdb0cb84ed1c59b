//! Values in the memory of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{Stored, TagMark};
use crate::changes::Slot;

/// The memory of an entry besides its key and its value, in bytes.
const OVERHEAD: usize = 256;
/// The number of marks of tags. Tags that share one are removed together.
const MARKS: usize = 4096;

#[derive(Clone)]
struct ByBytes;

impl Weighter<Box<str>, Arc<Stored>> for ByBytes {
    fn weight(&self, key: &Box<str>, stored: &Arc<Stored>) -> u64 {
        (OVERHEAD + key.len() + stored.length + 2 * stored.meta.slots.len() + 16 * stored.meta.tags.len()) as u64
    }
}

pub(crate) struct MemoryStore {
    entries: Cache<Box<str>, Arc<Stored>, ByBytes>,
    marks: Vec<AtomicU64>,
}

impl MemoryStore {
    pub(super) fn new(bytes: u64) -> Self {
        let estimate = usize::try_from(bytes / 1024).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        let entries = Cache::with_weighter(estimate, bytes, ByBytes);
        MemoryStore { entries, marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Stored>> {
        self.entries.get(key)
    }

    pub(super) fn set(&self, key: &str, stored: &Arc<Stored>) {
        self.entries.insert(key.into(), stored.clone());
    }

    pub(super) fn remove(&self, key: &str) {
        self.entries.remove(key);
    }

    pub(super) fn clear(&self) {
        self.entries.clear();
    }

    pub(super) fn tag_mark(&self, tag: Slot) -> TagMark {
        self.mark(tag).load(Ordering::SeqCst)
    }

    pub(super) fn remove_tag(&self, tag: Slot) {
        self.mark(tag).fetch_add(1, Ordering::SeqCst);
    }

    fn mark(&self, tag: Slot) -> &AtomicU64 {
        &self.marks[usize::from(tag) % MARKS]
    }

    pub(super) fn size(&self) -> (u64, u64) {
        (self.entries.len() as u64, self.entries.weight())
    }
}
