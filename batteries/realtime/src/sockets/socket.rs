//! The socket, as a view sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lback_core::{Application, Error, Request, Result, Visitor};
use lback_db::{Database, Db};
use serde::Serialize;
use tokio::sync::mpsc;

use super::Message;
use super::close::{Close, NORMAL};
use crate::Channels;

/// Number of messages that wait for the client to read.
const MAX_OUTGOING: usize = 16;

/// Number of messages that wait for the view to receive them. Then the client has to wait.
const MAX_INCOMING: usize = 4;

/// An open WebSocket, which [`req.websocket(…)`](super::RequestWebSockets::websocket) hands to its view.
///
/// The server answers pings, sends its own, and notices clients that are gone, whatever the view does.
///
/// A view that also waits for something else uses `tokio::select!`:
///
/// ```
/// use lback::prelude::*;
/// use lback::websockets::WebSocket;
/// use tokio::sync::broadcast::Receiver;
///
/// async fn chat(mut socket: WebSocket, mut room: Receiver<String>) -> Result<()> {
///     loop {
///         tokio::select! {
///             message = socket.recv() => match message {
///                 Some(message) => println!("{}", message.text()?),
///                 None => return Ok(()),
///             },
///             line = room.recv() => socket.send(line?).await?,
///         }
///     }
/// }
/// ```
pub struct WebSocket {
    incoming: mpsc::Receiver<Message>,
    sender: WebSocketSender,
    visitor: Visitor,
    protocol: Option<&'static str>,
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// The ends of a socket that its protocol uses.
pub(super) struct ProtocolEnds {
    /// `None` once the socket is closed.
    pub(super) incoming: Option<mpsc::Sender<Message>>,
    pub(super) outgoing: mpsc::Receiver<Outgoing>,
    pub(super) is_told: Arc<AtomicBool>,
}

/// A message for the client, or the end of the socket.
pub(super) enum Outgoing {
    Message(Message),
    Close(Close),
}

impl ProtocolEnds {
    /// Returns whether a message can be passed on, or dropped because the view receives no more.
    pub(super) fn has_room(&self) -> bool {
        self.incoming.as_ref().is_none_or(|incoming| incoming.capacity() > 0 || incoming.is_closed())
    }

    /// Passes a message on, for which there must be room.
    pub(super) fn receive(&self, message: Message) {
        if let Some(incoming) = &self.incoming {
            let _ = incoming.try_send(message);
        }
    }
}

/// Waits until a message can be passed on.
pub(super) async fn room(incoming: Option<&mpsc::Sender<Message>>) {
    if let Some(incoming) = incoming {
        let _ = incoming.reserve().await;
    }
}

impl WebSocket {
    pub(super) fn new(visitor: Visitor, protocol: Option<&'static str>) -> (Self, ProtocolEnds) {
        let (received, incoming) = mpsc::channel(MAX_INCOMING);
        let (sent, outgoing) = mpsc::channel(MAX_OUTGOING);
        let is_told = Arc::new(AtomicBool::new(false));
        let sender = WebSocketSender { outgoing: sent, is_told: is_told.clone() };
        (WebSocket { incoming, sender, visitor, protocol }, ProtocolEnds { incoming: Some(received), outgoing, is_told })
    }

    /// Receives the next message, or `None` when the socket is closed, by the client or by the server.
    ///
    /// It is cancel-safe: if `tokio::select!` completes another branch first, no message is lost.
    ///
    /// While a view receives nothing, the client has to wait after a few messages. If it does so for two ping intervals, the socket is
    /// closed with the code 1013.
    pub async fn recv(&mut self) -> Option<Message> {
        let message = self.incoming.recv().await;
        if message.is_none() {
            self.sender.is_told.store(true, Ordering::Relaxed);
        }
        message
    }

    /// Sends a text or bytes. See [`WebSocketSender::send`].
    ///
    /// # Errors
    /// Returns an error if the socket is closed.
    pub async fn send(&self, message: impl Into<Message>) -> Result<()> {
        self.sender.send(message).await
    }

    /// Sends `value` as JSON.
    ///
    /// # Errors
    /// Returns an error if the socket is closed, or `value` cannot be represented as JSON.
    pub async fn send_json(&self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        let message = Message::of_json(value)?;
        self.sender.send(message).await
    }

