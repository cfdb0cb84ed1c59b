//! How values of one type become values of another, without a silent loss.

use crate::meta::Kind;

/// How values of one type become values of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Every value fits.
    Widen,
    /// Values that do not fit are refused.
    Narrow,
    /// As text, which every value can be written as.
    ToText,
    /// From text; texts that are not such a value are refused.
    FromText,
    /// A time without a time zone becomes a moment, as a time in UTC.
    ToUtc,
    /// A moment becomes its time in UTC.
    FromUtc,
}

/// Returns how values of type `from` become values of type `to`, or `None` if that would change or lose values.
///
/// Each conversion can be undone by another one, so that a `down.sql` can be written.
pub(crate) fn conversion(from: Kind, to: Kind) -> Option<Conversion> {
    use Conversion::*;
    if from == to {
        return Some(Widen);
    }
    Some(match (from, to) {
        (Kind::SmallInt, Kind::Integer | Kind::BigInt | Kind::Duration)
        | (Kind::Integer, Kind::BigInt | Kind::Duration)
        // What does not fit the digits of a decimal is refused.
        | (Kind::BigInt, Kind::Duration | Kind::Decimal)
        | (Kind::Duration, Kind::BigInt)
        | (Kind::Double, Kind::Decimal)
        | (Kind::Float | Kind::Decimal, Kind::Double) => Widen,
        (Kind::BigInt | Kind::Duration, Kind::Integer | Kind::SmallInt)
        | (Kind::Integer, Kind::SmallInt)
        | (Kind::Double, Kind::Float)
        | (Kind::Decimal, Kind::BigInt) => Narrow,
        (Kind::DateTime, Kind::Timestamp) => ToUtc,
        (Kind::Timestamp, Kind::DateTime) => FromUtc,
        (from, Kind::Text) if has_text(from) => ToText,
        (Kind::Text, to) if has_text(to) => FromText,
        _ => return None,
    })
}

/// Returns whether both databases write a value as the same text, from which it can be read again.
fn has_text(kind: Kind) -> bool {
    matches!(kind, Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Double | Kind::Date | Kind::Uuid | Kind::Json)
}
