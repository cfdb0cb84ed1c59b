//! Sessions in the memory of one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};

use crate::SessionId;
use crate::store::{ENDED_FOR, RENEWAL, Record, SessionInfo, SessionStore, Update};

/// Keeps sessions in memory: for tests, and for applications of one process that may lose them when it ends.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    records: HashMap<SessionId, Record>,
    ended: HashMap<SessionId, DateTime<Utc>>,
    /// The same, in the order in which they ended.
    order: VecDeque<(SessionId, DateTime<Utc>)>,
}

/// Maximum number of ended sessions that are remembered: a few megabytes, however many end in a minute.
const MOST_ENDED: usize = 50_000;

impl Kept {
    fn note_end(&mut self, id: SessionId, now: DateTime<Utc>) {
        self.forget_ended(now);
        if self.order.len() == MOST_ENDED {
            self.forget_first();
        }
        self.ended.insert(id, now);
        self.order.push_back((id, now));
    }

    fn forget_ended(&mut self, now: DateTime<Utc>) {
        while self.order.front().is_some_and(|(_, ended_at)| now - *ended_at >= ENDED_FOR) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((id, ended_at)) = self.order.pop_front()
            && self.ended.get(&id) == Some(&ended_at)
        {
            self.ended.remove(&id);
        }
    }
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // Each change of a map is one call, so the maps are consistent even after a panic.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemoryStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        Ok(self.kept().records.get(&id).cloned())
    }

    async fn create(&self, record: Record) -> Result<()> {
        let records = &mut self.kept().records;
        if records.contains_key(&record.id) {
            return Err(Error::internal(format!("a session {} exists already", record.id)));
        }
        records.insert(record.id, record);
        Ok(())
    }

    async fn update(&self, update: Update) -> Result<bool> {
        let mut kept = self.kept();
        let Some(record) = update.applied_to(kept.records.get(&update.id).cloned()) else { return Ok(false) };
        kept.records.remove(&update.id);
        if update.rotates() {
            kept.note_end(update.id, update.now);
        }
        kept.records.insert(record.id, record);
        Ok(true)
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        Ok(self.kept().records.remove(&id).is_some())
    }

    async fn end(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        let mut kept = self.kept();
        let found = kept.records.remove(&id).is_some();
        if found {
            kept.note_end(id, now);
        }
        Ok(found)
    }

    async fn has_ended(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        Ok(self.kept().ended.get(&id).is_some_and(|ended_at| now - *ended_at < ENDED_FOR))
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        let records = &mut self.kept().records;
        let Some(record) = records.get_mut(&id).filter(|record| record.expires_at > now) else { return Ok(false) };
        if expires_at - record.expires_at >= RENEWAL {
            record.expires_at = expires_at;
            record.updated_at = now;
        }
        Ok(true)
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        let kept = self.kept();
        let live = kept.records.values().filter(|record| record.user_id == Some(user_id) && record.expires_at > now);
        let mut infos: Vec<_> = live.map(Record::info).collect();
        infos.sort_by_key(|info| std::cmp::Reverse((info.last_seen, info.id)));
        Ok(infos)
    }

    async fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        let records = &mut self.kept().records;
        let before = records.len();
        records.retain(|id, record| record.user_id != Some(user_id) || Some(*id) == except);
        Ok((before - records.len()) as u64)
    }

    async fn end_user(&self, user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Result<u64> {
        let mut kept = self.kept();
        let of_user = |record: &&Record| record.user_id == Some(user_id) && Some(record.id) != except;
        let ids: Vec<SessionId> = kept.records.values().filter(of_user).map(|record| record.id).collect();
        for id in &ids {
            kept.records.remove(id);
            kept.note_end(*id, now);
        }
        Ok(ids.len() as u64)
    }

    async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        let mut kept = self.kept();
        kept.forget_ended(now);
        let records = &mut kept.records;
        let expired: Vec<_> = records.values().filter(|record| record.expires_at <= now).map(|record| record.id).collect();
        let ids = expired.into_iter().take(limit as usize);
        Ok(ids.filter(|id| records.remove(id).is_some()).count() as u64)
    }
}

impl Record {
    /// Returns the session without its data.
    pub(crate) fn info(&self) -> SessionInfo {
        SessionInfo { id: self.id, created_at: self.created_at, last_seen: self.updated_at, expires_at: self.expires_at }
    }
}
