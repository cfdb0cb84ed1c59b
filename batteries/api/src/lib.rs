//! An HTTP API for the [Lback](https://docs.rs/lback) web framework: models become resources, which programs list, get, create, change and
//! delete, and which an OpenAPI document describes.
//!
//! ```no_run
//! use lback::prelude::*;
//!
//! #[derive(Model, Clone, Debug)]
//! pub struct Post {
//!     pub id: i64,
//!     #[model(max_length = 120)]
//!     pub title: String,
//!     #[model(long)]
//!     pub body: String,
//! }
//!
//! fn main() {
//!     let api = Api::new("Blog", "1").resource::<Post>(|post| post.fields(["id", "title", "body"]).writable(["title", "body"]));
//!     App::new(Router::new().include("/api", api.urls())).models(models![Post]).auth().api().main()
//! }
//! ```
//!
//! An application names the crate `lback`, which re-exports everything here with its feature `api`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod battery;
mod diff;
mod docs_page;
mod document;
mod hooks;
mod idempotency;
mod input;
mod json;
mod output;
mod parameters;
mod query;
mod resource;
mod sealed;
mod typescript;
mod version_tag;
mod views;

pub use api::Api;
pub use battery::AppApi;
pub use idempotency::RouterApi;
pub use resource::{Operation, Resource};

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the table of the header `Idempotency-Key`.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);

/// The tables of [`MIGRATIONS`].
pub fn tables() -> lback_db::Tables {
    use idempotency::idempotency_keys;
    lback_db::tables![idempotency_keys]
}
