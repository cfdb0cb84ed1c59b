//! The command `compressstatic`.

use lback_core::middleware::compress_file;
use lback_core::{ProgramError, ProgramResult, StaticNames};

use super::{Command, CommandSpec};

pub(super) fn command() -> CommandSpec {
    let about = "compresses the static files into files next to them
StaticFiles serves style.css.br, style.css.zst or style.css.gz in place of style.css to clients that accept it. Run the command again when a
file has changed.";
    CommandSpec::new("compressstatic", about, compressstatic)
}

/// Compresses each static file that becomes smaller by it.
///
/// # Errors
/// Returns an error if there is no folder of static files, or if a file cannot be read or written. Earlier files then have been compressed.
fn compressstatic(command: &mut Command) -> ProgramResult {
    let folder = command.app().static_dir();
    if !folder.is_dir() {
        return Err(ProgramError::new(format!(
            "the folder {} does not exist; it is named by STATIC_DIR in settings.toml",
            folder.display()
        )));
    }
    let mut count = 0;
    for (name, _) in StaticNames::read(&folder)?.iter() {
        let file = folder.join(name);
        let written =
            compress_file(&file).map_err(|error| ProgramError::new(format!("cannot compress {}", file.display())).with_source(error))?;
        count += usize::from(!written.is_empty());
    }
    let files = if count == 1 { "file" } else { "files" };
    command.print(format!("compressed {count} {files} in {}", folder.display()));
    Ok(())
}
