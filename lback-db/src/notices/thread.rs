//! The thread that listens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use lback_core::{Error, Result};

use super::{Heard, Listener, Listeners};
use crate::Db;
use crate::manager::{Manager, Purpose};

/// The pause before a lost connection is opened again, and before further attempts.
const REOPEN_FIRST: Duration = Duration::from_millis(200);
const REOPEN: Duration = Duration::from_secs(2);
/// The pause before a function that has failed is called again.
const AGAIN: Duration = Duration::from_secs(1);

/// The notices that have arrived.
pub(super) enum Arrived {
    Nothing,
    /// Topics and payloads.
    #[cfg(feature = "postgres")]
    Notices(Vec<(String, String)>),
    #[cfg(feature = "sqlite")]
    Change,
}

/// Starts the thread. It ends when there are no listeners.
pub(super) fn start(manager: Arc<Manager>, listeners: Arc<Listeners>) -> Result<Thread> {
    let run = move || {
        while let Err(error) = listen(&manager, &listeners) {
            tracing::warn!(target: "lback::db", %error, "the database cannot be listened to; notices of other processes arrive late");
            let was_connected = listeners.is_connected.swap(false, Ordering::AcqRel);
            thread::sleep(if was_connected { REOPEN_FIRST } else { REOPEN });
        }
    };
    let thread = thread::Builder::new().name("lback-listen".to_owned()).spawn(run);
    thread.map(|handle| handle.thread().clone()).map_err(|error| Error::unavailable("no thread can be started").with_source(error))
}

/// Listens on one connection, until there are no listeners. An error means that the connection is lost.
fn listen(manager: &Manager, listeners: &Listeners) -> Result<()> {
    if !listeners.are_needed() {
        return Ok(());
    }
    let mut db = manager.open(Purpose::Work).map_err(|error| Error::unavailable("the database cannot be opened").with_source(error))?;
    let mut source = Source::new(&mut db)?;
    listeners.all_look();
    while listeners.are_needed() {
        for listener in listeners.due() {
            source.begin(&mut db, listener.topic)?;
            listeners.call(&listener, &mut db, Heard::Look);
        }
        listeners.is_connected.store(true, Ordering::Release);
        match source.arrived(&mut db)? {
            Arrived::Nothing => {}
            #[cfg(feature = "postgres")]
            Arrived::Notices(notices) => {
                for listener in listeners.all() {
                    let of_topic = notices.iter().filter(|(topic, _)| topic == listener.topic);
                    let payloads: Vec<String> = of_topic.map(|(_, payload)| payload.clone()).collect();
                    if !payloads.is_empty() {
                        listeners.call(&listener, &mut db, Heard::Notices(&payloads));
                    }
                }
            }
            #[cfg(feature = "sqlite")]
            Arrived::Change => listeners.all().iter().for_each(|listener| listeners.call(listener, &mut db, Heard::Look)),
        }
        thread::park_timeout(source.pause());
    }
    Ok(())
}

/// The way in which notices arrive.
enum Source {
    #[cfg(feature = "sqlite")]
    File(super::sqlite::File),
    #[cfg(feature = "postgres")]
    Server(super::postgres::Server),
}

impl Source {
    fn new(db: &mut Db) -> Result<Self> {
        Ok(match db {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => Source::File(super::sqlite::File::new(connection.diesel())?),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Source::Server(super::postgres::Server::new()),
        })
    }

    fn begin(&mut self, db: &mut Db, topic: &'static str) -> Result<()> {
        match (self, db) {
            #[cfg(feature = "postgres")]
            (Source::Server(server), Db::Postgres(connection)) => server.begin(connection.diesel()?, topic),
            #[cfg(feature = "sqlite")]
            _ => {
                let _ = topic;
                Ok(())
            }
        }
    }

    fn arrived(&mut self, db: &mut Db) -> Result<Arrived> {
        match (self, db) {
            #[cfg(feature = "sqlite")]
            (Source::File(file), Db::Sqlite(connection)) => file.arrived(connection.diesel()),
            #[cfg(feature = "postgres")]
            (Source::Server(server), Db::Postgres(connection)) => server.arrived(connection.diesel()?),
            #[cfg(all(feature = "sqlite", feature = "postgres"))]
            _ => Ok(Arrived::Nothing),
        }
    }

    fn pause(&self) -> Duration {
        match self {
            #[cfg(feature = "sqlite")]
            Source::File(_) => super::sqlite::PAUSE,
            #[cfg(feature = "postgres")]
            Source::Server(_) => super::postgres::PAUSE,
        }
    }
}

impl Listeners {
    /// Returns whether there are listeners. If there are none, the thread must end.
    fn are_needed(&self) -> bool {
        let mut state = self.state();
        if state.listeners.is_empty() {
            state.thread = None;
            self.is_connected.store(false, Ordering::Release);
        }
        !state.listeners.is_empty()
    }

    fn all(&self) -> Vec<Listener> {
        self.state().listeners.clone()
    }

    /// Makes all listeners look, as notices may have been missed.
    fn all_look(&self) {
        self.state().listeners.iter_mut().for_each(|listener| listener.look_at = Some(Instant::now()));
    }

    /// Returns the listeners that must look.
    fn due(&self) -> Vec<Listener> {
        let now = Instant::now();
        let mut state = self.state();
        let due = state.listeners.iter_mut().filter(|listener| listener.look_at.is_some_and(|at| at <= now));
        due.map(|listener| {
            listener.look_at = None;
            listener.clone()
        })
        .collect()
    }

    fn call(&self, listener: &Listener, db: &mut Db, heard: Heard<'_>) {
        let called = catch_unwind(AssertUnwindSafe(|| (listener.function)(db, heard)));
        let error = match called {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => Error::internal("it has panicked"),
        };
        tracing::warn!(target: "lback::db", topic = listener.topic, %error, "notices of the database cannot be handled yet");
        let mut state = self.state();
        if let Some(listener) = state.listeners.iter_mut().find(|own| own.id == listener.id) {
            listener.look_at = Some(Instant::now() + AGAIN);
        }
    }
}
