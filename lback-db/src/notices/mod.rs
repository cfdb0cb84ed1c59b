//! Notices between the processes that share a database: a commit in one wakes the others.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod thread;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Instant;

#[cfg(feature = "postgres")]
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::Text;
use lback_core::{Error, Result};

use crate::{Database, Db};

/// The maximum length of a payload in bytes. PostgreSQL refuses 8,000.
const MAX_PAYLOAD_BYTES: usize = 2000;

/// The reason for which the function of [`Database::listen`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// These payloads were committed, in this order, by any process including this one. A transaction that sends a payload twice may
    /// be heard once.
    Notices(&'a [String]),
    /// Anything may have been committed. This is the first call, and the one after each loss of the connection. On SQLite, it is the
    /// only kind: it follows each commit to the file, whatever has changed.
    Look,
}

/// Ends the calls of the function of [`Database::listen`] when it is dropped.
#[must_use = "listening ends when this is dropped"]
pub struct Listening {
    listeners: Arc<Listeners>,
    id: u64,
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut state = self.listeners.state();
        let removed = state.listeners.iter().position(|listener| listener.id == self.id).map(|at| state.listeners.swap_remove(at));
        state.wake();
        drop(state);
        // What it owns may use the database.
        drop(removed);
    }
}

type Function = dyn Fn(&mut Db, Heard<'_>) -> Result<()> + Send + Sync;

/// The functions that listen to a database.
#[derive(Default)]
pub(crate) struct Listeners {
    state: Mutex<State>,
    is_connected: AtomicBool,
}

#[derive(Default)]
struct State {
    listeners: Vec<Listener>,
    last_id: u64,
    /// The thread that calls them, while there are any.
    thread: Option<Thread>,
}

impl State {
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

#[derive(Clone)]
struct Listener {
    id: u64,
    topic: &'static str,
    function: Arc<Function>,
    /// The time after which the function is told to look, if it has not been.
    look_at: Option<Instant>,
}

impl Listeners {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database {
    /// Calls `function` when a process that shares the database has committed notices of this topic with [`Db::notify`], until the
    /// result is dropped.
    ///
    /// ```no_run
    /// # use lback::Result;
    /// # use lback::db::{Database, Heard, Listening};
    /// fn follow(database: &Database) -> Result<Listening> {
    ///     database.listen("orders", |_db, heard| {
    ///         match heard {
    ///             Heard::Notices(numbers) => println!("new orders: {}", numbers.join(", ")),
    ///             Heard::Look => println!("there may be new orders"),
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// ```
    ///
    /// All functions of a database are called on one thread, one after the other, with a connection outside of the pool, on which they
    /// may read. They must be fast. After an error, which is logged, the function is told to look again a second later.
    ///
    /// On PostgreSQL, notices arrive a few milliseconds after their commit. On SQLite, the thread asks the file 50 times a second
    /// whether another connection has changed it, and does not write.
    ///
    /// # Errors
    /// Returns 500 if `topic` is not 1 to 40 lower-case letters and underscores, or if no thread can be started.
    #[track_caller]
    pub fn listen(
        &self,
        topic: &'static str,
        function: impl Fn(&mut Db, Heard<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Listening> {
        check_topic(topic)?;
        let listeners = self.listeners().clone();
        let mut state = listeners.state();
        state.last_id += 1;
        let id = state.last_id;
        if state.thread.is_none() {
            listeners.is_connected.store(false, Ordering::Release);
            state.thread = Some(thread::start(self.manager().clone(), listeners.clone())?);
        }
        state.listeners.push(Listener { id, topic, function: Arc::new(function), look_at: Some(Instant::now()) });
        state.wake();
        drop(state);
        Ok(Listening { listeners, id })
    }

    /// Returns whether the connection that [listens](Self::listen) is open.
    pub fn is_listening(&self) -> bool {
        self.listeners().is_connected.load(Ordering::Acquire)
    }

    /// Makes the thread that [listens](Self::listen) ask for notices now, because this process has committed some.
    pub fn listen_now(&self) {
        self.listeners().state().wake();
    }
}

impl Db {
    /// Sends a notice to all processes that [listen](Database::listen) to the topic, after the commit of this transaction.
    ///
    /// On SQLite, this does nothing, as the processes notice each commit that changes the file.
    ///
    /// # Errors
    /// Returns 500 if the topic is invalid or `payload` has more than 2,000 bytes; those of the database.
    #[track_caller]
    pub fn notify(&mut self, topic: &str, payload: &str) -> Result<()> {
        check_topic(topic)?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            let length = payload.len();
            return Err(Error::internal(format!(
                "a notice has {length} bytes; the maximum is {MAX_PAYLOAD_BYTES}. Store the data in a table, and send its key"
            )));
        }
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => {
                let notify = diesel::sql_query("SELECT pg_notify($1, $2)");
                notify.bind::<Text, _>(format!("lback_{topic}")).bind::<Text, _>(payload).execute(self)?;
                Ok(())
            }
        }
    }
}

#[track_caller]
fn check_topic(topic: &str) -> Result<()> {
    match (1..=40).contains(&topic.len()) && topic.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        true => Ok(()),
        false => Err(Error::internal(format!("the topic {topic:?} is invalid: use 1 to 40 lower-case letters and underscores"))),
    }
}
