//! The process environment, passed in as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// Environment variables by name. They are passed to [`Settings::load`](super::Settings::load), so that tests never need to
/// change the variables of their process. `Debug` shows only the names.
///
/// ```
/// use lback::settings::Environment;
///
/// let environment = Environment::from([("LBACK_ENV", "test")]);
/// assert_eq!(environment.get("LBACK_ENV"), Some("test"));
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// The names of the variables whose values are not text.
    unreadable: Vec<String>,
}

impl Environment {
    /// Returns the variables that this process was started with. Variables that are not Unicode are skipped, but a
    /// [setting](super::Settings) among them is still an error.
    pub fn of_process() -> Self {
        Self::of_system(std::env::vars_os())
    }

    pub(super) fn of_system(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Environment::default();
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(environment.variables.insert(name, value)),
                (Ok(name), Err(_)) => environment.unreadable.push(name),
                (Err(_), _) => {}
            }
        }
        environment
    }

    /// Returns whether the variable exists and its value is not text.
    pub(super) fn is_unreadable(&self, name: &str) -> bool {
        self.unreadable.iter().any(|unreadable| unreadable == name)
    }

    /// Returns the value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.variables.iter()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables, unreadable: Vec::new() }
    }
}

impl<N: Into<String>, V: Into<String>, const COUNT: usize> From<[(N, V); COUNT]> for Environment {
    fn from(variables: [(N, V); COUNT]) -> Self {
        variables.into_iter().collect()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
