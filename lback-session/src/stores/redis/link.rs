//! The connection to Redis.
//!
//! One connection carries the commands of all requests: what waits together travels together. It lives on the runtime of the
//! requests, so that no other thread has to be woken for each of them. Whoever is on no runtime, or on one that stands still
//! while it waits, such as a command without a server, has a second connection, which is served by a thread of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult, ScriptInvocation};
use lback_core::{Error, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;

use crate::wait;

pub(super) struct Link {
    shared: Arc<Shared>,
    /// There until this is dropped.
    runtime: Option<Runtime>,
}

struct Shared {
    client: Client,
    patience: Duration,
    beside_requests: Mutex<Kept>,
    apart: Mutex<Kept>,
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
        Ok(Link {
            shared: Arc::new(Shared { client, patience, beside_requests: Mutex::default(), apart: Mutex::default() }),
            runtime: Some(runtime),
        })
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
        self.invoke(script, false).await
    }

    /// Runs a script that does no harm when it runs twice. It is run again where the connection was lost.
    pub(super) async fn run_again<T: FromRedisValue + Send + 'static>(&self, script: ScriptInvocation<'static>) -> Result<T> {
        self.invoke(script, true).await
    }

    async fn invoke<T: FromRedisValue + Send + 'static>(&self, script: ScriptInvocation<'static>, again: bool) -> Result<T> {
        let script = Arc::new(script);
        self.ask(again, move |mut connection| {
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
        if wait::runtime().is_some() {
            return self.shared.ask(&self.shared.beside_requests, again, question).await;
        }
        let Some(runtime) = &self.runtime else { return Err(Error::unavailable("the connection to Redis is closed")) };
        let shared = self.shared.clone();
        let answer = runtime.spawn(async move { shared.ask(&shared.apart, again, question).await });
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
    async fn ask<T, F>(&self, kept: &Mutex<Kept>, again: bool, question: impl Fn(MultiplexedConnection) -> F) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let mut used = None;
        let answer = async {
            let (connection, number, fresh) = self.connection(kept).await?;
            used = Some(number);
            match question(connection).await {
                Err(error) if error.is_connection_dropped() && again && !fresh => {
                    Self::give_up(kept, number);
                    let (connection, number, _) = self.connection(kept).await?;
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
            Self::give_up(kept, number);
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
    async fn connection(&self, kept: &Mutex<Kept>) -> RedisResult<(MultiplexedConnection, u64, bool)> {
        let mut kept = kept.lock().await;
        if let Some(connection) = &kept.connection {
            return Ok((connection.clone(), kept.number, false));
        }
        // Time is kept by `ask`.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        kept.connection = Some(connection.clone());
        kept.number += 1;
        Ok((connection, kept.number, true))
    }

    /// Does not use this connection again.
    fn give_up(kept: &Mutex<Kept>, number: u64) {
        // Who holds the lock is opening a new one.
        if let Ok(mut kept) = kept.try_lock()
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
