//! WebSockets in tests.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use lback_app::testing::{Client, RequestBuilder, TestResponse, block_on};
use lback_core::{Upgraded, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::Message;
use super::handshake::PROTOCOL;
use crate::sealed::Sealed;

/// The time for which a test waits for a socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// Any key: the client of a test knows that it talks to a WebSocket.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Adds WebSockets to the test [`Client`].
pub trait ClientWebSockets: Sealed {
    /// Opens a WebSocket with the cookies of the client.
    ///
    /// # Panics
    /// Panics if the handshake is refused. [`RequestBuilderWebSockets::websocket`] returns the response instead.
    fn websocket(&self, path: &str) -> TestWebSocket;
}

/// Adds WebSockets to the [`RequestBuilder`] of tests.
pub trait RequestBuilderWebSockets: Sealed {
    /// Sends the request as the handshake of a WebSocket. The path is one of a request with GET:
    /// `client.get("/chat").header("sec-websocket-protocol", "chat.v2").websocket()`.
    ///
    /// # Errors
    /// Returns the response if the handshake is refused.
    ///
    /// # Panics
    /// Panics if there is no response.
    fn websocket(self) -> Result<TestWebSocket, Box<TestResponse>>;
}

impl ClientWebSockets for Client {
    #[track_caller]
    fn websocket(&self, path: &str) -> TestWebSocket {
        match self.get(path).websocket() {
            Ok(socket) => socket,
            Err(response) => panic!("the WebSocket was refused\n{response:?}"),
        }
    }
}

impl RequestBuilderWebSockets for RequestBuilder<'_> {
    #[track_caller]
    fn websocket(self) -> Result<TestWebSocket, Box<TestResponse>> {
        let request = self.header("sec-websocket-version", "13").header("sec-websocket-key", KEY);
        match request.upgrade(PROTOCOL) {
            Err(error) => panic!("the WebSocket got no response: {error}"),
            Ok((response, None)) => Err(Box::new(response)),
            Ok((response, Some(connection))) => {
                let protocol = response.header(header::SEC_WEBSOCKET_PROTOCOL.as_str()).map(str::to_owned);
                let stream = block_on(WebSocketStream::from_raw_socket(connection, Role::Client, None));
                Ok(TestWebSocket { stream, protocol, close: None })
            }
        }
    }
}

/// The client's side of a WebSocket in a test. Like the test client, it blocks; it waits for 10 seconds at most.
pub struct TestWebSocket {
    stream: WebSocketStream<Upgraded>,
    protocol: Option<String>,
    /// The close frame of the server.
    close: Option<CloseFrame>,
}

impl fmt::Debug for TestWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestWebSocket").field("close", &self.close).finish_non_exhaustive()
    }
}

impl TestWebSocket {
    /// Sends a text or bytes.
    ///
    /// # Panics
    /// Panics if the socket is closed.
    #[track_caller]
    pub fn send(&mut self, message: impl Into<Message>) {
        self.send_frame(message.into().into_frame());
    }

    /// Sends `value` as JSON.
    ///
    /// # Panics
    /// Panics if the socket is closed, or `value` cannot be represented as JSON.
    #[track_caller]
    pub fn send_json(&mut self, value: &(impl Serialize + ?Sized)) {
        match Message::of_json(value) {
            Ok(message) => self.send(message),
            Err(error) => panic!("the value cannot be represented as JSON: {error}"),
        }
    }

    /// Receives the next message, or `None` when the socket is closed.
    ///
    /// # Panics
    /// Panics if no message comes.
    #[track_caller]
    pub fn recv(&mut self) -> Option<Message> {
        loop {
            let frame = waited(async { poll_fn(|cx| Pin::new(&mut self.stream).poll_next(cx)).await });
            match frame {
                Some(Ok(Frame::Close(frame))) => self.close = self.close.take().or(frame),
                Some(Ok(frame)) => {
                    if let Some(message) = Message::of_frame(frame) {
                        return Some(message);
                    }
                }
                // The server may close the connection right after its close frame.
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Receives a text.
    ///
    /// # Panics
    /// Panics if something else comes, or nothing.
    #[track_caller]
    pub fn text(&mut self) -> String {
        match self.recv() {
            Some(Message::Text(text)) => text,
            Some(Message::Binary(bytes)) => panic!("expected a text, but {} bytes came", bytes.len()),
            None => panic!("expected a text, but the socket was closed: {:?}", self.close),
        }
    }

    /// Receives JSON.
    ///
    /// # Panics
    /// Panics if something else comes, or nothing.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&mut self) -> T {
        let text = self.text();
        match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => panic!("{text} is not the expected JSON: {error}"),
        }
    }

    /// Waits until the server closes the socket, and returns its code and its reason; the code is 1006 if the connection ended without a
    /// close frame.
    ///
    /// # Panics
    /// Panics if a message comes.
    #[track_caller]
    pub fn closed(&mut self) -> (u16, String) {
        if let Some(message) = self.recv() {
            panic!("expected the end of the socket, but a message came: {message:?}");
        }
        match &self.close {
            Some(frame) => (frame.code.into(), frame.reason.as_str().to_owned()),
            None => (super::close::NO_CLOSE_FRAME, String::new()),
        }
    }

    /// Closes the socket with a code, and waits for the server to confirm it.
    ///
    /// # Panics
    /// Panics if the server does not confirm it.
    #[track_caller]
    pub fn close(&mut self, code: u16) {
        self.send_frame(Frame::Close(Some(CloseFrame { code: code.into(), reason: "".into() })));
        while self.recv().is_some() {}
    }

    /// Returns the subprotocol that the server has chosen.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    #[track_caller]
    fn send_frame(&mut self, frame: Frame) {
        let sent = waited(async {
            poll_fn(|cx| Pin::new(&mut self.stream).poll_ready(cx)).await?;
            Pin::new(&mut self.stream).start_send(frame)?;
            poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await
        });
        if let Err(error) = sent {
            panic!("the message cannot be sent: {error}");
        }
    }
}

#[track_caller]
fn waited<T>(work: impl Future<Output = T>) -> T {
    match block_on(async { timeout(PATIENCE, work).await }) {
        Ok(value) => value,
        Err(_) => panic!("the socket was quiet for {} seconds", PATIENCE.as_secs()),
    }
}
