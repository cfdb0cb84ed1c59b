//! Channels, live pages and WebSockets for the [Lback](https://docs.rs/lback) web framework.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod battery;
mod channels;
mod live;
mod open_connections;
mod sealed;
mod settings;
#[cfg(feature = "websockets")]
pub mod sockets;

pub use battery::AppRealtime;
pub use channels::{
    Channels, ClientChannels, Member, Message, Received, RequestChannels, Subscription, SubscriptionEvents, channel_members,
    channel_messages, channel_processes,
};
pub use settings::RealtimeSettings;

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the tables of the channels.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
