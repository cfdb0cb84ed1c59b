//! The settings that `lback` itself needs while the project's program does not run.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use crate::file::text;

/// The settings of a project. Invalid ones are ignored, because the project's program reports them.
pub struct Settings {
    variables: BTreeMap<String, String>,
    /// The settings files, by precedence.
    tables: Vec<toml::Table>,
}

impl Settings {
    /// Reads the settings from the same places as the project's program.
    pub fn of(project: &Path) -> Self {
        let dotenv = text(&project.join(".env")).unwrap_or_default();
        let variables = lback_dotenv::parse(&dotenv, |name| env::var(name).ok()).unwrap_or_default();
        let variables = variables.into_iter().map(|variable| (variable.name, variable.value)).collect();
        let mut settings = Settings { variables, tables: Vec::new() };
        let environment = settings.variable("LBACK_ENV").filter(|name| !name.is_empty()).unwrap_or_else(|| "development".to_owned());
        let files = [format!("settings.{environment}.toml"), "settings.toml".to_owned()];
        settings.tables = files.iter().filter_map(|file| text(&project.join(file)).ok()?.parse().ok()).collect();
        settings
    }

    /// Returns the value of a setting, as text.
    pub fn value(&self, key: &str) -> Option<String> {
        self.variable(key).or_else(|| match self.written(key)? {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// Returns the value of a setting that is a list of texts.
    pub fn list(&self, key: &str) -> Vec<String> {
        if let Some(text) = self.variable(key) {
            return text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
        }
        let items = self.written(key).and_then(toml::Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    fn variable(&self, name: &str) -> Option<String> {
        env::var(name).ok().or_else(|| self.variables.get(name).cloned())
    }

    fn written(&self, key: &str) -> Option<&toml::Value> {
        self.tables.iter().find_map(|table| table.get(key))
    }
}
