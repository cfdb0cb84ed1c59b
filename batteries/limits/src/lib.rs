//! Rate limits for the routes of the [Lback](https://docs.rs/lback) web framework: per address, user or key, in one process or in all of
//! them.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod battery;
mod gcra;
mod key;
mod limit;
mod limits;
mod sealed;
mod settings;
mod store;

pub use battery::AppLimits;
pub use limit::{Limit, RouterLimits};
pub use settings::LimitSettings;

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the table of the limits.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);

/// The tables of [`MIGRATIONS`].
pub fn tables() -> lback_db::Tables {
    use store::rate_limits;
    lback_db::tables![rate_limits]
}
