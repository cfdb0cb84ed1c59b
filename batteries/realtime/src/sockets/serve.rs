//! Runs a view together with the protocol of its socket.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lback_core::{Error, Result, Upgraded, Visitor, catch_panic};
use tokio::time::{Instant, sleep};

use super::close::{Close, NORMAL};
use super::driver::Driver;
use super::socket::SocketClosed;
use super::{WebSocket, WebSocketSettings};
use crate::open_connections::OpenConnection;

/// The time for which a view may go on if it does not know that its socket is closed.
const UNAWARE: Duration = Duration::from_millis(500);

/// The additional time for the last steps of a view that knows it.
const LAST_STEPS: Duration = Duration::from_secs(10);

/// A handshake that was accepted.
pub(super) struct Accepted {
    pub(super) settings: Arc<WebSocketSettings>,
    /// Counts the socket.
    pub(super) _open: OpenConnection,
    pub(super) max_message_bytes: Option<usize>,
    pub(super) visitor: Visitor,
    pub(super) user_id: Option<i64>,
    pub(super) protocol: Option<&'static str>,
    /// The path as the log shows it.
    pub(super) path: String,
}

pub(super) async fn serve<F, Fut>(connection: Upgraded, accepted: Accepted, view: F)
where
    F: FnOnce(WebSocket) -> Fut + Send + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let begin = Instant::now();
    let (socket, ends) = WebSocket::new(accepted.visitor.clone(), accepted.protocol);
    let is_told = ends.is_told.clone();
    let mut driver = Driver::new(connection, ends, &accepted).await;
    let mut view = pin!(async move { catch_panic(pin!(async move { view(socket).await })).await });
    let first = tokio::select! {
        result = &mut view => Err(result),
        close = driver.run() => Ok(close),
    };
    let (close, received, sent) = match first {
        Ok(close) => {
            let (received, sent) = (driver.received, driver.sent);
            // Closes the connection, although the view may go on for a while.
            drop(driver);
            let patience = async {
                sleep(UNAWARE).await;
                if is_told.load(Ordering::Relaxed) {
                    sleep(LAST_STEPS).await;
                }
            };
            tokio::select! {
                result = &mut view => drop(close_of(result, &accepted)),
                () = patience => tracing::debug!(target: "lback::websocket", "a view was dropped, as its socket is closed"),
            }
            (close, received, sent)
        }
        Err(result) => {
            let close = driver.finish(close_of(result, &accepted)).await;
            (close, driver.received, driver.sent)
        }
    };
    let (seconds, id) = ((begin.elapsed().as_secs_f64() * 10.0).round() / 10.0, accepted.visitor.request_id());
    let Close { code, reason } = close;
    let text = format_args!("WS {} {code} {seconds}s {received} received, {sent} sent {id}", accepted.path);
    match reason.is_empty() {
        true => tracing::info!(target: "lback::websocket", "{text}"),
        false => tracing::info!(target: "lback::websocket", "{text} {reason:?}"),
    }
}

/// Returns the close for a view that has ended, and logs its error.
fn close_of(result: Result<()>, accepted: &Accepted) -> Close {
    let Err(error) = result else { return Close::new(NORMAL, "") };
    if error.find_source::<SocketClosed>().is_some() {
        return Close::new(NORMAL, "");
    }
    log(&error, accepted);
    Close::of_view(&error)
}

fn log(error: &Error, accepted: &Accepted) {
    if error.is_server_error() {
        let id = accepted.visitor.request_id();
        tracing::error!(target: "lback::websocket", %id, path = accepted.path, "the view of a socket has failed: {error:?}");
    }
}
