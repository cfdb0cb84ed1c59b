//! A cache whose values are never older than what has been committed.

#[doc(inline)]
pub use lback_cache::{AppCache, Cache, CacheCounts, CacheEntry, CacheSettings, Cached, RequestCache, RouterCache};
