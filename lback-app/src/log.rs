//! Sets up the program's log, which goes to standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use lback_core::{LogFormat, ProgramError, ProgramResult};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging. `filter` is a level such as `info`, or has levels for modules: `info,lback=debug`.
pub(crate) fn start(filter: &str, format: LogFormat) -> ProgramResult {
    let registry = tracing_subscriber::registry().with(parse(filter)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A program that has set up its own log keeps it.
    let _ = match format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_current_span(false).with_span_list(false)).try_init(),
        _ => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init(),
    };
    Ok(())
}

/// Returns an error if the setting `LOG` is invalid.
pub(crate) fn check(filter: &str) -> ProgramResult {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> ProgramResult<Targets> {
    // Spaces around an item would otherwise become part of the module's name.
    let items: Vec<&str> = filter.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    let nothing = items.is_empty().then(|| "contains no log level".to_owned());
    if let Some(why) = nothing.or_else(|| items.iter().find_map(|item| problem(item))) {
        return Err(ProgramError::new(format!(
            "LOG = \"{filter}\" {why}; write LOG = \"info\", or another level (error, warn, debug, trace, off), or \"info,lback=debug\""
        )));
    }
    Targets::from_str(&items.join(",")).map_err(|error| {
        let message = format!("LOG = \"{filter}\" is invalid; write LOG = \"info\", or \"info,lback=debug\"");
        ProgramError::new(message).with_source(error)
    })
}

/// Returns the problem with an item, which is either a level or `module=level`.
fn problem(item: &str) -> Option<String> {
    let is_level = |text: &str| !text.is_empty() && LevelFilter::from_str(text).is_ok();
    match item.rsplit_once('=') {
        // A misspelled level would be read as the name of a module, and nothing else would be logged.
        None => (!is_level(item)).then(|| format!("has an unknown level \"{item}\"")),
        Some((module, level)) if is_level(level) => {
            let is_valid = !module.is_empty() && !module.contains(|c: char| c.is_whitespace() || c == ';');
            (!is_valid).then(|| format!("has no valid module before ={level}"))
        }
        Some((_, level)) => Some(format!("has an unknown level \"{level}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_levels_with_and_without_a_module() {
        for filter in ["info", "INFO", "off", "info,lback=debug", " info , lback::session=off ", "shop=trace", "info,", "3"] {
            assert!(check(filter).is_ok(), "{filter}");
        }
        let spaced = parse("warn, lback=debug").unwrap();
        assert!(spaced.would_enable("lback", &tracing::Level::DEBUG) && !spaced.would_enable("shop", &tracing::Level::INFO));
        assert_eq!(spaced.default_level(), Some(LevelFilter::WARN));
    }

    #[test]
    fn rejects_filters_that_tracing_would_misread() {
        for (filter, why) in [
            ("", "contains no log level"),
            (" ", "contains no log level"),
            ("verbose", "unknown level \"verbose\""),
            ("lback", "unknown level \"lback\""),
            (",", "contains no log level"),
            ("info,lback", "unknown level \"lback\""),
            ("warning,lback=debug", "unknown level \"warning\""),
            ("lback:debug", "unknown level \"lback:debug\""),
            ("info,lback=", "unknown level \"\""),
            ("info,lback=loud", "unknown level \"loud\""),
            ("=debug", "no valid module"),
            ("info lback=debug", "no valid module"),
            ("info;lback=debug", "no valid module"),
        ] {
            let error = check(filter).unwrap_err().message().to_owned();
            assert!(error.contains(why) && error.contains("write LOG = \"info\""), "{filter}: {error}");
        }
    }
}
