//! Prints output and errors. Colours are handled by clap, which uses them only on a terminal, and not if `NO_COLOR` is set.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use clap::Command;

use crate::error::{Error, Result};

/// Prints text to standard output. A closed pipe, as with `head`, is not an error.
pub fn text(text: &str) -> Result<()> {
    bytes(text.as_bytes())
}

/// Prints bytes to standard output, like [`text`].
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("write to", Path::new("standard output"), error)),
        _ => Ok(()),
    }
}

/// Prints an error to standard error, in the format of clap.
pub fn error(command: &Command, error: &Error) {
    let shown = clap::Error::raw(clap::error::ErrorKind::Io, format!("{error}\n")).with_cmd(command);
    // If the error cannot be printed, only the exit code is left.
    let _ = shown.print();
}
