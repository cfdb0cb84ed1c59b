//! The threads that read sessions.

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use chrono::{DateTime, Utc};
use lback_core::{Error, Result, blocking};
use lback_db::Database;
use tokio::runtime::Handle;

use super::connection::Line;
use super::{Reply, statements};
use crate::SessionId;
use crate::store::{Record, SessionInfo};
use crate::stores::database::{Cause, rows};
use crate::stores::wake;

/// Maximum number of threads that read: while one waits for the server, the other collects loads. On a single processor they would
/// only compete for it.
const THREADS: usize = 2;
/// Maximum number of loads in one statement.
const MAX_BATCH: usize = 256;

/// A read.
pub(super) enum Read {
    Load(SessionId, Reply<Option<Record>>),
    HasEnded(SessionId, DateTime<Utc>, Reply<bool>),
    ForUser(i64, DateTime<Utc>, Reply<Vec<SessionInfo>>),
}

/// Sends to the threads, which end when this is dropped.
pub(super) struct Reader(Sender<(Read, Option<Handle>)>);

impl Reader {
    pub(super) fn start(database: &Database) -> Result<Self> {
        let (sender, reads) = channel();
        let reads = Arc::new(Mutex::new(reads));
        let processors = thread::available_parallelism().map_or(THREADS, NonZero::get);
        for _ in 0..THREADS.min(processors) {
            let (reads, mut line) = (reads.clone(), Line::new(database, ""));
            thread::Builder::new().name("lback-sessions".to_owned()).spawn(move || {
                while let Some(batch) = gather(&reads) {
                    let answered = catch_unwind(AssertUnwindSafe(|| answer(&mut line, batch)));
                    if answered.is_err() {
                        line.hang_up();
                    }
                }
            })?;
        }
        Ok(Reader(sender))
    }

    /// If no thread is left, the reply is dropped, which the receiver notices.
    pub(super) fn send(&self, read: Read) {
        let _ = self.0.send((read, blocking::runtime()));
    }
}

/// Waits for reads, and takes all of them, with the runtime of their requests.
fn gather<T>(reads: &Mutex<Receiver<T>>) -> Option<Vec<T>> {
    let reads = reads.lock().unwrap_or_else(PoisonError::into_inner);
    let mut batch = vec![reads.recv().ok()?];
    batch.extend(reads.try_iter().take(MAX_BATCH - 1));
    Some(batch)
}

fn answer(line: &mut Line, batch: Vec<(Read, Option<Handle>)>) {
    let runtime = batch.iter().find_map(|(_, runtime)| runtime.clone());
    let mut waiting: HashMap<SessionId, Vec<Reply<Option<Record>>>> = HashMap::new();
    for (read, _) in batch {
        match read {
            // The requests have been given up, perhaps because the server was hanging.
            Read::Load(_, reply) if reply.is_closed() => {}
            Read::Load(id, reply) => waiting.entry(id).or_default().push(reply),
            Read::HasEnded(id, now, reply) => {
                let ended = line.read(|db| rows::has_ended(db, id, now));
                let _ = reply.send(ended.map_err(|error| cannot_read(Arc::new(error))));
            }
            Read::ForUser(user_id, now, reply) => {
                let infos = line.read(|db| rows::for_user(db, user_id, now));
                let _ = reply.send(infos.map_err(|error| cannot_read(Arc::new(error))));
            }
        }
    }
    if waiting.is_empty() {
        return;
    }
    let mut ids: Vec<SessionId> = waiting.keys().copied().collect();
    ids.sort_unstable();
    match line.read(|db| statements::load(db, &ids)) {
        Ok(found) => wake::all(waiting.len(), runtime, move || {
            for (id, replies) in waiting {
                for reply in replies {
                    let _ = reply.send(Ok(found.get(&id).cloned()));
                }
            }
        }),
        Err(error) => {
            let error = Arc::new(error);
            for reply in waiting.into_values().flatten() {
                let _ = reply.send(Err(cannot_read(error.clone())));
            }
        }
    }
}

fn cannot_read(error: Arc<Error>) -> Error {
    Error::unavailable("the session store cannot be read").with_source(Cause(error))
}
