//! The lines of source around the place of an error.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Lines shown before and after the place.
const AROUND: usize = 6;
/// How many folders above the current one and the project's are searched: in a workspace the compiler names files from
/// the workspace's folder.
const LEVELS: usize = 4;

#[derive(Serialize)]
pub(super) struct Line {
    number: usize,
    text: String,
    is_place: bool,
}

/// The lines around `location`, which is `file:line:column`; none where the file is not at hand.
pub(super) fn excerpt(location: &str, root: &Path) -> Vec<Line> {
    let mut parts = location.rsplitn(3, ':');
    let (Some(_), Some(line), Some(file)) = (parts.next(), parts.next().and_then(|line| line.parse::<usize>().ok()), parts.next()) else {
        return Vec::new();
    };
    let Some(text) = find(Path::new(file), root).and_then(|path| fs::read_to_string(path).ok()) else {
        return Vec::new();
    };
    let first = line.saturating_sub(AROUND).max(1);
    let lines = text.lines().enumerate().map(|(index, text)| (index + 1, text)).skip(first - 1).take(AROUND + 1 + line - first);
    lines.map(|(number, text)| Line { number, text: text.to_owned(), is_place: number == line }).collect()
}

/// The file on this machine. A program may run elsewhere than it was compiled: then there is none.
fn find(file: &Path, root: &Path) -> Option<PathBuf> {
    if file.extension().is_none_or(|extension| extension != "rs") {
        return None;
    }
    let starts = [std::env::current_dir().ok(), fs::canonicalize(root).ok()];
    let folders = starts.iter().flatten().flat_map(|start| start.ancestors().take(LEVELS + 1));
    // Joining an absolute path gives that path.
    folders.map(|folder| folder.join(file)).find(|path| path.is_file())
}
