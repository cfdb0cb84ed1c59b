//! Applications of the [Lback](https://docs.rs/lback) web framework: [`App`], the batteries that plug into it, its command
//! line, checks and startup. The crate contains the batteries that every application has by default: the database, sessions
//! and CSRF protection. It does not know about any other.
//!
//! Applications and batteries depend on the crate `lback`, which re-exports everything here.
//!
//! | module | contents |
//! | --- | --- |
//! | `app` | [`App`], the builder of an application |
//! | `battery` | [`Battery`] and [`Setup`] |
//! | `assemble` | assembles batteries, settings, middleware and routes |
//! | `batteries` | the database, sessions and CSRF protection |
//! | `command` | the command line, with one file per command |
//! | `checks` | [`Checks`], the results of the `check` command |
//! | `health` | [`Health`], the results of the checks on the health page |
//! | `monitoring` | `/healthz`, `/readyz` and `/metrics` |
//! | `info_page` | [`InfoPage`], a page of a battery about the running application |
//! | `testing` | the test client |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod app;
mod assemble;
mod batteries;
mod battery;
mod checks;
mod client_address;
mod command;
mod health;
mod info_page;
mod listeners;
mod log;
mod migrate;
mod monitoring;
mod run;
mod stop;
mod supervisor;
pub mod testing;

pub use app::App;
pub use battery::{Battery, Setup};
pub use checks::Checks;
pub use command::{Command, CommandSpec};
pub use health::Health;
pub use info_page::{InfoAction, InfoChart, InfoPage, InfoPages, InfoRow, InfoTable};
pub use monitoring::{MetricKind, Metrics, MonitoringSettings};
pub use stop::stop_signal;
pub use testing::TestSettings;
