//! The end of a connection, or of a stream, whose client is still sending.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

/// How many connections and streams of a server linger at once; others are closed at once.
pub(super) const MAX_LINGERING: usize = 64;

/// How much is read of what nobody asked for, for how long, and how long nothing may come.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(30);
const MAX_SILENCE: Duration = Duration::from_secs(2);

const BUFFER_BYTES: usize = 32 * 1024;

/// Closes a connection after an answer that came before its request had ended.
///
/// A system that closes a socket with data unread resets the connection, and a client that sends all before it reads then
/// sees that and not the answer (RFC 9112, 9.6). So only the sending side is closed, and what comes is read, within limits.
pub(super) async fn linger(mut stream: TcpStream, places: &Semaphore) {
    let Ok(_place) = places.try_acquire() else { return };
    let _ = stream.shutdown().await;
    let deadline = Instant::now() + MAX_TIME;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = MAX_BYTES;
    while left > 0 {
        match timeout_at(deadline, timeout(MAX_SILENCE, stream.read(&mut buffer))).await {
            Ok(Ok(Ok(read))) if read > 0 => left = left.saturating_sub(read),
            _ => break,
        }
        // Others come first: a fast client could keep this thread busy.
        tokio::task::yield_now().await;
    }
}

/// Reads what is left of the body of an HTTP/2 request after its answer, within the same limits.
///
/// Dropping the body resets the stream, as RFC 9113, 8.1 allows: its client has the answer, and should stop sending. Clients that
/// look for the answer only when they have sent all, such as curl 7, report the reset instead.
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
