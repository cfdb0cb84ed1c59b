//! Saves: one update for each session, however many requests save it at once.

use std::collections::HashMap;
use std::rc::Rc;

use ::redis::Value;
use lback_core::{Error, Result};
use tokio::time::Instant;

use super::Redis;
use super::stored;
use super::writes::{self, Call};
use crate::SessionId;
use crate::store::{MAX_ATTEMPTS, Record, Save, Saved};

/// Saves these. Where several are of one session, each is made on top of what the one before makes of it (rule 8), in memory,
/// and the outcome is written. Answers what came of each.
pub(super) async fn save(redis: Rc<Redis>, saves: Vec<Save>, until: Instant) -> Vec<Result<Saved>> {
    let mut results = Results(saves.iter().map(|_| None).collect());
    let mut sessions = together(saves);
    for _ in 0..MAX_ATTEMPTS {
        let attempts: Vec<Attempt> = sessions.into_iter().filter_map(|session| session.attempt(&mut results)).collect();
        if attempts.is_empty() {
            break;
        }
        sessions = match writes::run(&redis, attempts.iter().map(|attempt| &attempt.call), until).await {
            Ok(answers) => attempts.into_iter().zip(answers).filter_map(|(attempt, answer)| attempt.settle(answer, &mut results)).collect(),
            Err(error) => {
                attempts.into_iter().for_each(|attempt| attempt.session.fail(&error, &mut results));
                break;
            }
        };
    }
    results.all()
}

struct Results(Vec<Option<Result<Saved>>>);

impl Results {
    fn set(&mut self, index: usize, result: Result<Saved>) {
        self.0[index] = Some(result);
    }

    fn all(self) -> Vec<Result<Saved>> {
        self.0.into_iter().map(|result| result.unwrap_or_else(|| Err(too_many_attempts()))).collect()
    }
}

/// What several requests want to save of one session.
struct Session {
    /// What Redis holds, as far as is known.
    found: Record,
    /// The saves, and where their results belong.
    saves: Vec<(usize, Save)>,
}

/// The saves of each session.
fn together(saves: Vec<Save>) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::with_capacity(saves.len());
    let mut places: HashMap<SessionId, usize> = HashMap::with_capacity(saves.len());
    for save in saves.into_iter().enumerate() {
        let place = *places.entry(save.1.base.id).or_insert(sessions.len());
        match sessions.get_mut(place) {
            Some(session) => {
                if save.1.base.version > session.found.version {
                    session.found = save.1.base.clone();
                }
                session.saves.push(save);
            }
            None => sessions.push(Session { found: save.1.base.clone(), saves: vec![save] }),
        }
    }
    sessions
}

/// What is to be written for a session.
struct Attempt {
    session: Session,
    /// Writes what the last save made, which holds what the others did.
    call: Call,
    /// What comes of each save if it is written.
    outcomes: Vec<Result<Saved>>,
}

impl Session {
    /// Makes all its saves in memory. `None` where nothing came of them.
    fn attempt(self, results: &mut Results) -> Option<Attempt> {
        let mut record = self.found.clone();
        let mut json = None;
        let mut outcomes = Vec::with_capacity(self.saves.len());
        for (_, save) in &self.saves {
            outcomes.push(match record.id == save.base.id {
                // Under a new id it is another session for those who know the old one.
                false => Ok(Saved::Gone),
                true => record.save(save).map(|update| {
                    let saved = Saved::As(update.new_id, update.expires_at);
                    json = Some(update.json);
                    saved
                }),
            });
        }
        match json {
            Some(json) => Some(Attempt { call: Call::replace(&self.found, &record, &json), session: self, outcomes }),
            None => {
                self.settle(outcomes, results);
                None
            }
        }
    }

    fn settle(self, outcomes: impl IntoIterator<Item = Result<Saved>>, results: &mut Results) {
        self.saves.into_iter().zip(outcomes).for_each(|((index, _), outcome)| results.set(index, outcome));
    }

    fn gone(self, results: &mut Results) {
        self.settle(std::iter::repeat_with(|| Ok(Saved::Gone)), results);
    }

    fn fail(self, error: &Error, results: &mut Results) {
        self.settle(std::iter::repeat_with(|| Err(Error::unavailable(error.to_string()))), results);
    }
}

impl Attempt {
    /// After it was tried. What must be tried again comes back.
    fn settle(self, answer: Result<Value>, results: &mut Results) -> Option<Session> {
        let session = self.session;
        match answer {
            Ok(Value::Int(_)) => session.settle(self.outcomes, results),
            // Another request was faster, and this is what it left; unless nothing has changed, and the session has expired.
            Ok(Value::BulkString(stored)) => match stored::record(session.found.id, &stored).filter(|found| *found != session.found) {
                Some(found) => return Some(Session { found, ..session }),
                None => session.gone(results),
            },
            Ok(_) => session.gone(results),
            Err(error) => session.fail(&error, results),
        }
        None
    }
}

pub(super) fn too_many_attempts() -> Error {
    Error::unavailable(format!("a session could not be saved in {MAX_ATTEMPTS} attempts"))
}
