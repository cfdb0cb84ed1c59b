//! Names for static files that contain a hash of the content, so that browsers can cache the files permanently.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::encoding::{ENCODINGS, Encoding};
use crate::file_state::{FileState, digits, fingerprint};
use crate::{Error, Result};

/// Number of hexadecimal digits of a file's SHA-256 hash in its name. They only have to distinguish versions of the same file.
const HASH_LENGTH: usize = 8;

/// The files in a folder, each with a second name that changes when its content does: `css/site.css` is also
/// `css/site.1f3a9c20.css`.
///
/// ```
/// use lback::middleware::StaticNames;
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("site.css"), "body {}")?;
/// let names = StaticNames::read(folder.path())?;
/// assert_eq!(names.hashed("site.css"), Some("site.62368a1a.css"));
/// # Ok::<(), lback::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct StaticNames {
    files: BTreeMap<String, Known>,
    /// The plain names by their hashed names.
    plain: HashMap<String, String>,
}

#[derive(Debug)]
struct Known {
    hashed: String,
    fingerprint: String,
    state: FileState,
    /// Whether the file was changed so shortly before it was read that its modification time is unreliable.
    fresh: bool,
}

/// The file that a name in a URL refers to.
pub(crate) struct Named {
    /// The file's plain name.
    pub(crate) plain: String,
    /// Whether the name will never refer to any other content.
    pub(crate) for_good: bool,
}

impl StaticNames {
    /// Reads every file below `dir` that can be served. If the folder is missing, there are no names.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn read(dir: &Path) -> Result<Self> {
        let mut names = StaticNames::default();
        match dir.canonicalize() {
            Ok(real) => names.add_folder(&real, &real, "", &mut Vec::new())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(dir, error)),
        }
        names.rename_compressed();
        names.plain = names.files.iter().map(|(plain, known)| (known.hashed.clone(), plain.clone())).collect();
        Ok(names)
    }

    /// Returns the hashed name of the file `plain`, or `None` if there is no such file.
    pub fn hashed(&self, plain: &str) -> Option<&str> {
        self.files.get(plain).map(|known| known.hashed.as_str())
    }

    /// Returns the plain and the hashed name of every file, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(plain, known)| (plain.as_str(), known.hashed.as_str()))
    }

    /// Returns the file that `name` refers to, if the name contains a hash.
    ///
    /// An outdated hash leads to the current file, but not for good: pages that another version of the application has rendered,
    /// and that are still open, keep their styles. This searches the file system only for files that were added after startup.
    pub(crate) fn resolve(&self, dir: &Path, name: &str) -> Option<Named> {
        if let Some(plain) = self.plain.get(name) {
            let known = self.files.get(plain)?;
            // The hash of a file that has changed since startup is outdated.
            return Some(Named { plain: plain.clone(), for_good: known.is_unchanged(&dir.join(plain)).unwrap_or(false) });
        }
        let is_there = |plain: &String| self.files.contains_key(plain) || dir.join(plain).is_file();
        without_hash(name).find(is_there).map(|plain| Named { plain, for_good: false })
    }

    /// Adds the files in `folder` and its subfolders. `ancestors` are the folders around it. If it is among them, symbolic links form
    /// a loop.
    fn add_folder(&mut self, root: &Path, folder: &Path, prefix: &str, ancestors: &mut Vec<PathBuf>) -> Result<()> {
        if ancestors.iter().any(|ancestor| ancestor == folder) {
            return Ok(());
        }
        ancestors.push(folder.to_owned());
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            // Files and folders with other names cannot be requested.
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| is_served(name)) else { continue };
            // Like the middleware, follow a link only if its target is below the folder. A broken link is skipped.
            let Some(real) = path.canonicalize().ok().filter(|real| real.starts_with(root)) else { continue };
            let found = real.metadata().map_err(|error| unreadable(&path, error))?;
            let name = format!("{prefix}{name}");
            if found.is_dir() {
                self.add_folder(root, &real, &format!("{name}/"), ancestors)?;
            } else if found.is_file() {
                let known = Known::read(&name, &real, &found).map_err(|error| unreadable(&path, error))?;
                self.files.insert(name, known);
            }
        }
        ancestors.pop();
        Ok(())
    }

    /// Gives compressed files the hash of their originals. `site.css.gz` becomes `site.1f3a9c20.css.gz`, where other servers look
    /// for the compressed version of `site.1f3a9c20.css`.
    fn rename_compressed(&mut self) {
        let shared: Vec<(String, String)> = self
            .files
            .keys()
            .filter_map(|name| {
                let (original, suffix) =
                    ENCODINGS.iter().find_map(|Encoding { suffix, .. }| Some((name.strip_suffix(suffix)?, *suffix)))?;
                Some((name.clone(), format!("{}{suffix}", self.hashed(original)?)))
            })
            .collect();
        for (name, hashed) in shared {
            if let Some(known) = self.files.get_mut(&name) {
                known.hashed = hashed;
            }
        }
    }
}

