//! Reads sections from the top-level keys, and the tables of applications.

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Settings;
use super::error::SettingsError;
use super::load::FILE;
use super::problem::Problem;
use super::reader::{Fields, Reader};
use super::value::{Entry, Origin, Table, Value};

pub(super) fn read<T: DeserializeOwned>(settings: &Settings) -> Result<T, SettingsError> {
    T::deserialize(SectionReader(settings)).map_err(|problem| problem.in_section(&settings.root.join(FILE)))
}

pub(super) fn read_table<T: DeserializeOwned>(settings: &Settings, name: &str) -> Result<T, SettingsError> {
    let empty = || Entry { value: Value::Table(Table::new()), origin: Origin::Code };
    let file = settings.root.join(FILE);
    let entry = settings.resolve(name).unwrap_or_else(empty);
    let read = T::deserialize(Reader { entry: &entry, key: name });
    read.map_err(|problem| problem.in_table(name, &entry, &file))
}

pub(super) fn read_value<T: DeserializeOwned>(settings: &Settings, name: &str) -> Result<Option<T>, SettingsError> {
    let Some(entry) = settings.resolve(name) else { return Ok(None) };
    let read = T::deserialize(Reader { entry: &entry, key: name });
    read.map(Some).map_err(|problem| problem.in_section(&settings.root.join(FILE)))
}

/// Deserializes a struct from the keys that its fields name, and any other type from all keys.
struct SectionReader<'a>(&'a Settings);

impl<'de> Deserializer<'de> for SectionReader<'_> {
    type Error = Problem;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let named = fields.iter().filter_map(|key| Some(((*key).to_owned(), self.0.resolve(key)?)));
        visitor.visit_map(Fields::new(&named.collect(), ""))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(Fields::new(&self.0.resolve_all(), ""))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
