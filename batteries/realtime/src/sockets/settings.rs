//! The settings of WebSockets.

use std::time::Duration;

use lback_core::settings::{Check, Section};
use serde::Deserialize;

/// The settings of WebSockets in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct WebSocketSettings {
    /// Maximum size of a message from a client, in bytes, and of each of its frames.
    pub websocket_max_message_bytes: usize,
    /// Messages, pings and pongs that a client may send per second, in the long run.
    pub websocket_messages_per_second: u32,
    /// Messages, pings and pongs that a client may send at once.
    pub websocket_message_burst: u32,
    /// Seconds after which a client that sends nothing is asked for a sign of life, and within which it must answer.
    pub websocket_ping_seconds: u64,
    /// Seconds within which a client must accept what was sent to it.
    pub websocket_send_seconds: u64,
    /// Seconds without a message in either direction after which a socket is closed; 0 means never.
    pub websocket_idle_seconds: u64,
    /// Seconds between two checks that the visitor is still logged in and passes the guards of the route; 0 means never.
    pub websocket_check_seconds: u64,
    /// Maximum number of open sockets in a process.
    pub websocket_max_connections: usize,
    /// Maximum number of open sockets of a user, or of a session without a user, in a process.
    pub websocket_max_connections_per_visitor: usize,
    /// Maximum number of open sockets of an IPv4 address, or of an IPv6 network (/64), in a process.
    pub websocket_max_connections_per_address: usize,
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        WebSocketSettings {
            websocket_max_message_bytes: 64 * 1024,
            websocket_messages_per_second: 20,
            websocket_message_burst: 100,
            websocket_ping_seconds: 30,
            websocket_send_seconds: 20,
            websocket_idle_seconds: 0,
            websocket_check_seconds: 60,
            websocket_max_connections: 5_000,
            websocket_max_connections_per_visitor: 20,
            websocket_max_connections_per_address: 200,
        }
    }
}

/// One day, in seconds.
const DAY: u64 = 24 * 3600;

impl Section for WebSocketSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = WebSocketSettings::default();
        let (bytes, burst) = (self.websocket_max_message_bytes, self.websocket_message_burst);
        // A client announces the length of a frame before it sends it.
        check.range("WEBSOCKET_MAX_MESSAGE_BYTES", bytes, 1..=256 * 1024 * 1024, usual.websocket_max_message_bytes);
        let rate = self.websocket_messages_per_second;
        check.range("WEBSOCKET_MESSAGES_PER_SECOND", rate, 1..=1_000_000, usual.websocket_messages_per_second);
        check.range("WEBSOCKET_MESSAGE_BURST", burst, 1..=1_000_000, usual.websocket_message_burst);
        check.range("WEBSOCKET_PING_SECONDS", self.websocket_ping_seconds, 1..=DAY, usual.websocket_ping_seconds);
        check.range("WEBSOCKET_SEND_SECONDS", self.websocket_send_seconds, 1..=DAY, usual.websocket_send_seconds);
        check.range("WEBSOCKET_IDLE_SECONDS", self.websocket_idle_seconds, 0..=365 * DAY, 3600);
        check.range("WEBSOCKET_CHECK_SECONDS", self.websocket_check_seconds, 0..=DAY, usual.websocket_check_seconds);
        check.range("WEBSOCKET_MAX_CONNECTIONS", self.websocket_max_connections, 1..=1_000_000, usual.websocket_max_connections);
        let per_visitor = self.websocket_max_connections_per_visitor;
        check.range("WEBSOCKET_MAX_CONNECTIONS_PER_VISITOR", per_visitor, 1..=1_000_000, usual.websocket_max_connections_per_visitor);
        let per_address = self.websocket_max_connections_per_address;
        check.range("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS", per_address, 1..=1_000_000, usual.websocket_max_connections_per_address);
    }
}

impl WebSocketSettings {
    pub(super) fn ping_interval(&self) -> Duration {
        Duration::from_secs(self.websocket_ping_seconds)
    }

    pub(super) fn send_timeout(&self) -> Duration {
        Duration::from_secs(self.websocket_send_seconds)
    }

    /// Returns `None` if sockets may be idle forever.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        (self.websocket_idle_seconds > 0).then(|| Duration::from_secs(self.websocket_idle_seconds))
    }

    /// Returns `None` if visitors are not checked again.
    pub(super) fn check_interval(&self) -> Option<Duration> {
        (self.websocket_check_seconds > 0).then(|| Duration::from_secs(self.websocket_check_seconds))
    }
}
