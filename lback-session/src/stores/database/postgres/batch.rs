//! Many writes in one transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};
use lback_db::Db;

use super::statements::{self, Change, Ended, Renewal};
use crate::SessionId;
use crate::store::{RENEWAL, Record, Save, Saved, Update};
use crate::stores::database::{expired, rows};

/// One write.
pub(super) enum Op {
    Create(Record),
    Save(Box<Save>),
    Update(Update),
    Renew { id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc> },
    End { id: SessionId, now: DateTime<Utc> },
    EndUser { user_id: i64, except: Option<SessionId>, now: DateTime<Utc> },
    DeleteExpired { now: DateTime<Utc>, limit: u32 },
}

/// The result of a write.
pub(super) enum Done {
    Saved(Saved),
    Found(bool),
    Count(u64),
}

impl Done {
    pub(super) fn found(self) -> bool {
        matches!(self, Done::Found(true))
    }

    pub(super) fn count(self) -> u64 {
        if let Done::Count(count) = self { count } else { 0 }
    }
}

impl Op {
    /// Returns the stored session that it changes, if there is one.
    fn id(&self) -> Option<SessionId> {
        match self {
            Op::Save(save) => Some(save.base.id),
            Op::Update(update) => Some(update.id),
            Op::Renew { id, .. } | Op::End { id, .. } => Some(*id),
            Op::Create(_) | Op::EndUser { .. } | Op::DeleteExpired { .. } => None,
        }
    }

    /// Returns whether it must survive a crash, even if the server is set up to lose a little.
    pub(super) fn outlasts_a_crash(&self) -> bool {
        match self {
            Op::End { .. } | Op::EndUser { .. } => true,
            Op::Save(save) => save.may_rotate(),
            Op::Update(update) => update.rotates(),
            Op::Create(_) | Op::Renew { .. } | Op::DeleteExpired { .. } => false,
        }
    }
}

/// Returns these writes as saves, if all of them are saves of different sessions that keep their ids.
pub(super) fn plain_saves<'a>(ops: impl ExactSizeIterator<Item = &'a Op>) -> Option<Vec<&'a Save>> {
    let mut seen = HashSet::with_capacity(ops.len());
    let save = |op: &'a Op| match op {
        Op::Save(save) if !save.may_rotate() && seen.insert(save.base.id) => Some(&**save),
        _ => None,
    };
    ops.map(save).collect()
}

/// Writes [`plain_saves`] with one statement, which needs no transaction around it. Returns the result of each, or `None` if another
/// request was faster or the session is gone.
///
/// # Errors
/// Returns an error if the statement failed; then nothing was written.
pub(super) fn write_saves(db: &mut Db, saves: &[&Save]) -> Result<Vec<Option<Result<Done>>>> {
    let mut updates = Vec::with_capacity(saves.len());
    let mut outcome = |save: &Save| {
        let update = save.first()?;
        let saved = Saved::As(update.new_id, update.expires_at);
        updates.push(update);
        Ok(saved)
    };
    let outcomes: Vec<Result<Saved>> = saves.iter().map(|save| outcome(save)).collect();
    let saved = statements::change_in_place(db, updates)?;
    let settled =
        |(save, outcome): (&&Save, Result<Saved>)| (outcome.is_err() || saved.contains(&save.base.id)).then(|| outcome.map(Done::Saved));
    Ok(saves.iter().zip(outcomes).map(settled).collect())
}

/// Runs all writes, in a transaction, and returns their results.
///
/// # Errors
/// Returns an error if a statement failed; then the transaction must not be committed. A write that fails without a statement (data
/// that are too large, an `update` that does not accept the value) fails alone.
pub(super) fn write(db: &mut Db, ops: &[&Op]) -> Result<Vec<Result<Done>>> {
    let mut results: Vec<Option<Result<Done>>> = ops.iter().map(|_| None).collect();
    let mut uses: HashMap<SessionId, u32> = HashMap::new();
    ops.iter().filter_map(|op| op.id()).for_each(|id| *uses.entry(id).or_default() += 1);

    let (mut creates, mut saves, mut renewals, mut ends, mut contended) = (vec![], vec![], vec![], vec![], vec![]);
    let mut ended: Vec<Ended> = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        match op {
            Op::Create(record) => creates.push((index, record)),
            Op::EndUser { user_id, except, now } => {
                results[index] = Some(Ok(Done::Count(rows::end_user(db, *user_id, *except, *now)?)));
            }
            Op::DeleteExpired { now, limit } => results[index] = Some(Ok(Done::Count(expired::delete_in_postgres(db, *now, *limit)?))),
            _ if op.id().is_some_and(|id| uses.get(&id) != Some(&1)) => contended.push(index),
            Op::Save(save) => match save.first() {
                Ok(update) => saves.push((index, update)),
                Err(error) => results[index] = Some(Err(error)),
            },
            Op::Update(update) => saves.push((index, update.clone())),
            Op::Renew { id, expires_at, now } => renewals.push((index, Renewal { id: *id, expires_at: *expires_at, now: *now })),
            Op::End { id, now } => ends.push((index, Ended { id: *id, at: *now })),
        }
    }

    statements::insert(db, creates.iter().map(|(_, record)| *record))?;
    for (index, _) in &creates {
        results[*index] = Some(Ok(Done::Found(true)));
    }
    let changes = saves.iter().map(|(_, update)| Change::of(update)).collect::<Result<Vec<_>>>()?;
    let saved = statements::change(db, changes.into_iter())?;
    for (index, update) in saves {
        if update.rotates() && saved.contains(&update.id) {
            ended.push(Ended { id: update.id, at: update.now });
        }
        match (ops[index], saved.contains(&update.id)) {
            (Op::Save(_), true) => results[index] = Some(Ok(Done::Saved(Saved::As(update.new_id, update.expires_at)))),
            (Op::Save(_), false) => contended.push(index),
            (_, found) => results[index] = Some(Ok(Done::Found(found))),
        }
    }
    let renewed = statements::renew(db, renewals.iter().map(|(_, renewal)| *renewal))?;
    for (index, renewal) in renewals {
        results[index] = Some(Ok(Done::Found(renewed.contains(&renewal.id))));
    }
    let deleted = statements::delete(db, ends.iter().map(|(_, end)| end.id))?;
    for (index, end) in ends {
        let found = deleted.contains(&end.id);
        ended.extend(found.then_some(end));
        results[index] = Some(Ok(Done::Found(found)));
    }

    contended.sort_unstable();
    let replayed = replay(db, contended.iter().map(|index| ops[*index]), &mut ended)?;
    statements::note_ends(db, &ended)?;
    for (index, result) in contended.into_iter().zip(replayed) {
        results[index] = Some(result);
    }
    Ok(results.into_iter().map(|result| result.unwrap_or_else(|| Err(Error::internal("a write was skipped")))).collect())
}

