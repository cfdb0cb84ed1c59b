//! WebSockets (RFC 6455).

mod battery;
mod bucket;
mod close;
mod driver;
mod handshake;
mod message;
mod open_sockets;
mod options;
mod request;
mod serve;
mod settings;
mod socket;
mod testing;

pub use battery::AppWebSockets;
pub use handshake::RouterWebSockets;
pub use message::Message;
pub use open_sockets::OpenSockets;
pub use options::WebSocketOptions;
pub use request::RequestWebSockets;
pub use settings::WebSocketSettings;
pub use socket::{WebSocket, WebSocketSender};
pub use testing::{ClientWebSockets, RequestBuilderWebSockets, TestWebSocket};
