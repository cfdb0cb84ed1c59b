//! Lback is a batteries-included web framework: routing, templates, forms, database sessions, users and mail that work together.
//!
//! ```no_run
//! use lback::prelude::*;
//!
//! fn index(req: &mut Request) -> Result<String> {
//!     let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
//!     Ok(format!("You have visited {visits} times."))
//! }
//!
//! fn main() {
//!     App::new(Router::new().get("/", index)).main()
//! }
//! ```
//!
//! with a `settings.toml` beside it:
//!
//! ```toml
//! DEBUG = true
//! SESSION_TIMEOUT_MINUTES = 30
//! ```
//!
//! The guide, in the repository's `docs` folder, starts with a tutorial and then explains each topic. This reference is arranged by
//! topic as well:
//!
//! | to | see |
//! | --- | --- |
//! | put an application together, add commands and batteries | [`App`], [`app`] |
//! | write views | [`Request`], [`Response`], [`Error`], [`http`] |
//! | route requests | [`Router`], [`routing`] |
//! | run code around views | [`middleware`] |
//! | render pages | [`Request::render`], [`templates`] |
//! | keep data for a visitor | [`session`] |
//! | query and migrate the database | [`db`] |
//! | describe tables once, as structs | `models` (feature `models`, on by default) |
//! | read and validate forms | `forms` (feature `forms`, on by default) |
//! | have users, logins and permissions | `auth` (feature `auth`) |
//! | have pages to register, log in and manage an account | `accounts` (feature `accounts`) |
//! | let staff find and change rows | `admin` (feature `admin`) |
//! | offer rows to programs | `api` (feature `api`) |
//! | keep results of expensive work | `cache` (feature `cache`) |
//! | limit how often routes are called | `limits` (feature `limits`) |
//! | do work after a request, or at fixed times | `jobs` (feature `jobs`) |
//! | send mail | `mail` (feature `mail`) |
//! | send messages to open pages | `realtime` (feature `realtime`) |
//! | exchange messages with pages over a WebSocket | `websockets` (feature `websockets`) |
//! | listen to events and send your own | [`signals`] |
//! | read settings and declare your own | [`settings`] |
//! | test an application | [`testing`] |
//!
//! Most files of an application start with `use lback::prelude::*;`. The [`prelude`] lists what that imports.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `sqlite` (default) | SQLite, compiled in |
//! | `postgres` | PostgreSQL, through the system's libpq |
//! | `forms` (default), `pattern` | forms; rules by regular expressions |
//! | `models` (default) | models, their migrations and forms |
//! | `auth`, `accounts`, `auth-legacy-hashes` | users; their pages; passwords that Django or the Python Lback has hashed |
//! | `admin`, `admin-xlsx` | an admin site for the rows of models; its exports as XLSX |
//! | `api` | an HTTP API for the rows of models, with its OpenAPI document |
//! | `cache` | a cache that the commit of a request keeps up to date |
//! | `jobs` | jobs that run after the commit of their request, and schedules |
//! | `limits` | rate limits for routes, exact across processes |
//! | `mail`, `smtp` | mail to the console and to files; mail through a server |
//! | `realtime` | channels, whose messages leave with the commit and reach the open pages of all processes |
//! | `websockets` | views that exchange messages with a page over a WebSocket |
//! | `redis`, `redis-tls` | sessions, the values of a cache and the counts of rate limits in Redis |
//! | `compression` | responses compressed with Brotli, Zstandard or gzip |
//! | `time-zones` | all [time zones](TimeZone), and not only UTC |
//! | `decimal` | columns with exact numbers that have a fraction |
//! | `uuid` | columns with UUIDs |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "accounts")]
pub mod accounts;
#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "api")]
pub mod api;
pub mod app;
#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "cache")]
pub mod cache;
pub mod db;
mod features_off;
#[cfg(feature = "forms")]
pub mod forms;
pub mod http;
#[cfg(feature = "jobs")]
pub mod jobs;
#[cfg(feature = "limits")]
pub mod limits;
#[cfg(feature = "mail")]
pub mod mail;
pub mod middleware;
#[cfg(feature = "models")]
pub mod models;
pub mod prelude;
pub mod profile;
#[cfg(feature = "realtime")]
pub mod realtime;
pub mod routing;
pub mod session;
pub mod settings;
pub mod signals;
pub mod templates;
pub mod testing;
#[cfg(feature = "websockets")]
pub mod websockets;

#[doc(inline)]
pub use lback_app::App;
#[doc(inline)]
pub use lback_core::{Error, Request, Response, Result, Router, TimeZone};

// The crates whose types appear in the interface.
pub use lback_db::diesel;
#[cfg(feature = "decimal")]
pub use lback_db::rust_decimal;
#[cfg(feature = "uuid")]
pub use lback_db::uuid;
pub use {chrono, serde, serde_json};
