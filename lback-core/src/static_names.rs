//! Names of static files that say what is in them, so that browsers may keep the files for good.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::file_state::{FileState, digits, fingerprint};
use crate::{Error, Result};

/// How many letters of a file's SHA-256 stand in its name. They tell versions of one file apart, nothing else.
const LETTERS: usize = 8;

/// What is added to the name of a file that stands compressed beside the original.
const COMPRESSED: [&str; 3] = [".br", ".zst", ".gz"];

/// The files of a folder, each with a name that changes when its content does: `css/site.css` is also
/// `css/site.1f3a9c20.css`.
///
/// ```
/// use lback_core::StaticNames;
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("site.css"), "body {}")?;
/// let names = StaticNames::read(folder.path())?;
/// assert_eq!(names.hashed("site.css"), Some("site.62368a1a.css"));
/// # Ok::<(), lback_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct StaticNames {
    files: BTreeMap<String, Known>,
    /// The plain name for a hashed one.
    plain: HashMap<String, String>,
}

#[derive(Debug)]
struct Known {
    hashed: String,
    fingerprint: String,
    state: FileState,
    /// It was changed so shortly before it was read that its time tells nothing.
    fresh: bool,
}

/// What a name in a URL stands for.
pub(crate) struct Named {
    /// The file's plain name.
    pub(crate) plain: String,
    /// Will the name never stand for anything else?
    pub(crate) for_good: bool,
}

impl StaticNames {
    /// Reads every file below `dir` that can be served; none, where there is no such folder.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn read(dir: &Path) -> Result<Self> {
        let mut names = StaticNames::default();
        match dir.canonicalize() {
            Ok(real) => names.add_folder(&real, &real, "", &mut Vec::new())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(dir, error)),
        }
        names.share_with_compressed();
        names.plain = names.files.iter().map(|(plain, known)| (known.hashed.clone(), plain.clone())).collect();
        Ok(names)
    }

    /// The name with a hash for the file `plain`; `None` where there is no such file.
    pub fn hashed(&self, plain: &str) -> Option<&str> {
        self.files.get(plain).map(|known| known.hashed.as_str())
    }

    /// Every file by its plain name and the one with a hash, in the order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(plain, known)| (plain.as_str(), known.hashed.as_str()))
    }

    /// Returns the file that `name` stands for, if it holds a hash.
    ///
    /// A hash that is not the present one leads to the present file, but not for good: pages that were made by another
    /// version of the application, and are still open, keep their style. The file system is asked only for a file that was
    /// added after the start.
    pub(crate) fn resolve(&self, dir: &Path, name: &str) -> Option<Named> {
        if let Some(plain) = self.plain.get(name) {
            let known = self.files.get(plain)?;
            // A file that was changed since the start is not what its name says.
            return Some(Named { plain: plain.clone(), for_good: known.is_unchanged(&dir.join(plain)).unwrap_or(false) });
        }
        let is_there = |plain: &String| self.files.contains_key(plain) || dir.join(plain).is_file();
        without_hash(name).find(is_there).map(|plain| Named { plain, for_good: false })
    }

    /// `around` are the folders on the way: one that comes again is a loop of links.
    fn add_folder(&mut self, root: &Path, folder: &Path, prefix: &str, around: &mut Vec<PathBuf>) -> Result<()> {
        if around.iter().any(|outer| outer == folder) {
            return Ok(());
        }
        around.push(folder.to_owned());
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            // What has such a name cannot be asked for.
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| is_served(name)) else { continue };
            // As the middleware does, a link is followed if it stays below the folder. It may also lead nowhere.
            let Some(real) = path.canonicalize().ok().filter(|real| real.starts_with(root)) else { continue };
            let found = real.metadata().map_err(|error| unreadable(&path, error))?;
            let name = format!("{prefix}{name}");
            if found.is_dir() {
                self.add_folder(root, &real, &format!("{name}/"), around)?;
            } else if found.is_file() {
                let known = Known::read(&name, &real, &found).map_err(|error| unreadable(&path, error))?;
                self.files.insert(name, known);
            }
        }
        around.pop();
        Ok(())
    }

    /// `site.css.gz` is found beside `site.1f3a9c20.css` as `site.1f3a9c20.css.gz`, where another server looks for it.
    fn share_with_compressed(&mut self) {
        let shared: Vec<(String, String)> = self
            .files
            .keys()
            .filter_map(|name| {
                let (original, suffix) = COMPRESSED.iter().find_map(|suffix| Some((name.strip_suffix(suffix)?, suffix)))?;
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
        Ok(Known { hashed: with_hash(name, &fingerprint[..LETTERS]), fingerprint, state, fresh: state.is_fresh(now) })
    }

    /// Returns whether the file at `path` is the one that was read.
    fn is_unchanged(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let state = FileState::of(&file.metadata()?);
        if state == self.state && !self.fresh {
            return Ok(true);
        }
        // Its mode may have changed, or a copy taken its place.
        Ok(state.length == self.state.length && fingerprint(&mut file, &state, SystemTime::now())? == self.fingerprint)
    }
}

/// Can a file or folder of this name be asked for?
pub(crate) fn is_served(name: &str) -> bool {
    !name.is_empty() && (!name.starts_with('.') || name == ".well-known")
}

/// `css/site.css` with `1f3a9c20` is `css/site.1f3a9c20.css`.
fn with_hash(name: &str, hash: &str) -> String {
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, _)| name.split_at(folder.len() + 1));
    match file.rsplit_once('.') {
        Some((stem, ending)) => format!("{folder}{stem}.{hash}.{ending}"),
        None => format!("{folder}{file}.{hash}"),
    }
}

/// The plain names that `name` could have been made of: itself without a hash at one of the places where [`with_hash`] puts
/// one, which are the last part, the one before it, and the one before that in the name of a compressed file.
///
/// These are three at most, however many parts of a name that somebody has sent look like a hash.
fn without_hash(name: &str) -> impl Iterator<Item = String> {
    let is_hash = |part: &str| part.len() == LETTERS && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let places = if COMPRESSED.iter().any(|suffix| name.ends_with(suffix)) { 3 } else { 2 };
    let dots = name[file..].rmatch_indices('.').map(move |(at, _)| file + at);
    let ends = std::iter::once(name.len()).chain(dots.clone());
    let parts = dots.zip(ends).take(places).filter(move |(dot, end)| is_hash(&name[dot + 1..*end]));
    parts.map(|(dot, end)| format!("{}{}", &name[..dot], &name[end..]))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::internal(format!("cannot read the static files at {}; STATIC_DIR in settings.toml names their folder", path.display()))
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::{with_hash, without_hash};

    fn plain_names(name: &str) -> Vec<String> {
        without_hash(name).collect()
    }

    #[test]
    fn a_hash_stands_before_the_ending() {
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
    fn a_name_of_a_thousand_hashes_stands_for_three_files_at_most() {
        let hashes = ".0123abcd".repeat(1_000);
        assert_eq!(plain_names(&format!("a{hashes}.css")).len(), 1);
        assert_eq!(plain_names(&format!("a{hashes}")).len(), 2);
        assert_eq!(plain_names(&format!("a{hashes}.gz")).len(), 2);
        assert_eq!(plain_names(&format!("a{hashes}/a.css")).len(), 0);
    }
}