    /// Closes the socket with a code and a reason, after the messages that were sent before. [`recv`](Self::recv) then returns `None`.
    ///
    /// The codes from 4000 to 4999 are for applications. The reason may have 123 bytes, and is cut otherwise.
    ///
    /// # Errors
    /// Returns an error if the socket is closed already, or the code is not 1000 and not between 3000 and 4999.
    pub async fn close(&self, code: u16, reason: &str) -> Result<()> {
        self.sender.close(code, reason).await
    }

    /// Returns a sender for other tasks. The socket is closed when the view ends, even if there are senders.
    pub fn sender(&self) -> WebSocketSender {
        self.sender.clone()
    }

    /// Returns the subprotocol that the handshake has chosen. See [`WebSocketOptions::protocols`](super::WebSocketOptions::protocols).
    pub fn protocol(&self) -> Option<&'static str> {
        self.protocol
    }

    /// Returns the application, with its state and its settings.
    pub fn app(&self) -> &Arc<Application> {
        self.visitor.app()
    }

    /// Returns the channels of the application: `socket.write(move |db| channels.broadcast(db, "news", &text)).await?` sends a message with
    /// the commit.
    ///
    /// # Errors
    /// Returns 500 if the application has none.
    pub fn channels(&self) -> Result<Channels> {
        Channels::of(self.app())
    }

    /// Returns the visitor who has opened the socket.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Runs `look` with a new request of the visitor, who may have logged out or lost a permission since the handshake:
    /// `socket.look(|req| req.require_permission("chat.write")).await?`. The request only reads; see [`Visitor::look`].
    ///
    /// # Errors
    /// As [`Visitor::look`].
    pub async fn look<T, F>(&self, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Request) -> Result<T> + Send + 'static,
    {
        self.visitor.look(look).await
    }

    /// Runs `work` in a unit of work of its own, on a thread that may block, and commits it. The socket holds no connection to the database
    /// otherwise. See [`Database::run_write`].
    ///
    /// # Errors
    /// Returns the errors of `work` and of the commit, and 500 if the application has no database.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        self.database()?.run_write(work).await
    }

    /// Runs `work` on a connection to the database, without a transaction, on a thread that may block. See [`Database::run`].
    ///
    /// # Errors
    /// Returns the errors of `work`, and 500 if the application has no database.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        self.database()?.run(work).await
    }

    fn database(&self) -> Result<&Database> {
        self.app().state().ok_or_else(|| Error::internal("this application has no database"))
    }
}

/// The sending side of a [`WebSocket`], for other tasks.
#[derive(Clone)]
pub struct WebSocketSender {
    outgoing: mpsc::Sender<Outgoing>,
    /// `true` once the view knows that the socket is closed.
    is_told: Arc<AtomicBool>,
}

impl fmt::Debug for WebSocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketSender").finish_non_exhaustive()
    }
}

impl WebSocketSender {
    /// Sends a text or bytes.
    ///
    /// It returns when the message is in the queue of the socket, which holds 16 messages, and waits if the queue is full. If the client
    /// does not accept a message within `WEBSOCKET_SEND_SECONDS`, the connection is closed.
    ///
    /// It is cancel-safe: if it is dropped before its end, the message is not sent.
    ///
    /// # Errors
    /// Returns an error if the socket is closed.
    pub async fn send(&self, message: impl Into<Message>) -> Result<()> {
        self.queue(Outgoing::Message(message.into())).await
    }

    /// Closes the socket. See [`WebSocket::close`].
    ///
    /// # Errors
    /// As [`WebSocket::close`].
    pub async fn close(&self, code: u16, reason: &str) -> Result<()> {
        if code != NORMAL && !(3000..5000).contains(&code) {
            return Err(Error::internal(format!("{code} is not a code with which a view can close a socket: use 1000, or 4000 to 4999")));
        }
        self.queue(Outgoing::Close(Close::new(code, reason))).await
    }

    /// Completes when the socket is closed.
    pub async fn closed(&self) {
        self.outgoing.closed().await;
        self.is_told.store(true, Ordering::Relaxed);
    }

    async fn queue(&self, item: Outgoing) -> Result<()> {
        let result = self.outgoing.send(item).await;
        result.map_err(|_| {
            self.is_told.store(true, Ordering::Relaxed);
            Error::internal("the socket is closed").with_source(SocketClosed)
        })
    }
}

/// The cause of an error that only says that a socket is closed.
#[derive(Debug)]
pub(super) struct SocketClosed;

impl fmt::Display for SocketClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client has closed it, or its connection has ended")
    }
}

impl std::error::Error for SocketClosed {}
