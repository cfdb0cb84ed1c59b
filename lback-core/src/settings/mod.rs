//! Settings: one `settings.toml`, a file per environment beside it, `.env`, and the process environment.
//!
//! Later wins: `settings.toml`, `settings.{environment}.toml`, `.env`, then the variables that the
//! process was started with, then [`Settings::set`]. The environment is the value of `LBACK_ENV`
//! (from the process, else from `.env`), and "development" where nothing sets it.
//!
//! The framework's keys are upper-case and stand at the top of the file; the crate that needs them
//! declares them as a struct and reads it with [`Settings::section`]. An application's own keys stand
//! in a lower-case table and are read with [`Settings::table`]:
//!
//! ```toml
//! DEBUG = true
//! ALLOWED_HOSTS = ["localhost"]
//!
//! [shop]
//! currency = "EUR"     # or the variable SHOP__CURRENCY=EUR
//! ```
//!
//! A variable is text, so it is read as what its field asks for: `true/false/1/0/yes/no/on/off`,
//! numbers, and lists with commas between their items. An empty variable is `None` for every `Option`.
//! A value in TOML must have its field's type; a date is handed over as its text.

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
/// `Debug` and [`entries`](Self::entries) never show what looks like a secret.
///
/// ```
/// use lback_core::settings::Settings;
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
/// # Ok::<(), lback_core::settings::SettingsError>(())
/// ```
#[derive(Clone)]
pub struct Settings {
    root: PathBuf,
    environment: String,
    /// What the files and `set` say; the process environment is looked up when a key is read, so that
    /// other programs' variables never become settings.
    values: Table,
    variables: Environment,
    /// Every top-level key as written in each file, for `check_unknown`.
    written: Vec<(String, Origin)>,
    declared: Vec<&'static str>,
    checks: Vec<SectionCheck>,
}

/// Reads a section, for what its check finds.
type SectionCheck = fn(&Settings) -> Result<(), SettingsError>;

/// One setting as a person may see it, for the debug page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingEntry {
    /// The key, with its tables before it: `PORT` or `shop.currency`.
    pub key: String,
    /// The value as TOML would write it, with `***` in place of what looks like a secret.
    pub shown: String,
    /// Where the value comes from: `settings.toml:3`, `.env:1`, `the environment variable PORT`.
    pub origin: String,
}

impl Settings {
    /// Loads the settings of the project in `root`, with `env` as the process environment.
    ///
    /// # Errors
    ///
    /// When `settings.toml` is missing, or a file cannot be read, is over 1 MiB, is not UTF-8 or not
    /// TOML; when a key outside a table is not upper-case; when `LBACK_ENV` cannot name a file.
    pub fn load(root: impl AsRef<Path>, env: &Environment) -> Result<Self, SettingsError> {
        load::load(root.as_ref(), env)
    }

    /// Settings from a text instead of a file, with no environment: for tests and for embedding.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load) for the text of `settings.toml`.
    pub fn from_toml(root: impl AsRef<Path>, text: &str) -> Result<Self, SettingsError> {
        load::from_toml(root.as_ref(), text)
    }

    /// The project's folder, which holds `settings.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name of the environment: `development`, `production`, `test` or one of your own.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Reads the top-level keys that the struct `T` names. Fields with `#[serde(flatten)]` are not
    /// filled from variables, as serde does not say which keys they ask for.
    ///
    /// # Errors
    ///
    /// When a value is not what its field asks for, or a field without a default is not set; the text
    /// names the key, where it stands and what to write.
    pub fn section<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        section::read(self)
    }

    /// Reads a [`Section`], and checks what its types cannot.
    ///
    /// # Errors
    ///
    /// As [`section`](Self::section), and one line for every value that cannot work.
    pub fn checked<T: Section>(&self) -> Result<T, SettingsError> {
        let section: T = self.section()?;
        let mut check = Check::new(self);
        section.check(&mut check);
        check.finish()?;
        Ok(section)
    }

    /// Reads the table `name`, e.g. `[shop]`; one that is not written is read as an empty one.
    /// Variables such as `SHOP__API_KEY` win over its keys, `SHOP__MAIL__HOST` over those of `[shop.mail]`.
    ///
    /// # Errors
    ///
    /// As [`section`](Self::section).
    ///
    /// ```
    /// # use lback_core::settings::Settings;
    /// #[derive(serde::Deserialize)]
    /// struct Shop {
    ///     currency: String,
    /// }
    ///
    /// let settings = Settings::from_toml("/srv/shop", "[shop]\ncurrency = 'EUR'")?;
    /// assert_eq!(settings.table::<Shop>("shop")?.currency, "EUR");
    /// # Ok::<(), lback_core::settings::SettingsError>(())
    /// ```
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> Result<T, SettingsError> {
        section::read_table(self, name)
    }

    /// Reads the top-level key `name`; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// As [`section`](Self::section).
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SettingsError> {
        section::read_value(self, name)
    }

    /// Adds the keys of the section `T` to the known ones, and its checks to those of [`check_declared`](Self::check_declared).
    pub fn declare<T: Section>(&mut self) -> &mut Self {
        self.checks.push(|settings| settings.checked::<T>().map(drop));
        self.declare_keys::<T>()
    }

    /// Adds the keys of the section `T` to the known ones. [`entries`](Self::entries) then shows them if only a variable sets
    /// them.
    pub fn declare_keys<T: DeserializeOwned>(&mut self) -> &mut Self {
        self.declared.extend(known_keys::<T>());
        self
    }

    /// Checks the values of the sections that are [declared](Self::declare).
    ///
    /// # Errors
    ///
    /// As [`checked`](Self::checked), for the first section with a wrong value; or if an environment variable for one of their keys
    /// is not Unicode.
    pub fn check_declared(&self) -> Result<(), SettingsError> {
        if let Some(key) = self.declared.iter().find(|key| self.variables.is_unreadable(key)) {
            let message = format!(
                "the environment variable {key} is not text. Set it as UTF-8; for random bytes, as of a key, encode them in Base64."
            );
            return Err(SettingsError::new(error::Kind::WrongValue, message));
        }
        self.checks.iter().try_for_each(|check| check(self))
    }

    /// Refuses keys that nothing reads: neither declared nor in `known`.
    ///
    /// In `.env`, which other programs share, only a key very near to a known one is refused.
    ///
    /// # Errors
    ///
    /// One line for each such key, with its place and the known key that was probably meant.
    pub fn check_unknown(&self, known: &[&str]) -> Result<(), SettingsError> {
        let known: Vec<&str> = known.iter().chain(&self.declared).copied().collect();
        unknown::check(&self.written, &known)
    }

    /// Sets a key in memory, above every file and variable. A dot reaches into a table: `shop.currency`.
    ///
    /// ```
    /// # use lback_core::settings::Settings;
    /// let mut settings = Settings::from_toml("/srv/shop", "")?;
    /// settings.set("PORT", 8000).set("shop.currency", "EUR");
    /// assert_eq!(settings.entries()[0].shown, "8000");
    /// # Ok::<(), lback_core::settings::SettingsError>(())
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

    /// Every setting that a file, a declared key's variable or [`set`](Self::set) gives, by key, secrets masked.
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

    /// The value of a top-level key or table, with the process environment laid over the files.
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
