//! The values of settings and where they come from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Maximum nesting of tables and lists. No settings need more, and deeper ones would strain the stack.
pub(super) const MAX_DEPTH: usize = 32;

pub(super) type Table = BTreeMap<String, Entry>;

#[derive(Clone)]
pub(super) struct Entry {
    pub value: Value,
    pub origin: Origin,
}

#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    Date(String),
    List(Vec<Entry>),
    Table(Table),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    File { name: Arc<str>, line: usize },
    DotEnv { line: usize },
    Variable(String),
    Code,
}

impl Entry {
    pub(super) fn from_variable(name: &str, text: &str) -> Self {
        Self { value: Value::Text(text.to_owned()), origin: Origin::Variable(name.to_owned()) }
    }

    pub(super) fn from_code(value: toml::Value) -> Self {
        let value = match value {
            toml::Value::String(text) => Value::Text(text),
            toml::Value::Integer(number) => Value::Integer(number.into()),
            toml::Value::Float(number) => Value::Float(number),
            toml::Value::Boolean(flag) => Value::Boolean(flag),
            toml::Value::Datetime(date) => Value::Date(date.to_string()),
            toml::Value::Array(items) => Value::List(items.into_iter().map(Self::from_code).collect()),
            toml::Value::Table(table) => Value::Table(table.into_iter().map(|(key, value)| (key, Self::from_code(value))).collect()),
        };
        Self { value, origin: Origin::Code }
    }

    /// Returns the text if it comes from a variable. The type of the field then decides how it is read.
    pub(super) fn variable_text(&self) -> Option<&str> {
        match (&self.value, &self.origin) {
            (Value::Text(text), Origin::DotEnv { .. } | Origin::Variable(_)) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::DotEnv { line } => write!(f, ".env:{line}"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Code => f.write_str("set in code"),
        }
    }
}

/// Merges `over` into `base`. Tables are merged key by key, other values are replaced.
pub(super) fn merge(base: &mut Table, over: Table) {
    for (key, entry) in over {
        match (base.get_mut(&key), entry) {
            (Some(Entry { value: Value::Table(inner), .. }), Entry { value: Value::Table(table), .. }) => {
                merge(inner, table);
            }
            (_, entry) => {
                base.insert(key, entry);
            }
        }
    }
}

/// Sets the entry at `path` and creates missing tables. Values that were set in code are kept.
pub(super) fn put(table: &mut Table, path: &[&str], entry: Entry) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let written = table.keys().find(|key| is_same_name(first, key)).cloned();
    let name = written.unwrap_or_else(|| (*first).to_owned());
    if rest.is_empty() {
        let is_fixed = table.get(&name).is_some_and(|old| old.origin == Origin::Code);
        if !is_fixed || entry.origin == Origin::Code {
            table.insert(name, entry);
        }
        return;
    }
    let origin = entry.origin.clone();
    let inner = table.entry(name).or_insert_with(|| Entry { value: Value::Table(Table::new()), origin });
    if !matches!(inner.value, Value::Table(_)) {
        inner.value = Value::Table(Table::new());
    }
    if let Value::Table(inner) = &mut inner.value {
        put(inner, rest, entry);
    }
}

/// Splits the name of a variable such as `SHOP__API_KEY` into `["shop", "api_key"]`. Returns `None` if it does not name a key in a
/// table.
pub(super) fn variable_path(name: &str) -> Option<Vec<String>> {
    let path: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
    let is_path = is_upper_case(name) && path.len() > 1 && path.len() <= MAX_DEPTH;
    (is_path && path.iter().all(|part| !part.is_empty())).then_some(path)
}

/// Returns whether a variable and a key have the same name. Variables have neither lower case nor `-`, so `SHOP_EU` must match
/// `[shop-eu]`.
pub(super) fn is_same_name(variable: &str, key: &str) -> bool {
    let plain = |byte: u8| {
        if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }
    };
    variable.bytes().map(plain).eq(key.bytes().map(plain))
}

pub(super) fn is_upper_case(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
