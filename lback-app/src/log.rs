//! The log of the program, on standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use lback_core::{Error, Result};
use tracing_subscriber::filter::{LevelFilter, Targets};
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
    // Spaces around an item would become part of a module's name, which none has.
    let items: Vec<&str> = filter.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    let nothing = items.is_empty().then(|| "names no level".to_owned());
    if let Some(why) = nothing.or_else(|| items.iter().find_map(|item| problem(item))) {
        return Err(Error::internal(format!(
            "LOG = \"{filter}\" {why}; write LOG = \"info\", or one of error, warn, debug, trace and off, or \"info,lback=debug\""
        )));
    }
    Targets::from_str(&items.join(",")).map_err(|error| {
        let message = format!("LOG = \"{filter}\" is not understood; write LOG = \"info\", or \"info,lback=debug\"");
        Error::internal(message).with_source(error)
    })
}

/// What is wrong with one item, which is a level or `module=level`.
fn problem(item: &str) -> Option<String> {
    let is_level = |text: &str| !text.is_empty() && LevelFilter::from_str(text).is_ok();
    match item.rsplit_once('=') {
        // A misspelled level would be taken for a module, and nothing else would be logged.
        None => (!is_level(item)).then(|| "names no level".to_owned()),
        Some((module, level)) if is_level(level) => {
            let is_one = !module.is_empty() && !module.contains(|c: char| c.is_whitespace() || c == ';');
            (!is_one).then(|| format!("names no module before ={level}"))
        }
        Some((_, level)) => Some(format!("names no level: \"{level}\" is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_alone_or_behind_a_module() {
        for filter in ["info", "INFO", "off", "info,lback=debug", " info , lback::session=off ", "shop=trace", "info,", "3"] {
            assert!(check(filter).is_ok(), "{filter}");
        }
        let spaced = parse("warn, lback=debug").unwrap();
        assert!(spaced.would_enable("lback", &tracing::Level::DEBUG) && !spaced.would_enable("shop", &tracing::Level::INFO));
        assert_eq!(spaced.default_level(), Some(LevelFilter::WARN));
    }

    #[test]
    fn what_would_log_something_else_is_refused() {
        for (filter, why) in [
            ("", "names no level"),
            (" ", "names no level"),
            ("verbose", "names no level"),
            ("lback", "names no level"),
            (",", "names no level"),
            ("info,lback", "names no level"),
            ("warning,lback=debug", "names no level"),
            ("lback:debug", "names no level"),
            ("info,lback=", "\"\" is none"),
            ("info,lback=loud", "\"loud\" is none"),
            ("=debug", "names no module"),
            ("info lback=debug", "names no module"),
            ("info;lback=debug", "names no module"),
        ] {
            let error = check(filter).unwrap_err().message().to_owned();
            assert!(error.contains(why) && error.contains("write LOG = \"info\""), "{filter}: {error}");
        }
    }
}
