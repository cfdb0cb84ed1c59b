//! Options of a socket.

/// The options of one socket, for [`RequestWebSockets::websocket_with`](super::RequestWebSockets::websocket_with).
#[derive(Clone, Debug, Default)]
#[must_use = "options have an effect only if they are passed to websocket_with"]
pub struct WebSocketOptions {
    pub(super) protocols: Vec<&'static str>,
    pub(super) max_message_bytes: Option<usize>,
}

impl WebSocketOptions {
    /// Creates options in which everything is as in the settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the subprotocols that the view speaks, the preferred ones first. The first of them that the client offers is chosen, and
    /// [`WebSocket::protocol`](super::WebSocket::protocol) returns it.
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = &'static str>) -> Self {
        self.protocols = protocols.into_iter().collect();
        self
    }

    /// Sets the maximum size of a message from the client, in bytes, instead of `WEBSOCKET_MAX_MESSAGE_BYTES`.
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = Some(bytes);
        self
    }
}
