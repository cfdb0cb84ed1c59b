//! What is printed. Colour is clap's matter: it is used on a terminal only, and not where `NO_COLOR` is set.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use clap::Command;

use crate::error::{Error, Result};

/// Prints text to standard output. A reader that has gone away, such as `head`, is no error.
pub fn text(text: &str) -> Result<()> {
    bytes(text.as_bytes())
}

/// Prints bytes to standard output, as [`text`] does.
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("write to", Path::new("standard output"), error)),
        _ => Ok(()),
    }
}

/// Prints an error to standard error, in the way that clap prints those of the command line.
pub fn error(command: &Command, error: &Error) {
    let shown = clap::Error::raw(clap::error::ErrorKind::Io, format!("{error}\n")).with_cmd(command);
    // Where even that cannot be printed, the exit code is all that is left.
    let _ = shown.print();
}
