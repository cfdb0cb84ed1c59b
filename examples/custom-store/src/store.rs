//! Sessions as files: `{id}.json` for each, in one folder.

use std::fs::{self, File};
use std::io::ErrorKind::NotFound;
use std::io::Write;
use std::path::PathBuf;

use lback::chrono::{DateTime, TimeDelta, Utc};
use lback::prelude::*;
use lback::{Record, SessionId, SessionStore, Update, private_files};

pub struct FileStore(pub PathBuf);

impl FileStore {
    fn path(&self, id: SessionId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    fn write(&self, record: &Record) -> Result<()> {
        // Under another name first: whoever reads meanwhile sees all of the old file or all of the new one.
        let new = self.0.join(format!("{}.new", record.id));
        private_files::options().create(true).truncate(true).open(&new)?.write_all(&serde_json::to_vec_pretty(record)?)?;
        Ok(fs::rename(new, self.path(record.id))?)
    }

    /// Nobody else writes until the file that this returns is closed, in other processes neither.
    fn lock(&self) -> Result<File> {
        private_files::create_folder(&self.0)?;
        let lock = private_files::options().create(true).truncate(true).open(self.0.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }
}

impl SessionStore for FileStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        // Whatever is no session counts as none; its visitor gets a new one.
        match fs::read(self.path(id)) {
            Err(error) if error.kind() == NotFound => Ok(None),
            json => Ok(serde_json::from_slice(&json?).ok()),
        }
    }

    async fn create(&self, record: Record) -> Result<()> {
        let _lock = self.lock()?;
        if self.path(record.id).exists() {
            return Err(Error::internal(format!("a session {} exists already", record.id)));
        }
        self.write(&record)
    }

    async fn update(&self, to: Update) -> Result<bool> {
        let _lock = self.lock()?;
        let Some(record) = to.applied_to(self.load(to.id).await?) else { return Ok(false) };
        // If the id changes, the old one is dead from here on.
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
