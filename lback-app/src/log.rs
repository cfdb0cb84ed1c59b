//! The log of the program, on standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use lback_core::{Error, Result};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log what `filter` allows: `info`, or by module: `info,lback=debug`.
pub(crate) fn start(filter: &str) -> Result<()> {
    let targets = parse(filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A program that has set up its own log keeps it.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
    Ok(())
}

/// Refuses a `LOG` that is not understood.
pub(crate) fn check(filter: &str) -> Result<()> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<Targets> {
    let targets = Targets::from_str(filter).map_err(|error| {
        let message = format!("LOG = \"{filter}\" is not understood; write LOG = \"info\", or \"info,lback=debug\"");
        Error::internal(message).with_source(error)
    })?;
    // Alone, a misspelled level is taken for a module, and nothing else would be logged.
    if !filter.contains('=') && targets.default_level().is_none() {
        return Err(Error::internal(format!(
            "LOG = \"{filter}\" names no level; write LOG = \"info\", or one of error, warn, debug, trace and off, or \"info,lback=debug\""
        )));
    }
    Ok(targets)
}
