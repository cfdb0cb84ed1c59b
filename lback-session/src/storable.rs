//! Refuses values that a store could not return unchanged.
//!
//! serde_json writes a float that is not finite as `null`, and cannot read values that are nested more than 127 levels deep. Neither
//! would be noticed when it is stored, so both are refused before.

use lback_core::{Error, Result};
use serde::Serialize;
use serde::ser::{self, Serializer};
use serde_json::Value;

use crate::store::Data;

/// Maximum nesting of a value: a few levels less than serde_json reads, which are left for what a store adds.
pub(crate) const MAX_DEPTH: usize = 120;

/// Returns the value as JSON, for this key of a session.
///
/// # Errors
/// Returns 500, with the key, if the value cannot be JSON, contains a float that is not finite, or is nested too deeply.
#[track_caller]
pub(crate) fn to_value<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<Value> {
    match value.serialize(Check { levels_left: MAX_DEPTH }) {
        Err(Refused::NotFinite) => {
            return Err(Error::internal(format!(
                "the value for \"{key}\" cannot be kept in the session: it holds a float that is not a finite number, for which JSON has no \
                 notation"
            )));
        }
        Err(Refused::TooDeep) => return Err(too_deep(key)),
        // serde_json's error is more precise.
        Ok(()) | Err(Refused::Other) => {}
    }
    match serde_json::to_value(value) {
        Ok(value) => Ok(value),
        Err(error) => Err(Error::internal(format!("the value for \"{key}\" cannot be kept in the session")).with_source(error)),
    }
}

/// # Errors
/// Returns 500, with the key, if a value is nested too deeply to be loaded again.
pub(crate) fn check_depth(data: &Data) -> Result<()> {
    match data.iter().find(|(_, value)| is_deeper(value, MAX_DEPTH)) {
        Some((key, _)) => Err(too_deep(key)),
        None => Ok(()),
    }
}

#[track_caller]
fn too_deep(key: &str) -> Error {
    Error::internal(format!(
        "the value for \"{key}\" cannot be kept in the session: it is nested more than {MAX_DEPTH} deep, and could not be loaded again"
    ))
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match (value, levels) {
        (Value::Array(_) | Value::Object(_), 0) => true,
        (Value::Array(values), _) => values.iter().any(|value| is_deeper(value, levels - 1)),
        (Value::Object(values), _) => values.values().any(|value| is_deeper(value, levels - 1)),
        _ => false,
    }
}

/// A serializer without output, which fails at values that must not be stored.
#[derive(Clone, Copy)]
struct Check {
    levels_left: usize,
}

#[derive(Debug)]
enum Refused {
    NotFinite,
    TooDeep,
    Other,
}

impl Check {
    fn deeper(self) -> Result<Self, Refused> {
        let levels_left = self.levels_left.checked_sub(1).ok_or(Refused::TooDeep)?;
        Ok(Check { levels_left })
    }

    fn float(is_finite: bool) -> Result<(), Refused> {
        if is_finite { Ok(()) } else { Err(Refused::NotFinite) }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this value cannot be kept in a session")
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Refused::Other
    }
}

macro_rules! accepted {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, _: $type) -> Result<(), Refused> {
            Ok(())
        })*
    };
}

impl Serializer for Check {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    accepted! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
    }

    fn serialize_f32(self, value: f32) -> Result<(), Refused> {
        Self::float(value.is_finite())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Refused> {
        Self::float(value.is_finite())
    }

    fn serialize_none(self) -> Result<(), Refused> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Refused> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, value: &T) -> Result<(), Refused> {
        value.serialize(self.deeper()?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Refused> {
        self.deeper()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Refused> {
        self.deeper()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        self.deeper()
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Refused> {
        self.deeper()?.deeper()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Refused> {
        self.deeper()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        self.deeper()
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Refused> {
        self.deeper()?.deeper()
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<(), Refused> {
        Ok(())
    }
}

macro_rules! compound {
    ($($trait:ident: $($method:ident($($name:ty)?)),+;)*) => {
        $(impl ser::$trait for Check {
            type Ok = ();
            type Error = Refused;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Refused> {
                value.serialize(*self)
            })+

            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        })*
    };
}

compound! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}
