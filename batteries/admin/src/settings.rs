//! The settings of the admin.

use lback_core::settings::{Check, Section};
use serde::Deserialize;

/// The settings of the admin in `settings.toml`, with their names in upper case.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct AdminSettings {
    /// The number of minutes for which a login, or a confirmation of the password, allows changes of users, groups and permissions. 0 never
    /// asks for the password again.
    pub admin_confirm_minutes: u32,
    /// The number of days for which changes stay in the history. By default, they stay forever. Older ones are deleted when new ones are added.
    pub admin_history_days: Option<u32>,
}

impl Default for AdminSettings {
    fn default() -> Self {
        AdminSettings { admin_confirm_minutes: 15, admin_history_days: None }
    }
}

impl Section for AdminSettings {
    fn check(&self, check: &mut Check<'_>) {
        check.range("ADMIN_CONFIRM_MINUTES", self.admin_confirm_minutes, 0..=24 * 60, 15);
        check.range("ADMIN_HISTORY_DAYS", self.admin_history_days.unwrap_or(1), 1..=36_500, 365);
    }
}
