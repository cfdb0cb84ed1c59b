//! The settings of a test.

use lback_core::Settings;

/// The settings of a test, for [`Battery::test_settings`](crate::Battery::test_settings).
pub struct TestSettings<'a> {
    settings: &'a mut Settings,
    /// Whether they are those of the project, or were written for the test.
    of_project: bool,
}

impl<'a> TestSettings<'a> {
    pub(super) fn new(settings: &'a mut Settings, of_project: bool) -> Self {
        TestSettings { settings, of_project }
    }

    /// Sets `key`, unless the test itself says what it is. What the project's files say about it is for its users, not for tests.
    pub fn prefer(&mut self, key: &str, value: &str) {
        let is_set = self.settings.entries().iter().any(|entry| entry.key == key);
        if self.of_project || !is_set {
            self.settings.set(key, value);
        }
    }
}
