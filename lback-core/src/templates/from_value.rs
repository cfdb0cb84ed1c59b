//! Converts a value of a template to a type of the application.

use std::borrow::Cow;

use serde::de::value::{Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use tera::Value;

/// Reads `value` as a `T`. A number is converted to the requested type if it fits.
///
/// Tera calculates with 128 bits, so the sum of two small numbers has a type that serde's other integers refuse. A division
/// produces a float even if the result is a whole number.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    T::deserialize(ValueReader(Cow::Borrowed(value)))
}

struct ValueReader<'a>(Cow<'a, Value>);

impl<'a> ValueReader<'a> {
    fn visit_integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_number().and_then(|number| number.as_integer()) {
            Some(integer) => visit_integer(integer, visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn visit_float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_number() {
            Some(number) => visitor.visit_f64(number.as_float()),
            None => self.deserialize_any(visitor),
        }
    }

    fn entries<'de>(&self) -> Option<MapDeserializer<'de, impl Iterator<Item = (ValueReader<'_>, ValueReader<'_>)>, Error>> {
        let map = self.0.as_map()?;
        Some(MapDeserializer::new(
            map.iter().map(|(key, value)| (ValueReader(Cow::Owned(key.as_value())), ValueReader(Cow::Borrowed(value)))),
        ))
    }
}

/// Passes on an integer as the smallest type that it fits, because serde's buffers support at most 64 bits.
fn visit_integer<'de, V: Visitor<'de>>(integer: i128, visitor: V) -> Result<V::Value, Error> {
    match (i64::try_from(integer), u64::try_from(integer)) {
        (Ok(integer), _) => visitor.visit_i64(integer),
        (_, Ok(integer)) => visitor.visit_u64(integer),
        _ => visitor.visit_i128(integer),
    }
}

macro_rules! numbers {
    ($visit:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.$visit(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueReader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = &*self.0;
        if let Some(integer) = value.as_i128() {
            visit_integer(integer, visitor)
        } else if let Some(integer) = value.as_u128() {
            visitor.visit_u128(integer)
        } else if let Some(float) = value.as_f64() {
            visitor.visit_f64(float)
        } else if let Some(flag) = value.as_bool() {
            visitor.visit_bool(flag)
        } else if let Some(text) = value.as_str() {
            visitor.visit_str(text)
        } else if let Some(array) = value.as_array() {
            visitor.visit_seq(SeqDeserializer::new(array.iter().map(|element| ValueReader(Cow::Borrowed(element)))))
        } else if let Some(entries) = self.entries() {
            visitor.visit_map(entries)
        } else if let Some(bytes) = value.as_bytes() {
            visitor.visit_bytes(bytes)
        } else {
            visitor.visit_unit()
        }
    }

    numbers! { visit_integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 }
    numbers! { visit_integer: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }
    numbers! { visit_float: deserialize_f32 deserialize_f64 }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.is_none() || self.0.is_undefined() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Text is the name of a variant. A map with one entry is a variant with content.
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        if let Some(name) = self.0.as_str() {
            return visitor.visit_enum(name.into_deserializer());
        }
        match self.entries() {
            Some(entries) => visitor.visit_enum(MapAccessDeserializer::new(entries)),
            None => Err(Error::custom(format!("invalid type: {}, expected the name of a variant", self.0.name()))),
        }
    }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for ValueReader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
