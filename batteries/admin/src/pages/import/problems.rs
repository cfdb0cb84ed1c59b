//! The problems of a file.

use std::collections::BTreeSet;

use serde::Serialize;

/// The maximum number of problems that are shown; the others are counted.
const MOST: usize = 100;
/// The maximum length of a quoted text in a message, in characters.
const LONGEST: usize = 60;

/// A problem, and its place in the file.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    pub(super) line: Option<u64>,
    pub(super) field: String,
    pub(super) text: String,
}

/// The problems of a file.
#[derive(Debug, Default)]
pub(super) struct Problems {
    first: Vec<Problem>,
    count: usize,
    /// The lines with a problem, which are limited by the number of lines that are read.
    lines: BTreeSet<u64>,
}

impl Problems {
    /// Adds a problem of the file as a whole.
    pub(super) fn add(&mut self, text: impl Into<String>) {
        self.push(None, "", text.into());
    }

    /// Adds a problem of a line.
    pub(super) fn add_at(&mut self, line: u64, text: impl Into<String>) {
        self.push(Some(line), "", text.into());
    }

    /// Adds a problem of a field in a line.
    pub(super) fn add_to(&mut self, line: u64, field: &str, text: impl Into<String>) {
        self.push(Some(line), field, text.into());
    }

    fn push(&mut self, line: Option<u64>, field: &str, text: String) {
        self.count += 1;
        self.lines.extend(line);
        if self.first.len() < MOST {
            self.first.push(Problem { line, field: field.to_owned(), text });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns whether a line has a problem.
    pub(super) fn has_line(&self, line: u64) -> bool {
        self.lines.contains(&line)
    }

    /// Returns the first problems, in the order of their lines, and the number of the others.
    pub(super) fn into_shown(mut self) -> (Vec<Problem>, usize) {
        self.first.sort_by_key(|problem| problem.line);
        let more = self.count - self.first.len();
        (self.first, more)
    }
}

/// Returns the beginning of a text of the file, for messages.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Problems;

    #[test]
    fn the_first_problems_are_shown_in_order_and_the_others_counted() {
        let mut problems = Problems::default();
        for line in (1..=150).rev() {
            problems.add_at(line, "wrong");
        }
        assert!(problems.has_line(1) && !problems.has_line(151));
        let (first, more) = problems.into_shown();
        assert_eq!((first.len(), first[0].line, more), (100, Some(51), 50));
    }
}
