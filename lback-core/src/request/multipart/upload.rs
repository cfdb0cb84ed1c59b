//! One uploaded file.

use std::fmt;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use uuid::Uuid;

use super::storage::{Content, Spool};
use crate::{Error, Result};

/// A file that a form brought along.
///
/// The first `UPLOAD_MEMORY_BYTES` of the files of a request are in memory, the others in a temporary file that is gone when
/// the last of them is dropped. What the client says of a file, its name and its type, is only a claim.
///
/// Reading and saving may block: in an `async fn` view, [take](super::Multipart::take_file) the file and read it in
/// `tokio::task::spawn_blocking`.
pub struct UploadedFile {
    pub(super) field_name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) content: Content,
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
        self.content.len()
    }

    /// Is there not a single byte in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is the content in memory, rather than in a temporary file?
    pub fn is_in_memory(&self) -> bool {
        matches!(self.content, Content::Memory(..))
    }

    /// Reads the content from its beginning. Readers do not disturb one another.
    pub fn reader(&self) -> impl Read + Seek + '_ {
        match &self.content {
            Content::Memory(bytes, _) => Reader::Memory(Cursor::new(bytes)),
            Content::Spooled { spool, start, length } => Reader::Spooled { spool, start: *start, length: *length, position: 0 },
        }
    }

    /// The whole content. Mind its [length](Self::len).
    ///
    /// # Errors
    /// 500 where the temporary file cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        if let Content::Memory(bytes, _) = &self.content {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Saves the file in `folder` under a new random name with this extension, and returns the name:
    /// `5f0c….jpg`. The folder is created if it is missing.
    ///
    /// Nobody can guess the name, so a folder that is served shows each file only to those who were told its address. The
    /// extension decides what browsers make of the file, so choose it yourself rather than take the visitor's.
    ///
    /// ```
    /// # use lback_core::{Error, Request, Response, Result};
    /// fn upload(req: &mut Request) -> Result<Response> {
    ///     let media = req.app().media_dir();
    ///     let photo = req.multipart()?.file("photo").ok_or_else(|| Error::bad_request("Choose a photo."))?;
    ///     let name = photo.save_in(media, "jpg")?;
    ///     Ok(Response::redirect(&format!("/media/{name}")))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if the extension has anything in it but ASCII letters and digits or the file cannot be written, and 503 if
    /// the disk is full.
    pub fn save_in(&self, folder: impl AsRef<Path>, extension: &str) -> Result<String> {
        if !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::internal(format!(
                "\"{extension}\" is not an extension of a file's name: use letters and digits, as in \"jpg\""
            )));
        }
        let dot = if extension.is_empty() { "" } else { "." };
        let name = format!("{}{dot}{extension}", Uuid::new_v4().simple());
        self.save(folder.as_ref().join(&name))?;
        Ok(name)
    }

    /// Saves the file as `path`, creating its folder if it is missing. [`save_in`](Self::save_in) finds a name for it.
    ///
    /// It appears there whole or not at all. A file that is there already stays as it is.
    ///
    /// # Errors
    /// Returns 500 if `path` exists or cannot be written, and 503 if the disk is full.
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

/// What Unix calls it if the system or the process has too many open files.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// The error of a disk: 503 if it is full or the process has no file handle left, since that may pass; 500 for the rest.
pub(super) fn storage_error(what: &str, error: io::Error) -> Error {
    // The cause is in the message too: a failed body is kept as status and message until the view asks for it.
    let message = format!("{what}: {error}");
    let no_handles = cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::unavailable(message),
        _ if no_handles => Error::unavailable(message),
        _ => Error::internal(message),
    }
    .with_source(error)
}

/// Reads by position, so that all files and readers of a request can share one open file.
enum Reader<'a> {
    Memory(Cursor<&'a Vec<u8>>),
    Spooled { spool: &'a Spool, start: u64, length: u64, position: u64 },
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Memory(cursor) => cursor.read(buffer),
            Reader::Spooled { spool, start, length, position } => {
                let left = length.saturating_sub(*position);
                let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let count = spool.read_at(&mut buffer[..room], *start + *position)?;
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
