//! Asking whoever sits at the terminal.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use lback_core::{Error, Result};

/// Does somebody sit there?
pub(super) fn is_there() -> bool {
    stdin().is_terminal()
}

/// Asks until the answer is one.
pub(super) fn ask<T>(question: &str, check: impl Fn(&str) -> Result<T, &'static str>) -> Result<T> {
    loop {
        let answer = line(question)?;
        match check(&answer) {
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

fn line(question: &str) -> Result<String> {
    // Not the standard output, which may go into a file.
    eprint!("{question}");
    stderr().flush()?;
    let mut answer = String::new();
    if stdin().lock().read_line(&mut answer)? == 0 {
        eprintln!();
        return Err(Error::bad_request("nobody answered; nothing was changed"));
    }
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

/// The terminal shows nothing of what is typed until this is dropped.
#[cfg(unix)]
struct Hidden(rustix::termios::Termios);

#[cfg(unix)]
impl Hidden {
    /// `None` where the terminal cannot do that.
    fn begin() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
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
