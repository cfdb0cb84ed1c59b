//! Lengths of time as text, in the format of ISO 8601: `P1DT2H30M0.5S`.

const MICROSECOND: i128 = 1;
const SECOND: i128 = 1_000_000 * MICROSECOND;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// The units before and after the `T`.
const UNITS: [(&str, char, i128); 4] = [("P", 'D', DAY), ("T", 'H', HOUR), ("T", 'M', MINUTE), ("T", 'S', SECOND)];

/// Returns the text for a number of microseconds.
pub(crate) fn to_text(microseconds: i64) -> String {
    let mut rest = i128::from(microseconds).abs();
    let mut text = if microseconds < 0 { "-P".to_owned() } else { "P".to_owned() };
    let mut has_time = false;
    for (part, unit, length) in UNITS {
        let (count, fraction) = (rest / length, rest % length);
        let is_last = unit == 'S';
        if count == 0 && !(is_last && (fraction > 0 || text.ends_with('P'))) {
            continue;
        }
        if part == "T" && !has_time {
            text.push('T');
            has_time = true;
        }
        text += &count.to_string();
        if is_last && fraction > 0 {
            text += format!(".{fraction:06}").trim_end_matches('0');
        }
        text.push(unit);
        rest = fraction;
    }
    text
}

/// Returns the number of microseconds that a text says.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut rest = rest.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let (mut total, mut in_time, mut next) = (0_i128, false, 0);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T').filter(|time| !in_time && !time.is_empty()) {
            (rest, in_time) = (time, true);
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[end..].chars().next()?;
        let at = UNITS.iter().position(|(part, known, _)| *known == unit && (*part == "T") == in_time).filter(|at| *at >= next)?;
        total = total.checked_add(amount(&rest[..end], unit == 'S', UNITS[at].2)?)?;
        (rest, next) = (&rest[end + 1..], at + 1);
    }
    i64::try_from(sign * total).ok()
}

fn amount(digits: &str, may_have_fraction: bool, length: i128) -> Option<i128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if whole.len() > 20 || fraction.is_empty() || fraction.len() > 6 || (digits.contains('.') && !may_have_fraction) {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<6}").parse().ok()?;
    whole.parse::<i128>().ok()?.checked_mul(length)?.checked_add(if may_have_fraction { fraction } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::{parse, to_text};

    #[test]
    fn every_length_is_read_back() {
        for (microseconds, text) in [
            (0, "PT0S"),
            (1, "PT0.000001S"),
            (5_400_000_000, "PT1H30M"),
            (86_400_000_000, "P1D"),
            (93_784_500_000, "P1DT2H3M4.5S"),
            (-60_000_000, "-PT1M"),
        ] {
            assert_eq!(to_text(microseconds), text);
            assert_eq!(parse(text), Some(microseconds), "{text}");
        }
        for microseconds in [i64::MIN, i64::MAX, -1, 999_999] {
            assert_eq!(parse(&to_text(microseconds)), Some(microseconds));
        }
        assert_eq!(parse("PT90M"), Some(5_400_000_000));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "P1H",
            "PT1D",
            "PT1S1M",
            "P1DT",
            "PT1.5H",
            "PT.S",
            "PT1.S",
            "PT1.0000001S",
            "PTé",
            "P99999999999999D",
            "--PT1S",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