/// A session while writes are applied to it in memory.
struct Replayed {
    found: Record,
    /// `None` after its deletion.
    now: Option<Record>,
    /// The time when the id under which it was found was ended.
    ended_at: Option<DateTime<Utc>>,
}

/// Applies writes to locked rows, one after another in memory, and writes the results. Adds the ids that it ends to `ended`.
fn replay<'a>(db: &mut Db, ops: impl Iterator<Item = &'a Op> + Clone, ended: &mut Vec<Ended>) -> Result<Vec<Result<Done>>> {
    let ids: HashSet<SessionId> = ops.clone().filter_map(Op::id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let locked = statements::lock(db, ids.iter().copied())?;
    let mut sessions: BTreeMap<SessionId, Replayed> =
        locked.into_iter().map(|(id, found)| (id, Replayed { now: Some(found.clone()), found, ended_at: None })).collect();
    // A row whose data are not a JSON object is not among them, and can still be deleted.
    let mut unread: Vec<Ended> = Vec::new();
    let results = ops
        .map(|op| match op.id().and_then(|id| sessions.get_mut(&id)) {
            Some(session) => session.apply(op),
            None => {
                if let Op::End { id, now } = op
                    && unread.iter().all(|end| end.id != *id)
                {
                    unread.push(Ended { id: *id, at: *now });
                }
                Ok(op.on_nothing())
            }
        })
        .collect();
    let changes = sessions.values().filter_map(|session| session.change().transpose()).collect::<Result<Vec<_>>>()?;
    let expected = changes.len();
    if statements::change(db, changes.into_iter())?.len() != expected {
        return Err(Error::internal("a session changed though its row was locked"));
    }
    let gone = sessions.values().filter(|session| session.now.is_none()).map(|session| session.found.id);
    let deleted = statements::delete(db, gone.chain(unread.iter().map(|end| end.id)))?;
    ended.extend(sessions.values().filter_map(|session| session.ended_at.map(|at| Ended { id: session.found.id, at })));
    ended.extend(unread.into_iter().filter(|end| deleted.contains(&end.id)));
    Ok(results)
}

impl Op {
    /// Returns the result if the session does not exist.
    fn on_nothing(&self) -> Done {
        match self {
            Op::Save(_) => Done::Saved(Saved::Gone),
            _ => Done::Found(false),
        }
    }
}

impl Replayed {
    fn apply(&mut self, op: &Op) -> Result<Done> {
        // With a new id, it is another session for requests that carry the old one.
        let Some(record) = self.now.as_mut().filter(|record| Some(record.id) == op.id()) else { return Ok(op.on_nothing()) };
        match op {
            Op::End { now, .. } => {
                self.now = None;
                self.ended_at = Some(*now);
                Ok(Done::Found(true))
            }
            Op::Renew { expires_at, now, .. } => {
                if record.expires_at <= *now {
                    return Ok(Done::Found(false));
                }
                if *expires_at - record.expires_at >= RENEWAL {
                    record.expires_at = *expires_at;
                    record.updated_at = *now;
                }
                Ok(Done::Found(true))
            }
            Op::Save(save) if record.expires_at > save.now => {
                let update = record.save(save)?;
                self.ended_at = update.rotates().then_some(update.now);
                Ok(Done::Saved(Saved::As(update.new_id, update.expires_at)))
            }
            Op::Update(update) if record.version == update.version && record.expires_at > update.now => {
                record.replace(update);
                self.ended_at = update.rotates().then_some(update.now);
                Ok(Done::Found(true))
            }
            _ => Ok(op.on_nothing()),
        }
    }

    /// Returns what to write, unless the session is unchanged or gone.
    fn change(&self) -> Result<Option<Change<'_>>> {
        let Some(now) = self.now.as_ref().filter(|now| **now != self.found) else { return Ok(None) };
        Ok(Some(Change {
            id: self.found.id,
            version: self.found.version,
            // Whether it has expired was judged above.
            alive_at: DateTime::UNIX_EPOCH,
            new_id: now.id,
            user_id: now.user_id,
            json: Cow::Owned(rows::json(&now.data)?),
            meta: now.meta.json()?,
            new_version: now.version,
            expires_at: now.expires_at,
            updated_at: now.updated_at,
        }))
    }
}
