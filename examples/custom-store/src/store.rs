//! A session store that keeps each session in a file `{id}.json`.

use std::fs::{self, File};
use std::io::ErrorKind::NotFound;
use std::io::Write;
use std::path::PathBuf;

use lback::chrono::{DateTime, TimeDelta, Utc};
use lback::prelude::*;
use lback::session::{Record, SessionId, SessionStore, Update, private_files};

pub struct FileStore(pub PathBuf);

impl FileStore {
    fn path(&self, id: SessionId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    fn write(&self, record: &Record) -> Result<()> {
        // Writes a temporary file and renames it, so that readers see either the complete old file or the complete new one.
        let new = self.0.join(format!("{}.new", record.id));
        private_files::options().create(true).truncate(true).open(&new)?.write_all(&serde_json::to_vec_pretty(record)?)?;
        Ok(fs::rename(new, self.path(record.id))?)
    }

    /// Locks the folder for writing, also for other processes, until the returned file is closed.
    fn lock(&self) -> Result<File> {
        private_files::create_folder(&self.0)?;
        let lock = private_files::options().create(true).truncate(true).open(self.0.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }
}

impl SessionStore for FileStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        // A file without a valid session counts as missing, so that its visitor gets a new session.
        match fs::read(self.path(id)) {
            Err(error) if error.kind() == NotFound => Ok(None),
            json => Ok(serde_json::from_slice(&json?).ok()),
        }
    }

    async fn create(&self, record: Record) -> Result<()> {
        let _lock = self.lock()?;
        if self.path(record.id).exists() {
            return Err(Error::internal(format!("the session {} already exists", record.id)));
        }
        self.write(&record)
    }

    async fn update(&self, to: Update) -> Result<bool> {
        let _lock = self.lock()?;
        let Some(record) = to.applied_to(self.load(to.id).await?) else { return Ok(false) };
        // If the id changes, the old one is invalid from now on.
        fs::rename(self.path(to.id), self.path(record.id))?;
        self.write(&record).map(|()| true)
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        let _lock = self.lock()?;
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() == NotFound => Ok(false),
            removed => Ok(removed.map(|()| true)?),
        }
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        let _lock = self.lock()?;
        let Some(record) = self.load(id).await?.filter(|record| record.expires_at > now) else { return Ok(false) };
        if expires_at - record.expires_at >= TimeDelta::seconds(1) {
            self.write(&Record { expires_at, updated_at: now, ..record })?;
        }
        Ok(true)
    }
}
