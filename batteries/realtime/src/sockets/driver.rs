//! Speaks the protocol of one socket, while its view runs.

use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use lback_core::{Bytes, Upgraded, Visitor};
use lback_session::RequestSession;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as ProtocolFailure, Message as Frame};

use super::bucket::Bucket;
use super::close::{Close, GOING_AWAY, NORMAL, POLICY_VIOLATION, TRY_AGAIN_LATER};
use super::serve::Accepted;
use super::socket::{Outgoing, ProtocolEnds, room};
use super::{Message, WebSocketSettings};

/// Size of the buffers of a socket, which may grow to the size of a message, in bytes.
const BUFFER_BYTES: usize = 4 * 1024;

/// The time within which a client should answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The protocol of one socket.
pub(super) struct Driver {
    stream: WebSocketStream<Upgraded>,
    view: ProtocolEnds,
    settings: Arc<WebSocketSettings>,
    bucket: Bucket,
    visitor: Visitor,
    user_id: Option<i64>,
    /// The time since which there may be frames that the system has not accepted yet.
    unsent_since: Option<Instant>,
    heard_at: Instant,
    /// The time of a ping after which nothing has arrived yet.
    pinged_at: Option<Instant>,
    /// The last message in either direction.
    message_at: Instant,
    /// `true` if the input could not be read.
    is_broken: bool,
    /// The reason for which the protocol has ended the socket.
    ended: Option<Close>,
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// An event of the connection.
enum Input {
    Frame(Frame),
    /// Everything has been sent.
    Flushed,
    Failed(ProtocolFailure),
    /// The connection has ended.
    Ended,
}

impl Driver {
    pub(super) async fn new(connection: Upgraded, view: ProtocolEnds, accepted: &Accepted) -> Self {
        let settings = accepted.settings.clone();
        let max_bytes = accepted.max_message_bytes.unwrap_or(settings.websocket_max_message_bytes);
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        let config = config.max_message_size(Some(max_bytes)).max_frame_size(Some(max_bytes));
        let now = Instant::now();
        Driver {
            stream: WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await,
            view,
            bucket: Bucket::new(settings.websocket_messages_per_second, settings.websocket_message_burst, now),
            settings,
            visitor: accepted.visitor.clone(),
            user_id: accepted.user_id,
            unsent_since: None,
            heard_at: now,
            pinged_at: None,
            message_at: now,
            is_broken: false,
            ended: None,
            received: 0,
            sent: 0,
        }
    }

    /// Serves the socket until it ends, and returns the reason. It can be dropped, and [`finish`](Self::finish) called instead.
    pub(super) async fn run(&mut self) -> Close {
        let close = self.until_close().await;
        // The view learns of the end before the client confirms it.
        self.view.incoming = None;
        self.view.outgoing.close();
        self.ended = Some(close.clone());
        self.end(&close).await;
        close
    }

    /// Sends what the view has left in the queue, and then a close frame. A server that stops does not wait for it. Returns the reason for
    /// the end of the socket, which is `close` unless the protocol had one before.
    pub(super) async fn finish(&mut self, close: Close) -> Close {
        let close = self.ended.take().unwrap_or(close);
        self.view.outgoing.close();
        let stopping = self.stream.get_ref().stopping();
        let patience = async {
            stopping.await;
            sleep(CLOSE_TIMEOUT).await;
        };
        tokio::select! {
            () = self.send_rest(&close) => {}
            () = patience => {}
        }
        close
    }

    async fn send_rest(&mut self, close: &Close) {
        let deadline = Instant::now() + self.settings.send_timeout();
        while let Ok(outgoing) = self.view.outgoing.try_recv() {
            let sent = match outgoing {
                Outgoing::Message(message) => timeout_at(deadline, self.send_and_flush(message)).await.is_ok_and(|sent| sent),
                Outgoing::Close(close) => return self.end(&close).await,
            };
            if !sent {
                return;
            }
        }
        self.end(close).await;
    }

    async fn until_close(&mut self) -> Close {
        let mut stopping = pin!(self.stream.get_ref().stopping());
        let mut logged_out = pin!(logged_out(self.settings.check_interval(), self.visitor.clone(), self.user_id));
        loop {
            let can_send = self.unsent_since.is_none();
            let can_receive = self.view.has_room();
            let deadline = self.next_deadline();
            tokio::select! {
                () = &mut stopping => return Close::new(GOING_AWAY, "The server is restarting."),
                input = next_input(&mut self.stream, !can_send, can_receive) => {
                    if let Some(close) = self.handle(input) {
                        return close;
                    }
                }
                outgoing = self.view.outgoing.recv(), if can_send => match outgoing {
                    Some(Outgoing::Message(message)) => self.send(message),
                    Some(Outgoing::Close(close)) => return close,
                    // The view has dropped the socket.
                    None => {
                        self.view.is_told.store(true, Ordering::Relaxed);
                        return Close::new(NORMAL, "");
                    }
                },
                // The view has received a message, so that the client can be read again.
                () = room(self.view.incoming.as_ref()), if !can_receive => {}
                close = &mut logged_out => return close,
                () = sleep_until(deadline) => {
                    if let Some(close) = self.check_deadlines(can_receive) {
                        return close;
                    }
                }
            }
        }
    }