impl Known {
    fn read(name: &str, path: &Path, found: &Metadata) -> io::Result<Self> {
        let now = SystemTime::now();
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(path)?, &mut hasher)?;
        let (fingerprint, state) = (digits(&hasher), FileState::of(found));
        Ok(Known { hashed: with_hash(name, &fingerprint[..HASH_LENGTH]), fingerprint, state, fresh: state.is_fresh(now) })
    }

    /// Returns whether the file at `path` still has the content that was read.
    fn is_unchanged(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let state = FileState::of(&file.metadata()?);
        if state == self.state && !self.fresh {
            return Ok(true);
        }
        // Perhaps only its mode has changed, or a copy has replaced it.
        Ok(state.length == self.state.length && fingerprint(&mut file, &state, SystemTime::now())? == self.fingerprint)
    }
}

/// Returns whether a file or folder with this name can be requested.
pub(crate) fn is_served(name: &str) -> bool {
    !name.is_empty() && (!name.starts_with('.') || name == ".well-known")
}

/// Inserts a hash into a name: `css/site.css` with `1f3a9c20` becomes `css/site.1f3a9c20.css`.
fn with_hash(name: &str, hash: &str) -> String {
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, _)| name.split_at(folder.len() + 1));
    match file.rsplit_once('.') {
        Some((stem, extension)) => format!("{folder}{stem}.{hash}.{extension}"),
        None => format!("{folder}{file}.{hash}"),
    }
}

/// Returns the plain names that `name` could have been made from, by removing a hash from one of the positions where [`with_hash`]
/// inserts it: the last part, the part before it and, in the name of a compressed file, the part before that.
///
/// Returns at most three names, no matter how many parts of a requested name look like a hash.
fn without_hash(name: &str) -> impl Iterator<Item = String> {
    let is_hash = |part: &str| part.len() == HASH_LENGTH && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let places = if ENCODINGS.iter().any(|encoding| name.ends_with(encoding.suffix)) { 3 } else { 2 };
    let dots = name[file..].rmatch_indices('.').map(move |(at, _)| file + at);
    let ends = std::iter::once(name.len()).chain(dots.clone());
    let parts = dots.zip(ends).take(places).filter(move |(dot, end)| is_hash(&name[dot + 1..*end]));
    parts.map(|(dot, end)| format!("{}{}", &name[..dot], &name[end..]))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::internal(format!("cannot read the static files at {}; check the folder in STATIC_DIR in settings.toml", path.display()))
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::{with_hash, without_hash};

    fn plain_names(name: &str) -> Vec<String> {
        without_hash(name).collect()
    }

    #[test]
    fn the_hash_comes_before_the_extension() {
        for (plain, hashed) in [
            ("site.css", "site.0123abcd.css"),
            ("a.b/site.min.js", "a.b/site.min.0123abcd.js"),
            ("LICENSE", "LICENSE.0123abcd"),
            ("a.b/LICENSE", "a.b/LICENSE.0123abcd"),
            (".well-known/x", ".well-known/x.0123abcd"),
        ] {
            assert_eq!(with_hash(plain, "0123abcd"), hashed);
            assert_eq!(plain_names(hashed), [plain]);
        }
        assert_eq!(plain_names("app.0123abcd.js.gz"), ["app.js.gz"]);
        assert_eq!(plain_names("data.0123abcd.deadbeef"), ["data.0123abcd", "data.deadbeef"]);
        for none in ["site.css", "0123abcd.css", "site.0123abc.css", "site.0123ABCD.css", "a.0123abcd/site.css", ""] {
            assert!(plain_names(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_name_with_a_thousand_hashes_has_at_most_three_plain_names() {
        let hashes = ".0123abcd".repeat(1_000);
        assert_eq!(plain_names(&format!("a{hashes}.css")).len(), 1);
        assert_eq!(plain_names(&format!("a{hashes}")).len(), 2);
        assert_eq!(plain_names(&format!("a{hashes}.gz")).len(), 2);
        assert_eq!(plain_names(&format!("a{hashes}/a.css")).len(), 0);
    }
}
