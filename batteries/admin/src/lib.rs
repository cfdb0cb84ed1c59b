//! An admin site for the [Lback](https://docs.rs/lback) web framework: staff find, create, change and delete the rows of models, with a
//! history of all changes, each of which can be undone.
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
//!     pub published_at: Option<DateTime<Utc>>,
//! }
//!
//! fn main() {
//!     App::new(Router::new())
//!         .models(models![Post])
//!         .auth()
//!         .admin_with(Admin::new().model::<Post>(|post| post.list(["title", "published_at"]).search(["title", "body"])))
//!         .main()
//! }
//! ```
//!
//! The pages need no JavaScript, load nothing from other hosts, and each is a template `admin/….html`, which a file of the same name in
//! the application's template folder replaces.
//!
//! An application names the crate `lback`, which re-exports everything here with its feature `admin`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod admin;
mod battery;
mod checks;
mod field_limits;
mod form_options;
mod history;
mod inline_admin;
mod language;
mod list_options;
mod model_admin;
mod names;
mod orphaned_files;
mod pages;
mod query_string;
mod request_options;
mod saved_view;
mod saving;
mod saving_options;
mod sealed;
mod settings;
mod shown;
mod site;
mod stored_files;
mod templates;
mod widgets;

pub use admin::Admin;
pub use battery::AppAdmin;
pub use history::{Change, ChangeKind, RequestHistory, admin_history};
pub use inline_admin::InlineAdmin;
pub use language::GERMAN;
pub use list_options::FilterChoice;
pub use model_admin::ModelAdmin;
pub use request_options::RequestOptions;
pub use saved_view::{NewSavedView, SavedView, admin_views};
pub use settings::AdminSettings;

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the tables `admin_history` and `admin_views`.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
