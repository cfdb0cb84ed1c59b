//! The settings of a test.

use std::fmt;
use std::path::{Path, PathBuf};

use lback_core::{ProgramResult, Settings};

/// The settings of a test, for [`Battery::test_settings`](crate::Battery::test_settings).
pub struct TestSettings<'a> {
    settings: &'a mut Settings,
    /// A folder that is removed after the test.
    files: &'a Path,
    /// Whether these are the project's settings, rather than settings given by the test.
    of_project: bool,
}

impl fmt::Debug for TestSettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSettings").field("files", &self.files).field("of_project", &self.of_project).finish_non_exhaustive()
    }
}

impl<'a> TestSettings<'a> {
    pub(super) fn new(settings: &'a mut Settings, files: &'a Path, of_project: bool) -> Self {
        TestSettings { settings, files, of_project }
    }

    /// Sets `key`, unless the test itself sets it. Values in the project's files are overridden, since they are meant for its
    /// users and not for tests.
    pub fn prefer(&mut self, key: &str, value: &str) {
        let is_set = self.settings.entries().iter().any(|entry| entry.key == key);
        if self.of_project || !is_set {
            self.settings.set(key, value);
        }
    }

    /// Points the setting `key` to a folder that is removed after the test, so that no file is stored in the project. The
    /// test's own settings may name another folder by its absolute path.
    ///
    /// # Errors
    /// Returns an error if the setting is not a path.
    pub fn move_folder(&mut self, key: &str) -> ProgramResult {
        let written: Option<PathBuf> = self.settings.value(key)?;
        if self.of_project || written.is_none_or(|path| path.is_relative()) {
            self.settings.set(key, self.files.join(key.to_ascii_lowercase()).display().to_string());
        }
        Ok(())
    }
}
