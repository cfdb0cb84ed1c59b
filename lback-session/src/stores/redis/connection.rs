//! The connection to Redis.
//!
//! One connection carries everything: commands that are sent while the server is busy travel together.

use std::rc::Rc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Script, ServerErrorKind};
use lback_core::{Error, Result};
use tokio::sync::Mutex;
use tokio::task::spawn_local;
use tokio::time::Instant;

pub(super) struct Link {
    client: Client,
    patience: Duration,
    connection: Mutex<Kept>,
}

/// The connection, and the number of connections before it.
#[derive(Default)]
struct Kept {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl Link {
    pub(super) fn new(client: Client, patience: Duration) -> Self {
        Link { client, patience, connection: Mutex::default() }
    }

    /// Runs a command that only reads.
    pub(super) async fn read<T: FromRedisValue>(self: &Rc<Self>, command: &Cmd, until: Instant) -> Result<T> {
        self.ask(until, async |mut connection| command.query_async(&mut connection).await).await.map(|(answer, _)| answer)
    }

    /// Runs a script by its hash. Returns its answer, and whether it may have run twice.
    pub(super) async fn run<T: FromRedisValue>(self: &Rc<Self>, script: &Script, command: &Cmd, until: Instant) -> Result<(T, bool)> {
        let answer = async |mut connection: MultiplexedConnection| match command.query_async(&mut connection).await {
            // It did not run: the server does not have it yet, or has dropped it.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load_async(&mut connection).await?;
                command.query_async(&mut connection).await
            }
            answer => answer,
        };
        self.ask(until, answer).await
    }

    /// Sends a command, and again on a new connection if the old one turns out to be lost: servers and proxies close idle connections.
    /// Returns the answer, and whether it was sent twice.
    async fn ask<T>(self: &Rc<Self>, until: Instant, question: impl AsyncFn(MultiplexedConnection) -> RedisResult<T>) -> Result<(T, bool)> {
        let (mut used, mut again) = (None, false);
        let answer = async {
            let (connection, number, fresh) = self.connection().await?;
            used = Some(number);
            match question(connection).await {
                Err(error) if error.is_connection_dropped() && !fresh => {
                    self.give_up(number);
                    again = true;
                    let (connection, number, _) = self.connection().await?;
                    used = Some(number);
                    question(connection).await
                }
                answer => answer,
            }
        };
        let answer = tokio::time::timeout_at(until, answer).await;
        if let Some(number) = used
            && answer.as_ref().map_or(true, |answer| answer.as_ref().is_err_and(RedisError::is_unrecoverable_error))
        {
            self.give_up(number);
        }
        match answer {
            Ok(answer) => answer.map(|answer| (answer, again)).map_err(failed),
            Err(_) => Err(Error::unavailable(format!(
                "Redis did not answer within {} ms (REDIS_TIMEOUT_MS). Is the server of REDIS_URL well?",
                self.patience.as_millis()
            ))),
        }
    }

    /// Returns the connection, its number, and whether it was opened for this.
    async fn connection(self: &Rc<Self>) -> RedisResult<(MultiplexedConnection, u64, bool)> {
        let mut fresh = false;
        loop {
            let kept = self.connection.lock().await;
            if let Some(connection) = &kept.connection {
                return Ok((connection.clone(), kept.number, fresh));
            }
            drop(kept);
            // In a task of its own, which goes on if the request has no time left.
            let opened = spawn_local(self.clone().open()).await;
            opened.map_err(|error| RedisError::from(std::io::Error::other(error)))??;
            fresh = true;
        }
    }

    async fn open(self: Rc<Self>) -> RedisResult<()> {
        // The holder of this lock is opening a connection, or has just opened one.
        let mut kept = self.connection.lock().await;
        if kept.connection.is_none() {
            let config = AsyncConnectionConfig::new().set_connection_timeout(Some(self.patience)).set_response_timeout(None);
            kept.connection = Some(self.client.get_multiplexed_async_connection_with_config(&config).await?);
            kept.number += 1;
        }
        Ok(())
    }

    /// Drops this connection.
    fn give_up(&self, number: u64) {
        // The holder of the lock is opening a new one.
        if let Ok(mut kept) = self.connection.try_lock()
            && kept.number == number
        {
            kept.connection = None;
        }
    }
}

/// Returns the error for a failed command: 503 if Redis cannot be reached, 500 if it refused.
#[track_caller]
fn failed(error: RedisError) -> Error {
    match error.code() {
        Some(_) => refused(&error.to_string()),
        None => unavailable(&error.to_string()),
    }
}

/// Returns the error for an error reply: 503 if Redis is unavailable, 500 if it refused.
#[track_caller]
pub(super) fn refused(error: &str) -> Error {
    let mut words = error.split(|letter: char| !letter.is_ascii_alphabetic());
    match words.any(|word| UNAVAILABLE.contains(&word)) {
        true => unavailable(error),
        false => Error::internal(format!("Redis has refused: {error}")),
    }
}

/// Returns the error for an unexpected reply.
#[track_caller]
pub(super) fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("Redis has sent an unexpected reply: {error}"))
}

#[track_caller]
fn unavailable(error: &str) -> Error {
    Error::unavailable(format!("Redis is unavailable: {error}. Check that the server of REDIS_URL runs and accepts the password"))
}

/// The beginnings of error replies of a server that is starting, full, busy, a replica, or refuses clients. The client has its own
/// names for some.
const UNAVAILABLE: [&str; 15] = [
    "LOADING",
    "OOM",
    "BUSY",
    "READONLY",
    "MISCONF",
    "MASTERDOWN",
    "NOREPLICAS",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "NOAUTH",
    "WRONGPASS",
    "BusyLoading",
    "ReadOnly",
    "MasterDown",
    "TryAgain",
];
