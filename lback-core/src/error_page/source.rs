//! Reads the source code around the location of an error.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Number of lines shown before and after the location.
const CONTEXT: usize = 6;
/// Number of folders searched above the current folder and the project's: in a workspace, the compiler's paths are relative to
/// the workspace folder.
const LEVELS: usize = 4;

#[derive(Serialize)]
pub(super) struct Line {
    number: usize,
    text: String,
    is_error: bool,
}

/// Returns the lines around `location`, which is `file:line:column`, or none if the file is unavailable.
pub(super) fn excerpt(location: &str, root: &Path) -> Vec<Line> {
    let mut parts = location.rsplitn(3, ':');
    let (Some(_), Some(line), Some(file)) = (parts.next(), parts.next().and_then(|line| line.parse::<usize>().ok()), parts.next()) else {
        return Vec::new();
    };
    let Some(text) = find(Path::new(file), root).and_then(|path| fs::read_to_string(path).ok()) else {
        return Vec::new();
    };
    let first = line.saturating_sub(CONTEXT).max(1);
    let lines = text.lines().enumerate().map(|(index, text)| (index + 1, text)).skip(first - 1).take(CONTEXT + 1 + line - first);
    lines.map(|(number, text)| Line { number, text: text.to_owned(), is_error: number == line }).collect()
}

/// Finds the file on this machine. There is none if the program runs on a different machine from the one that compiled it.
fn find(file: &Path, root: &Path) -> Option<PathBuf> {
    if file.extension().is_none_or(|extension| extension != "rs") {
        return None;
    }
    let starts = [std::env::current_dir().ok(), fs::canonicalize(root).ok()];
    let folders = starts.iter().flatten().flat_map(|start| start.ancestors().take(LEVELS + 1));
    // Joining an absolute path gives that path.
    folders.map(|folder| folder.join(file)).find(|path| path.is_file())
}
