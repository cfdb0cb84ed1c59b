//! Settings: reading `settings.toml` and the environment, and declaring settings of your own.
//!
//! The settings of a part of the framework are in the module of that part, such as
//! [`session::SessionSettings`](crate::session::SessionSettings).

#[doc(inline)]
pub use lback_core::settings::{
    Check, Environment, Example, Secret, Section, SettingEntry, Settings, SettingsError, find_root, known_keys, secret_key,
};
#[doc(inline)]
pub use lback_core::{CoreSettings, LogFormat, Network};
