//! The settings of channels.

use lback_core::settings::{Check, Section};
use serde::Deserialize;

/// The settings of channels in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct RealtimeSettings {
    /// Maximum size of a message, in bytes.
    pub channel_max_message_bytes: usize,
    /// Number of the latest messages of a channel to which a client that connects again can go back.
    pub channel_history: usize,
    /// Minutes for which messages are stored.
    pub channel_keep_minutes: u32,
    /// Maximum number of stored messages, of all channels together.
    pub channel_keep_messages: u32,
    /// Minutes after which a subscription ends, so that the client connects again and its permissions are checked again.
    pub channel_stream_minutes: u32,
    /// Seconds after which the members of a process that has died leave.
    pub channel_lease_seconds: u32,
    /// Maximum number of open subscriptions of a process.
    pub channel_max_streams: usize,
    /// Maximum number of open subscriptions of a user, or of a session without a user, in a process.
    pub channel_max_streams_per_visitor: usize,
    /// Maximum number of open subscriptions of an IPv4 address, or of an IPv6 network (/64), in a process.
    pub channel_max_streams_per_address: usize,
    /// Maximum number of pages that a process renders at the same time for their live fragments.
    pub live_renders: usize,
}

impl Default for RealtimeSettings {
    fn default() -> Self {
        RealtimeSettings {
            channel_max_message_bytes: 64 * 1024,
            channel_history: 100,
            channel_keep_minutes: 60,
            channel_keep_messages: 10_000,
            channel_stream_minutes: 5,
            channel_lease_seconds: 30,
            channel_max_streams: 20_000,
            channel_max_streams_per_visitor: 50,
            channel_max_streams_per_address: 1000,
            live_renders: 4,
        }
    }
}

impl Section for RealtimeSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = RealtimeSettings::default();
        let bytes = self.channel_max_message_bytes;
        check.range("CHANNEL_MAX_MESSAGE_BYTES", bytes, 256..=64 * 1024, usual.channel_max_message_bytes);
        check.range("CHANNEL_HISTORY", self.channel_history, 1..=10_000, usual.channel_history);
        check.range("CHANNEL_KEEP_MINUTES", self.channel_keep_minutes, 1..=7 * 24 * 60, usual.channel_keep_minutes);
        check.range("CHANNEL_KEEP_MESSAGES", self.channel_keep_messages, 100..=10_000_000, usual.channel_keep_messages);
        check.range("CHANNEL_STREAM_MINUTES", self.channel_stream_minutes, 1..=24 * 60, usual.channel_stream_minutes);
        check.range("CHANNEL_LEASE_SECONDS", self.channel_lease_seconds, 3..=3600, usual.channel_lease_seconds);
        let streams = 1..=10_000_000;
        check.range("CHANNEL_MAX_STREAMS", self.channel_max_streams, streams.clone(), usual.channel_max_streams);
        let (visitor, address) = (self.channel_max_streams_per_visitor, self.channel_max_streams_per_address);
        check.range("CHANNEL_MAX_STREAMS_PER_VISITOR", visitor, streams.clone(), usual.channel_max_streams_per_visitor);
        check.range("CHANNEL_MAX_STREAMS_PER_ADDRESS", address, streams, usual.channel_max_streams_per_address);
        check.range("LIVE_RENDERS", self.live_renders, 1..=256, usual.live_renders);
    }
}
