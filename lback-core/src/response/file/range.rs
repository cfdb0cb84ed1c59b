//! The `Range` header. RFC 9110, section 14.

/// What a `Range` header asks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No range that we answer: the whole file.
    Whole,
    /// `length` bytes from `start` on, all within the file and at least one.
    Part { start: u64, length: u64 },
    /// A range that the file does not reach.
    Nothing,
}

/// Reads the value of a `Range` header for a file of `size` bytes.
///
/// What is malformed, of another unit or asks for several ranges counts as not there, as the standard allows.
pub(super) fn parse(value: &str, size: u64) -> Wanted {
    let Some((unit, set)) = value.split_once('=') else { return Wanted::Whole };
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let (start, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Some(first), None) if last.is_empty() => (first, size),
        (None, Some(suffix)) if first.is_empty() => (size.saturating_sub(suffix), size),
        _ => return Wanted::Whole,
    };
    match end.checked_sub(start) {
        None | Some(0) => Wanted::Nothing,
        Some(length) => Wanted::Part { start, length },
    }
}

/// Digits and nothing else; more than fit count as the greatest number.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}
