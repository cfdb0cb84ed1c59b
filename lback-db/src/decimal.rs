//! [`Decimal`], an exact number with a fraction.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Deref, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use rust_decimal::Decimal as Number;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// An exact number with a fraction, such as an amount of money: a [`rust_decimal::Decimal`] that columns and forms can have.
///
/// It has up to 28 digits, and the methods of [`rust_decimal::Decimal`], such as `round_dp`. As in that crate, an operator panics if its
/// result has more; the methods `checked_add`, `checked_mul` and so on return `None` instead. In JSON, it is a text, `"9.95"`: many programs
/// read a number as a float.
///
/// ```
/// use lback::db::Decimal;
///
/// let price: Decimal = "9.95".parse()?;
/// assert_eq!(price, Decimal::new(995, 2));
/// assert_eq!((price * Decimal::from(3)).to_string(), "29.85");
/// assert_eq!(lback::serde_json::json!(price), "9.95");
/// # Ok::<(), lback::rust_decimal::Error>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromSqlRow)]
pub struct Decimal(pub Number);

impl Decimal {
    /// The number 0.
    pub const ZERO: Decimal = Decimal(Number::ZERO);

    /// Returns `units` of the last of so many decimal places: `Decimal::new(995, 2)` is 9.95.
    ///
    /// # Panics
    /// Panics if there are more than 28 places.
    pub fn new(units: i64, places: u32) -> Self {
        Decimal(Number::new(units, places))
    }

    /// Parses a number, also one with an exponent, without rounding it.
    ///
    /// # Errors
    /// Returns an error if the text is not a number, or has too many digits.
    pub fn parse_exact(text: &str) -> Result<Self, rust_decimal::Error> {
        if text.contains('_') {
            return Err(rust_decimal::Error::ConversionTo("a number without underscores".to_owned()));
        }
        if let Some((base, _)) = text.split_once(['e', 'E']) {
            // The other function rounds it.
            Number::from_str_exact(base)?;
            return Number::from_scientific(text).map(Decimal);
        }
        Number::from_str_exact(text).map(Decimal)
    }

    /// Returns the number with exactly this many places.
    ///
    /// # Errors
    /// Returns a message if it has more, or too many digits for 64 bits.
    #[doc(hidden)]
    pub fn with_places(self, places: u32) -> Result<Self, String> {
        let mut short = self.0.normalize();
        if short.scale() > places {
            return Err(format!("{short} has more than {places} decimal places"));
        }
        short.rescale(places);
        if short.scale() != places || i64::try_from(short.mantissa()).is_err() {
            return Err(format!("{self} has too many digits"));
        }
        Ok(Decimal(short))
    }

    /// Returns the number that is so many units of its last place.
    pub(crate) fn of_units(units: i128, places: u32) -> Self {
        Decimal(Number::try_from_i128_with_scale(units, places).unwrap_or_default())
    }
}

impl Deref for Decimal {
    type Target = Number;

    fn deref(&self) -> &Number {
        &self.0
    }
}

impl From<Number> for Decimal {
    fn from(number: Number) -> Self {
        Decimal(number)
    }
}

impl From<Decimal> for Number {
    fn from(number: Decimal) -> Self {
        number.0
    }
}

macro_rules! from {
    ($($T:ty),*) => {$(
        impl From<$T> for Decimal {
            fn from(number: $T) -> Self {
                Decimal(number.into())
            }
        }
    )*};
}

from!(i8, i16, i32, i64, u8, u16, u32, u64);

impl FromStr for Decimal {
    type Err = rust_decimal::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Decimal::parse_exact(text)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! operators {
    ($($Op:ident $method:ident $Assign:ident $assign:ident;)*) => {$(
        impl $Op for Decimal {
            type Output = Decimal;

            fn $method(self, other: Decimal) -> Decimal {
                Decimal($Op::$method(self.0, other.0))
            }
        }

        impl $Assign for Decimal {
            fn $assign(&mut self, other: Decimal) {
                $Assign::$assign(&mut self.0, other.0);
            }
        }
    )*};
}

operators! {
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    Div div DivAssign div_assign;
    Rem rem RemAssign rem_assign;
}

impl Neg for Decimal {
    type Output = Decimal;

    fn neg(self) -> Decimal {
        Decimal(-self.0)
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Decimal>>(numbers: I) -> Self {
        Decimal(numbers.map(|number| number.0).sum())
    }
}

impl<'a> Sum<&'a Decimal> for Decimal {
    fn sum<I: Iterator<Item = &'a Decimal>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Exact)
    }
}

/// Reads a number from a text, or from a number.
struct Exact;

impl Visitor<'_> for Exact {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number such as \"9.95\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        Decimal::parse_exact(text).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    /// The digits with which the float is written.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
        Decimal::parse_exact(&number.to_string()).map_err(|_| E::invalid_value(de::Unexpected::Float(number), &self))
    }
}
