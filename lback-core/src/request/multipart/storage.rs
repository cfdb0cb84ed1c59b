//! Where the content of uploaded files is kept: in memory, or in one temporary file for each request.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use super::upload::storage_error;
use crate::request::budget::Share;
use crate::{Application, Result};

/// How much is written to the temporary file at once.
const WRITE_BYTES: usize = 64 * 1024;

/// The storage of one request, while its parts arrive.
pub(in crate::request) struct Storage {
    pub(super) max_parts: usize,
    /// How many bytes of files may stay in memory.
    room: usize,
    in_memory: usize,
    text: usize,
    pub(super) memory: Arc<Share>,
    spool: Place,
    spooled: u64,
}

/// The temporary file, or what it will take of the budgets.
enum Place {
    Reserved(Share, Share),
    Open(Arc<Spool>),
    /// Writing to it has failed, or is going on.
    Gone,
}

/// The temporary file of a request, which holds its larger files one after the other.
pub(super) struct Spool {
    file: File,
    disk: Share,
    _upload: Share,
}

/// The content of an uploaded file.
pub(super) enum Content {
    /// The bytes, and what those of the whole request take of the memory for bodies.
    Memory(Vec<u8>, #[expect(dead_code, reason = "it is given back when the content is dropped")] Arc<Share>),
    Spooled {
        spool: Arc<Spool>,
        start: u64,
        length: u64,
    },
}

/// A file that has not come to its end.
pub(super) struct Arriving {
    /// What has not been written.
    waiting: Vec<u8>,
    /// Where it begins in the temporary file, if it is there.
    start: Option<u64>,
}

impl Storage {
    pub(in crate::request) fn new(app: &Application) -> Self {
        let (config, budgets) = (app.config(), app.budgets());
        Storage {
            max_parts: config.max_form_fields,
            room: config.upload_memory_bytes,
            in_memory: 0,
            text: 0,
            memory: Arc::new(budgets.memory()),
            spool: Place::Reserved(budgets.disk(), budgets.uploads()),
            spooled: 0,
        }
    }

    /// Accounts for text that is kept in memory. Returns how much there is of it by now.
    pub(super) fn add_text(&mut self, bytes: usize) -> Result<usize> {
        self.text += bytes;
        self.account(0)?;
        Ok(self.text)
    }

    pub(super) fn begin(&self) -> Arriving {
        Arriving { waiting: Vec::new(), start: None }
    }

    /// Adds `piece` to `file`, which goes to the temporary file once the files of the request need more memory than they may
    /// have.
    pub(super) async fn add(&mut self, file: &mut Arriving, piece: &[u8]) -> Result<()> {
        file.waiting.extend_from_slice(piece);
        self.account(file.waiting.capacity())?;
        let room = if file.start.is_some() { WRITE_BYTES } else { self.room.saturating_sub(self.in_memory) };
        if file.waiting.len() > room {
            file.start.get_or_insert(self.spooled);
            self.write(mem::take(&mut file.waiting)).await?;
        }
        Ok(())
    }

    pub(super) async fn end(&mut self, mut file: Arriving) -> Result<Content> {
        let Some(start) = file.start else {
            self.in_memory += file.waiting.len();
            file.waiting.shrink_to_fit();
            return Ok(Content::Memory(file.waiting, self.memory.clone()));
        };
        let spool = self.write(file.waiting).await?;
        Ok(Content::Spooled { spool, start, length: self.spooled - start })
    }

    fn account(&self, waiting: usize) -> Result<()> {
        self.memory.raise_to((self.text + self.in_memory + waiting) as u64)
    }

    /// Appends to the temporary file, which is created with the first bytes.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<Arc<Spool>> {
        let (place, length) = (mem::replace(&mut self.spool, Place::Gone), self.spooled + bytes.len() as u64);
        match &place {
            Place::Reserved(disk, upload) => upload.raise_to(1).and_then(|()| disk.raise_to(length))?,
            Place::Open(spool) => spool.disk.raise_to(length)?,
            Place::Gone => {}
        }
        let work = move || {
            let spool = match place {
                Place::Reserved(disk, upload) => Arc::new(Spool { file: tempfile::tempfile()?, disk, _upload: upload }),
                Place::Open(spool) => spool,
                Place::Gone => return Err(io::Error::other("writing has failed before")),
            };
            (&spool.file).write_all(&bytes)?;
            Ok(spool)
        };
        let written = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let spool = written.map_err(|error| storage_error("an uploaded file cannot be kept in a temporary file", error))?;
        self.spool = Place::Open(spool.clone());
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
    /// Reads without moving the place where others read and write.
    pub(super) fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.file, buffer, position);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.file, buffer, position);
    }
}
