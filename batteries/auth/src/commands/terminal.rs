//! Asking whoever sits at the terminal.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use lback_core::{Error, Result};

/// Does somebody sit there?
pub(super) fn is_there() -> bool {
    stdin().is_terminal()
}

/// Asks until the answer is one: `check` says what is wrong with it, or that it cannot be checked.
pub(super) fn ask<T>(question: &str, mut check: impl FnMut(&str) -> Result<Result<T, String>>) -> Result<T> {
    loop {
        match check(&line(question)?)? {
            Ok(value) => return Ok(value),
            Err(wrong) => eprintln!("{wrong}"),
        }
    }
}

/// Asks without showing what is typed.
pub(super) fn ask_hidden(question: &str) -> Result<String> {
    let hidden = Hidden::begin();
    let answer = line(question);
    if hidden.is_some() {
        // The line's end was not shown either.
        eprintln!();
    }
    answer
}

/// What Ctrl-C types where it stops no program.
const INTERRUPT: u8 = 3;

/// A line that somebody has ended. One that breaks off is no answer: half a password would be one that nobody knows.
fn line(question: &str) -> Result<String> {
    // Not the standard output, which may go into a file.
    eprint!("{question}");
    stderr().flush()?;
    let mut answer = Vec::new();
    let mut input = stdin().lock();
    loop {
        let typed = input.fill_buf()?;
        let end = typed.iter().position(|byte| matches!(*byte, b'\n' | INTERRUPT));
        let (length, ended_by) = match end {
            Some(at) => (at + 1, Some(typed[at])),
            None => (typed.len(), None),
        };
        answer.extend_from_slice(&typed[..length]);
        input.consume(length);
        match ended_by {
            Some(b'\n') => break,
            Some(_) => return Err(Error::bad_request("stopped; nothing was changed")),
            None if length == 0 => {
                eprintln!();
                return Err(Error::bad_request("nobody answered; nothing was changed"));
            }
            None => {}
        }
    }
    let answer = String::from_utf8(answer).map_err(|error| Error::bad_request("what was typed is not UTF-8 text").with_source(error))?;
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

/// The terminal shows nothing of what is typed until this is dropped.
#[cfg(unix)]
struct Hidden(rustix::termios::Termios);

#[cfg(unix)]
impl Hidden {
    /// `None` where the terminal cannot do that.
    fn begin() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let before = tcgetattr(stdin()).ok()?;
        let mut hidden = before.clone();
        // Ctrl-C would end the program at once, and leave the terminal as it is. So it ends the line instead.
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL2] = INTERRUPT;
        tcsetattr(stdin(), OptionalActions::Flush, &hidden).ok()?;
        Some(Hidden(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nobody to tell if it does not work.
        let _ = rustix::termios::tcsetattr(stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}

/// Elsewhere it is shown.
#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn begin() -> Option<Self> {
        None
    }
}
