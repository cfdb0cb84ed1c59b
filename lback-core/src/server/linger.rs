//! The end of a connection whose client is still sending.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

/// How many connections of a server linger at once; others are closed at once.
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
