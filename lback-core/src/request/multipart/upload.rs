//! Uploaded files.

use std::fmt;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use uuid::Uuid;

use super::storage::{Content, Spool};
use crate::{Error, Result};

/// A file that was uploaded with a form.
///
/// The first `UPLOAD_MEMORY_BYTES` of a request's files are in memory. The others are in a temporary file, which is deleted
/// when the last of them is dropped. The name and the type of a file are only claims of the client.
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
    /// Returns the name of the form field.
    pub fn field_name(&self) -> &str {
        &self.field_name
    }

    /// Returns the name that the client gave the file: the last part of its path, without control characters.
    ///
    /// Returns `None` if no usable name is left. Do not save the file under this name, because another visitor may send the
    /// same one.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// Returns the media type that the client claims.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Returns the size in bytes.
    pub fn len(&self) -> u64 {
        self.content.len()
    }

    /// Returns whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the content is in memory instead of a temporary file.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.content, Content::Memory(..))
    }

    /// Returns a reader that starts at the beginning of the content. Readers are independent of one another.
    pub fn reader(&self) -> impl Read + Seek + '_ {
        match &self.content {
            Content::Memory(bytes, _) => Reader::Memory(Cursor::new(bytes)),
            Content::Spooled { spool, start, length } => Reader::Spooled { spool, start: *start, length: *length, position: 0 },
        }
    }

    /// Returns the whole content. Check its [length](Self::len) first.
    ///
    /// # Errors
    /// Returns 500 if the temporary file cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        if let Content::Memory(bytes, _) = &self.content {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Saves the file in `folder` under a new random name with this extension, and returns the name: `5f0c….jpg`. Creates the
    /// folder if it is missing.
    ///
    /// The name cannot be guessed, so a folder that is served reveals each file only to visitors who know its address. The
    /// extension determines how browsers treat the file, so choose it yourself instead of using the visitor's.
    ///
    /// ```
    /// # use lback::{Error, Request, Response, Result};
    /// fn upload(req: &mut Request) -> Result<Response> {
    ///     let media = req.app().media_dir();
    ///     let photo = req.multipart()?.file("photo").ok_or_else(|| Error::bad_request("Choose a photo."))?;
    ///     let name = photo.save_in(media, "jpg")?;
    ///     Ok(Response::redirect(&format!("/media/{name}")))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if the extension contains anything but ASCII letters and digits or the file cannot be written, and 503 if
    /// the disk is full.
    pub fn save_in(&self, folder: impl AsRef<Path>, extension: &str) -> Result<String> {
        if !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::internal(format!("\"{extension}\" is not a valid file extension: use letters and digits, as in \"jpg\"")));
        }
        let dot = if extension.is_empty() { "" } else { "." };
        let name = format!("{}{dot}{extension}", Uuid::new_v4().simple());
        self.save(folder.as_ref().join(&name))?;
        Ok(name)
    }

    /// Saves the file as `path`, and creates its folder if it is missing. [`save_in`](Self::save_in) generates a name.
    ///
    /// The file appears at `path` complete or not at all. An existing file is never overwritten.
    ///
    /// # Errors
    /// Returns 500 if `path` exists or cannot be written, and 503 if the disk is full.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.write_atomically(path)
            .map_err(|error| storage_error(&format!("the uploaded file cannot be saved as {}", path.display()), error))
    }

    fn write_atomically(&self, path: &Path) -> io::Result<()> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file with that name already exists"));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder)?;
        let mut temporary = new_file_in(folder)?;
        io::copy(&mut self.reader(), &mut temporary)?;
        temporary.flush()?;
        temporary.as_file().sync_all()?;
        temporary.persist_noclobber(path).map_err(|error| error.error)?;
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

/// Creates a temporary file in `folder` that others may read once it has its name, as far as the umask permits.
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

/// The Unix errors for too many open files, in the system and in the process.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Converts an error of the disk: 503 if the disk is full or the process has no file handle left, because that may pass, and
/// 500 for other errors.
pub(super) fn storage_error(what: &str, error: io::Error) -> Error {
    // The message contains the cause, because a failed body is stored as a status and a message until the view asks for it.
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
                *position = target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek to a position before the start"))?;
                Ok(*position)
            }
        }
    }
}
