//! WebSockets: routes whose views exchange messages with a page for as long as it is open.

#[doc(inline)]
pub use lback_realtime::sockets::{
    AppWebSockets, Message, OpenSockets, RequestWebSockets, RouterWebSockets, WebSocket, WebSocketOptions, WebSocketSender,
    WebSocketSettings,
};
