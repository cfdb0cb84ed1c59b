//! Shows settings without their secrets.

use super::SettingEntry;
use super::value::{Entry, Table, Value};

const MASK: &str = "***";
const HIDDEN_LINE: &str = "(not shown because it may be part of a secret)";
const MAX_SHOWN: usize = 200;
const SECRET_WORDS: [&str; 9] = ["SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "KEY", "CREDENTIAL", "PRIVATE", "DSN"];

/// Returns whether to hide the value with this name. A path such as `shop.mail.password` is checked as a whole.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Returns a text without the passwords in its URLs and connection strings, cut to a readable length.
///
/// A password may contain `/`, `?` or `@` that should have been escaped, so everything up to the last `@` counts as user name and
/// password. It is better to hide too much than too little.
pub(super) fn without_passwords(text: &str) -> String {
    let mut shown = text.to_owned();
    if let Some((scheme, rest)) = text.split_once("://")
        && let Some((login, host)) = rest.rsplit_once('@')
    {
        let user = login.split_once(':').map(|(user, _)| format!("{user}:")).unwrap_or_default();
        shown = format!("{scheme}://{user}{MASK}@{host}");
    }
    let parameters: Vec<String> = shown.split('&').map(without_secret_parameter).collect();
    shortened(&parameters.join("&"))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn without_secret_parameter(text: &str) -> String {
    for (equals, _) in text.match_indices('=') {
        let before = text[..equals].trim_end();
        let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next();
        if name.is_some_and(is_secret) {
            return format!("{}={MASK}", &text[..equals]);
        }
    }
    text.to_owned()
}

/// Returns a value in TOML syntax with its secrets hidden.
pub(super) fn toml_form(key: &str, value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let pairs = table.iter().map(|(name, entry)| format!("{name} = {}", toml_form(&format!("{key}.{name}"), &entry.value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        _ if is_secret(key) => MASK.to_owned(),
        Value::Text(text) => format!("{:?}", without_passwords(text)),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        Value::Date(date) => date.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| toml_form(key, &item.value)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

pub(super) fn list_entries(key: &str, entry: &Entry, entries: &mut Vec<SettingEntry>) {
    match &entry.value {
        Value::Table(table) => list_table(key, table, entries),
        value => entries.push(SettingEntry { key: key.to_owned(), shown: toml_form(key, value), origin: entry.origin.to_string() }),
    }
}

fn list_table(key: &str, table: &Table, entries: &mut Vec<SettingEntry>) {
    for (name, entry) in table {
        list_entries(&format!("{key}.{name}"), entry, entries);
    }
}

/// Returns what can be shown of a line that is not valid TOML. `before` is the text before it.
///
/// Only if everything before the line is well-formed does it start a new statement. Otherwise it could be the rest of a secret that
/// a line break or a quote has split.
pub(super) fn broken_line(before: &str, line: &str) -> String {
    let starts_statement = toml::de::DeTable::parse(before).is_ok();
    let table = before.lines().rev().find(|line| line.trim_start().starts_with('['));
    let line = line.replace(char::is_control, " ");
    let is_hidden = is_secret(&line) || table.is_some_and(is_secret);
    match line.split_once('=') {
        _ if !starts_statement => HIDDEN_LINE.to_owned(),
        Some((name, _)) if is_hidden => format!("{}= {MASK}", without_passwords(name)),
        Some(_) => without_passwords(&line),
        None if line.trim_start().starts_with('[') && !line.contains(['"', '\'']) => without_passwords(&line),
        None => HIDDEN_LINE.to_owned(),
    }
}
