//! Reads a CSV file into rows of texts.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};

use super::problems::Problems;
use crate::language::text;

/// The maximum number of rows of a file.
pub(super) const MOST_ROWS: usize = 5000;
/// The maximum number of columns of a file.
const MOST_COLUMNS: usize = 500;
/// A row that is appended to those of the file. If it is not read as a row of its own, a quotation mark is open.
const END: &str = "\u{1}end\u{1}";

/// A file: the names of its columns, and its rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) header: StringRecord,
    pub(super) rows: Vec<Line>,
}

/// A row, and the number of the line in which it begins.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) cells: StringRecord,
}

/// Returns the text of a file.
///
/// # Errors
/// Returns a message if the file is not UTF-8.
pub(super) fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        text!(
            "Line {number} of the file is not UTF-8. In a spreadsheet, choose “CSV UTF-8” as the format, and save the file again.",
            number = line
        )
    })
}

/// Returns the rows of a text, without empty ones. `None` if the text cannot be read as a whole.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Table> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let with_end = format!("\n{END}\n");
    let source = text.as_bytes().chain(with_end.as_bytes());
    let mut reader = ReaderBuilder::new().delimiter(separator(text)).flexible(true).has_headers(false).from_reader(source);
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    let mut table: Option<Table> = None;
    // A row is only complete if another one follows.
    let mut last: Option<Line> = None;
    loop {
        let mut cells = StringRecord::new();
        match reader.read_record(&mut cells) {
            Ok(true) => {}
            Ok(false) => {
                let line = last.map_or(1, |last| last.number);
                let text = text!("A quotation mark opens a cell in this row, but none closes it. Write \" twice if it is part of a text.");
                problems.add_at(line, text);
                return None;
            }
            Err(error) => {
                problems.add(text!("The file cannot be read: {error}.", error));
                return None;
            }
        }
        let is_end = cells.len() == 1 && cells.get(0) == Some(END);
        if let Some(line) = last.take() {
            take(&mut table, line, problems)?;
        }
        if is_end {
            break;
        }
        let start = cells.position().map_or(0, csv::Position::byte);
        let number = lines.of(usize::try_from(start).unwrap_or(usize::MAX));
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            last = Some(Line { number, cells });
        }
    }
    if table.is_none() {
        problems.add(text!("There are no rows. The first row names the fields, and each other row has the values of one row."));
    }
    table
}

/// Adds a row to the table. Returns `None` if the rest of the file must not be read.
fn take(table: &mut Option<Table>, line: Line, problems: &mut Problems) -> Option<()> {
    let Some(table) = table else {
        if line.cells.len() > MOST_COLUMNS {
            problems.add_at(
                line.number,
                text!("The first row has more than {count} cells. It should name one field in each.", count = MOST_COLUMNS),
            );
            return None;
        }
        *table = Some(Table { header: line.cells, rows: Vec::new() });
        return Some(());
    };
    let (expected, found) = (table.header.len(), line.cells.len());
    if found != expected {
        problems.add_at(
            line.number,
            text!(
                "The first row has {expected} cells, and this one {found}. Put a cell with a separator or a line break into quotation marks.",
                expected,
                found
            ),
        );
        return Some(());
    }
    if table.rows.len() == MOST_ROWS {
        problems.add_at(line.number, text!("The file has more than 5,000 rows. Split it into several files."));
        return None;
    }
    table.rows.push(line);
    Some(())
}

/// Returns the separator of the cells in the first row: a comma, a semicolon or a tab.
fn separator(text: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut is_quoted = false;
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\r' | b'\n' if !is_quoted => break,
            _ if is_quoted => {}
            _ => counts.iter_mut().filter(|(separator, _)| *separator == byte).for_each(|(_, count)| *count += 1),
        }
    }
    // The first one if several are equally frequent.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

