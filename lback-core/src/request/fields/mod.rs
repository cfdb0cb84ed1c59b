//! Deserializes names and values, as sent in a query string or a form, into a type of the application.
//!
//! An empty value counts as absent: a form sends `day=` for an input that was left empty. Serde asks for values without saying
//! first whether the type has a default, so [`read`] leaves empty values out, and tries again with those that the type turns
//! out to require.

mod mismatch;
mod value;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

pub(super) use mismatch::{Mismatch, describe};
use mismatch::{Problem, Shape, recording};
use value::Value;

/// A name and a value as they were sent.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Maximum number of attempts to read. Each attempt learns something about one field, and few fields of a type need that.
const MAX_ATTEMPTS: usize = 100;

/// Returns the number of fields in a form or a query string.
pub(super) fn count(encoded: &[u8]) -> usize {
    encoded.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).count()
}

/// Decodes `application/x-www-form-urlencoded` text into names and values, or returns `None` if they are not UTF-8.
pub(super) fn decode(encoded: &[u8]) -> Option<Vec<Pair<'_>>> {
    percent_encoding::percent_decode(encoded).decode_utf8().ok()?;
    Some(form_urlencoded::parse(encoded).collect())
}

/// Deserializes names and values into a `T`. All queries and forms are read by this function.
pub(super) fn read<T: DeserializeOwned>(pairs: &[Pair<'_>]) -> Result<T, Mismatch> {
    let mut fields = Fields::of(pairs);
    // The value of an attempt in which something did not match yet.
    let mut best = None;
    let mut attempts = 0;
    loop {
        let (result, recorded) = recording(|| T::deserialize(&fields));
        attempts += 1;
        let learned = match &result {
            Err(mismatch) if fields.learn(&mismatch.problem) => true,
            // One at a time, because the first variant of an enum that matches counts.
            _ => recorded.iter().any(|problem| fields.learn_hidden(problem)),
        };
        let more = learned && attempts <= MAX_ATTEMPTS;
        match result {
            Ok(value) if more => best = Some(value),
            Ok(value) => return Ok(value),
            Err(_) if more => {}
            Err(mismatch) => return best.ok_or_else(|| fields.blame::<T>(mismatch)),
        }
    }
}

/// The values as they were sent: in order, and by name.
struct Fields<'de> {
    pairs: &'de [Pair<'de>],
    by_name: Vec<Field<'de>>,
}

/// All values that were sent under one name.
struct Field<'de> {
    name: Cow<'de, str>,
    values: Vec<&'de str>,
    /// Whether the type has no default for this field, so that it gets the sent value even if that is empty.
    required: bool,
    /// The type that the text is converted to if serde reads it into a buffer first, as it does for `#[serde(flatten)]`.
    shape: Shape,
    /// Whether the buffer should hold a list although only one value was sent.
    list: bool,
    /// Whether serde has read it into a buffer.
    buffered: Cell<bool>,
    /// Whether it is left out, to find out if this field is the cause of an error.
    hidden: bool,
}

impl<'de> Field<'de> {
    fn new(name: Cow<'de, str>) -> Self {
        Field { name, values: Vec::new(), required: false, shape: Shape::Text, list: false, buffered: Cell::new(false), hidden: false }
    }

    fn is_empty(&self) -> bool {
        self.values.iter().all(|value| value.is_empty())
    }

    /// Returns whether several values were sent. Empty values do not count.
    fn is_list(&self) -> bool {
        self.values.iter().filter(|value| !value.is_empty()).nth(1).is_some()
    }
}

