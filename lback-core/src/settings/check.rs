//! Checking what the types of settings cannot.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::{Kind, SettingsError};
use super::problem::{self, Example};
use super::value::{Entry, Value};
use super::{Settings, mask};

/// A struct of settings that knows which of its values cannot work.
///
/// ```
/// use lback_core::settings::{Check, Section, Settings};
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
/// struct Cache {
///     cache_seconds: u64,
/// }
///
/// impl Section for Cache {
///     fn check(&self, check: &mut Check<'_>) {
///         check.range("CACHE_SECONDS", self.cache_seconds, 1..=86_400, 60);
///     }
/// }
///
/// let settings = Settings::from_toml("/srv/shop", "CACHE_SECONDS = 0")?;
/// assert_eq!(
///     settings.checked::<Cache>().err().unwrap().to_string(),
///     "settings.toml:1: CACHE_SECONDS should be a number from 1 to 86400, and is the whole number 0. Write CACHE_SECONDS = 60"
/// );
/// # Ok::<(), lback_core::settings::SettingsError>(())
/// ```
pub trait Section: DeserializeOwned {
    /// Tells `check` of every value that can never do what its author meant.
    fn check(&self, _check: &mut Check<'_>) {}
}

/// Collects what is wrong with the values of a [`Section`], each with its place and the line to write instead.
pub struct Check<'a> {
    settings: &'a Settings,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Check { settings, problems: Vec::new() }
    }

    pub(super) fn finish(self) -> Result<(), SettingsError> {
        if self.problems.is_empty() { Ok(()) } else { Err(SettingsError::new(Kind::WrongValue, self.problems.join("\n"))) }
    }

    /// All settings, for a value that must fit another one.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Expects a number within `allowed`; `usual` is written instead.
    pub fn range<T: PartialOrd + Display>(&mut self, key: &str, value: T, allowed: RangeInclusive<T>, usual: T) {
        let expected = format!("a number from {} to {}", allowed.start(), allowed.end());
        self.expect(key, allowed.contains(&value), &expected, Example::plain(usual));
    }

    /// Expects of the value that it `holds`: a text such as "a path that begins with a slash". `instead` is an example.
    pub fn expect(&mut self, key: &str, holds: bool, expected: &str, instead: impl Into<Example>) {
        if !holds {
            let found = self.entry(key).map(|entry| format!(", and is {}", problem::describe(&entry, mask::is_secret(key))));
            self.push(key, &format!("should be {expected}{}", found.unwrap_or_default()), instead.into());
        }
    }

    /// Expects of every item of a list that it `holds`.
    pub fn expect_each(&mut self, key: &str, items: &[String], holds: impl Fn(&str) -> bool, expected: &str, instead: impl Into<Example>) {
        if let Some(item) = items.iter().find(|item| !holds(item)) {
            self.push(key, &format!("should hold {expected}, and holds {:?}", mask::without_passwords(item)), instead.into());
        }
    }

    /// Expects a folder, below the project's folder unless the path is absolute: not a file, not the project's folder itself,
    /// whose secrets would be taken for its contents.
    pub fn expect_folder(&mut self, key: &str, path: &Path, usual: &str) {
        let folder = self.settings.root.join(path);
        let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.components().collect());
        let holds_project = resolved(&self.settings.root).starts_with(resolved(&folder));
        self.expect(key, !holds_project, "a folder of its own, as the project's folder holds its secrets", usual);
        self.expect(key, !folder.exists() || folder.is_dir(), "a folder, which this file is not", usual);
    }

    /// Expects a file that can be read, if one is named.
    pub fn expect_file(&mut self, key: &str, path: Option<&Path>) {
        if let Some(path) = path {
            let file = self.settings.root.join(path);
            self.expect(key, file.is_file(), "the path of a file that exists", "/etc/ssl/certs/ca.pem");
        }
    }

    /// Adds the message of an error, which says what is wrong with the value and what to write instead.
    pub fn accept<T>(&mut self, key: &str, result: Result<T, impl Display>) {
        if let Err(message) = result {
            let place = self.entry(key).map(|entry| problem::place(&entry.origin)).unwrap_or_default();
            self.problems.push(format!("{place}{message}"));
        }
    }

    /// Returns whether a file, a variable or code sets the key.
    pub fn is_written(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        // An empty variable is no value for an optional setting.
        self.settings
            .resolve(key)
            .filter(|entry| !matches!(&entry.value, Value::Text(text) if text.is_empty() && entry.variable_text().is_some()))
    }

    fn push(&mut self, key: &str, what: &str, instead: Example) {
        let entry = self.settings.resolve(key);
        let subject = entry.as_ref().map_or_else(|| key.to_owned(), |entry| problem::subject(key, &entry.origin));
        let mend = problem::instead(key, entry.as_ref().map(|entry| &entry.origin), &instead);
        self.problems.push(format!("{subject} {what}.{mend}"));
    }
}