    fn handle(&mut self, input: Input) -> Option<Close> {
        let frame = match input {
            Input::Frame(frame) => frame,
            Input::Flushed => {
                self.unsent_since = None;
                return None;
            }
            Input::Failed(failure) => {
                self.is_broken = true;
                return Some(Close::of_input(&failure));
            }
            Input::Ended => return Some(Close::lost("the connection was closed without a close frame")),
        };
        let now = Instant::now();
        (self.heard_at, self.pinged_at) = (now, None);
        match frame {
            Frame::Close(frame) => return Some(Close::received(frame)),
            // The answer is sent with the next flush.
            Frame::Ping(_) => self.unsent_since = self.unsent_since.or(Some(now)),
            _ => {}
        }
        if !self.bucket.take(now) {
            return Some(Close::new(POLICY_VIOLATION, "Too many messages."));
        }
        if let Some(message) = Message::of_frame(frame) {
            self.message_at = now;
            self.received += 1;
            self.view.receive(message);
        }
        None
    }

    fn send(&mut self, message: Message) {
        self.message_at = Instant::now();
        self.sent += 1;
        self.start_send(message.into_frame());
    }

    fn start_send(&mut self, frame: Frame) {
        self.unsent_since = self.unsent_since.or_else(|| Some(Instant::now()));
        if let Err(error) = Pin::new(&mut self.stream).start_send(frame) {
            // The input reports that the connection is broken.
            tracing::debug!(target: "lback::websocket", %error, "a frame was not sent");
        }
    }

    async fn send_and_flush(&mut self, message: Message) -> bool {
        self.flush().await && {
            self.send(message);
            self.flush().await
        }
    }

    /// Returns whether everything has been sent.
    async fn flush(&mut self) -> bool {
        let result = poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await;
        self.unsent_since = None;
        result.is_ok()
    }

    fn next_deadline(&self) -> Instant {
        let ping = self.pinged_at.unwrap_or(self.heard_at) + self.settings.ping_interval();
        let send = self.unsent_since.map(|since| since + self.settings.send_timeout());
        let idle = self.settings.idle_timeout().map(|timeout| self.message_at + timeout);
        [send, idle].into_iter().flatten().fold(ping, Instant::min)
    }

    fn check_deadlines(&mut self, can_receive: bool) -> Option<Close> {
        let now = Instant::now();
        if self.unsent_since.is_some_and(|since| now >= since + self.settings.send_timeout()) {
            return Some(Close::lost("the client does not read"));
        }
        if self.settings.idle_timeout().is_some_and(|timeout| now >= self.message_at + timeout) {
            return Some(Close::new(NORMAL, "No messages for a long time."));
        }
        let interval = self.settings.ping_interval();
        match self.pinged_at {
            Some(pinged_at) if now >= pinged_at + interval => {
                return Some(match can_receive {
                    true => Close::lost("the client does not answer"),
                    // Its answer may be behind messages that the view has not received.
                    false => Close::new(TRY_AGAIN_LATER, "The server is too slow."),
                });
            }
            None if now >= self.heard_at + interval => {
                self.pinged_at = Some(now);
                self.start_send(Frame::Ping(Bytes::new()));
            }
            _ => {}
        }
        None
    }

    /// Sends a close frame and waits a moment for that of the client, unless the connection is lost.
    async fn end(&mut self, close: &Close) {
        if close.is_lost() {
            return;
        }
        let close = Frame::Close(Some(close.frame()));
        // Does nothing if the client has closed the socket: the answer is queued already.
        let _ = Pin::new(&mut self.stream).start_send(close);
        let ended = async {
            if !self.flush().await {
                return;
            }
            // What the client still sends is dropped. If it were left unread, the connection would be reset, and the client might
            // not see the close frame.
            while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self.stream).poll_next(cx)).await {}
            if self.is_broken {
                let mut rest = [0; 1024];
                while self.stream.get_mut().read(&mut rest).await.is_ok_and(|read| read > 0) {
                    tokio::task::yield_now().await;
                }
            }
        };
        let _ = timeout(CLOSE_TIMEOUT, ended).await;
    }
}

/// Waits for the next event of the connection. It can be dropped at any time.
async fn next_input(stream: &mut WebSocketStream<Upgraded>, is_unsent: bool, can_receive: bool) -> Input {
    poll_fn(|cx| {
        if is_unsent && let Poll::Ready(result) = Pin::new(&mut *stream).poll_flush(cx) {
            return Poll::Ready(result.map_or_else(Input::Failed, |()| Input::Flushed));
        }
        if !can_receive {
            return Poll::Pending;
        }
        Pin::new(&mut *stream).poll_next(cx).map(|next| match next {
            Some(Ok(frame)) => Input::Frame(frame),
            Some(Err(failure)) => Input::Failed(failure),
            None => Input::Ended,
        })
    })
    .await
}

/// Completes when the user has logged out, or no longer passes the guards of the route. A socket without a user stays open.
async fn logged_out(interval: Option<Duration>, visitor: Visitor, user_id: Option<i64>) -> Close {
    let Some(interval) = interval.filter(|_| user_id.is_some()) else { return pending().await };
    loop {
        sleep(interval).await;
        match Box::pin(visitor.look(|req| req.session().get::<i64>("user_id"))).await {
            Ok(now) if now == user_id => {}
            Ok(_) => return Close::new(POLICY_VIOLATION, "You have logged out."),
            Err(error) if error.is_server_error() => {
                tracing::debug!(target: "lback::websocket", %error, "the user of a socket cannot be checked; trying again later");
            }
            Err(_) => return Close::new(POLICY_VIOLATION, "You are no longer allowed to use this connection."),
        }
    }
}
