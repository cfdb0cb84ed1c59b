//! Exact numbers as columns of SQLite have them: in units of their last place. Such a column is declared as `DECIMAL_INT(10, 2)`.

/// Returns a number such as `9.95` in units of its last place, 995 with two places. `None` if it has more places, or is not such a number.
pub fn units(text: &str, places: u32) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let places = usize::try_from(places).ok()?;
    let all = format!("{whole}{fraction:0<places$}");
    let is_number = !whole.is_empty() && all.len() <= 36 && all.bytes().all(|byte| byte.is_ascii_digit());
    let number: i128 = all.parse().ok().filter(|_| is_number && fraction.len() <= places)?;
    Some(if is_negative { -number } else { number })
}

/// Returns the number that is so many units of its last place.
pub fn decimal_of_units(units: i64, places: u32) -> String {
    let width = usize::try_from(places).unwrap_or_default() + 1;
    let digits = format!("{:0>width$}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() + 1 - width);
    let sign = if units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Returns the decimal places of a declared type, if it is that of exact numbers on SQLite.
pub(crate) fn places(declared: &str) -> Option<u32> {
    let digits = declared.to_ascii_lowercase();
    let (_, places) = digits.strip_prefix("decimal_int")?.trim().strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    places.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_numbers_of_units() {
        for (text, places, number) in [("9.95", 2, 995), ("-0.5", 3, -500), ("7", 2, 700), ("1.10", 1, 11), ("0", 0, 0), ("-0.01", 2, -1)] {
            assert_eq!(units(text, places), Some(number), "{text}");
        }
        for text in ["9.951", "", "-", ".5", "1e3", "1.x", "NaN", "+1", "1.2.3", &"9".repeat(40)] {
            assert_eq!(units(text, 2), None, "{text}");
        }
        let texts = [(995, 2), (-5, 2), (0, 2), (7, 0), (-7, 1)].map(|(units, places)| decimal_of_units(units, places));
        assert_eq!(texts, ["9.95", "-0.05", "0.00", "7", "-0.7"]);
    }

    #[test]
    fn a_declared_type_names_its_places() {
        assert_eq!(["DECIMAL_INT(10, 2)", "decimal_int (18,0)"].map(places), [Some(2), Some(0)]);
        assert_eq!(["DECIMAL(10, 2)", "INTEGER", "DECIMAL_INT"].map(places), [None; 3]);
    }
}
