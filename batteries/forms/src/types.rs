//! The types that a field's value can have.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use lback_core::UploadedFile;
use uuid::Uuid;

use crate::bounds::{datetime_text, time_text};
use crate::kind::{date, datetime, time, truth};
use crate::{Entry, Field, FieldError, FieldKind};

/// A type that a field of a form can have.
///
/// These do: `String`, whole numbers, `f32`, `f64`, `bool`, `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `Uuid`,
/// [`UploadedFile`]; an `Option` of one, which may be left empty; a `Vec`, for a multiple choice or several files.
/// A type of the application's own becomes one so:
///
/// ```
/// use lback_forms::{Entry, Field, FieldError, FieldType, FieldKind};
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
    message = "a field of a form cannot be a `{Self}`",
    note = "it can be a String, a number, bool, NaiveDate, NaiveTime, NaiveDateTime, Uuid or UploadedFile, an Option or a Vec of one, \
            or a type that implements lback::forms::FieldType"
)]
pub trait FieldType: Sized + 'static {
    /// Is one value all that was chosen, as a `Vec` is? Otherwise each has to be such a value.
    const SEVERAL: bool = false;

    /// The field for such a value, with the rules that the type brings.
    fn field(name: &str) -> Field;

    /// The value of what was sent, which has passed the rules of [`field`](FieldType::field).
    ///
    /// # Errors
    /// Where it is no such value; [`FieldError::unfit`] has the field say so.
    fn read(entry: Entry) -> Result<Self, FieldError>;

    /// The value as the form shows it.
    fn write(&self) -> Vec<String>;

    /// The value as what was sent.
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

/// Types whose text is parsed into them, and written by a function.
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
    Uuid, |name| Field::new(name, FieldKind::Uuid), |text| Uuid::try_parse(text).ok(), |value| value.to_string();
}

/// `0.5`, and `1e300` where the zeros would go on and on.
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

    /// A browser never shows a file that was sent before.
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

/// What a field can [hold at first](Field::initial): a value of any [`FieldType`], or a `&str`.
pub trait InitialValue {
    /// As the form shows it.
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
