//! A cache for the [Lback](https://docs.rs/lback) web framework, whose values are never older than what has been committed.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod battery;
mod cache;
mod cached;
mod changes;
mod commands;
mod entry;
mod flight;
mod fragment;
mod pages;
mod panel;
mod request;
mod sealed;
mod settings;
mod store;

pub use battery::AppCache;
pub use cache::{Cache, CacheCounts};
pub use cached::{Cached, RouterCache};
pub use entry::CacheEntry;
pub use request::RequestCache;
pub use settings::CacheSettings;

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the tables of the cache.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);

/// The tables of [`MIGRATIONS`].
pub fn tables() -> lback_db::Tables {
    use changes::cache_changes;
    use store::cache_entries;
    lback_db::tables![cache_changes, cache_entries]
}
