//! Asking for input at the terminal.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use lback_core::{Error, Result};

/// Returns whether standard input is a terminal.
pub(super) fn is_interactive() -> bool {
    stdin().is_terminal()
}

/// Asks until the answer is valid: `check` returns its value, a message, or an error if it cannot be checked.
pub(super) fn ask<T>(question: &str, mut check: impl FnMut(&str) -> Result<Result<T, String>>) -> Result<T> {
    loop {
        match check(&line(question)?)? {
            Ok(value) => return Ok(value),
            Err(wrong) => eprintln!("{wrong}"),
        }
    }
}

/// Asks without showing the input.
pub(super) fn ask_hidden(question: &str) -> Result<String> {
    let hidden = HiddenInput::begin();
    let answer = line(question);
    if hidden.is_some() {
        // The line break was not shown either.
        eprintln!();
    }
    answer
}

/// The character of Ctrl-C, if it does not interrupt the program.
const INTERRUPT: u8 = 3;

/// Reads a complete line. An incomplete one is an error: half a password would be unknown to its user.
fn line(question: &str) -> Result<String> {
    // Not to standard output, which may be redirected to a file.
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
            Some(_) => return Err(Error::bad_request("interrupted; nothing was changed")),
            None if length == 0 => {
                eprintln!();
                return Err(Error::bad_request("there was no answer; nothing was changed"));
            }
            None => {}
        }
    }
    let answer = String::from_utf8(answer).map_err(|error| Error::bad_request("the input is not UTF-8 text").with_source(error))?;
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

/// Turns off the echo of the terminal until this is dropped.
#[cfg(unix)]
struct HiddenInput(rustix::termios::Termios);

#[cfg(unix)]
impl HiddenInput {
    /// Returns `None` if the terminal does not support this.
    fn begin() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let before = tcgetattr(stdin()).ok()?;
        let mut hidden = before.clone();
        // Ctrl-C would end the program without restoring the terminal, so it ends the line instead.
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL2] = INTERRUPT;
        tcsetattr(stdin(), OptionalActions::Flush, &hidden).ok()?;
        Some(HiddenInput(before))
    }
}

#[cfg(unix)]
impl Drop for HiddenInput {
    fn drop(&mut self) {
        // A failure cannot be reported here.
        let _ = rustix::termios::tcsetattr(stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}

/// On other systems, the input is shown.
#[cfg(not(unix))]
struct HiddenInput;

#[cfg(not(unix))]
impl HiddenInput {
    fn begin() -> Option<Self> {
        None
    }
}
