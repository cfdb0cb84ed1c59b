//! Storage for the content of uploaded files: memory, or one temporary file per request.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use super::upload::storage_error;
use crate::request::budget::Share;
use crate::{Application, Result};

/// The number of bytes that are written to the temporary file at once.
const WRITE_BYTES: usize = 64 * 1024;

/// The storage of a request while its parts arrive.
pub(in crate::request) struct Storage {
    pub(super) max_parts: usize,
    /// Maximum number of bytes of files that stay in memory.
    memory_limit: usize,
    in_memory: usize,
    text: usize,
    pub(super) memory: Arc<Share>,
    spool: SpoolState,
    spooled: u64,
}

/// The temporary file, or its shares of the budgets before it exists.
enum SpoolState {
    Reserved(Share, Share),
    Open(Arc<Spool>),
    /// Writing to it has failed or is in progress.
    Unavailable,
}

/// The temporary file of a request, which holds its larger files one after the other.
pub(super) struct Spool {
    file: File,
    disk: Share,
    _upload: Share,
}

/// The content of an uploaded file.
pub(super) enum Content {
    /// The bytes, and the request's share of the memory for bodies.
    Memory(Vec<u8>, #[expect(dead_code, reason = "dropping the content returns the share")] Arc<Share>),
    Spooled {
        spool: Arc<Spool>,
        start: u64,
        length: u64,
    },
}

/// A file that has not been received completely.
pub(super) struct PartialFile {
    /// The bytes that have not been written yet.
    unwritten: Vec<u8>,
    /// The start of the file in the temporary file, if it is there.
    start: Option<u64>,
}

impl Storage {
    pub(in crate::request) fn new(app: &Application) -> Self {
        let (config, budgets) = (app.config(), app.budgets());
        Storage {
            max_parts: config.max_form_fields,
            memory_limit: config.upload_memory_bytes,
            in_memory: 0,
            text: 0,
            memory: Arc::new(budgets.memory()),
            spool: SpoolState::Reserved(budgets.disk(), budgets.uploads()),
            spooled: 0,
        }
    }

    /// Accounts for text that is kept in memory. Returns its total size so far.
    pub(super) fn add_text(&mut self, bytes: usize) -> Result<usize> {
        self.text += bytes;
        self.account(0)?;
        Ok(self.text)
    }

    pub(super) fn begin(&self) -> PartialFile {
        PartialFile { unwritten: Vec::new(), start: None }
    }

    /// Adds `chunk` to `file`, which moves to the temporary file once the files of the request need more memory than they may
    /// use.
    pub(super) async fn add(&mut self, file: &mut PartialFile, chunk: &[u8]) -> Result<()> {
        file.unwritten.extend_from_slice(chunk);
        self.account(file.unwritten.capacity())?;
        let limit = if file.start.is_some() { WRITE_BYTES } else { self.memory_limit.saturating_sub(self.in_memory) };
        if file.unwritten.len() > limit {
            file.start.get_or_insert(self.spooled);
            self.write(mem::take(&mut file.unwritten)).await?;
        }
        Ok(())
    }

    pub(super) async fn end(&mut self, mut file: PartialFile) -> Result<Content> {
        let Some(start) = file.start else {
            self.in_memory += file.unwritten.len();
            file.unwritten.shrink_to_fit();
            return Ok(Content::Memory(file.unwritten, self.memory.clone()));
        };
        let spool = self.write(file.unwritten).await?;
        Ok(Content::Spooled { spool, start, length: self.spooled - start })
    }

    fn account(&self, unwritten: usize) -> Result<()> {
        self.memory.raise_to((self.text + self.in_memory + unwritten) as u64)
    }

    /// Appends to the temporary file, which is created with the first bytes.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<Arc<Spool>> {
        let (state, length) = (mem::replace(&mut self.spool, SpoolState::Unavailable), self.spooled + bytes.len() as u64);
        match &state {
            SpoolState::Reserved(disk, upload) => upload.raise_to(1).and_then(|()| disk.raise_to(length))?,
            SpoolState::Open(spool) => spool.disk.raise_to(length)?,
            SpoolState::Unavailable => {}
        }
        let work = move || {
            let spool = match state {
                SpoolState::Reserved(disk, upload) => Arc::new(Spool { file: tempfile::tempfile()?, disk, _upload: upload }),
                SpoolState::Open(spool) => spool,
                SpoolState::Unavailable => return Err(io::Error::other("an earlier write has failed")),
            };
            (&spool.file).write_all(&bytes)?;
            Ok(spool)
        };
        let written = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let spool = written.map_err(|error| storage_error("an uploaded file cannot be stored in a temporary file", error))?;
        self.spool = SpoolState::Open(spool.clone());
        self.spooled = length;
        Ok(spool)
    }
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        match self {
            Content::Memory(bytes, _) => bytes.len() as u64,
            Content::Spooled { length, .. } => *length,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Spool {
    /// Reads without changing the position at which others read and write.
    pub(super) fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.file, buffer, position);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.file, buffer, position);
    }
}
