//! The error of a name that no time zone has.

use std::error::Error;
use std::fmt;

use super::database;
use crate::settings::nearest;

/// The error of a name that no time zone has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTimeZone {
    meant: Option<&'static str>,
}

impl UnknownTimeZone {
    pub(super) fn new(name: &str) -> Self {
        let names: Vec<&'static str> = database::names().collect();
        let city = |known: &&&str| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name.trim().replace(' ', "_")));
        let meant = names.iter().find(city).copied().or_else(|| nearest(name, &names));
        UnknownTimeZone { meant }
    }
}

impl fmt::Display for UnknownTimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if cfg!(not(feature = "time-zones")) {
            return f.write_str(
                "time zones other than UTC need the feature `time-zones` of lback; write in Cargo.toml: \
                 lback = { …, features = [\"time-zones\"] }",
            );
        }
        match self.meant {
            Some(meant) => write!(f, "there is no such time zone; write \"{meant}\" if you mean that one"),
            None => f.write_str("there is no such time zone; write a name such as \"Europe/Berlin\" or \"UTC\""),
        }
    }
}

impl Error for UnknownTimeZone {}
