//! Closing a connection or a stream whose client is still sending.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

/// Maximum number of connections and streams of a server that linger at the same time; others are closed immediately.
pub(super) const MAX_LINGERING: usize = 64;

/// Limits on reading data that is no longer needed: its size, the total time, and the time without any data.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(30);
const MAX_SILENCE: Duration = Duration::from_secs(2);

const BUFFER_BYTES: usize = 32 * 1024;

/// Closes a connection whose response was sent before its request had ended.
///
/// Closing a socket with unread data resets the connection, and a client that sends everything before it reads would see the
/// reset instead of the response (RFC 9112, 9.6). Therefore only the sending side is closed, and incoming data is read, within
/// limits.
pub(super) async fn linger(mut stream: TcpStream, permits: &Semaphore) {
    let Ok(_permit) = permits.try_acquire() else { return };
    let _ = stream.shutdown().await;
    let deadline = Instant::now() + MAX_TIME;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = MAX_BYTES;
    while left > 0 {
        match timeout_at(deadline, timeout(MAX_SILENCE, stream.read(&mut buffer))).await {
            Ok(Ok(Ok(read))) if read > 0 => left = left.saturating_sub(read),
            _ => break,
        }
        // Let other tasks run: a fast client could keep this thread busy.
        tokio::task::yield_now().await;
    }
}

/// Reads the rest of an HTTP/2 request's body after the response, within the same limits.
///
/// Dropping the body resets the stream, as RFC 9113, 8.1 allows: the client has the response and should stop sending. Clients
/// that read the response only after they have sent everything, such as curl 7, report the reset instead.
pub(super) async fn drain(mut body: Incoming) {
    let deadline = Instant::now() + MAX_TIME;
    let mut left = MAX_BYTES;
    while left > 0 {
        match timeout_at(deadline, timeout(MAX_SILENCE, body.frame())).await {
            Ok(Ok(Some(Ok(frame)))) => left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len)),
            _ => break,
        }
        tokio::task::yield_now().await;
    }
}