/// Counts the lines of a text.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// Returns the number of the line in which a row begins. It was read from `start` on, and empty lines can precede it.
    fn of(&mut self, start: usize) -> u64 {
        let is_break = |at: usize| matches!(self.text.get(at), Some(b'\n' | b'\r'));
        let mut end = start.min(self.text.len());
        while is_break(end) {
            end += 1;
        }
        for at in self.at..end {
            let ends_line = match self.text[at] {
                b'\n' => true,
                b'\r' => self.text.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ends_line);
        }
        self.at = self.at.max(end);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems::Problems;
    use super::{decoded, parse};

    type Rows = Vec<(u64, Vec<String>)>;

    fn rows(text: &str) -> (Rows, Vec<(Option<u64>, String)>) {
        let mut problems = Problems::default();
        let table = parse(text, &mut problems);
        let cells = |cells: &csv::StringRecord| cells.iter().map(str::to_owned).collect::<Vec<_>>();
        let mut rows: Rows = Vec::new();
        if let Some(table) = table {
            rows.push((0, cells(&table.header)));
            rows.extend(table.rows.iter().map(|line| (line.number, cells(&line.cells))));
        }
        (rows, problems.into_shown().0.into_iter().map(|problem| (problem.line, problem.text)).collect())
    }

    fn valid(text: &str) -> Rows {
        let (rows, problems) = rows(text);
        assert!(problems.is_empty(), "{text:?}: {problems:?}");
        rows
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn separators_and_line_ends_are_found() {
        for text in ["a,b\n1,2\n", "a;b\r\n1;2", "\u{feff}a\tb\r1\t2\r", "\r\na,b\n1,2\n\n\n", "a,b\n1,2\n , \n"] {
            let expected = if text.starts_with('\r') { 3 } else { 2 };
            assert_eq!(valid(text), [row(0, &["a", "b"]), row(expected, &["1", "2"])], "{text:?}");
        }
        assert_eq!(valid("\"a;b;c\",d\n1,2"), [row(0, &["a;b;c", "d"]), row(2, &["1", "2"])]);
        assert_eq!(valid("a\n1"), [row(0, &["a"]), row(2, &["1"])]);
    }

    #[test]
    fn a_row_has_the_number_of_its_first_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "1,\"x", "y\"", "", "2,\"\"\"z\"\"\"", "3,"].join(end);
            let long = format!("x{end}y");
            assert_eq!(valid(&text), [row(0, &["a", "b"]), row(2, &["1", &long]), row(5, &["2", "\"z\""]), row(6, &["3", ""])], "{end:?}");
        }
    }

    #[test]
    fn rows_of_another_length_and_open_quotes_are_problems() {
        let (rows, problems) = rows("a,b\n1\n1,2\n1,2,3\n");
        assert_eq!(rows, [row(0, &["a", "b"]), row(3, &["1", "2"])]);
        assert_eq!(problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [Some(2), Some(4)]);
        for (text, line) in [("a,b\n1,2\n3,\"4\n5,6\n", 3), ("a\n\"1", 2), ("\"a,b\n1,2", 1), ("a\n1\n\"", 3)] {
            let (rows, problems) = self::rows(text);
            assert!(rows.is_empty(), "{text:?}");
            assert_eq!(problems.len(), 1, "{text:?}: {problems:?}");
            assert!(problems[0].0 == Some(line) && problems[0].1.contains("quotation mark"), "{text:?}: {problems:?}");
        }
    }

    #[test]
    fn files_without_rows_and_with_too_many_are_refused() {
        for text in ["", "\n \n", "\u{feff}", ",,\n"] {
            assert_eq!(rows(text).1.len(), 1, "{text:?}");
        }
        assert_eq!(valid("a,b\n,\n"), [row(0, &["a", "b"])]);
        assert!(rows(&format!("a\n{}", "1\n".repeat(5000))).1.is_empty());
        let (rows, problems) = self::rows(&format!("a\n{}", "1\n".repeat(5002)));
        assert!(rows.is_empty());
        assert_eq!((problems.len(), problems[0].0), (1, Some(5002)));
        assert_eq!(self::rows(&",".repeat(600)).1.len(), 1);
        assert_eq!(self::rows(&format!("a{}\n", ",".repeat(600))).1.len(), 1);
    }

    #[test]
    fn other_encodings_are_refused_with_the_line() {
        assert_eq!(decoded("a\nä".into()).as_deref(), Ok("a\nä"));
        assert!(decoded(b"a\nb\n\xe4".to_vec()).is_err_and(|message| message.contains("Line 3")));
        assert!(decoded(b"\xff\xfea\0".to_vec()).is_err_and(|message| message.contains("Line 1")));
    }
}
