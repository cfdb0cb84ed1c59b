//! Reading `.env`, with the line of every variable.

use std::cell::Cell;
use std::io::{self, Read};

use super::error::{Kind, SettingsError};

pub(super) struct Variable {
    pub name: String,
    pub value: String,
    pub line: usize,
}

/// The variables of a `.env` file in their order. The process environment is not changed; dotenvy
/// replaces `$NAME` outside single quotes.
pub(super) fn parse(text: &str) -> Result<Vec<Variable>, SettingsError> {
    // dotenvy refuses a last line that ends in a space instead of a line break.
    let text = format!("{text}\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let lines_read = Cell::new(0);
    let reader = LineByLine { rest: text.as_bytes(), lines_read: &lines_read };
    let mut entries = dotenvy::from_read_iter(reader);
    let mut variables = Vec::new();
    loop {
        let before = lines_read.get();
        let Some(entry) = entries.next() else {
            return Ok(variables);
        };
        let mut span = lines.iter().enumerate().take(lines_read.get()).skip(before);
        let line = span.find(|(_, line)| is_statement(line)).map_or(before, |(index, _)| index) + 1;
        // dotenvy's own message holds the line and with it the value, so it is left out.
        let (name, value) = entry.map_err(|_| {
            SettingsError::new(
                Kind::Syntax,
                format!(".env:{line}: this is not NAME=value. Put a value with spaces, quotes, # or $ in single quotes: NAME='the value'"),
            )
        })?;
        variables.push(Variable { name, value, line });
    }
}

fn is_statement(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

/// Hands out one line at a time, so that the buffer inside dotenvy cannot read ahead and the count
/// of lines says where it is.
struct LineByLine<'a> {
    rest: &'a [u8],
    lines_read: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reachable = &self.rest[..buffer.len().min(self.rest.len())];
        let line_end = reachable.iter().position(|byte| *byte == b'\n');
        let count = line_end.map_or(reachable.len(), |end| end + 1);
        buffer[..count].copy_from_slice(&reachable[..count]);
        self.rest = &self.rest[count..];
        self.lines_read.set(self.lines_read.get() + usize::from(line_end.is_some()));
        Ok(count)
    }
}
