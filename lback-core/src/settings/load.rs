//! Loads the files and merges them into one table.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::{Kind, SettingsError};
use super::mask;
use super::value::{self, Entry, MAX_DEPTH, Origin, Table, Value};
use super::{Environment, Settings};
use crate::text_file::decode;

pub(super) const FILE: &str = "settings.toml";
/// The default environment. It needs no file of its own.
const DEVELOPMENT: &str = "development";
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) fn load(root: &Path, env: &Environment) -> Result<Settings, SettingsError> {
    let dotenv = match read(root, ".env")? {
        Some(text) => lback_dotenv::parse(&text, |name| env.get(name).map(str::to_owned))
            .map_err(|error| SettingsError::new(Kind::Syntax, error.to_string()))?,
        None => Vec::new(),
    };
    let from_dotenv = || dotenv.iter().rfind(|variable| variable.name == "LBACK_ENV").map(|found| found.value.as_str());
    let is_set = |name: &&str| !name.is_empty();
    let environment = env.get("LBACK_ENV").filter(is_set).or_else(|| from_dotenv().filter(is_set)).unwrap_or(DEVELOPMENT);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !environment.bytes().all(is_name) {
        return Err(SettingsError::new(
            Kind::WrongValue,
            format!(
                "LBACK_ENV is {environment:?}, which cannot be part of the file name settings.{{LBACK_ENV}}.toml. Use only letters, \
                 digits, - and _: LBACK_ENV=production"
            ),
        ));
    }

    let text = read(root, FILE)?.ok_or_else(|| {
        SettingsError::new(
            Kind::MissingFile,
            format!(
                "there is no {FILE} in {}. Create one there (it may be empty), or set LBACK_ROOT to the project's folder.",
                root.display()
            ),
        )
    })?;
    let mut settings = from_toml(root, &text)?;
    settings.environment = environment.to_owned();
    let name = format!("settings.{environment}.toml");
    match read(root, &name)? {
        Some(text) => value::merge(&mut settings.values, parse(&name, &text, &mut settings.written)?),
        None if environment == DEVELOPMENT => {}
        // A typo must not make a server run with the settings for development.
        None => {
            return Err(SettingsError::new(
                Kind::MissingFile,
                format!(
                    "LBACK_ENV is {environment:?}, but there is no {name} in {}. Correct LBACK_ENV, or create that file (it may be empty).",
                    root.display()
                ),
            ));
        }
    }
    for variable in dotenv {
        let origin = Origin::DotEnv { line: variable.line };
        settings.written.push((variable.name.clone(), origin.clone()));
        let entry = Entry { value: Value::Text(variable.value), origin };
        if let Some(path) = value::variable_path(&variable.name) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            value::put(&mut settings.values, &path, entry);
        } else if value::is_upper_case(&variable.name) {
            settings.values.insert(variable.name, entry);
        }
    }
    settings.variables = env.clone();
    Ok(settings)
}

pub(super) fn from_toml(root: &Path, text: &str) -> Result<Settings, SettingsError> {
    let mut written = Vec::new();
    Ok(Settings {
        root: root.to_path_buf(),
        environment: DEVELOPMENT.to_owned(),
        values: parse(FILE, text, &mut written)?,
        variables: Environment::default(),
        written,
        declared: Vec::new(),
        checks: Vec::new(),
    })
}

/// Reads a file in the project's folder. Returns `None` if there is no such file.
fn read(root: &Path, name: &str) -> Result<Option<String>, SettingsError> {
    let path = root.join(name);
    let refuse = |what: String| SettingsError::new(Kind::Unreadable, format!("{}: {what}", path.display()));
    let mut bytes = Vec::new();
    let result = File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match result {
        Ok(_) if bytes.len() as u64 > MAX_BYTES => {
            Err(refuse("the file is over 1 MiB, which is too large for settings. Keep data in separate files.".to_owned()))
        }
        Ok(_) => {
            let text = decode(bytes).map_err(|error| refuse(format!("line {} is not UTF-8 text. Save the file as UTF-8.", error.line)))?;
            Ok(Some(text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refuse(format!("cannot be read: {error}. Check that it is a file that this user can read.")).with_source(error)),
    }
}

fn parse(name: &str, text: &str, written: &mut Vec<(String, Origin)>) -> Result<Table, SettingsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source { name: name.into(), line_starts: line_starts(text) };
    let document = DeTable::parse(text).map_err(|error| source.syntax_error(text, &error))?;
    let table = source.table(document.get_ref(), 0)?;
    let mut problems = Vec::new();
    for (key, entry) in &table {
        if !value::is_upper_case(key) && !matches!(entry.value, Value::Table(_)) {
            let upper = key.to_ascii_uppercase().replace('-', "_");
            problems.push(format!(
                "{}: {key:?} is outside a table, where keys must be upper case. Write {upper}, or move the key to your application's \
                 table, such as [shop].",
                entry.origin
            ));
        }
        written.push((key.clone(), entry.origin.clone()));
    }
    if problems.is_empty() { Ok(table) } else { Err(SettingsError::new(Kind::UnknownKey, problems.join("\n"))) }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect()
}

struct Source {
    name: Arc<str>,
    line_starts: Vec<usize>,
}

impl Source {
    fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    fn table(&self, table: &DeTable<'_>, depth: usize) -> Result<Table, SettingsError> {
        let entries = table.iter().map(|(key, value)| {
            let entry = self.entry(value.get_ref(), key.span().start, depth)?;
            Ok((key.get_ref().to_string(), entry))
        });
        entries.collect()
    }

    fn entry(&self, value: &DeValue<'_>, offset: usize, depth: usize) -> Result<Entry, SettingsError> {
        let origin = Origin::File { name: self.name.clone(), line: self.line(offset) };
        let refuse = |what: &str| SettingsError::new(Kind::WrongValue, format!("{origin}: {what}"));
        if depth >= MAX_DEPTH {
            return Err(refuse("tables and lists are nested more than 32 levels deep. Flatten the settings."));
        }
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                let number = i128::from_str_radix(number.as_str(), number.radix());
                Value::Integer(number.map_err(|_| refuse("this whole number is too large. Write it as text, in quotes."))?)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse::<f64>().ok();
                let fits = parsed.filter(|parsed| !parsed.is_infinite() || number.as_str().contains("inf"));
                Value::Float(fits.ok_or_else(|| refuse("this number is too large. Write it as text, in quotes."))?)
            }
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.entry(item.get_ref(), item.span().start, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Value::Table(self.table(table, depth + 1)?),
        };
        Ok(Entry { value, origin })
    }

    fn syntax_error(&self, text: &str, error: &toml::de::Error) -> SettingsError {
        let offset = text.floor_char_boundary(error.span().map_or(0, |span| span.start));
        let line = self.line(offset);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = text[start..offset].chars().count() + 1;
        let content = text[start..].lines().next().unwrap_or_default();
        let shown = mask::broken_line(&text[..start], content);
        let remedy = if error.message().contains("duplicate") {
            "Remove one of the two."
        } else {
            r#"Write settings as NAME = "text", NAME = 30, NAME = true or NAME = ["a", "b"]."#
        };
        SettingsError::new(
            Kind::Syntax,
            format!("{}:{line}:{column}: this is not valid TOML: {}. {remedy}\n{line} | {shown}", self.name, error.message()),
        )
    }
}
