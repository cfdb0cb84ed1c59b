//! One uploaded file.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::{Error, Result};

/// A file that a form brought along.
///
/// A small one is in memory, a larger one in a temporary file that is gone when this value is. What the client says of
/// it, its name and its type, is only a claim.
///
/// Reading and saving may block: in an `async fn` view, [take](super::Multipart::take_file) the file and read it in
/// `tokio::task::spawn_blocking`.
pub struct UploadedFile {
    pub(super) field_name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) content: Content,
}

pub(super) enum Content {
    Memory(Vec<u8>),
    Spooled { file: File, length: u64 },
}

impl UploadedFile {
    /// The name of the form's field.
    pub fn field_name(&self) -> &str {
        &self.field_name
    }

    /// The name that the client gave the file: the last part of its path, without control characters.
    ///
    /// `None` where nothing useful is left. It is no safe name to save under, since another visitor may send the same.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// The media type that the client claims.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Spooled { length, .. } => *length,
        }
    }

    /// Is there not a single byte in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is the content in memory, rather than in a temporary file?
    pub fn is_in_memory(&self) -> bool {
        matches!(self.content, Content::Memory(_))
    }

    /// Reads the content from its beginning. Readers do not disturb one another.
    pub fn reader(&self) -> impl Read + Seek + '_ {
        match &self.content {
            Content::Memory(bytes) => Reader::Memory(Cursor::new(bytes)),
            Content::Spooled { file, length } => Reader::Spooled { file, length: *length, position: 0 },
        }
    }

    /// The whole content. Mind its [length](Self::len).
    ///
    /// # Errors
    /// 500 where the temporary file cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        if let Content::Memory(bytes) = &self.content {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Saves the file as `path`, making its folder where it is missing.
    ///
    /// It appears there whole or not at all. A file that is there already stays as it is.
    ///
    /// ```
    /// # use lback_core::{Error, OrNotFound, Request, Response, Result};
    /// fn upload(req: &mut Request) -> Result<Response> {
    ///     let folder = req.app().media_dir();
    ///     let name = req.id().to_string();
    ///     let photo = req.multipart()?.file("photo").ok_or_else(|| Error::bad_request("Choose a photo."))?;
    ///     photo.save(folder.join(name))?;
    ///     Ok(Response::redirect("/"))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 where `path` exists or cannot be written; 503 where the disk is full.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.write_beside(path).map_err(|error| storage_error(&format!("the uploaded file cannot be saved as {}", path.display()), error))
    }

    fn write_beside(&self, path: &Path) -> io::Result<()> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of that name already"));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder)?;
        let mut beside = new_file_in(folder)?;
        io::copy(&mut self.reader(), &mut beside)?;
        beside.flush()?;
        beside.as_file().sync_all()?;
        beside.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl fmt::Debug for UploadedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadedFile")
            .field("field_name", &self.field_name)
            .field("file_name", &self.file_name)
            .field("content_type", &self.content_type)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A temporary file in `folder` that others may read once it has its name, as far as the umask lets them.
fn new_file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".upload-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// The error of a disk: 503 where it is full, since that may pass; 500 for the rest.
pub(super) fn storage_error(what: &str, error: io::Error) -> Error {
    // The cause is in the message too: a failed body is kept as status and message until the view asks for it.
    let message = format!("{what}: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::unavailable(message),
        _ => Error::internal(message),
    }
    .with_source(error)
}

/// Reads by position, so that several readers can share one open file.
enum Reader<'a> {
    Memory(Cursor<&'a Vec<u8>>),
    Spooled { file: &'a File, length: u64, position: u64 },
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Memory(cursor) => cursor.read(buffer),
            Reader::Spooled { file, position, .. } => {
                #[cfg(unix)]
                let count = std::os::unix::fs::FileExt::read_at(*file, buffer, *position)?;
                #[cfg(windows)]
                let count = std::os::windows::fs::FileExt::seek_read(*file, buffer, *position)?;
                *position += count as u64;
                Ok(count)
            }
        }
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Reader::Memory(cursor) => cursor.seek(to),
            Reader::Spooled { length, position, .. } => {
                let target = match to {
                    SeekFrom::Start(target) => Some(target),
                    SeekFrom::End(offset) => length.checked_add_signed(offset),
                    SeekFrom::Current(offset) => position.checked_add_signed(offset),
                };
                *position = target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek to before the beginning"))?;
                Ok(*position)
            }
        }
    }
}
