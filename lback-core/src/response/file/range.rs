//! The `Range` header (RFC 9110, section 14).

/// The part of a file that a `Range` header requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestedRange {
    /// No supported range: the whole file.
    Whole,
    /// `length` bytes from `start`: at least one, and all within the file.
    Part { start: u64, length: u64 },
    /// A range beyond the end of the file.
    Unsatisfiable,
}

/// Parses the value of a `Range` header for a file of `size` bytes.
///
/// A header that is malformed, uses another unit or requests several ranges is ignored, as the standard allows.
pub(super) fn parse(value: &str, size: u64) -> RequestedRange {
    let Some((unit, set)) = value.split_once('=') else { return RequestedRange::Whole };
    let Some((first, last)) = set.trim().split_once('-') else { return RequestedRange::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return RequestedRange::Whole;
    }
    let (start, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Some(first), None) if last.is_empty() => (first, size),
        (None, Some(suffix)) if first.is_empty() => (size.saturating_sub(suffix), size),
        _ => return RequestedRange::Whole,
    };
    match end.checked_sub(start) {
        None | Some(0) => RequestedRange::Unsatisfiable,
        Some(length) => RequestedRange::Part { start, length },
    }
}

/// Parses digits and nothing else. Numbers that are too large become the maximum.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}
