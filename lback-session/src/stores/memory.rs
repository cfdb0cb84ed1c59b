//! Sessions in the memory of one process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};

use crate::SessionId;
use crate::store::{RENEWAL, Record, SessionInfo, SessionStore, Update};

/// Keeps sessions in memory: for tests, and for one process that may forget them when it ends.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<SessionId, Record>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // Every change of the map is one call, so it is whole even after a panic.
    fn records(&self) -> MutexGuard<'_, HashMap<SessionId, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemoryStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        Ok(self.records().get(&id).cloned())
    }

    async fn create(&self, record: Record) -> Result<()> {
        let mut records = self.records();
        if records.contains_key(&record.id) {
            return Err(Error::internal(format!("there is a session {} already", record.id)));
        }
        records.insert(record.id, record);
        Ok(())
    }

    async fn update(&self, update: Update) -> Result<bool> {
        let mut records = self.records();
        let Some(record) = update.applied_to(records.get(&update.id).cloned()) else { return Ok(false) };
        records.remove(&update.id);
        records.insert(record.id, record);
        Ok(true)
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        Ok(self.records().remove(&id).is_some())
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        let mut records = self.records();
        let Some(record) = records.get_mut(&id).filter(|record| record.expires_at > now) else { return Ok(false) };
        if expires_at - record.expires_at >= RENEWAL {
            record.expires_at = expires_at;
            record.updated_at = now;
        }
        Ok(true)
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        let records = self.records();
        let live = records.values().filter(|record| record.user_id == Some(user_id) && record.expires_at > now);
        let mut infos: Vec<_> = live.map(Record::info).collect();
        infos.sort_by_key(|info| std::cmp::Reverse((info.last_seen, info.id)));
        Ok(infos)
    }

    async fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        let mut records = self.records();
        let before = records.len();
        records.retain(|id, record| record.user_id != Some(user_id) || Some(*id) == except);
        Ok((before - records.len()) as u64)
    }

    async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        let mut records = self.records();
        let expired: Vec<_> = records.values().filter(|record| record.expires_at <= now).map(|record| record.id).collect();
        let ids = expired.into_iter().take(limit as usize);
        Ok(ids.filter(|id| records.remove(id).is_some()).count() as u64)
    }
}

impl Record {
    /// The session without its data.
    pub(crate) fn info(&self) -> SessionInfo {
        SessionInfo { id: self.id, created_at: self.created_at, last_seen: self.updated_at, expires_at: self.expires_at }
    }
}
