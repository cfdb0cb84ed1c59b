//! Asking for input at the terminal.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use lback_core::{Error, Result};

/// Returns whether standard input is a terminal.
pub(super) fn is_interactive() -> bool {
    stdin().is_terminal()
}

/// Asks a question, and returns the answer without the spaces around it.
///
/// # Errors
/// Returns an error if the input ends.
pub(super) fn ask(question: &str) -> Result<String> {
    // Not to standard output, which may be redirected to a file.
    eprint!("{question} ");
    stderr().flush()?;
    let mut answer = String::new();
    if stdin().lock().read_line(&mut answer)? == 0 {
        eprintln!();
        return Err(Error::bad_request("there was no answer; no migration was created"));
    }
    Ok(answer.trim().to_owned())
}
