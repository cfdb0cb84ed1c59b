//! Saves: one update for each session, however many requests save it at once.

use std::collections::HashMap;
use std::rc::Rc;

use ::redis::Value;
use lback_core::{Error, Result};
use tokio::task::spawn_local;
use tokio::time::Instant;

use super::Redis;
use super::batching::{Reply, reply};
use super::encoding;
use super::script::{self, Call};
use crate::SessionId;
use crate::store::{MAX_ATTEMPTS, Record, Save, Saved};

/// Runs these saves. Several saves of one session are applied one after another in memory (rule 8), and the result is written.
pub(super) async fn save(redis: Rc<Redis>, saves: Vec<(Save, Reply<Saved>)>, until: Instant) {
    let mut late = attempt(&redis, together(saves), until).await;
    if late.is_empty() {
        return;
    }
    // Saves that must be tried again do not delay others.
    spawn_local(async move {
        for _ in 1..MAX_ATTEMPTS {
            late = attempt(&redis, late, until).await;
            if late.is_empty() {
                return;
            }
        }
        reply(late.into_iter().flat_map(|session| session.fail(&too_many_attempts())).collect());
    });
}

pub(super) fn too_many_attempts() -> Error {
    Error::unavailable(format!("a session could not be saved in {MAX_ATTEMPTS} attempts"))
}

/// Tries these saves, and sends the answers. Returns those that must be tried again.
async fn attempt(redis: &Redis, sessions: Vec<Session>, until: Instant) -> Vec<Session> {
    let mut settled = Vec::new();
    let attempts: Vec<Attempt> = sessions.into_iter().filter_map(|session| session.attempt(&mut settled)).collect();
    let mut late = Vec::new();
    if !attempts.is_empty() {
        match script::run(redis, attempts.iter().map(|attempt| &attempt.call), until).await {
            Ok(answers) => {
                late.extend(attempts.into_iter().zip(answers).filter_map(|(attempt, answer)| attempt.settle(answer, &mut settled)));
            }
            Err(error) => settled.extend(attempts.into_iter().flat_map(|attempt| attempt.session.fail(&error))),
        }
    }
    reply(settled);
    late
}

/// The results of saves, with their receivers.
type Settled = Vec<(Reply<Saved>, Result<Saved>)>;

/// The saves of one session.
struct Session {
    /// The session in Redis, as far as is known.
    found: Record,
    /// Whether Redis has returned it since the saves came. Otherwise one of the requests has loaded it, and it may have been renewed.
    is_fresh: bool,
    saves: Vec<(Save, Reply<Saved>)>,
}

/// Groups saves by session.
fn together(saves: Vec<(Save, Reply<Saved>)>) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::with_capacity(saves.len());
    let mut places: HashMap<SessionId, usize> = HashMap::with_capacity(saves.len());
    for (save, reply) in saves {
        let place = *places.entry(save.base.id).or_insert(sessions.len());
        match sessions.get_mut(place) {
            Some(session) => {
                if save.base.version > session.found.version {
                    session.found = save.base.clone();
                }
                session.saves.push((save, reply));
            }
            None => sessions.push(Session { found: save.base.clone(), is_fresh: false, saves: vec![(save, reply)] }),
        }
    }
    sessions
}

/// The call to Redis for a session.
struct Attempt {
    session: Session,
    /// Writes the result of the last save, which includes the others; or only reads the stored session.
    call: Call,
    /// The result of each save if it is written.
    outcomes: Vec<Result<Saved>>,
}

impl Session {
    /// Applies all its saves in memory. Returns `None` if there is nothing to write.
    fn attempt(self, settled: &mut Settled) -> Option<Attempt> {
        if !self.is_fresh && self.saves.iter().any(|(save, _)| self.found.expires_at <= save.now) {
            // It has expired, unless another request has renewed it.
            return Some(Attempt { call: Call::find(self.found.id), session: self, outcomes: Vec::new() });
        }
        let mut record = self.found.clone();
        let mut json = None;
        let mut outcomes = Vec::with_capacity(self.saves.len());
        for (save, _) in &self.saves {
            // With a new id, it is another session for requests that carry the old one.
            let is_there = record.id == save.base.id && record.expires_at > save.now;
            outcomes.push(match is_there {
                false => Ok(Saved::Gone),
                true => record.save(save).map(|update| {
                    let saved = Saved::As(update.new_id, update.expires_at);
                    json = Some(update.json);
                    saved
                }),
            });
        }
        match json {
            Some(json) => match Call::replace(&self.found, &record, &json) {
                Ok(call) => Some(Attempt { call, session: self, outcomes }),
                Err(error) => {
                    settled.extend(self.fail(&error));
                    None
                }
            },
            None => {
                settled.extend(self.settle(outcomes));
                None
            }
        }
    }

    fn settle(self, outcomes: impl IntoIterator<Item = Result<Saved>>) -> impl Iterator<Item = (Reply<Saved>, Result<Saved>)> {
        self.saves.into_iter().map(|(_, reply)| reply).zip(outcomes)
    }

    fn gone(self) -> impl Iterator<Item = (Reply<Saved>, Result<Saved>)> {
        self.settle(std::iter::repeat_with(|| Ok(Saved::Gone)))
    }

    fn fail(self, error: &Error) -> Settled {
        self.settle(std::iter::repeat_with(|| Err(Error::new(error.status(), error.to_string())))).collect()
    }
}

impl Attempt {
    /// Settles the saves after the call. Returns those that must be tried again.
    fn settle(self, answer: Result<Value>, settled: &mut Settled) -> Option<Session> {
        let session = self.session;
        match answer {
            Ok(Value::Int(_)) => settled.extend(session.settle(self.outcomes)),
            // Another request was faster, or has renewed it; this is the stored session.
            Ok(Value::BulkString(stored)) => match encoding::record(session.found.id, &stored) {
                Some(found) if !session.is_fresh || found != session.found => return Some(Session { found, is_fresh: true, ..session }),
                // Not a session in this format.
                _ => settled.extend(session.gone()),
            },
            Ok(_) => settled.extend(session.gone()),
            Err(error) => settled.extend(session.fail(&error)),
        }
        None
    }
}
