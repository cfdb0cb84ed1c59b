//! Settings from `settings.toml`, a file per environment next to it, `.env` and the process environment.
//!
//! Later sources take precedence over earlier ones: `settings.toml`, `settings.{environment}.toml`, `.env`, the variables that the
//! process was started with, and [`Settings::set`]. The environment is the value of `LBACK_ENV` (from the process or else from
//! `.env`), or "development" if it is not set.
//!
//! The framework's keys are written in upper case at the top of the file. The crate that needs them declares them as a struct and
//! reads it with [`Settings::section`]. An application's own keys belong in a lower-case table and are read with
//! [`Settings::table`]:
//!
//! ```toml
//! DEBUG = true
//! ALLOWED_HOSTS = ["localhost"]
//!
//! [shop]
//! currency = "EUR"     # or the variable SHOP__CURRENCY=EUR
//! ```
//!
//! Variables are text, which is converted to the type of the field: `true/false/1/0/yes/no/on/off`, numbers, and comma-separated
//! lists. An empty variable is `None` for every `Option`. A value in TOML must have the type of its field; a date is passed on as
//! text.

mod check;
mod environment;
mod error;
mod keys;
mod load;
mod mask;
mod problem;
mod reader;
mod root;
mod secret;
mod secret_key;
mod section;
mod suggest;
#[cfg(test)]
mod tests;
mod unknown;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use check::{Check, Section};
pub use environment::Environment;
pub use error::SettingsError;
pub use keys::known_keys;
pub use problem::Example;
pub use root::find_root;
pub use secret::Secret;
pub use secret_key::secret_key;
pub(crate) use secret_key::{check_fallbacks, check_length};
pub use suggest::nearest;

use value::{Entry, Origin, Table, Value};

/// The settings of one project, loaded and merged.
///
/// `Debug` and [`entries`](Self::entries) never show values that look like secrets.
///
/// ```
/// use lback::settings::Settings;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
/// struct Server {
///     #[serde(default)]
///     debug: bool,
///     port: Option<u16>,
/// }
///
/// let settings = Settings::from_toml("/srv/shop", "PORT = 8000")?;
/// let server: Server = settings.section()?;
/// assert_eq!(server.port, Some(8000));
/// assert!(!server.debug);
/// # Ok::<(), lback::settings::SettingsError>(())
/// ```
#[derive(Clone)]
pub struct Settings {
    root: PathBuf,
    environment: String,
    /// The values from the files and from `set`. The process environment is consulted when a key is read, so that the variables of
    /// other programs never become settings.
    values: Table,
    variables: Environment,
    /// All top-level keys in each file, for `check_unknown`.
    written: Vec<(String, Origin)>,
    declared: Vec<&'static str>,
    checks: Vec<SectionCheck>,
}

/// Reads a section and runs its checks.
type SectionCheck = fn(&Settings) -> Result<(), SettingsError>;

/// One setting in displayable form, for the debug page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingEntry {
    /// The key, including its tables: `PORT` or `shop.currency`.
    pub key: String,
    /// The value in TOML syntax, with `***` in place of everything that looks like a secret.
    pub shown: String,
    /// The source of the value: `settings.toml:3`, `.env:1`, `the environment variable PORT`.
    pub origin: String,
}

impl Settings {
    /// Loads the settings of the project in `root`, with `env` as the process environment.
    ///
    /// # Errors
    ///
    /// Returns an error if `settings.toml` or the file of the environment is missing (development needs none), if a file cannot be
    /// read, is over 1 MiB, or is not valid TOML in UTF-8, if a key outside a table is not in upper case, or if `LBACK_ENV` cannot be
    /// part of a file name.
    pub fn load(root: impl AsRef<Path>, env: &Environment) -> Result<Self, SettingsError> {
        load::load(root.as_ref(), env)
    }

    /// Loads settings from text instead of files, without a process environment, for tests and for embedding.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`load`](Self::load) for the content of `settings.toml`.
    pub fn from_toml(root: impl AsRef<Path>, text: &str) -> Result<Self, SettingsError> {
        load::from_toml(root.as_ref(), text)
    }

