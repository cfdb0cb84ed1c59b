//! The files in `MEDIA_DIR` that fields name.
//!
//! A file is never overwritten, and pages never delete one that a row has named: a row that was saved as new shares it, and an undo gives
//! the name back to a row. The command `orphaned_files` deletes those that nothing names any more.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use lback_core::{Request, Result, UploadedFile};
use lback_db::RequestDb;
use lback_models::{FieldMeta, Format, Kind};

use crate::history::random;

/// The maximum length of a name that [`NewFile`] generates without the visitor's: a random one with an ending.
pub(crate) const SHORTEST_LIMIT: u32 = 32 + 1 + 4;
/// The maximum length of what it keeps of the visitor's name.
const MOST_OF_NAME: usize = 50;
/// The beginning of a name if the visitor's has no letters or digits. It distinguishes the name from those of
/// [`UploadedFile::save_in`].
const NAMELESS: &str = "file";

/// The endings that stored files keep. Browsers run no code of such files, even if the application serves them.
const ENDINGS: [&str; 29] = [
    "7z", "avi", "csv", "doc", "docx", "epub", "flac", "ics", "json", "m4a", "md", "mov", "mp3", "mp4", "odp", "ods", "odt", "ogg", "opus",
    "pdf", "ppt", "pptx", "rtf", "txt", "wav", "webm", "xls", "xlsx", "zip",
];

/// Returns whether a field is the name of a stored file.
pub(crate) fn is_file(field: &FieldMeta) -> bool {
    field.kind == Kind::Text && matches!(field.format, Format::File | Format::Image)
}

/// Returns whether a name is one that [`NewFile`] generates. Names without a beginning are not, because those of files that the
/// application has stored with [`UploadedFile::save_in`] look the same.
pub(crate) fn is_name(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let Some((start, unique)) = stem.rsplit_once('-') else { return false };
    !start.is_empty() && unique.len() == 32 && unique.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A kind of image that every browser shows, and that contains no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageKind {
    ending: &'static str,
    pub(crate) media_type: &'static str,
}

impl ImageKind {
    const fn new(ending: &'static str, media_type: &'static str) -> Option<Self> {
        Some(ImageKind { ending, media_type })
    }

    /// Returns the kind of an image by its content. `None` if it is not an image, or one of another kind.
    ///
    /// # Errors
    /// Returns an error if the content cannot be read.
    pub(crate) fn of(content: impl Read) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        content.take(12).read_to_end(&mut head)?;
        Ok(match head.as_slice() {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ImageKind::new("png", "image/png"),
            [0xff, 0xd8, 0xff, ..] => ImageKind::new("jpg", "image/jpeg"),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => ImageKind::new("gif", "image/gif"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => ImageKind::new("webp", "image/webp"),
            _ => None,
        })
    }

    /// Returns the kind of a stored image.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub(crate) fn of_file(path: &Path) -> io::Result<Option<Self>> {
        ImageKind::of(File::open(path)?)
    }
}

/// An uploaded file, with the name under which it will be stored.
pub(crate) struct NewFile {
    pub(crate) name: String,
    upload: UploadedFile,
}

impl NewFile {
    /// Gives a file a name that is unique and cannot be guessed, with a part of the visitor's name for readers. Images get the
    /// ending of their content.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or if there are no random numbers.
    pub(crate) fn new(field: &FieldMeta, upload: UploadedFile) -> Result<Self> {
        let (stem, claimed) = upload.file_name().map(|name| name.rsplit_once('.').unwrap_or((name, ""))).unwrap_or_default();
        let ending = match ImageKind::of(upload.reader())? {
            Some(kind) => Some(kind.ending),
            None => ENDINGS.into_iter().find(|ending| claimed.eq_ignore_ascii_case(ending)),
        };
        let end = ending.map(|ending| format!(".{ending}")).unwrap_or_default();
        let unique = random()?;
        let room = field.max_length.map_or(usize::MAX, |most| most as usize).saturating_sub(unique.len() + 1 + end.len());
        let most = room.min(MOST_OF_NAME);
        // A slug is rarely shorter than a quarter of its text.
        let stem: String = stem.chars().take(4 * most).collect();
        let slug = slug::slugify(stem);
        let start = if slug.is_empty() { NAMELESS } else { slug.as_str() };
        let start: String = start.chars().take(most).collect();
        let start = start.trim_end_matches('-');
        let name = if start.is_empty() { format!("{unique}{end}") } else { format!("{start}-{unique}{end}") };
        Ok(NewFile { name, upload })
    }
}

/// Stores files. They are removed if the request is rolled back.
///
/// # Errors
/// Returns 503 if the disk is full, and 500 if a file cannot be written.
pub(crate) fn store(req: &mut Request, files: &[NewFile]) -> Result<()> {
    let folder = req.app().media_dir();
    for file in files {
        let path = folder.join(&file.name);
        file.upload.save(&path)?;
        req.db_session()?.on_rollback(move || remove(&path));
    }
    Ok(())
}

/// Removes files that were stored for rows that the database, or the code of the application, has refused.
pub(crate) fn discard(req: &Request, files: &[NewFile]) {
    let folder = req.app().media_dir();
    for file in files {
        remove(&folder.join(&file.name));
    }
}

/// Removes a file that no row names. It may have been removed already; otherwise it only takes space.
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::{ImageKind, is_name};

    #[test]
    fn only_names_of_the_admin_are_known() {
        let unique = "0123456789abcdef0123456789abcdef";
        for name in [format!("a-{unique}"), format!("file-{unique}.png"), format!("a-b-{unique}.pdf")] {
            assert!(is_name(&name), "{name}");
        }
        for name in ["", "logo.png", "a-b.png"] {
            assert!(!is_name(name), "{name}");
        }
        let others = [&unique[1..], &format!("{unique}0.png"), &format!("{unique}.tar.gz"), &unique.to_uppercase()];
        for name in others.map(|end| format!("a-{end}")) {
            assert!(!is_name(&name), "{name}");
        }
        // The application has stored these.
        for name in [unique.to_owned(), format!("{unique}.png"), format!("-{unique}.png")] {
            assert!(!is_name(&name), "{name}");
        }
    }

    #[test]
    fn images_are_known_by_their_content() {
        let media_type = |content: &[u8]| ImageKind::of(content).unwrap().map(|kind| kind.media_type);
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"GIF89a<script>"), Some("image/gif"));
        assert_eq!(media_type(b"RIFF\x01\x02\x03\x04WEBPVP8 "), Some("image/webp"));
        for content in [&b""[..], b"\x89PNG", b"<svg xmlns", b"<html>", b"RIFF1234WAVE", b"GIF88a", b"BM1234"] {
            assert_eq!(media_type(content), None, "{content:?}");
        }
    }
}
