//! The connection to Redis.
//!
//! One connection carries the commands of all requests: what waits together travels together. It is served by a thread of its
//! own, so it works for views that block, for commands without a server, and whatever runtime a request runs on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult, ScriptInvocation};
use lback_core::{Error, Result};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Mutex;

use crate::wait;

pub(super) struct Link {
    shared: Arc<Shared>,
    /// There until this is dropped.
    runtime: Option<Runtime>,
}

struct Shared {
    client: Client,
    /// The thread's runtime.
    apart: Handle,
    patience: Duration,
    connection: Mutex<Kept>,
}

/// The connection, and how many there were before it.
#[derive(Default)]
struct Kept {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl Link {
    pub(super) fn open(client: Client, patience: Duration) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("lback-redis").enable_all().build()?;
        let apart = runtime.handle().clone();
        Ok(Link { shared: Arc::new(Shared { client, apart, patience, connection: Mutex::default() }), runtime: Some(runtime) })
    }

    /// Runs a command that only reads. It is asked again where the connection was lost.
    pub(super) async fn read<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T> {
        self.ask(true, move |mut connection| {
            let command = command.clone();
            async move { command.query_async(&mut connection).await }
        })
        .await
    }

    /// Runs a script, which may write. Where the connection is lost nobody knows whether it did, so it is not run again.
    pub(super) async fn run<T: FromRedisValue + Send + 'static>(&self, script: ScriptInvocation<'static>) -> Result<T> {
        let script = Arc::new(script);
        self.ask(false, move |mut connection| {
            let script = script.clone();
            async move { script.invoke_async(&mut connection).await }
        })
        .await
    }

    async fn ask<T, F>(&self, again: bool, question: impl Fn(MultiplexedConnection) -> F + Send + Sync + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = RedisResult<T>> + Send,
    {
        // Whoever is on such a runtime can wait for the answer there.
        if wait::runtime().is_some() {
            return self.shared.ask(again, question).await;
        }
        let Some(runtime) = &self.runtime else { return Err(Error::unavailable("the connection to Redis is closed")) };
        let shared = self.shared.clone();
        let answer = runtime.spawn(async move { shared.ask(again, question).await });
        answer.await.unwrap_or_else(|error| Err(Error::unavailable("the thread that speaks to Redis has failed").with_source(error)))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Without waiting, which async code must not.
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    async fn ask<T, F>(&self, again: bool, question: impl Fn(MultiplexedConnection) -> F) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let mut used = None;
        let answer = async {
            let (connection, number, fresh) = self.connection().await?;
            used = Some(number);
            match question(connection).await {
                Err(error) if error.is_connection_dropped() && again && !fresh => {
                    self.give_up(number);
                    let (connection, number, _) = self.connection().await?;
                    used = Some(number);
                    question(connection).await
                }
                answer => answer,
            }
        };
        let answer = tokio::time::timeout(self.patience, answer).await;
        if let Some(number) = used
            && answer.as_ref().map_or(true, |answer| answer.as_ref().is_err_and(RedisError::is_unrecoverable_error))
        {
            self.give_up(number);
        }
        match answer {
            Ok(answer) => answer.map_err(unreadable),
            Err(_) => Err(Error::unavailable(format!(
                "Redis did not answer within {} ms (REDIS_TIMEOUT_MS). Is the server of REDIS_URL well?",
                self.patience.as_millis()
            ))),
        }
    }

    /// The connection, its number, and whether it was opened for this.
    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64, bool)> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &kept.connection {
            return Ok((connection.clone(), kept.number, false));
        }
        // Time is kept by `ask`.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = self.client.clone();
        let opened = self.apart.spawn(async move { client.get_multiplexed_async_connection_with_config(&config).await }).await;
        let connection = opened.map_err(|error| RedisError::from(std::io::Error::other(error)))??;
        kept.connection = Some(connection.clone());
        kept.number += 1;
        Ok((connection, kept.number, true))
    }

    /// Does not use this connection again.
    fn give_up(&self, number: u64) {
        // Who holds the lock is opening a new one.
        if let Ok(mut kept) = self.connection.try_lock()
            && kept.number == number
        {
            kept.connection = None;
        }
    }
}

/// That Redis gave no answer, or none that can be used.
#[track_caller]
pub(super) fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::unavailable(format!("Redis cannot be asked for sessions: {error}. Does the server of REDIS_URL run, and let us in?"))
}
