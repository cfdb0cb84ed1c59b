//! `lback completions`.

use clap_complete::{Shell, generate};

use crate::error::Result;
use crate::{cli, output};

/// Prints the completion script for `shell`.
pub fn run(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut cli::command(), "lback", &mut script);
    output::bytes(&script)
}