impl<'de> Fields<'de> {
    fn of(pairs: &'de [Pair<'de>]) -> Self {
        let mut by_name: Vec<Field<'de>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(pairs.len());
        for (name, value) in pairs {
            let place = *places.entry(name).or_insert_with(|| {
                by_name.push(Field::new(Cow::Borrowed(name)));
                by_name.len() - 1
            });
            by_name[place].values.push(value);
        }
        Fields { pairs, by_name }
    }

    /// Returns whether `problem` reveals something new about a field, so that the next attempt may succeed.
    fn learn(&mut self, problem: &Problem) -> bool {
        match problem {
            Problem::Missing(name) => {
                match self.by_name.iter_mut().find(|field| field.name == *name) {
                    Some(field) => !std::mem::replace(&mut field.required, true),
                    // Nothing was sent, which is an empty list if the type accepts one.
                    None => {
                        self.by_name.push(Field { required: true, ..Field::new(Cow::Owned(name.clone())) });
                        true
                    }
                }
            }
            Problem::Buffered { address, expected } => {
                let Some(field) = self.field_at(*address) else { return false };
                if mismatch::is_list(expected) {
                    return !std::mem::replace(&mut field.list, true);
                }
                let Some(shape) = Shape::of(expected).filter(|shape| *shape != field.shape) else { return false };
                // A shape that was learned before and does not match either is wrong.
                std::mem::replace(&mut field.shape, shape) == Shape::Text
            }
            _ => false,
        }
    }

    /// Like [`learn`](Self::learn), for an error that serde did not report: learns only what is new and matches the sent
    /// values.
    fn learn_hidden(&mut self, problem: &Problem) -> bool {
        match problem {
            Problem::Missing(name) => self.by_name.iter().any(|field| field.name == *name) && self.learn(problem),
            Problem::Buffered { address, expected } => {
                let Some(field) = self.field_at(*address) else { return false };
                let fits =
                    |shape: Shape| field.shape == Shape::Text && field.values.iter().all(|value| value.is_empty() || shape.fits(value));
                (mismatch::is_list(expected) || Shape::of(expected).is_some_and(fits)) && self.learn(problem)
            }
            _ => false,
        }
    }

    /// Returns the field with a value at this address.
    fn field_at(&mut self, address: usize) -> Option<&mut Field<'de>> {
        self.by_name.iter_mut().find(|field| field.values.iter().any(|value| value.as_ptr().addr() == address))
    }

    /// Finds the field of an error that does not name one, which happens if serde read the value from a buffer.
    fn blame<T: DeserializeOwned>(&mut self, mut mismatch: Mismatch) -> Mismatch {
        if mismatch.names_field() {
            return mismatch;
        }
        let buffered = (0..self.by_name.len()).filter(|place| self.by_name[*place].buffered.get());
        for place in buffered.take(MAX_ATTEMPTS).collect::<Vec<_>>() {
            self.by_name[place].hidden = true;
            let without = T::deserialize(&*self).err();
            self.by_name[place].hidden = false;
            if without.is_none_or(|other| other != mismatch) {
                let field = &self.by_name[place];
                mismatch.name(&field.name, field.is_empty());
                break;
            }
        }
        mismatch
    }

    fn visit_fields<V: Visitor<'de>>(&self, visitor: V, leaves_out_empty: bool) -> Result<V::Value, Mismatch> {
        let present = |field: &&Field<'de>| !field.hidden && (field.required || !leaves_out_empty || !field.is_empty());
        visitor.visit_map(Entries { fields: self.by_name.iter().filter(present), next: None })
    }
}

/// The fields as serde iterates over them.
struct Entries<'a, 'de, I> {
    fields: I,
    next: Option<&'a Field<'de>>,
}

impl<'a, 'de: 'a, I: Iterator<Item = &'a Field<'de>>> MapAccess<'de> for Entries<'a, 'de, I> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.next = self.fields.next();
        self.next.map(|field| seed.deserialize(StrDeserializer::new(&field.name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let field = self.next.take().ok_or_else(|| <Mismatch as de::Error>::custom("the type requested a value before its name"))?;
        seed.deserialize(Value::Field(field)).map_err(|mut mismatch| {
            mismatch.name(&field.name, field.is_empty());
            mismatch
        })
    }
}

/// Returns whether the visitor belongs to a type with fields instead of a map with arbitrary names: a struct with
/// `#[serde(flatten)]` and an enum with `#[serde(tag = …)]` also ask serde for a map.
fn has_fields<'de>(visitor: &impl Visitor<'de>) -> bool {
    let expected = (visitor as &dyn de::Expected).to_string();
    expected.starts_with("struct ") || expected.starts_with("internally tagged enum ")
}

impl<'de> Deserializer<'de> for &Fields<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let has_fields = has_fields(&visitor);
        self.visit_fields(visitor, has_fields)
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        self.visit_fields(visitor, true)
    }

    /// Passes on the pairs in the order in which they were sent, for a type that expects a list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let pairs = self.pairs.iter().map(|(name, value)| (Value::Text(name), Value::Text(value)));
        visitor.visit_seq(MapDeserializer::new(pairs))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char str string bytes byte_buf map tuple_struct enum identifier
        ignored_any
    }
}
