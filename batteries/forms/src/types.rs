//! The types of fields and of initial values.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use lback_core::UploadedFile;
use uuid::Uuid;

use crate::bounds::{datetime_text, time_text};
use crate::kind::{date, datetime, moment, time, truth};
use crate::moment::text_in_utc;
use crate::{Entry, Field, FieldError, FieldKind};

/// A type of a form's field.
///
/// It is implemented for `String`, whole numbers, `f32`, `f64`, `Decimal` (with the feature `decimal`), `bool`, `DateTime<Utc>`,
/// `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `Uuid` and [`UploadedFile`]; for an `Option` of one of these, which may be left empty; and
/// for a `Vec`, for a multiple choice or several files. Implement it for a type of your own:
///
/// ```
/// use lback::forms::{Entry, Field, FieldError, FieldKind, FieldType};
///
/// #[derive(Clone, Copy, PartialEq)]
/// enum Status { Draft, Public }
///
/// impl FieldType for Status {
///     fn field(name: &str) -> Field {
///         Field::new(name, FieldKind::Text).choices([("draft", "Draft"), ("public", "Public")])
///     }
///
///     fn read(entry: Entry) -> Result<Self, FieldError> {
///         match entry.text() {
///             "draft" => Ok(Status::Draft),
///             "public" => Ok(Status::Public),
///             _ => Err(FieldError::unfit()),
///         }
///     }
///
///     fn write(&self) -> Vec<String> {
///         vec![if *self == Status::Draft { "draft" } else { "public" }.to_owned()]
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a form's field cannot be of type `{Self}`",
    note = "it can be a String, a number, a bool, a Decimal (with the feature decimal), DateTime<Utc>, NaiveDate, NaiveTime, \
            NaiveDateTime, Uuid or UploadedFile, an Option or a Vec of these, or a type that implements lback::forms::FieldType"
)]
pub trait FieldType: Sized + 'static {
    /// Whether one value holds everything that was chosen, as a `Vec` does. Otherwise, each choice is a separate value.
    const SEVERAL: bool = false;

    /// Returns the field for a value of this type, with the rules of the type.
    fn field(name: &str) -> Field;

    /// Creates the value from what was submitted, which satisfies the rules of [`field`](FieldType::field).
    ///
    /// # Errors
    /// Returns an error if the entry is not a valid value. With [`FieldError::unfit`], the visitor sees the field's own
    /// message.
    fn read(entry: Entry) -> Result<Self, FieldError>;

    /// Returns the value as the form displays it.
    fn write(&self) -> Vec<String>;

    /// Converts the value back into an entry.
    fn into_entry(self) -> Entry {
        Entry::of(self.write())
    }
}

impl FieldType for String {
    fn field(name: &str) -> Field {
        Field::new(name, FieldKind::Text)
    }

    fn read(entry: Entry) -> Result<Self, FieldError> {
        Ok(entry.texts.into_iter().next().unwrap_or_default())
    }

    fn write(&self) -> Vec<String> {
        vec![self.clone()]
    }
}

/// Implements [`FieldType`] for types that are parsed from a text and formatted by a function.
macro_rules! parsed {
    ($($type:ty, $field:expr, $parse:expr, $write:expr;)*) => {$(
        impl FieldType for $type {
            fn field(name: &str) -> Field {
                let field: fn(&str) -> Field = $field;
                field(name)
            }

            fn read(entry: Entry) -> Result<Self, FieldError> {
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(entry.text()).ok_or_else(FieldError::unfit)
            }

            fn write(&self) -> Vec<String> {
                let write: fn(&Self) -> String = $write;
                vec![write(self)]
            }
        }
    )*};
}

parsed! {
    bool, |name| Field::new(name, FieldKind::Boolean), truth, |value| value.to_string();
    f32, |name| Field::new(name, FieldKind::Decimal), |text| text.parse().ok().filter(|number: &f32| number.is_finite()), |value| value.to_string();
    f64, |name| Field::new(name, FieldKind::Decimal), |text| text.parse().ok().filter(|number: &f64| number.is_finite()), |value| number_text(*value);
    NaiveDate, |name| Field::new(name, FieldKind::Date), date, |value| value.to_string();
    NaiveTime, |name| Field::new(name, FieldKind::Time), time, |value| time_text(*value);
    NaiveDateTime, |name| Field::new(name, FieldKind::DateTime), datetime, |value| datetime_text(*value);
    DateTime<Utc>, |name| Field::new(name, FieldKind::Moment), moment, text_in_utc;
    Uuid, |name| Field::new(name, FieldKind::Uuid), |text| Uuid::try_parse(text).ok(), |value| value.to_string();
}

#[cfg(feature = "decimal")]
parsed! {
    lback_db::Decimal, |name| Field::new(name, FieldKind::Decimal), |text| text.parse().ok(), |value| value.to_string();
}

/// Formats a number: `0.5`, or `1e300` instead of very many digits.
fn number_text(number: f64) -> String {
    let text = number.to_string();
    if text.len() > 24 { format!("{number:e}") } else { text }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl FieldType for $type {
            fn field(name: &str) -> Field {
                Field::new(name, FieldKind::Integer).limits(<$type>::MIN..=<$type>::MAX)
            }

            fn read(entry: Entry) -> Result<Self, FieldError> {
                entry.text().parse().map_err(|_| FieldError::unfit())
            }

            fn write(&self) -> Vec<String> {
                vec![self.to_string()]
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 u8 u16 u32 u64 }

impl FieldType for UploadedFile {
    fn field(name: &str) -> Field {
        Field::new(name, FieldKind::File)
    }

    fn read(entry: Entry) -> Result<Self, FieldError> {
        entry.files.into_iter().next().ok_or_else(FieldError::unfit)
    }

    /// Returns nothing, because browsers never show a file that was sent before.
    fn write(&self) -> Vec<String> {
        Vec::new()
    }

    fn into_entry(self) -> Entry {
        Entry { texts: Vec::new(), files: vec![self] }
    }
}

impl<V: FieldType> FieldType for Option<V> {
    const SEVERAL: bool = V::SEVERAL;

    fn field(name: &str) -> Field {
        V::field(name).optional()
    }

    fn read(entry: Entry) -> Result<Self, FieldError> {
        if entry.is_empty() { Ok(None) } else { V::read(entry).map(Some) }
    }

    fn write(&self) -> Vec<String> {
        self.as_ref().map(V::write).unwrap_or_default()
    }

    fn into_entry(self) -> Entry {
        self.map(V::into_entry).unwrap_or_default()
    }
}

impl<V: FieldType> FieldType for Vec<V> {
    const SEVERAL: bool = true;

    fn field(name: &str) -> Field {
        V::field(name).optional().multiple()
    }

    fn read(entry: Entry) -> Result<Self, FieldError> {
        entry.split().map(V::read).collect()
    }

    fn write(&self) -> Vec<String> {
        self.iter().flat_map(V::write).collect()
    }

    fn into_entry(self) -> Entry {
        self.into_iter().map(V::into_entry).collect()
    }
}

/// An [initial value](Field::initial) of a field: a value of any [`FieldType`], or a `&str`.
pub trait InitialValue {
    /// Returns the value as the form displays it.
    fn into_texts(self) -> Vec<String>;
}

impl<V: FieldType> InitialValue for V {
    fn into_texts(self) -> Vec<String> {
        self.write()
    }
}

impl InitialValue for &str {
    fn into_texts(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}
