//! Converts a setting to the type that asks for it.

use std::collections::btree_map;
use std::slice;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::Secret;
use super::problem::Problem;
use super::value::{Entry, Table, Value};

/// Reads one value. The text of a variable is converted to the type that asks for it. A TOML value is passed on unchanged, and the
/// visitor of the type refuses it if its type is wrong.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub entry: &'a Entry,
    pub key: &'a str,
}

impl Reader<'_> {
    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.entry.variable_text().and_then(|text| text.trim().parse().ok()) {
            Some(number) => visit_integer(number, visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.entry.variable_text().and_then(|text| text.trim().parse().ok()) {
            Some(number) => visitor.visit_f64(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Some(text) = self.entry.variable_text() else {
            return self.deserialize_any(visitor);
        };
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let items: Vec<Entry> =
            items.map(|item| Entry { value: Value::Text(item.to_owned()), origin: self.entry.origin.clone() }).collect();
        visitor.visit_seq(Items { rest: items.iter(), next: 0, key: self.key })
    }
}

fn visit_integer<'de, V: Visitor<'de>>(number: i128, visitor: V) -> Result<V::Value, Problem> {
    if let Ok(number) = i64::try_from(number) {
        visitor.visit_i64(number)
    } else if let Ok(number) = u64::try_from(number) {
        visitor.visit_u64(number)
    } else {
        Err(Problem::invalid_value(Unexpected::Signed(0), &visitor))
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

macro_rules! read_as {
    ($($way:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            self.$way(visitor)
        }
    )*)*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.entry.value {
            Value::Text(text) | Value::Date(text) => visitor.visit_str(text),
            Value::Integer(number) => visit_integer(*number, visitor),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(flag) => visitor.visit_bool(*flag),
            Value::List(items) => visitor.visit_seq(Items { rest: items.iter(), next: 0, key: self.key }),
            Value::Table(table) => visitor.visit_map(Fields::new(table, self.key)),
        }
    }

    read_as! {
        integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        float: deserialize_f32 deserialize_f64;
        list: deserialize_seq;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.entry.variable_text().and_then(parse_bool) {
            Some(flag) => visitor.visit_bool(flag),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Problem> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _name: &'static str, _length: usize, visitor: V) -> Result<V::Value, Problem> {
        self.list(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.entry.variable_text() {
            Some("") => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Problem> {
        let read = visitor.visit_newtype_struct(self);
        if name == Secret::TYPE_NAME { read.map_err(|problem| problem.at_secret(self.key, self.entry)) } else { read }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match &self.entry.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(Fields::new(table, self.key))),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct map struct identifier
    }
}

/// The keys of a table, for a struct or a map.
pub(super) struct Fields<'a> {
    rest: btree_map::Iter<'a, String, Entry>,
    current: Option<(&'a str, &'a Entry)>,
    table: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(table: &'a Table, name: &'a str) -> Self {
        Self { rest: table.iter(), current: None, table: name }
    }

    fn path(&self, key: &str) -> String {
        if self.table.is_empty() { key.to_owned() } else { format!("{}.{key}", self.table) }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some((key, entry)) = self.rest.next() else {
            return Ok(None);
        };
        self.current = Some((key, entry));
        let name: StrDeserializer<'_, Problem> = key.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|problem| problem.at(&self.path(key), entry))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let (key, entry) = self.current.take().ok_or_else(|| Problem::custom("a value was requested before its key"))?;
        let key = self.path(key);
        seed.deserialize(Reader { entry, key: &key }).map_err(|problem| problem.at(&key, entry))
    }
}

struct Items<'a> {
    rest: slice::Iter<'a, Entry>,
    next: usize,
    key: &'a str,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some(entry) = self.rest.next() else {
            return Ok(None);
        };
        let key = format!("{}[{}]", self.key, self.next);
        self.next += 1;
        seed.deserialize(Reader { entry, key: &key }).map(Some).map_err(|problem| problem.at(&key, entry))
    }
}
