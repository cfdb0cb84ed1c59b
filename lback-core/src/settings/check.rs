//! Checks of settings that go beyond their types.

use std::fmt;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::error::{Kind, SettingsError};
use super::problem::{self, Example};
use super::value::{Entry, Value};
use super::{Settings, mask};
use crate::CoreSettings;

/// A struct of settings that can check its values.
///
/// ```
/// use lback::settings::{Check, Section, Settings};
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
///     "settings.toml:1: CACHE_SECONDS should be a number from 1 to 86400, but is the whole number 0. Write CACHE_SECONDS = 60"
/// );
/// # Ok::<(), lback::settings::SettingsError>(())
/// ```
pub trait Section: DeserializeOwned {
    /// Reports every value to `check` that can never do what its author meant.
    fn check(&self, _check: &mut Check<'_>) {}
}

/// Collects the invalid values of a [`Section`], each with its location and the line to write instead.
pub struct Check<'a> {
    settings: &'a Settings,
    problems: Vec<String>,
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl<'a> Check<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Check { settings, problems: Vec::new() }
    }

    pub(super) fn finish(self) -> Result<(), SettingsError> {
        if self.problems.is_empty() { Ok(()) } else { Err(SettingsError::new(Kind::WrongValue, self.problems.join("\n"))) }
    }

    /// Returns all settings, for values that depend on others.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Requires a number within `allowed`. The message suggests `usual` instead.
    pub fn range<T: PartialOrd + Display>(&mut self, key: &str, value: T, allowed: RangeInclusive<T>, usual: T) {
        let expected = format!("a number from {} to {}", allowed.start(), allowed.end());
        self.require(key, allowed.contains(&value), &expected, Example::plain(usual));
    }

    /// Requires that the condition `holds` is true for the value. `expected` describes a valid value, such as "a path that begins with
    /// a slash", and `instead` is an example of one.
    pub fn require(&mut self, key: &str, holds: bool, expected: &str, instead: impl Into<Example>) {
        if !holds {
            let found = self.entry(key).map(|entry| format!(", but is {}", problem::describe(&entry, mask::is_secret(key))));
            self.push(key, &format!("should be {expected}{}", found.unwrap_or_default()), instead.into());
        }
    }

    /// Requires that the condition `holds` is true for every item of a list.
    pub fn require_each(&mut self, key: &str, items: &[String], holds: impl Fn(&str) -> bool, expected: &str, instead: impl Into<Example>) {
        if let Some(item) = items.iter().find(|item| !holds(item)) {
            self.push(key, &format!("should contain {expected}, but contains {:?}", mask::without_passwords(item)), instead.into());
        }
    }

    /// Requires a folder, relative to the project's folder unless the path is absolute. It must not be a file, nor be or contain the
    /// project's folder, whose secrets would count as its contents.
    pub fn require_folder(&mut self, key: &str, path: &Path, usual: &str) {
        self.require_plain(key, path, usual);
        let folder = self.settings.root.join(path);
        let contains_project = resolved(&self.settings.root).starts_with(resolved(&folder));
        let own = "a folder of its own, because the project's folder contains secrets";
        self.require(key, !contains_project, own, usual);
        self.require(key, !folder.exists() || folder.is_dir(), "a folder, not a file", usual);
    }

    /// Requires that `folder`, which the key names or whose file it names, is outside of `STATIC_DIR` and `MEDIA_DIR`.
    pub fn require_not_served(&mut self, key: &str, folder: &Path, usual: &str) {
        let Ok(core) = self.settings.section::<CoreSettings>() else { return };
        let folder = resolved(&self.settings.root.join(folder));
        for (other, served) in [("STATIC_DIR", core.static_dir), ("MEDIA_DIR", core.media_dir)] {
            let is_served = folder.starts_with(resolved(&self.settings.root.join(&served)));
            let expected = format!("outside of {other} = {}, whose files visitors can request", served.display());
            self.require(key, !is_served, &expected, usual);
        }
    }

    /// Requires a file that exists, if `path` is set.
    pub fn require_file(&mut self, key: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.require_plain(key, path, "/etc/ssl/certs/ca.pem");
            let file = self.settings.root.join(path);
            self.require(key, file.is_file(), "the path of a file that exists", "/etc/ssl/certs/ca.pem");
        }
    }

    /// Requires a path that the system can use directly: it does not expand `~`, and it takes a space at either end for a part of the
    /// name, which is hardly ever intended.
    fn require_plain(&mut self, key: &str, path: &Path, usual: &str) {
        let is_plain = path.to_str().is_some_and(is_plain_path);
        self.require(key, is_plain, "a path without a leading ~, control characters or surrounding spaces", usual);
    }

    /// Reports the error of `result`, if there is one. Its message must say what is wrong with the value and what to write instead.
    pub fn accept<T>(&mut self, key: &str, result: Result<T, impl Display>) {
        if let Err(message) = result {
            let location = self.entry(key).map(|entry| problem::location_prefix(&entry.origin)).unwrap_or_default();
            self.problems.push(format!("{location}{message}"));
        }
    }

    /// Returns whether a file, a variable or code sets the key.
    pub fn is_written(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        // An empty variable does not set an optional setting.
        self.settings
            .resolve(key)
            .filter(|entry| !matches!(&entry.value, Value::Text(text) if text.is_empty() && entry.variable_text().is_some()))
    }

    fn push(&mut self, key: &str, what: &str, instead: Example) {
        let entry = self.settings.resolve(key);
        let subject = entry.as_ref().map_or_else(|| key.to_owned(), |entry| problem::subject(key, &entry.origin));
        let remedy = problem::correction(key, entry.as_ref().map(|entry| &entry.origin), &instead);
        self.problems.push(format!("{subject} {what}.{remedy}"));
    }
}

/// Returns whether a path has no leading `~`, no control characters and no surrounding spaces.
fn is_plain_path(path: &str) -> bool {
    path.trim() == path && !path.starts_with('~') && !path.contains(char::is_control)
}

/// Returns the path with symbolic links resolved, if it exists.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.components().collect())
}
