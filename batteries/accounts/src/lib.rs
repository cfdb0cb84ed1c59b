//! Accounts for the [Lback](https://docs.rs/lback) web framework: the pages on which visitors register, log in and out, confirm an
//! e-mail address, change and reset a password, and see their devices.
//!
//! ```no_run
//! use lback::prelude::*;
//!
//! fn main() {
//!     App::new(Router::new()).auth().accounts().mail().main()
//! }
//! ```
//!
//! The pages work without JavaScript. Each is a template `account/….html`, which a file of the same name in the application's template
//! folder replaces. They extend `account/base.html`, so one file styles all of them like the rest of the site.
//!
//! An application names the crate `lback`, which re-exports everything here with its feature `accounts`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod battery;
mod mails;
mod pages;
mod sealed;
pub mod signals;
mod templates;

pub use battery::AppAccounts;
