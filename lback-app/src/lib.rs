//! Applications of the [Lback](https://docs.rs/lback) web framework: [`App`], the batteries that plug into it, its command line,
//! its checks and its start. It knows no battery but those that it brings: the database, sessions and CSRF protection.
//!
//! An application or a battery names the crate `lback`, which re-exports everything here.
//!
//! | module | holds |
//! | --- | --- |
//! | `app` | what an application says of itself |
//! | `battery` | what a battery is, and what it can add |
//! | `assemble` | batteries, settings and routes put together |
//! | `batteries` | the database, sessions, CSRF |
//! | `command` | the command line, a file for each command |
//! | `checks` | what the command `check` looks at |
//! | `testing` | the test client |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod app;
mod assemble;
mod batteries;
mod battery;
mod checks;
mod client_address;
mod command;
mod listeners;
mod log;
mod migrate;
mod run;
mod supervisor;
pub mod testing;

pub use app::App;
pub use battery::{Battery, Setup};
pub use checks::Checks;
pub use command::{Command, CommandSpec};
pub use run::MainError;
pub use testing::TestSettings;
