//! Deserializes single values.

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};

use super::Field;
use super::mismatch::{Mismatch, Shape};

pub(super) enum Value<'a, 'de> {
    /// All values that were sent under one name.
    Field(&'a Field<'de>),
    /// The next element of a list.
    Element(&'a Field<'de>, &'a mut Cursor),
    Text(&'de str),
}

/// The values that were sent under one name, for a type that accepts several.
///
/// Empty values are left out, unless the elements are strings or `Option`s, which keep their positions.
struct List<'a, 'de> {
    field: &'a Field<'de>,
    cursor: Cursor,
}

/// The position in a list, and whether its empty values count.
pub(super) struct Cursor {
    at: usize,
    keeps_empty: bool,
}

impl<'a, 'de> Value<'a, 'de> {
    /// Returns the text. An `Option` or a `String` accepts an empty text; any other element of a list is the next text that is
    /// not empty.
    fn text(self, takes_empty: bool) -> Result<&'de str, Mismatch> {
        match self {
            Value::Text(text) => Ok(text),
            Value::Field(field) => match field.values.as_slice() {
                [] => Err(Mismatch::missing(&field.name)),
                [text] => Ok(text),
                several => match field.is_list() {
                    true => Err(de::Error::custom(format!("it was sent {} times, but takes one value", several.len()))),
                    false => Ok(several.iter().find(|text| !text.is_empty()).unwrap_or(&"")),
                },
            },
            Value::Element(field, cursor) => {
                cursor.keeps_empty |= takes_empty;
                while let Some(text) = field.values.get(cursor.at) {
                    cursor.at += 1;
                    if takes_empty || !text.is_empty() {
                        return Ok(text);
                    }
                }
                Ok("")
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Value::Field(field) => field.is_empty(),
            Value::Element(field, cursor) => field.values.get(cursor.at).is_none_or(|text| text.is_empty()),
            Value::Text(text) => text.is_empty(),
        }
    }

    /// Parses the text, or returns an error that says what it should be.
    fn parse<T>(self, kind: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Mismatch> {
        parse(self.text(false)?).ok_or_else(|| Mismatch::expected(kind))
    }
}

/// Parses a boolean. `on`, which a checkbox sends, is true.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "on" => Some(true),
        "false" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn decimal(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn nested<T>() -> Result<T, Mismatch> {
    Err(de::Error::custom("forms and queries have no nested values; put #[serde(flatten)] on this field of the struct"))
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let rest = self.field.values.get(self.cursor.at..).unwrap_or_default();
        if rest.is_empty() || (!self.cursor.keeps_empty && rest.iter().all(|text| text.is_empty())) {
            return Ok(None);
        }
        seed.deserialize(Value::Element(self.field, &mut self.cursor)).map(Some)
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            visitor.$visit(self.parse(stringify!($type), |text| text.parse().ok())?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Mismatch;

    /// For a type that accepts any value, and for serde's buffers.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if let Value::Field(field) = &self {
            field.buffered.set(true);
        }
        let shape = match &self {
            Value::Field(field) if field.list || field.is_list() => return self.deserialize_seq(visitor),
            Value::Field(field) | Value::Element(field, _) => field.shape.clone(),
            Value::Text(_) => Shape::Text,
        };
        match shape {
            Shape::Text => visitor.visit_borrowed_str(self.text(true)?),
            Shape::Boolean => self.deserialize_bool(visitor),
            Shape::Decimal => self.deserialize_f64(visitor),
            Shape::Integer(kind) => {
                let number: i128 = self.parse(&kind, |text| text.parse().ok())?;
                match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ => Err(Mismatch::expected(&kind)),
                }
            }
        }
    }

    parsed! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_char visit_char char;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_bool(self.parse("bool", boolean)?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_f32(self.parse("f32", |text| text.parse().ok().filter(|number: &f32| number.is_finite()))?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_f64(self.parse("f64", decimal)?)
    }

    /// For dates, UUIDs and other types that are parsed from text.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let expected = (&visitor as &dyn de::Expected).to_string();
        visitor.visit_borrowed_str(self.text(false)?).map_err(|error: Mismatch| error.expecting(&expected))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_borrowed_str(self.text(true)?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_borrowed_str(self.text(true)?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_borrowed_bytes(self.text(true)?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let is_empty = self.is_empty();
        match self {
            Value::Element(field, cursor) => {
                cursor.keeps_empty = true;
                if is_empty {
                    cursor.at += 1;
                    return visitor.visit_none();
                }
                visitor.visit_some(Value::Element(field, cursor))
            }
            _ if is_empty => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.text(true)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Field(field) => visitor.visit_seq(List { field, cursor: Cursor { at: 0, keeps_empty: false } }),
            Value::Element(..) | Value::Text(_) => nested(),
        }
    }

    /// The positions in a tuple matter, so no value is left out.
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Field(field) if field.values.len() == length => {
                visitor.visit_seq(SeqDeserializer::new(field.values.iter().map(|text| Value::Text(text))))
            }
            Value::Field(_) => Err(Mismatch::expected(&format!("{length} values"))),
            Value::Element(..) | Value::Text(_) => nested(),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, length: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
        nested()
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], _: V) -> Result<V::Value, Mismatch> {
        nested()
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.text(false)?))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

impl<'de> IntoDeserializer<'de, Mismatch> for Value<'_, 'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
