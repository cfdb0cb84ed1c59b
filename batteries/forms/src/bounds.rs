//! Ranges of numbers, dates and times.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use lback_core::TimeZone;

use crate::FieldKind;
use crate::moment::{shown_time, text_in_utc};
use crate::sealed::Sealed;

/// A number, date or time at the end of a [range](crate::Field::range).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// A whole number.
    Integer(i128),
    /// A number.
    Decimal(f64),
    /// An exact number. This variant requires the feature `decimal`.
    #[cfg(feature = "decimal")]
    Exact(lback_db::Decimal),
    /// A date.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A date and a time.
    DateTime(NaiveDateTime),
    /// A moment.
    Moment(DateTime<Utc>),
}

/// Browsers represent whole numbers exactly only up to this value.
const EXACT: u128 = 1 << 53;

impl Bound {
    /// Compares two values. Returns `None` if they cannot be compared.
    pub(crate) fn compare(&self, other: &Bound) -> Option<Ordering> {
        match (self, other) {
            #[cfg(feature = "decimal")]
            (Bound::Exact(_), _) | (_, Bound::Exact(_)) => match (self.exact(), other.exact()) {
                (Some(one), Some(other)) => one.partial_cmp(&other),
                // A float may be larger than all exact numbers.
                _ => self.float()?.partial_cmp(&other.float()?),
            },
            (Bound::Integer(a), Bound::Integer(b)) => a.partial_cmp(b),
            (Bound::Integer(a), Bound::Decimal(b)) => (*a as f64).partial_cmp(b),
            (Bound::Decimal(a), Bound::Integer(b)) => a.partial_cmp(&(*b as f64)),
            (Bound::Decimal(a), Bound::Decimal(b)) => a.partial_cmp(b),
            (Bound::Date(a), Bound::Date(b)) => a.partial_cmp(b),
            (Bound::Time(a), Bound::Time(b)) => a.partial_cmp(b),
            (Bound::DateTime(a), Bound::DateTime(b)) => a.partial_cmp(b),
            (Bound::Moment(a), Bound::Moment(b)) => a.partial_cmp(b),
            _ => None,
        }
    }

    /// Returns the number as an exact one, or `None` if it has too many digits.
    #[cfg(feature = "decimal")]
    fn exact(&self) -> Option<lback_db::Decimal> {
        match self {
            Bound::Exact(number) => Some(*number),
            Bound::Integer(number) => number.to_string().parse().ok(),
            // The digits that are shown, not those of the float.
            Bound::Decimal(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    #[cfg(feature = "decimal")]
    fn float(&self) -> Option<f64> {
        match self {
            Bound::Exact(number) => number.to_string().parse().ok(),
            Bound::Integer(number) => Some(*number as f64),
            Bound::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn is_of(&self, kind: FieldKind) -> bool {
        match self {
            Bound::Integer(_) => matches!(kind, FieldKind::Integer | FieldKind::Decimal),
            Bound::Decimal(number) => kind == FieldKind::Decimal && number.is_finite(),
            #[cfg(feature = "decimal")]
            Bound::Exact(_) => kind == FieldKind::Decimal,
            Bound::Date(_) => kind == FieldKind::Date,
            Bound::Time(_) => kind == FieldKind::Time,
            Bound::DateTime(_) => kind == FieldKind::DateTime,
            Bound::Moment(_) => kind == FieldKind::Moment,
        }
    }

    /// Returns the value as it is shown in a time zone.
    pub(crate) fn shown_in(self, zone: TimeZone) -> Self {
        if let Bound::Moment(at) = self { Bound::DateTime(shown_time(at, zone)) } else { self }
    }

    /// Returns whether browsers represent the value exactly.
    pub(crate) fn is_exact(&self) -> bool {
        !matches!(self, Bound::Integer(number) if number.unsigned_abs() > EXACT)
    }
}

/// Formats the value as `<input>` expects it.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Integer(number) => number.fmt(f),
            Bound::Decimal(number) => number.fmt(f),
            #[cfg(feature = "decimal")]
            Bound::Exact(number) => number.fmt(f),
            Bound::Date(date) => date.fmt(f),
            Bound::Time(time) => f.write_str(&time_text(*time)),
            Bound::DateTime(time) => f.write_str(&datetime_text(*time)),
            Bound::Moment(at) => f.write_str(&text_in_utc(at)),
        }
    }
}

/// Formats a time as `<input>` expects it, without the seconds if they are zero.
pub(crate) fn time_text(time: NaiveTime) -> String {
    let text = time.format("%H:%M:%S%.f").to_string();
    text.strip_suffix(":00").map(str::to_owned).unwrap_or(text)
}

pub(crate) fn datetime_text(time: NaiveDateTime) -> String {
    format!("{}T{}", time.date(), time_text(time.time()))
}

macro_rules! bounds {
    ($($type:ty => $make:expr;)*) => {$(
        impl From<$type> for Bound {
            fn from(value: $type) -> Self {
                $make(value)
            }
        }
    )*};
}

bounds! {
    i8 => |n| Bound::Integer(i128::from(n));
    i16 => |n| Bound::Integer(i128::from(n));
    i32 => |n| Bound::Integer(i128::from(n));
    i64 => |n| Bound::Integer(i128::from(n));
    u8 => |n| Bound::Integer(i128::from(n));
    u16 => |n| Bound::Integer(i128::from(n));
    u32 => |n| Bound::Integer(i128::from(n));
    u64 => |n| Bound::Integer(i128::from(n));
    // Keeps the decimal notation: 0.1, not 0.10000000149.
    f32 => |n: f32| Bound::Decimal(n.to_string().parse().unwrap_or(f64::from(n)));
    f64 => Bound::Decimal;
    NaiveDate => Bound::Date;
    NaiveTime => Bound::Time;
    NaiveDateTime => Bound::DateTime;
    DateTime<Utc> => Bound::Moment;
}

#[cfg(feature = "decimal")]
bounds!(lback_db::Decimal => Bound::Exact;);

/// A [range](crate::Field::range) of a field: `1..=10`, `1..` or `..=10`, of numbers, dates or times.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a valid range for a field",
    note = "ranges include their ends, as in browsers: `1..=10`, `1..` or `..=10`, of numbers, dates or times"
)]
pub trait FieldRange: Sealed {
    /// Returns the minimum and the maximum.
    fn ends(self) -> (Option<Bound>, Option<Bound>);
}

impl<V: Into<Bound>> FieldRange for RangeInclusive<V> {
    fn ends(self) -> (Option<Bound>, Option<Bound>) {
        let (start, end) = self.into_inner();
        (Some(start.into()), Some(end.into()))
    }
}

impl<V: Into<Bound>> FieldRange for RangeFrom<V> {
    fn ends(self) -> (Option<Bound>, Option<Bound>) {
        (Some(self.start.into()), None)
    }
}

impl<V: Into<Bound>> FieldRange for RangeToInclusive<V> {
    fn ends(self) -> (Option<Bound>, Option<Bound>) {
        (None, Some(self.end.into()))
    }
}