    /// Returns the project's folder, which contains `settings.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the name of the environment: `development`, `production`, `test` or one of your own.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Reads the top-level keys that the fields of the struct `T` name. Variables do not fill fields with `#[serde(flatten)]`,
    /// because serde does not report their keys.
    ///
    /// # Errors
    ///
    /// Returns an error if a value does not have the type of its field, or a field without a default is not set. The message names
    /// the key, its location and the remedy.
    pub fn section<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        section::read(self)
    }

    /// Reads a [`Section`] and runs its checks, which go beyond the types of its fields.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`section`](Self::section), and an error with a line for every invalid value.
    pub fn checked<T: Section>(&self) -> Result<T, SettingsError> {
        let section: T = self.section()?;
        let mut check = Check::new(self);
        section.check(&mut check);
        check.finish()?;
        Ok(section)
    }

    /// Reads the table `name`, for example `[shop]`. A missing table is read as an empty one. Variables such as `SHOP__API_KEY`
    /// override its keys, and `SHOP__MAIL__HOST` overrides a key of `[shop.mail]`.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`section`](Self::section).
    ///
    /// ```
    /// # use lback::settings::Settings;
    /// #[derive(serde::Deserialize)]
    /// struct Shop {
    ///     currency: String,
    /// }
    ///
    /// let settings = Settings::from_toml("/srv/shop", "[shop]\ncurrency = 'EUR'")?;
    /// assert_eq!(settings.table::<Shop>("shop")?.currency, "EUR");
    /// # Ok::<(), lback::settings::SettingsError>(())
    /// ```
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> Result<T, SettingsError> {
        section::read_table(self, name)
    }

    /// Reads the top-level key `name`. Returns `None` if it is not set.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`section`](Self::section).
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SettingsError> {
        section::read_value(self, name)
    }

    /// Adds the keys of the section `T` to the known keys, and its checks to those of [`check_declared`](Self::check_declared).
    pub fn declare<T: Section>(&mut self) -> &mut Self {
        self.checks.push(|settings| settings.checked::<T>().map(drop));
        self.declare_keys::<T>()
    }

    /// Adds the keys of the section `T` to the known keys. [`entries`](Self::entries) then also lists those that only a variable
    /// sets.
    pub fn declare_keys<T: DeserializeOwned>(&mut self) -> &mut Self {
        self.declared.extend(known_keys::<T>());
        self
    }

    /// Checks the values of the [declared](Self::declare) sections.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`checked`](Self::checked), for the first section with an invalid value, and an error if the
    /// environment variable of a declared key is not Unicode.
    pub fn check_declared(&self) -> Result<(), SettingsError> {
        if let Some(key) = self.declared.iter().find(|key| self.variables.is_unreadable(key)) {
            let message =
                format!("the environment variable {key} is not text. Set it to UTF-8 text; encode random bytes, such as a key, in Base64.");
            return Err(SettingsError::new(error::Kind::WrongValue, message));
        }
        self.checks.iter().try_for_each(|check| check(self))
    }

    /// Refuses keys that nothing reads, which are those that are neither declared nor in `known`.
    ///
    /// In `.env`, which other programs may share, only keys that closely resemble a known one are refused.
    ///
    /// # Errors
    ///
    /// Returns an error if there are such keys. The message has a line for each, with its location and the known key that was
    /// probably meant.
    pub fn check_unknown(&self, known: &[&str]) -> Result<(), SettingsError> {
        let known: Vec<&str> = known.iter().chain(&self.declared).copied().collect();
        unknown::check(&self.written, &known)
    }

    /// Sets a key in memory, which takes precedence over all files and variables. A dot separates a table from its key:
    /// `shop.currency`.
    ///
    /// ```
    /// # use lback::settings::Settings;
    /// let mut settings = Settings::from_toml("/srv/shop", "")?;
    /// settings.set("PORT", 8000).set("shop.currency", "EUR");
    /// assert_eq!(settings.entries()[0].shown, "8000");
    /// # Ok::<(), lback::settings::SettingsError>(())
    /// ```
    pub fn set(&mut self, key: &str, value: impl Into<toml::Value>) -> &mut Self {
        let entry = Entry::from_code(value.into());
        let path: Vec<&str> = key.split('.').collect();
        match path.as_slice() {
            [name] => {
                self.values.insert((*name).to_owned(), entry);
            }
            path => value::put(&mut self.values, path, entry),
        }
        self
    }

    /// Returns all settings from files, from the variables of declared keys and from [`set`](Self::set), sorted by key, with secrets
    /// masked.
    pub fn entries(&self) -> Vec<SettingEntry> {
        let mut entries = Vec::new();
        for (key, entry) in self.resolve_all() {
            mask::list_entries(&key, &entry, &mut entries);
        }
        entries
    }

    fn resolve_all(&self) -> Table {
        let names = self.values.keys().map(String::as_str);
        names.chain(self.declared.iter().copied()).filter_map(|name| Some((name.to_owned(), self.resolve(name)?))).collect()
    }

    /// Returns the value of a top-level key or table. The process environment overrides the files.
    fn resolve(&self, name: &str) -> Option<Entry> {
        let written = self.values.get(name).cloned();
        match written {
            Some(Entry { value: Value::Table(table), origin }) => {
                Some(Entry { value: Value::Table(self.with_variables(name, table)), origin })
            }
            Some(Entry { origin: Origin::Code, .. }) => written,
            _ if value::is_upper_case(name) => match self.variables.get(name) {
                Some(text) => Some(Entry::from_variable(name, text)),
                None => written,
            },
            None => {
                let table = self.with_variables(name, Table::new());
                let origin = table.values().next()?.origin.clone();
                Some(Entry { value: Value::Table(table), origin })
            }
            Some(_) => written,
        }
    }

    fn with_variables(&self, name: &str, mut table: Table) -> Table {
        for (variable, text) in self.variables.iter() {
            if let Some(path) = value::variable_path(variable)
                && let Some((first, rest)) = path.split_first()
                && value::is_same_name(first, name)
            {
                let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
                value::put(&mut table, &rest, Entry::from_variable(variable, text));
            }
        }
        table
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("root", &self.root)
            .field("environment", &self.environment)
            .field("entries", &self.entries())
            .finish()
    }
}
